//! When each poll may come: never before a hint or the backoff allows, never later than needed.

use super::{
    oracle::{Oracle, RoundFacts},
    source::Event,
    world::{Ms, Options, owner},
};

/// How long before the deadline the last poll is sent at the most, so that it can be answered.
const LONGEST_ALLOWANCE: Ms = 1_000;

/// The schedule of the contract: exponential between the bounds, from `min` on a new status.
struct Schedule<'a> {
    options: &'a Options,
    step: Ms,
}

impl Schedule<'_> {
    /// The shortest and the longest delay that the next step allows.
    fn next(&mut self) -> (Ms, Ms) {
        let step = self.step;
        self.step = (2 * step).min(self.options.max);
        if self.options.jitter {
            ((2 * step / 3).max(self.options.min), step)
        } else {
            (step, step)
        }
    }
}

/// Checks the pace of a whole wait.
pub(crate) fn check(options: &Options, oracle: &Oracle<'_>) -> Result<(), String> {
    let mut schedule = Schedule { options, step: options.min };
    let mut before_waiting = true;
    let mut hurried = Some(false);
    for (number, round) in oracle.rounds.iter().enumerate() {
        let next = oracle.rounds.get(number + 1);
        let answered = round.answered.ok_or("a round was never over")?;
        let begins_to_confirm = !round.waiting && before_waiting;
        if round.changed || begins_to_confirm {
            schedule.step = options.min;
        }
        before_waiting = round.waiting;
        let pause = Pause { options, round, answered, window: schedule.next(), hurried };
        match next {
            Some(next) => hurried = pause.check_next(next.asked)?,
            None => pause.check_end(oracle)?,
        }
    }
    Ok(())
}

/// What comes after a round.
struct Pause<'a> {
    options: &'a Options,
    round: &'a RoundFacts,
    answered: Ms,
    /// The shortest and the longest delay that the backoff allows.
    window: (Ms, Ms),
    /// Whether the round itself had been moved forward, so that it could be answered before the
    /// deadline; unknown where that and the backoff come to the same.
    hurried: Option<bool>,
}

impl Pause<'_> {
    fn hint_end(&self) -> Ms {
        self.round.hint.map_or(0, |hint| self.answered.saturating_add(hint))
    }

    fn earliest(&self) -> Ms {
        self.answered + self.options.min
    }

    /// When the next poll falls if it is moved forward.
    fn last_poll(&self) -> Option<Ms> {
        let allowance = (2 * (self.answered - self.round.asked)).min(LONGEST_ALLOWANCE);
        let last = self.options.max_wait.saturating_sub(allowance).max(self.earliest());
        (!self.round.is_paused && last <= self.options.max_wait).then_some(last)
    }

    /// Whether the next poll may come then; whether it has been moved forward.
    fn check_next(&self, at: Ms) -> Result<Option<bool>, String> {
        let Self { options, round, answered, window: (shortest, longest), hurried } = *self;
        let hint_end = self.hint_end();
        let wrong = |what: &str| Err(format!("the poll at {at}, after {round:?}, {what}"));
        if at < hint_end {
            return wrong("comes before the hint allows");
        }
        if let Some(met_at) = round.met_after {
            let confirmed_at = self.earliest().max(hint_end).max(met_at);
            return if at == confirmed_at {
                Ok(Some(false))
            } else {
                wrong("does not confirm at once")
            };
        }
        if round.planned != Some(at) {
            return wrong("is not the one that was announced");
        }
        let limit = round.limit.map(|limit| limit.max(self.earliest()).max(hint_end));
        let is_early = at < (answered + shortest).max(hint_end) && limit != Some(at);
        let last = self.last_poll();
        if is_early && (last != Some(at) || hurried == Some(true)) {
            return wrong("comes before the backoff allows");
        }
        // A sleep ends at the next whole millisecond.
        let latest = (answered + longest + 1).min(limit.unwrap_or(Ms::MAX)).max(hint_end);
        if at > latest {
            return wrong("comes later than it has to");
        }
        let is_late = last.is_some_and(|last| at > last) && hurried == Some(false);
        if is_late || at > options.max_wait {
            return wrong("comes too late to be answered");
        }
        Ok(if last == Some(at) { is_early.then_some(true) } else { Some(false) })
    }

    /// Whether the wait may end after this round.
    fn check_end(&self, oracle: &Oracle<'_>) -> Result<(), String> {
        let Self { options, round, answered, window: (_, longest), hurried } = *self;
        let deadline = options.max_wait;
        let fits = (hurried == Some(false) && self.last_poll().is_some())
            || (answered + longest).max(self.hint_end()) <= deadline;
        let is_open = round.waiting && round.met_after.is_none();
        if is_open && oracle.last_event == deadline && answered < deadline && fits {
            return Err(format!("no poll before the deadline after {round:?}"));
        }
        let unconfirmed = oracle.subjects.iter().any(|subject| oracle.is_stale(subject));
        let confirmable = self.earliest().max(self.hint_end()).max(oracle.last_event);
        let all_met = oracle.subjects.iter().all(|subject| subject.state.is_met());
        if all_met && unconfirmed && fits && confirmable < deadline {
            return Err(format!("an address is used unconfirmed after {round:?}"));
        }
        Ok(())
    }
}

/// Whether no two attempts to reach one instance are ever under way together.
pub(crate) fn check_attempts(log: &[Event]) -> Result<(), String> {
    let mut under_way = Vec::new();
    for event in log {
        match event {
            Event::Try { at, ip } if under_way.contains(&owner(*ip)) => {
                return Err(format!("two attempts at once to reach the instance of {ip} at {at}"));
            }
            Event::Try { ip, .. } => under_way.push(owner(*ip)),
            Event::Tried { ip, .. } | Event::Abandoned { ip } => {
                under_way.retain(|who| *who != owner(*ip));
            }
            _ => {}
        }
    }
    Ok(())
}
