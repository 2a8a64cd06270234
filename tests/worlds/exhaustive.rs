//! Every world up to a size: each way in which so many polls of each instance can be answered.
//!
//! What comes next is chosen from a [`Tape`] whenever the waiter asks, so that a wait which has
//! ended cuts all sequences that go on from there. A sequence that is used up is followed by
//! silence until the deadline; where another instance still has answers to come, by its own last
//! one. Of worlds that the contract cannot tell apart one is run, see [`Class`](super::alphabet::Class).

use std::{
    future::pending,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::sleep;
use wait_ready::{
    answer::{Answer, address::Origin, instance::InstanceId},
    api::wire,
    wait::{
        outcome::Outcome,
        policy::Policy,
        probe::{Probe, ProbeError, Target},
        source::{InstanceSource, Round},
        waiter::Waiter,
    },
};

use super::{
    alphabet::Letter,
    answers::{Said, redactor},
    backoff, checks,
    failure::Failure,
    names,
    plan::{Plan, Way},
    script::{Chosen, Door, Script},
    source::{Asking, Attempt, Event, Log},
    tape::Tape,
    world::Options,
};

/// Goes through all worlds of `plan` that begin with this letter, by the real loop under a paused
/// clock, until one fails; how many they were.
pub(crate) fn wait_in_all(plan: &Plan, first: usize) -> Result<u64, Box<Failure>> {
    let mut tape = Tape::beginning_with(first);
    let mut worlds = 0;
    loop {
        // A clock is only set so far.
        let more: Result<bool, Box<Failure>> = paused().block_on(async {
            for _ in 0..10_000 {
                wait_in(plan, &mut tape).await?;
                worlds += 1;
                if !tape.turn() {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        if !more? {
            return Ok(worlds);
        }
    }
}

/// Waits in the one world that takes these choices.
pub(crate) fn wait_in_one(plan: &Plan, choices: &[usize]) -> Result<(), Box<Failure>> {
    paused().block_on(wait_in(plan, &mut Tape::of(choices)))
}

pub(super) fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

async fn wait_in(plan: &Plan, tape: &mut Tape) -> Result<(), Box<Failure>> {
    let Waited { history, outcome, chosen } = wait(plan, tape).await;
    let checked = checks::check(&plan.options, &history, &outcome);
    checked
        .and_then(|_| chosen.check_warnings(&history))
        .map_err(|what| Box::new(Failure::new(plan, tape.taken(), &chosen, &history, what)))
}

/// A wait that is over.
pub(super) struct Waited {
    pub(super) history: Vec<Event>,
    pub(super) outcome: Outcome,
    chosen: Chosen,
}

/// Waits by the real loop. The clock has to be tokio's, and paused.
pub(super) async fn wait(plan: &Plan, tape: &mut Tape) -> Waited {
    let ids: Vec<InstanceId> = names().take(plan.instances).collect();
    let log = Log::new(Arc::new(Mutex::new(Vec::with_capacity(64))));
    let policy = Policy::new(plan.rules(), backoff(&plan.options, 0), ids.iter().cloned());
    let script = Mutex::new(Script::new(plan, tape));
    let ports = Ports { script: &script, ids: &ids, log: log.clone() };
    let outcome = Waiter::new(ports.clone(), ports, policy).wait(&mut log.clone()).await;
    let history = std::mem::take(&mut *log.events());
    let Script { chosen, .. } = script.into_inner().expect("no one panicked");
    Waited { history, outcome, chosen }
}

/// A script as the two ports of the waiter.
#[derive(Debug, Clone)]
struct Ports<'a, 'b> {
    script: &'a Mutex<Script<'b>>,
    ids: &'a [InstanceId],
    log: Log,
}

impl<'b> Ports<'_, 'b> {
    fn script(&self) -> MutexGuard<'_, Script<'b>> {
        self.script.lock().expect("no one panicked")
    }

    /// The answers that come by a page of a list; those that describe no instance are not on it.
    fn by_list(&self, asked: &[usize], round: &mut Round) {
        let mut script = self.script();
        let now = self.log.now();
        let mut bodies = Vec::new();
        let mut unlisted = Vec::new();
        for (place, &who) in asked.iter().enumerate() {
            let letter = script.next_letter(who);
            match letter.body(who, &self.ids[who]) {
                Some(body) => {
                    let said = letter.said(who, now, &script.plan.options);
                    self.log.push(Event::Answer { who, said });
                    bodies.push((place, body));
                }
                None => unlisted.push((place, letter)),
            }
        }
        let elements: Vec<&str> = bodies.iter().map(|(_, body)| body.as_str()).collect();
        let page = format!(r#"{{"instances":[{}],"has_more":false}}"#, elements.join(","));
        let page = wire::parse_page(page.as_bytes(), Origin::Network, &redactor()).expect("a page");
        for ((place, _), instance) in bodies.into_iter().zip(page.instances) {
            round.answer(place, Ok(instance));
        }
        for (place, letter) in unlisted {
            let (said, answer) = self.answer(letter, asked[place], &script.plan.options);
            round.answer(place, answer);
            if asks_for_a_pause(said) && !script.goes_on() {
                break;
            }
        }
    }

    fn one_by_one(&self, asked: &[usize], round: &mut Round) {
        let mut script = self.script();
        for (place, &who) in asked.iter().enumerate() {
            let letter = script.next_letter(who);
            let (said, answer) = self.answer(letter, who, &script.plan.options);
            round.answer(place, answer);
            let is_last = place + 1 == asked.len();
            if !is_last && asks_for_a_pause(said) && !script.goes_on() {
                break;
            }
        }
    }

    fn answer(&self, letter: Letter, who: usize, options: &Options) -> (Said, Answer) {
        let said = letter.said(who, self.log.now(), options);
        self.log.push(Event::Answer { who, said });
        (said, letter.answer(who, &self.ids[who], said))
    }
}

fn asks_for_a_pause(said: Said) -> bool {
    matches!(said, Said::Error { status: 429, .. } | Said::Error { hint: Some(_), .. })
}

impl InstanceSource for Ports<'_, '_> {
    async fn poll(&mut self, round: &mut Round) {
        self.log.push(Event::Ask { at: self.log.now() });
        let _over = Asking(self.log.clone());
        let place = |id: &InstanceId| self.ids.iter().position(|known| known == id);
        let asked: Vec<usize> = round.ids().map(|id| place(id).expect("a known id")).collect();
        for &who in &asked {
            self.log.push(Event::Asked { who });
        }
        let (is_silent, latency, way) = {
            let script = self.script();
            (script.chosen.is_silent_for(script.plan, &asked), script.plan.latency, script.plan.way)
        };
        if is_silent {
            pending::<()>().await;
        }
        if latency > 0 {
            sleep(Duration::from_millis(latency)).await;
        }
        if way == Way::List && asked.len() > 1 {
            self.by_list(&asked, round);
        } else {
            self.one_by_one(&asked, round);
        }
    }
}

impl Probe for Ports<'_, '_> {
    async fn attempt(&self, target: Target<'_>) -> Result<(), ProbeError> {
        let ip: IpAddr = target.address.ip();
        self.log.push(Event::Try { at: self.log.now(), ip });
        let mut attempt = Attempt { log: &self.log, ip, is_over: false };
        let door = self.script().next_door();
        match door {
            Door::Hangs => pending::<()>().await,
            Door::OpensLate => sleep(Duration::from_millis(Door::LATE)).await,
            Door::Opens | Door::Fails => {}
        }
        let reached = door != Door::Fails;
        attempt.is_over = true;
        self.log.push(Event::Tried { at: self.log.now(), ip, reached });
        if reached { Ok(()) } else { Err(ProbeError::ConnectionRefused) }
    }
}
