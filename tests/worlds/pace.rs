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
    for (number, round) in oracle.rounds.iter().enumerate() {
        let next = oracle.rounds.get(number + 1);
        let Some(answered) = round.answered else {
            if next.is_some() {
                return Err("a round was cut, and yet another one followed".into());
            }
            continue;
        };
        let begins_to_confirm = !round.waiting && before_waiting;
        if round.changed || begins_to_confirm {
            schedule.step = options.min;
        }
        before_waiting = round.waiting;
        let window = if round.all_probing { (options.max, options.max) } else { schedule.next() };
        if let Some(next) = next {
            check_gap(options, round, answered, window, next.asked)?;
        } else {
            let before = number.checked_sub(1).map(|before| &oracle.rounds[before]);
            let was_the_last = before.is_some_and(|before| {
                before.answered.is_some_and(|at| round.asked == last_poll(options, before, at))
            });
            check_end(options, oracle, round, answered, was_the_last)?;
        }
    }
    Ok(())
}

/// When the last poll falls if nothing else comes before.
fn last_poll(options: &Options, round: &RoundFacts, answered: Ms) -> Ms {
    let allowance = (2 * (answered - round.asked)).min(LONGEST_ALLOWANCE);
    options.max_wait.saturating_sub(allowance).max(hint_end(round, answered))
}

fn hint_end(round: &RoundFacts, answered: Ms) -> Ms {
    round.hint.map_or(0, |hint| answered.saturating_add(hint))
}

fn check_gap(
    options: &Options,
    round: &RoundFacts,
    answered: Ms,
    (shortest, longest): (Ms, Ms),
    at: Ms,
) -> Result<(), String> {
    let hint_end = hint_end(round, answered);
    let wrong = |what: &str| Err(format!("the poll at {at}, after {round:?}, {what}"));
    if at < hint_end {
        return wrong("comes before the hint allows");
    }
    if let Some(met_at) = round.met_after {
        let confirmed_at = (answered + options.min).max(hint_end).max(met_at);
        return if at == confirmed_at { Ok(()) } else { wrong("does not confirm at once") };
    }
    if round.planned != Some(at) {
        return wrong("is not the one that was announced");
    }
    let last = last_poll(options, round, answered);
    let limit = round.limit.map(|limit| limit.max(answered + options.min).max(hint_end));
    if at < (answered + shortest).max(hint_end) && limit != Some(at) && at != last {
        return wrong("comes before the backoff allows");
    }
    // A sleep ends at the next whole millisecond.
    let latest = (answered + longest + 1).min(limit.unwrap_or(Ms::MAX)).max(hint_end);
    if at > latest {
        return wrong("comes later than it has to");
    }
    if at > last {
        return wrong("comes too late to be answered");
    }
    Ok(())
}

/// Whether a wait may end after this round.
fn check_end(
    options: &Options,
    oracle: &Oracle<'_>,
    round: &RoundFacts,
    answered: Ms,
    was_the_last: bool,
) -> Result<(), String> {
    let fits = !was_the_last && last_poll(options, round, answered) > answered;
    if round.waiting && round.met_after.is_none() && oracle.last_event == options.max_wait && fits {
        return Err(format!("no poll before the deadline after {round:?}"));
    }
    let unconfirmed = oracle.subjects.iter().any(|subject| oracle.is_stale(subject));
    let confirmable =
        (answered + options.min).max(hint_end(round, answered)).max(oracle.last_event);
    let all_met = oracle.subjects.iter().all(|subject| subject.state.is_met());
    if all_met && unconfirmed && fits && confirmable < options.max_wait {
        return Err(format!("an address is used unconfirmed after {round:?}"));
    }
    Ok(())
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
