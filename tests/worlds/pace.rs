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
    /// In milliseconds, with fractions: a share is taken off it.
    step: f64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no delay is longer than some hours"
)]
impl Schedule<'_> {
    /// The shortest and the longest delay that the next step allows.
    fn next(&mut self) -> (Ms, Ms) {
        let step = self.step;
        self.step = (2.0 * step).min(self.options.max as f64);
        let shortest = if self.options.jitter { 2.0 * step / 3.0 } else { step };
        let shortest = shortest.max(self.options.min as f64);
        // Durations are whole nanoseconds.
        ((shortest - 1e-5).floor() as Ms, (step - 1e-5).ceil() as Ms)
    }

    /// Shortens the next step by this share of it.
    fn bring_closer(&mut self, share: f64) {
        self.step = (self.step * (1.0 - share)).max(self.options.min as f64);
    }
}

/// Checks the pace of a whole wait.
pub(crate) fn check(options: &Options, oracle: &Oracle<'_>) -> Result<(), String> {
    let mut schedule = Schedule { options, step: 0.0 };
    schedule.bring_closer(1.0);
    let mut before_waiting = true;
    let mut hurried = Some(false);
    for (number, round) in oracle.rounds.iter().enumerate() {
        let next = oracle.rounds.get(number + 1);
        let answered = round.answered.ok_or("a round was never over")?;
        let begins_to_confirm = !round.waiting && before_waiting;
        schedule.bring_closer(if begins_to_confirm { 1.0 } else { round.news });
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

    /// When at the latest those come back that a hint has sent away together.
    fn spread_end(&self) -> Ms {
        let Some(hint) = self.round.hint.filter(|_| self.options.jitter) else {
            return self.hint_end();
        };
        let allowance = (2 * (self.answered - self.round.asked)).min(LONGEST_ALLOWANCE);
        let room = self.options.max_wait.saturating_sub(allowance).saturating_sub(self.hint_end());
        self.hint_end().saturating_add((hint / 4).min(15_000).min(room))
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
        let (hint_end, spread_end) = (self.hint_end(), self.spread_end());
        let wrong = |what: &str| Err(format!("the poll at {at}, after {round:?}, {what}"));
        if at < hint_end {
            return wrong("comes before the hint allows");
        }
        if let Some(met_at) = round.met_after {
            let earliest = self.earliest().max(met_at);
            let window = earliest.max(hint_end)..=earliest.max(spread_end.saturating_add(1));
            return if window.contains(&at) {
                Ok(Some(false))
            } else {
                wrong("does not confirm at once")
            };
        }
        if round.planned != Some(at) {
            return wrong("is not the one that was announced");
        }
        let (mut shortest, mut longest) = (answered + shortest, answered + longest);
        let mut limits: Vec<Ms> = round.limit.into_iter().collect();
        match round.second_look {
            Some((second, true)) => (shortest, longest) = (second, second),
            Some((second, false)) => limits.push(second),
            None => {}
        }
        let (shortest, longest) = (shortest.max(self.earliest()), longest.max(self.earliest()));
        let limit = limits.into_iter().min().map(|limit| limit.max(self.earliest()));
        let is_limit = limit
            .is_some_and(|l| (l.max(hint_end)..=l.max(spread_end.saturating_add(1))).contains(&at));
        let is_early = at < shortest.max(hint_end) && !is_limit;
        let last = self.last_poll();
        if is_early && (last != Some(at) || hurried == Some(true)) {
            return wrong("comes before the backoff allows");
        }
        // A sleep ends at the next whole millisecond.
        let latest = (longest + 1).min(limit.unwrap_or(Ms::MAX)).max(spread_end.saturating_add(1));
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
        let backoff = match round.second_look {
            Some((second, true)) => second,
            _ => answered + longest,
        };
        let fits = (hurried == Some(false) && self.last_poll().is_some())
            || backoff.max(self.earliest()).max(self.spread_end().saturating_add(1)) <= deadline;
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
