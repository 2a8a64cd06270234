//! Every world up to a size: each way in which so many polls of each instance can be answered.
//!
//! What comes next is chosen from a [`Tape`] whenever the waiter asks, so that a wait which has
//! ended cuts all sequences that go on from there. A sequence that is used up is followed by
//! silence until the deadline; where another instance still has answers to come, by its own last
//! one. Of worlds that the contract cannot tell apart one is run, see [`Class`](super::alphabet::Class).

use std::{
    fmt,
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
        condition::Condition,
        policy::Policy,
        probe::{Probe, ProbeError, Target},
        rules::Rules,
        source::{InstanceSource, Round},
        waiter::Waiter,
    },
};

use super::{
    alphabet::{Appeared, Ip, Letter},
    answers::{Said, redactor},
    backoff, checks, names, rules,
    source::{Asking, Attempt, Event, Log},
    tape::Tape,
    world::{Goal, Ms, Options},
};

/// How the answers for several instances come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By one request for each.
    Singles,
    /// By a page of a list, and a request for each that is not on it.
    List,
}

/// The worlds to go through, but for what is chosen from the tape.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) pace: Pace,
    pub(crate) options: Options,
    pub(crate) condition: Condition,
    pub(crate) instances: usize,
    pub(crate) way: Way,
    pub(crate) letters: Vec<Letter>,
    pub(crate) length: usize,
    pub(crate) latency: Ms,
}

/// Attempts that may fare differently; those after them end by being dropped.
const ATTEMPTS: usize = 2;

/// A pace and a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Polls soon: a grace and a second look fall between the backoff's own.
    Quick,
    /// Polls slowly: a foreign refusal can last long enough.
    Slow,
    /// The deadline comes before the schedule is used up.
    Short,
    /// Looks once.
    Once,
}

impl Pace {
    pub(crate) const ALL: [Self; 4] = [Self::Quick, Self::Slow, Self::Short, Self::Once];

    fn options(self, goal: Goal, stable: usize) -> Options {
        let (max_wait, grace, min, max) = match self {
            Self::Quick => (40_000, 5_000, 1_000, 4_000),
            Self::Slow => (90_000, 15_000, 10_000, 20_000),
            Self::Short => (6_000, 2_000, 1_000, 4_000),
            Self::Once => (0, 5_000, 1_000, 4_000),
        };
        Options {
            goal,
            max_wait,
            grace,
            stable,
            budgets: Vec::new(),
            any: false,
            fail_fast: false,
            min,
            max,
            jitter: false,
            request_timeout: 10_000,
        }
    }
}

impl Plan {
    /// One instance, for each condition, `stable` 1 and 2, and each pace.
    pub(crate) fn for_one(letters: &[Letter], length: usize) -> Vec<Self> {
        let mut plans = Vec::new();
        for (goal, condition) in conditions() {
            for stable in [1, 2] {
                for pace in Pace::ALL {
                    plans.push(Self {
                        name: format!("{condition} {stable} {pace:?}"),
                        pace,
                        options: pace.options(goal, stable),
                        condition: condition.clone(),
                        instances: 1,
                        way: Way::Singles,
                        letters: letters.to_vec(),
                        length,
                        latency: 0,
                    });
                }
            }
        }
        plans
    }

    /// Two instances, for all, any and fail-fast, by a list and by single requests.
    pub(crate) fn for_two(letters: &[Letter], length: usize) -> Vec<Self> {
        let mut plans = Vec::new();
        for one in Self::for_one(letters, length) {
            for (all, any, fail_fast) in
                [("all", false, false), ("any", true, false), ("fail-fast", false, true)]
            {
                for way in [Way::Singles, Way::List] {
                    let name = format!("{} {all} {way:?}", one.name);
                    let options = Options { any, fail_fast, ..one.options.clone() };
                    plans.push(Self { name, options, instances: 2, way, ..one.clone() });
                }
            }
        }
        plans
    }

    /// The same worlds, and each round takes so long.
    pub(crate) fn with_latency(self, latency: Ms) -> Self {
        Self { name: format!("{} {latency}ms", self.name), latency, ..self }
    }

    /// What tells it from all others.
    pub(crate) fn id(&self) -> String {
        format!("{}, {} times one of {}", self.name, self.length, self.letters.len())
    }

    /// How many letters may come first.
    pub(crate) fn first_letters(&self) -> usize {
        let appeared = Appeared::default();
        self.letters.iter().filter(|letter| appeared.allows(**letter)).count()
    }

    pub(super) fn rules(&self) -> Rules {
        Rules { condition: self.condition.clone(), ..rules(&self.options) }
    }
}

fn conditions() -> [(Goal, Condition); 5] {
    [
        (Goal::Ready, Condition::Ready),
        (Goal::Probed, Condition::Ssh { port: 22 }),
        (Goal::Probed, Condition::Exec),
        (Goal::Stopped, Condition::Stopped),
        (Goal::Deleted, Condition::Deleted),
    ]
}

/// What has been chosen so far, and what will be.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tape: &'a mut Tape,
    pub(super) chosen: Chosen,
}

