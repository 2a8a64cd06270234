//! A wait of one instance as the policy alone leads it: the loop without a clock, which stops at
//! each choice and can be cloned there.

use std::{net::IpAddr, time::Duration};

use wait_ready::{
    Address,
    answer::instance::InstanceId,
    wait::{
        backoff::Backoff,
        event::{WaitEvent, observer},
        pace::Decision,
        policy::Policy,
        probe::ProbeError,
        source::Round,
        stage::Stage,
    },
};

use super::{
    alphabet::Letter,
    backoff,
    plan::Plan,
    script::{Chosen, Door},
    source::Event,
    world::Ms,
};

/// A wait at one of its moments.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) now: Ms,
    pub(super) policy: Policy,
    asking: Option<Asking>,
    attempt: Option<Attempt>,
    /// The schedule that the attempts at an address begin with.
    backoff: Backoff,
    pub(super) chosen: Chosen,
}

/// The round under way.
#[derive(Clone)]
struct Asking {
    round: Round,
    answered_at: Ms,
    cut_at: Ms,
}

/// The attempt at an address.
#[derive(Clone)]
struct Attempt {
    address: Address,
    backoff: Backoff,
    progress: Progress,
}

#[derive(Clone, Copy)]
enum Progress {
    BeginsAt(Ms),
    EndsAt(Ms, bool),
    Hangs,
}

/// What has to be chosen before it goes on.
pub(super) enum Choice {
    Letter,
    Door,
    Over,
}

/// When a timer for this moment fires: at the next whole millisecond.
fn timer(at: Duration) -> Ms {
    Ms::try_from(at.as_nanos().div_ceil(1_000_000)).unwrap_or(Ms::MAX)
}

/// What the policy tells, for the history.
fn telling(history: &mut Vec<Event>) -> impl FnMut(Duration, &WaitEvent<'_>) {
    observer(|at, event| history.extend(Event::told(at, event)))
}

