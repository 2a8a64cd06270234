//! The worlds of one instance as a tree: what two of them have in common is gone through once.
//!
//! The policy is pure and can be cloned, and so can the oracle, which reads a history event by
//! event. So a world costs its last observation and its end, and no timer. In place of the loop
//! (`wait/waiter.rs`, `wait/probing.rs`) stands [`Node`], which keeps the same order for one
//! instance: at one moment an answer comes before the cut, the cut before an attempt, and an
//! attempt before the next round. That it does is not believed: every so many worlds, the real loop
//! waits too, and the two histories have to be the same, event for event; and of smaller worlds
//! it waits in every one (`examples/exhaustive.rs`).

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
        watch::Watch,
    },
};

use super::{
    alphabet::Letter,
    backoff,
    checks::{self, Ended},
    exhaustive::{paused, wait},
    failure::Failure,
    names,
    oracle::Oracle,
    plan::Plan,
    script::{Chosen, Door},
    source::Event,
    tape::Tape,
    world::Ms,
};

/// Goes through all worlds of `plan`, which has one instance, that begin with this letter, until
/// one fails; how many they were. In every so many of them the real loop waits too.
pub(crate) fn branch_through(plan: &Plan, first: usize, every: u64) -> Result<u64, Box<Failure>> {
    let walk = Walk {
        plan,
        id: names().next().expect("a name"),
        runtime: paused(),
        first,
        every,
        path: Vec::new(),
        history: Vec::new(),
        worlds: 0,
    };
    walk.all()
}

/// What the branches of a tree share.
struct Walk<'a> {
    plan: &'a Plan,
    id: InstanceId,
    runtime: tokio::runtime::Runtime,
    first: usize,
    every: u64,
    /// The choices that lead to where it stands, and what happened on the way.
    path: Vec<usize>,
    history: Vec<Event>,
    worlds: u64,
}

/// A wait at one of its moments.
#[derive(Clone)]
struct Node<'a> {
    now: Ms,
    policy: Policy,
    asking: Option<Asking>,
    attempt: Option<Attempt>,
    /// The schedule that the attempts at an address begin with.
    backoff: Backoff,
    chosen: Chosen,
    oracle: Oracle<'a>,
    /// How many events the oracle has read.
    read: usize,
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
enum Choice {
    Letter,
    Door,
    Over,
}

impl<'a> Walk<'a> {
    fn all(mut self) -> Result<u64, Box<Failure>> {
        let plan = self.plan;
        let node = Node {
            now: 0,
            policy: Policy::new(plan.rules(), backoff(&plan.options, 0), [self.id.clone()]),
            asking: None,
            attempt: None,
            backoff: backoff(&plan.options, 0).fork(),
            chosen: Chosen::new(plan),
            oracle: Oracle::new(&plan.options, 1),
            read: 0,
        };
        self.branch(node)?;
        Ok(self.worlds)
    }

    /// Goes on until the next choice, and from there in each way.
    fn branch(&mut self, mut node: Node<'a>) -> Result<(), Box<Failure>> {
        let choice = node.go_on(self.plan, &mut self.history);
        let read = &self.history[node.read..];
        let checked = read.iter().try_for_each(|event| node.oracle.take(*event));
        node.read = self.history.len();
        checked.map_err(|what| self.failure(&node, what))?;
        match choice {
            Choice::Over => self.check(node),
            Choice::Letter => {
                let only = self.path.is_empty().then_some(self.first);
                let letters = node.chosen.letters(self.plan).enumerate();
                for (index, letter) in letters.filter(|(n, _)| only.is_none_or(|only| only == *n)) {
                    self.take(index, &node, |node, walk| {
                        node.answer(letter, walk.plan, &walk.id, &mut walk.history);
                    })?;
                }
                Ok(())
            }
            Choice::Door if node.chosen.note_attempt(self.plan) => {
                for (index, door) in Door::ALL.into_iter().enumerate() {
                    self.take(index, &node, |node, _| node.meet(door))?;
                }
                Ok(())
            }
            Choice::Door => {
                node.meet(Door::Hangs);
                self.branch(node)
            }
        }
    }

    /// Takes one of the ways on, and comes back.
    fn take(
        &mut self,
        index: usize,
        node: &Node<'a>,
        step: impl FnOnce(&mut Node<'a>, &mut Self),
    ) -> Result<(), Box<Failure>> {
        let mut node = node.clone();
        self.path.push(index);
        step(&mut node, self);
        let read = node.read;
        self.branch(node)?;
        self.path.pop();
        self.history.truncate(read);
        Ok(())
    }

    fn check(&mut self, mut node: Node<'a>) -> Result<(), Box<Failure>> {
        self.worlds += 1;
        node.oracle.end();
        let watches = node.policy.watches();
        let ended = Ended {
            watches,
            decisive: watches.iter().find(|watch| !watch.is_met()),
            elapsed: Duration::from_millis(node.now),
        };
        let options = &self.plan.options;
        checks::check_ended(options, &self.history, &node.oracle, ended)
            .and_then(|_| node.chosen.check_warnings(&self.history))
            .and_then(|()| self.compare_with_loop(watches))
            .map_err(|what| self.failure(&node, what))
    }

    /// Every so many worlds, what the real loop makes of the same choices.
    fn compare_with_loop(&self, watches: &[Watch]) -> Result<(), String> {
        if !self.worlds.is_multiple_of(self.every) {
            return Ok(());
        }
        let waited = self.runtime.block_on(wait(self.plan, &mut Tape::of(&self.path)));
        let fares = |watches: &[Watch]| format!("{watches:?}");
        if waited.history != self.history || fares(waited.outcome.watches()) != fares(watches) {
            return Err(format!("the loop goes another way: {:#?}", waited.history));
        }
        Ok(())
    }

    fn failure(&self, node: &Node<'_>, what: String) -> Box<Failure> {
        let path = self.path.clone();
        Box::new(Failure::new(self.plan, path, &node.chosen, &self.history, what))
    }
}

/// When a timer for this moment fires: at the next whole millisecond.
fn timer(at: Duration) -> Ms {
    Ms::try_from(at.as_nanos().div_ceil(1_000_000)).unwrap_or(Ms::MAX)
}

/// What the policy tells, for the history.
fn telling(history: &mut Vec<Event>) -> impl FnMut(Duration, &WaitEvent<'_>) {
    observer(|at, event| history.extend(Event::told(at, event)))
}

impl Node<'_> {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// Goes on until something has to be chosen.
    fn go_on(&mut self, plan: &Plan, history: &mut Vec<Event>) -> Choice {
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

    fn answer(&mut self, letter: Letter, plan: &Plan, id: &InstanceId, history: &mut Vec<Event>) {
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
    fn meet(&mut self, door: Door) {
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