/// What depends on the choices so far.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// For each instance what its polls brought.
    pub(super) sequences: Vec<Vec<Letter>>,
    appeared: Appeared,
    attempts: usize,
}

/// How an attempt at an address fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Opens,
    Fails,
    OpensLate,
    Hangs,
}

impl<'a> Script<'a> {
    pub(super) fn new(plan: &'a Plan, tape: &'a mut Tape) -> Self {
        let chosen = Chosen {
            sequences: vec![Vec::with_capacity(plan.length); plan.instances],
            appeared: Appeared::default(),
            attempts: 0,
        };
        Self { plan, tape, chosen }
    }

    /// Whether nothing more comes for any of these.
    pub(super) fn is_silent_for(&self, asked: &[usize]) -> bool {
        asked.iter().all(|&who| self.chosen.sequences[who].len() == self.plan.length)
    }

    pub(super) fn next_letter(&mut self, who: usize) -> Letter {
        let Chosen { sequences, appeared, .. } = &mut self.chosen;
        if sequences[who].len() == self.plan.length {
            return sequences[who][self.plan.length - 1];
        }
        let allowed = || self.plan.letters.iter().filter(|letter| appeared.allows(**letter));
        let index = self.tape.pick(allowed().count());
        let letter = *allowed().nth(index).expect("it was counted");
        appeared.note(letter);
        sequences[who].push(letter);
        letter
    }

    pub(super) fn next_door(&mut self) -> Door {
        self.chosen.attempts += 1;
        if self.chosen.attempts > ATTEMPTS {
            return Door::Hangs;
        }
        [Door::Opens, Door::Fails, Door::OpensLate, Door::Hangs][self.tape.pick(4)]
    }

    /// An unusable address is warned of once for each instance.
    fn check_warnings(&self, history: &[Event]) -> Result<(), String> {
        let told = history.iter().filter(|event| **event == Event::ToldUnusable).count();
        let is_unusable = |letter: &Letter| matches!(letter, Letter::Instance(_, Ip::Unusable));
        let sequences = self.chosen.sequences.iter();
        let due = sequences.filter(|sequence| sequence.iter().any(is_unusable)).count();
        if told == due { Ok(()) } else { Err(format!("{told} unusable addresses told of {due}")) }
    }

    /// Whether the requests of a round go on after an answer that asks for a pause.
    pub(super) fn goes_on(&mut self) -> bool {
        self.tape.pick(2) == 0
    }
}

/// A world in which the waiter did not do what the contract says.
pub(crate) struct Failure {
    plan: String,
    tape: Vec<usize>,
    options: Options,
    sequences: Vec<Vec<Letter>>,
    history: Vec<Event>,
    what: String,
}

impl Failure {
    /// How many observations it takes.
    pub(crate) fn size(&self) -> (usize, &[usize]) {
        (self.sequences.iter().map(Vec::len).sum(), &self.tape)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, tape, options, sequences, history, what } = self;
        writeln!(f, "{options:#?}")?;
        for event in history {
            writeln!(f, "  {event:?}")?;
        }
        for (who, sequence) in sequences.iter().enumerate() {
            writeln!(f, "i{who}: {sequence:?}")?;
        }
        let choices: Vec<String> = tape.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{what}\nreplay: cargo run --profile fast --example exhaustive -- --plan {plan:?} \
             --tape {}",
            choices.join(",")
        )
    }
}

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

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

async fn wait_in(plan: &Plan, tape: &mut Tape) -> Result<(), Box<Failure>> {
    let ids: Vec<InstanceId> = names().take(plan.instances).collect();
    let log = Log::new(Arc::new(Mutex::new(Vec::with_capacity(64))));
    let policy = Policy::new(plan.rules(), backoff(&plan.options, 0), ids.iter().cloned());
    let script = Mutex::new(Script::new(plan, tape));
    let ports = Ports { script: &script, ids: &ids, log: log.clone() };
    let mut waiter = Waiter::new(ports.clone(), ports, policy);
    let outcome = waiter.wait(&mut log.clone()).await;
    let history = std::mem::take(&mut *log.events());
    let script = script.lock().expect("no one panicked");
    let checked = checks::check(&plan.options, &history, &outcome);
    checked
        .and_then(|_| script.check_warnings(&history))
        .map_err(|what| Box::new(Failure::new(&script, history, what)))
}

impl Failure {
    pub(super) fn new(script: &Script<'_>, history: Vec<Event>, what: String) -> Self {
        Self {
            plan: script.plan.id(),
            tape: script.tape.taken(),
            options: script.plan.options.clone(),
            sequences: script.chosen.sequences.clone(),
            history,
            what,
        }
    }
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

pub(super) fn asks_for_a_pause(said: Said) -> bool {
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
            (script.is_silent_for(&asked), script.plan.latency, script.plan.way)
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
            Door::OpensLate => sleep(Duration::from_millis(1_500)).await,
            Door::Opens | Door::Fails => {}
        }
        let reached = door != Door::Fails;
        attempt.is_over = true;
        self.log.push(Event::Tried { at: self.log.now(), ip, reached });
        if reached { Ok(()) } else { Err(ProbeError::ConnectionRefused) }
    }
}