impl Node {
    pub(super) fn new(plan: &Plan, id: InstanceId) -> Self {
        Self {
            now: 0,
            policy: Policy::new(plan.rules(), backoff(&plan.options, 0), [id]),
            asking: None,
            attempt: None,
            backoff: backoff(&plan.options, 0).fork(),
            chosen: Chosen::new(plan),
        }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// Goes on until something has to be chosen.
    pub(super) fn go_on(&mut self, plan: &Plan, history: &mut Vec<Event>) -> Choice {
        loop {
            let attempt = self.attempt.as_ref().map_or(Ms::MAX, Attempt::next);
            match &self.asking {
                Some(asking) if asking.answered_at <= asking.cut_at.min(attempt) => {
                    self.now = asking.answered_at;
                    return Choice::Letter;
                }
                Some(asking) if asking.cut_at <= attempt => {
                    self.now = asking.cut_at;
                    self.end_round(history);
                    continue;
                }
                Some(_) => {}
                None => match self.policy.decide() {
                    Decision::Finish => {
                        self.abandon_attempt(history);
                        return Choice::Over;
                    }
                    Decision::PollAt(at, _) if timer(at).max(self.now) < attempt => {
                        self.now = self.now.max(timer(at));
                        self.ask(plan, history);
                        continue;
                    }
                    Decision::GiveUpAt(at) | Decision::AwaitProbes(at)
                        if timer(at).max(self.now) < attempt =>
                    {
                        self.now = self.now.max(timer(at));
                        self.policy.give_up(self.elapsed(), &mut telling(history));
                        self.follow(history);
                        continue;
                    }
                    _ => {}
                },
            }
            self.now = self.now.max(attempt);
            if self.go_on_with_attempt(history) {
                return Choice::Door;
            }
        }
    }

    fn ask(&mut self, plan: &Plan, history: &mut Vec<Event>) {
        let round = self.policy.begin_round(self.elapsed());
        history.extend([Event::Ask { at: self.now }, Event::Asked { who: 0 }]);
        let is_silent = self.chosen.is_silent_for(plan, &[0]);
        let answered_at = if is_silent { Ms::MAX } else { self.now + plan.latency };
        let cut_at = Some(plan.options.max_wait).filter(|end| *end > 0).unwrap_or(Ms::MAX);
        self.asking = Some(Asking { round, answered_at, cut_at });
    }

    pub(super) fn answer(
        &mut self,
        letter: Letter,
        plan: &Plan,
        id: &InstanceId,
        history: &mut Vec<Event>,
    ) {
        self.chosen.note(0, letter);
        let said = letter.said(0, self.now, &plan.options);
        history.push(Event::Answer { who: 0, said });
        if let Some(Asking { round, .. }) = &mut self.asking {
            round.answer(0, letter.answer(0, id, said));
        }
        self.end_round(history);
    }

    /// The round is over: answered, or cut.
    fn end_round(&mut self, history: &mut Vec<Event>) {
        if let Some(Asking { round, .. }) = self.asking.take() {
            history.push(Event::Answered { at: self.now });
            self.policy.record(round, self.elapsed(), &mut telling(history));
        }
        self.follow(history);
    }

    /// Begins with an address to reach, and abandons one that is none any more.
    fn follow(&mut self, history: &mut Vec<Event>) {
        let wanted = self.probed();
        if self.attempt.as_ref().map(|attempt| attempt.address) == wanted {
            return;
        }
        self.abandon_attempt(history);
        let begins = Progress::BeginsAt(self.now);
        self.attempt = wanted.map(|address| Attempt {
            address,
            backoff: self.backoff.clone(),
            progress: begins,
        });
    }

    /// The address that is to be reached.
    fn probed(&self) -> Option<Address> {
        match self.policy.watches()[0].stage() {
            Stage::Probing { address, .. } => Some(*address),
            Stage::Waiting | Stage::Over { .. } => None,
        }
    }

    fn abandon_attempt(&mut self, history: &mut Vec<Event>) {
        if let Some(Attempt { address, progress, .. }) = self.attempt.take()
            && !matches!(progress, Progress::BeginsAt(_))
        {
            history.push(Event::Abandoned { ip: address.ip() });
        }
    }

    /// Begins with the attempt, or ends it; whether it has to be chosen how it fares.
    fn go_on_with_attempt(&mut self, history: &mut Vec<Event>) -> bool {
        let Some(Attempt { address, progress, .. }) = self.attempt else {
            panic!("nothing can happen any more");
        };
        let (at, ip): (Ms, IpAddr) = (self.now, address.ip());
        let Progress::EndsAt(_, reached) = progress else {
            history.push(Event::Try { at, ip });
            return true;
        };
        history.push(Event::Tried { at, ip, reached });
        let result = if reached { Ok(()) } else { Err(ProbeError::ConnectionRefused) };
        self.policy.record_probe(0, address, result, self.elapsed(), &mut telling(history));
        let is_wanted = self.probed().is_some();
        self.attempt = self.attempt.take().filter(|_| is_wanted).map(|mut attempt| {
            let delay = timer(attempt.backoff.next_delay());
            attempt.progress = Progress::BeginsAt(at + delay);
            attempt
        });
        false
    }

    /// The attempt that has just begun fares so.
    pub(super) fn meet(&mut self, door: Door) {
        if let Some(attempt) = &mut self.attempt {
            attempt.progress = match door {
                Door::Opens => Progress::EndsAt(self.now, true),
                Door::Fails => Progress::EndsAt(self.now, false),
                Door::OpensLate => Progress::EndsAt(self.now + Door::LATE, true),
                Door::Hangs => Progress::Hangs,
            };
        }
    }
}

impl Attempt {
    /// When it goes on.
    fn next(&self) -> Ms {
        match self.progress {
            Progress::BeginsAt(at) | Progress::EndsAt(at, _) => at,
            Progress::Hangs => Ms::MAX,
        }
    }
}
