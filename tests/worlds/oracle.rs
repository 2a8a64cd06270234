//! The contract, read naively: from the history of a wait to how it had to end.
//!
//! Written from the command line's contract alone. It looks back over whole histories where the
//! library counts as it goes, and calls nothing that judges.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    answers::Said,
    source::Event,
    world::{Goal, Ms, Options},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Probing(IpAddr),
    Met(Option<IpAddr>),
    /// Over with this exit code.
    Over(u8),
    /// Another instance decided the wait.
    Abandoned,
}

impl State {
    pub(crate) fn is_waiting(self) -> bool {
        matches!(self, Self::Waiting | Self::Probing(_))
    }

    pub(crate) fn is_met(self) -> bool {
        matches!(self, Self::Met(_))
    }
}

/// One instance as the history shows it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) state: State,
    pub(crate) over_at: Option<Ms>,
    pub(crate) answers: Vec<(Ms, Said)>,
    pub(crate) throttled_ms: Ms,
    throttled_at: Option<Ms>,
    /// Refusals that did not end the wait.
    passed_over: usize,
    /// Attempts in a row that reached the address.
    reached: usize,
}

/// How long after a 404 another one confirms it, if the shortest delay is no longer.
const SECOND_LOOK: Ms = 3_000;
/// How long a foreign refusal has to last, and over how many polls.
const FOREIGN_LASTS: (Ms, usize) = (30_000, 3);

/// What the history says of one round, for the checks of its pace.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RoundFacts {
    pub(crate) asked: Ms,
    pub(crate) answered: Option<Ms>,
    pub(crate) hint: Option<Ms>,
    /// The share of those still waiting for which something was new.
    pub(crate) news: f64,
    pub(crate) waiting: bool,
    /// The server wants to be left alone.
    pub(crate) is_paused: bool,
    /// When a grace, a budget or the patience with a foreign refusal ends, if that is yet to come.
    pub(crate) limit: Option<Ms>,
    /// When a 404 is looked at again, and whether nothing else is waited for.
    pub(crate) second_look: Option<(Ms, bool)>,
    /// Enough were met between this round and the next one.
    pub(crate) met_after: Option<Ms>,
    pub(crate) planned: Option<Ms>,
}

#[derive(Debug, Clone)]
pub(crate) struct Oracle<'a> {
    options: &'a Options,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) rounds: Vec<RoundFacts>,
    asked: Vec<usize>,
    due: Vec<usize>,
    hint: Option<Ms>,
    news: Vec<usize>,
    is_paused: bool,
    is_key_accepted: bool,
    enough_at: Option<Ms>,
    pub(crate) ended_by_hint: bool,
    pub(crate) last_event: Ms,
    /// So many rounds are over before the deadline, whatever the clock says.
    rounds_before_deadline: usize,
}

impl<'a> Oracle<'a> {
    /// Reads the whole history of a wait for `count` instances that is over.
    pub(crate) fn read(options: &'a Options, count: usize, log: &[Event]) -> Result<Self, String> {
        let mut oracle = Self::read_open(options, count, log)?;
        oracle.end();
        Ok(oracle)
    }

    /// The same for a wait whose deadline is at the end of its last round, and of no other.
    pub(crate) fn read_late(
        options: &'a Options,
        count: usize,
        log: &[Event],
    ) -> Result<Self, String> {
        let rounds = log.iter().filter(|event| matches!(event, Event::Ask { .. })).count();
        let mut oracle = Self::new(options, count);
        oracle.rounds_before_deadline = rounds - 1;
        for event in log {
            oracle.take(*event)?;
        }
        oracle.end();
        Ok(oracle)
    }

    /// Reads the history of a wait that was going on when it breaks off.
    pub(crate) fn read_open(
        options: &'a Options,
        count: usize,
        log: &[Event],
    ) -> Result<Self, String> {
        let mut oracle = Self::new(options, count);
        for event in log {
            oracle.take(*event)?;
        }
        Ok(oracle)
    }

    pub(super) fn new(options: &'a Options, count: usize) -> Self {
        let subject = Subject {
            state: State::Waiting,
            over_at: None,
            answers: Vec::new(),
            throttled_ms: 0,
            throttled_at: None,
            passed_over: 0,
            reached: 0,
        };
        Self {
            options,
            subjects: vec![subject; count],
            rounds: Vec::new(),
            asked: Vec::new(),
            due: Vec::new(),
            hint: None,
            news: Vec::new(),
            is_paused: false,
            is_key_accepted: false,
            enough_at: None,
            ended_by_hint: false,
            last_event: 0,
            rounds_before_deadline: 0,
        }
    }

    pub(super) fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Ask { at } => {
                self.asked.clear();
                self.due = self.due();
                (self.hint, self.is_paused) = (None, false);
                self.news.clear();
                self.rounds.push(RoundFacts { asked: at, ..RoundFacts::default() });
            }
            Event::Asked { who } => self.asked.push(who),
            Event::Answer { who, said } => self.subjects[who].answers.push((Ms::MAX, said)),
            Event::Answered { at } => self.round(at)?,
            Event::Tried { at, ip, reached } => self.probe(at, ip, reached),
            Event::Planned { at } => {
                if let Some(round) = self.rounds.last_mut() {
                    round.planned = Some(at);
                }
            }
            Event::Try { .. }
            | Event::Abandoned { .. }
            | Event::NoList
            | Event::ToldNotice
            | Event::ToldPoll
            | Event::ToldUnclear
            | Event::ToldUnusable => {}
        }
        Ok(())
    }

    fn waiting(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.state.is_waiting())
    }

    /// Those that a round is for: all that are not there yet; once enough are, those whose
    /// address was last seen longer ago than the shortest delay.
    fn due(&self) -> Vec<usize> {
        if self.failed_fast() {
            Vec::new()
        } else if self.are_enough_there() {
            self.positions(|subject| self.is_stale(subject))
        } else {
            self.positions(|subject| subject.state.is_waiting())
        }
    }

    fn are_enough_there(&self) -> bool {
        let one_is = self.subjects.iter().any(|subject| subject.state.is_met());
        (self.options.any && one_is) || self.waiting().next().is_none()
    }

    fn failed_fast(&self) -> bool {
        let over = self.subjects.iter().any(|subject| matches!(subject.state, State::Over(_)));
        self.options.fail_fast && over
    }

    fn check_asked(&self, asked_at: Ms) -> Result<(), String> {
        let (mut asked, due) = (self.asked.clone(), &self.due);
        asked.sort_unstable();
        if asked == *due && !due.is_empty() {
            return Ok(());
        }
        Err(format!("the round at {asked_at} asks for {asked:?} where {due:?} were due"))
    }

    fn positions(&self, wanted: impl Fn(&Subject) -> bool) -> Vec<usize> {
        (0..self.subjects.len()).filter(|&who| wanted(&self.subjects[who])).collect()
    }

    /// Whether an address was last seen longer than the shortest delay before enough were there.
    pub(crate) fn is_stale(&self, subject: &Subject) -> bool {
        // What a round under way has brought is not known before it is over.
        let mut known = subject.answers.iter().rev().filter(|(at, _)| *at != Ms::MAX);
        let seen = known.find(|(_, said)| is_instance(*said));
        self.options.goal.is_an_address()
            && subject.state.is_met()
            && seen.zip(self.enough_at).is_some_and(|((seen, _), at)| seen + self.options.min < at)
    }

    fn round(&mut self, now: Ms) -> Result<(), String> {
        self.last_event = now;
        let asked_at = self.rounds[self.rounds.len() - 1].asked;
        self.check_asked(asked_at)?;
        let mut accepts_key = false;
        for who in std::mem::take(&mut self.asked) {
            if let Some((at @ Ms::MAX, said)) = self.subjects[who].answers.last_mut() {
                *at = now;
                accepts_key |= is_instance(*said) || is_missing(*said);
                self.judge(who, asked_at, now);
            }
        }
        self.is_key_accepted |= accepts_key;
        self.settle(now);
        let hint_end = self.hint.filter(|hint| *hint > 0).map(|hint| now.saturating_add(hint));
        if hint_end.is_some_and(|end| end > self.options.max_wait) {
            self.ended_by_hint = true;
            self.end_waiting(now, |_| 7);
        } else if now >= self.options.max_wait && self.rounds.len() > self.rounds_before_deadline {
            self.give_up(now);
        }
        let waiting = !self.are_enough_there();
        let limit = self.waiting().filter_map(|subject| self.limit(subject, now)).min();
        let limit = limit.filter(|_| waiting);
        let (hint, news, is_paused) = (self.hint, self.share_of_news(), self.is_paused);
        let second_look = self.next_second_look(now).filter(|_| waiting);
        let round = self.rounds.last_mut().expect("a round was asked");
        (round.answered, round.hint, round.news) = (Some(now), hint, news);
        round.second_look = second_look;
        (round.waiting, round.is_paused, round.limit) = (waiting, is_paused, limit);
        round.met_after = None;
        Ok(())
    }

    /// The table "what decides", for the last answer of one instance.
    fn judge(&mut self, who: usize, asked_at: Ms, now: Ms) {
        let subject = &mut self.subjects[who];
        if let Some(since) = subject.throttled_at.take() {
            subject.throttled_ms += asked_at - since;
        }
        let answers = &subject.answers;
        let (before, last) = (&answers[..answers.len() - 1], answers[answers.len() - 1].1);
        match last {
            Said::Instance { status, ip } => {
                let is_new = |of: &dyn Fn(Said) -> bool| !before.iter().any(|(_, said)| of(*said));
                let new_status =
                    is_new(&|said| matches!(said, Said::Instance { status: s, .. } if s == status));
                let new_address = ip.is_some()
                    && is_new(&|said| matches!(said, Said::Instance { ip: Some(_), .. }));
                if new_status || new_address {
                    self.news.push(who);
                }
                let state = self.judge_instance(who, status, ip, now);
                self.set(who, state, now);
            }
            Said::Error { status, hint } => {
                self.hint = self.hint.max(hint);
                self.is_paused |= status == 429 || hint.is_some();
                if status == 429 {
                    subject.throttled_at = Some(now);
                }
                if status == 404 && !before.iter().any(|(_, said)| is_missing(*said)) {
                    self.news.push(who);
                }
                let state = self.judge_error(who, status, asked_at, now);
                let is_passed_over =
                    matches!(status, 401 | 403) && !matches!(state, State::Over(_));
                self.subjects[who].passed_over += usize::from(is_passed_over);
                self.set(who, state, now);
            }
            Said::Foreign { status } => {
                let (since, polls) = foreign_run(&subject.answers).expect("the last is one");
                if now - since >= FOREIGN_LASTS.0 && polls >= FOREIGN_LASTS.1 {
                    let code = match status {
                        401 | 403 => 4,
                        404 => 5,
                        _ => 6,
                    };
                    self.set(who, State::Over(code), now);
                } else {
                    subject.passed_over += 1;
                }
            }
            Said::Fault => {}
        }
    }

    fn judge_instance(&self, who: usize, status: &str, ip: Option<IpAddr>, now: Ms) -> State {
        let subject = &self.subjects[who];
        let there = match self.options.goal {
            Goal::Ready | Goal::Probed if status == "stopped" => return State::Over(3),
            Goal::Ready | Goal::Probed => status == "ready" && ip.is_some(),
            Goal::Stopped => status == "stopped",
            Goal::Deleted => false,
        };
        let address = ip.filter(|_| self.options.goal.is_an_address());
        let in_a_row = subject
            .answers
            .iter()
            .rev()
            .take_while(|(_, said)| *said == subject.answers[subject.answers.len() - 1].1);
        let state = match (subject.state, address) {
            _ if !there => State::Waiting,
            (State::Met(met), address) if met == address => subject.state,
            (State::Probing(probed), Some(ip)) if probed == ip => subject.state,
            _ if in_a_row.count() < self.options.stable => State::Waiting,
            (_, Some(ip)) if self.options.goal == Goal::Probed => State::Probing(ip),
            (_, address) => State::Met(address),
        };
        let spent = time_in(&subject.answers, status, now);
        if state.is_waiting() && self.budget(status).is_some_and(|budget| spent >= budget) {
            return State::Over(9);
        }
        state
    }

    fn judge_error(&self, who: usize, status: u16, asked_at: Ms, now: Ms) -> State {
        let subject = &self.subjects[who];
        let answers = &subject.answers;
        match status {
            401 | 403 => {
                let before = answers.len().checked_sub(2).map(|n| answers[n].1);
                let again = matches!(before, Some(Said::Error { status: 401 | 403, .. }));
                if self.is_key_accepted && !again { subject.state } else { State::Over(4) }
            }
            404 => {
                let row = answers.iter().rev().take_while(|(_, said)| is_missing(*said));
                let since = row.last().map_or(now, |(at, _)| *at);
                let confirmed = asked_at >= since + self.second_look();
                let seen = answers.iter().any(|(_, said)| is_instance(*said));
                match self.options.goal {
                    Goal::Deleted if confirmed => State::Met(None),
                    Goal::Deleted => subject.state,
                    _ if now < self.options.grace => subject.state,
                    _ if confirmed || !seen => State::Over(5),
                    _ => subject.state,
                }
            }
            408 | 425 | 429 | 500..=599 => subject.state,
            _ => State::Over(6),
        }
    }

    fn budget(&self, status: &str) -> Option<Ms> {
        self.options.budgets.iter().find(|(of, _)| *of == status).map(|(_, budget)| *budget)
    }

    fn second_look(&self) -> Ms {
        self.options.min.max(SECOND_LOOK)
    }

    /// When the first of the 404s that still have to be confirmed is looked at again, and whether
    /// every instance that is waited for has one.
    fn next_second_look(&self, now: Ms) -> Option<(Ms, bool)> {
        let second = |subject: &Subject| {
            let answers = &subject.answers;
            let seen = answers.iter().any(|(_, said)| is_instance(*said));
            let row = answers.iter().rev().take_while(|(_, said)| is_missing(*said));
            let since = row.last().filter(|_| seen || self.options.goal == Goal::Deleted)?.0;
            Some(since + self.second_look()).filter(|second| *second > now)
        };
        let first = self.waiting().filter_map(second).min()?;
        Some((first, self.waiting().all(|subject| second(subject).is_some())))
    }

    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    fn share_of_news(&self) -> f64 {
        let concerned =
            self.news.iter().filter(|&&who| self.subjects[who].state.is_waiting()).count();
        match concerned {
            0 => 0.0,
            _ if self.options.any => 1.0,
            concerned => concerned as f64 / self.waiting().count() as f64,
        }
    }

    /// When a grace, a budget or the patience with a foreign refusal ends for one instance, if that
    /// is yet to come.
    fn limit(&self, subject: &Subject, now: Ms) -> Option<Ms> {
        let (_, last) = subject.answers.last()?;
        let believes = is_missing(*last) && self.options.goal != Goal::Deleted;
        let grace = believes.then_some(self.options.grace);
        let budget = last_status(&subject.answers).and_then(|status| {
            let spent = time_in(&subject.answers, status, now);
            Some(now + self.budget(status)?.saturating_sub(spent))
        });
        let foreign = foreign_run(&subject.answers)
            .filter(|(_, polls)| polls + 1 >= FOREIGN_LASTS.1)
            .map(|(since, _)| since + FOREIGN_LASTS.0);
        [grace, budget, foreign].into_iter().flatten().filter(|end| *end > now).min()
    }

    fn set(&mut self, who: usize, state: State, now: Ms) {
        let subject = &mut self.subjects[who];
        if subject.state != state {
            subject.reached = 0;
        }
        if state.is_waiting() {
            subject.over_at = None;
        } else if subject.state != state {
            subject.over_at = Some(now);
            if !state.is_met()
                && let Some(since) = subject.throttled_at.take()
            {
                subject.throttled_ms += now - since;
            }
        }
        subject.state = state;
    }

    fn probe(&mut self, now: Ms, ip: IpAddr, reached: bool) {
        self.last_event = self.last_event.max(now);
        let probed = self.positions(|subject| subject.state == State::Probing(ip));
        if let (false, 0, Some(&who)) = (reached, self.options.max_wait, probed.first()) {
            let code = code_at_deadline(&self.subjects[who]);
            self.set(who, State::Over(code), now);
            self.settle(now);
        }
        if let Some(&who) = probed.first() {
            let subject = &mut self.subjects[who];
            subject.reached = if reached { subject.reached + 1 } else { 0 };
        }
        if let (true, Some(&who)) = (reached, probed.first())
            && self.subjects[who].reached >= self.options.stable
        {
            let were_enough = self.are_enough_there();
            self.set(who, State::Met(Some(ip)), now);
            self.settle(now);
            if !were_enough
                && self.are_enough_there()
                && let Some(round) = self.rounds.last_mut()
            {
                round.met_after = Some(now);
            }
        }
    }

    /// Where one instance decides for all.
    fn settle(&mut self, now: Ms) {
        self.enough_at = match self.enough_at {
            _ if !self.are_enough_there() => None,
            None => Some(now),
            since => since,
        };
        let confirmed = !self.subjects.iter().any(|subject| self.is_stale(subject));
        let enough = self.options.any && self.are_enough_there() && confirmed;
        if enough || self.failed_fast() {
            for who in self.positions(|subject| subject.state.is_waiting()) {
                self.set(who, State::Abandoned, now);
            }
        }
    }

    /// The deadline has come; one of zero leaves an attempt at an address its time.
    fn give_up(&mut self, now: Ms) {
        if self.options.max_wait > 0 || self.are_enough_there() {
            return self.end_waiting(now, code_at_deadline);
        }
        for who in self.positions(|subject| subject.state == State::Waiting) {
            let code = code_at_deadline(&self.subjects[who]);
            self.set(who, State::Over(code), now);
        }
        self.settle(now);
    }

    fn end_waiting(&mut self, now: Ms, code: impl Fn(&Subject) -> u8) {
        let enough = self.are_enough_there();
        for who in self.positions(|subject| subject.state.is_waiting()) {
            let code = code(&self.subjects[who]);
            self.set(who, if enough { State::Abandoned } else { State::Over(code) }, now);
        }
    }

    /// The history is over: who is still on the way was so at the deadline.
    pub(super) fn end(&mut self) {
        let cut = self.rounds.last().is_some_and(|round| round.answered.is_none());
        if cut || !self.are_enough_there() {
            self.last_event = self.options.max_wait;
        }
        // A look that has no deadline leaves an attempt the time of one request.
        if self.options.max_wait == 0 && !self.are_enough_there() {
            let looked = self.rounds.iter().filter_map(|round| round.answered).max();
            self.last_event = looked.unwrap_or(0) + self.options.request_timeout;
        }
        self.end_waiting(self.last_event, code_at_deadline);
        // Answers of a round that the deadline cut never arrived.
        for subject in &mut self.subjects {
            subject.answers.retain(|(at, _)| *at != Ms::MAX);
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        if self.options.any && self.subjects.iter().any(|subject| subject.state.is_met()) {
            return 0;
        }
        let code = |subject: &Subject| match subject.state {
            State::Over(code) => Some(code),
            _ => None,
        };
        self.subjects.iter().find_map(code).unwrap_or(0)
    }
}

impl Subject {
    /// Polls, throttled polls, transient faults.
    pub(crate) fn totals(&self) -> (usize, usize, usize) {
        let count = |of: &dyn Fn(Said) -> bool| self.answers.iter().filter(|a| of(a.1)).count();
        let throttled = count(&|said| matches!(said, Said::Error { status: 429, .. }));
        let transient = count(&|said| match said {
            Said::Error { status, .. } => matches!(status, 408 | 425 | 500..=599),
            Said::Fault => true,
            Said::Instance { .. } | Said::Foreign { .. } => false,
        });
        (self.answers.len(), throttled, transient + self.passed_over)
    }

    /// Every change of status, and when it was first seen.
    pub(crate) fn transitions(&self) -> Vec<(&'static str, Ms)> {
        let mut changes: Vec<(&'static str, Ms)> = Vec::new();
        for (at, said) in &self.answers {
            if let Said::Instance { status, .. } = said
                && changes.last().is_none_or(|(last, _)| last != status)
            {
                changes.push((status, *at));
            }
        }
        changes
    }

    /// The statuses that deserve a warning.
    pub(crate) fn unclear(&self) -> usize {
        let clear = ["ready", "init", "pending", "provisioning", "stopped"];
        let seen: BTreeSet<&str> = self.transitions().iter().map(|(status, _)| *status).collect();
        seen.iter().filter(|status| !clear.contains(status)).count()
    }
}

fn code_at_deadline(subject: &Subject) -> u8 {
    let throttled = subject.answers.iter().rev().find(|(at, _)| *at != Ms::MAX);
    match (subject.state, throttled) {
        (_, Some((_, Said::Error { status: 429, .. }))) => 7,
        (State::Probing(_), _) => 8,
        _ => 124,
    }
}

/// The foreign refusals since the API's own last answer that decides: when the first came, and how
/// many there are. Other transient errors are passed over.
fn foreign_run(answers: &[(Ms, Said)]) -> Option<(Ms, usize)> {
    let is_aside = |said| match said {
        Said::Fault | Said::Foreign { .. } => true,
        Said::Error { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
        Said::Instance { .. } => false,
    };
    let run = answers.iter().rev().take_while(|(_, said)| is_aside(*said));
    let foreign: Vec<Ms> = run
        .filter(|(at, said)| *at != Ms::MAX && matches!(said, Said::Foreign { .. }))
        .map(|(at, _)| *at)
        .collect();
    foreign.last().map(|since| (*since, foreign.len()))
}

fn is_instance(said: Said) -> bool {
    matches!(said, Said::Instance { .. })
}

fn is_missing(said: Said) -> bool {
    matches!(said, Said::Error { status: 404, .. })
}

fn last_status(answers: &[(Ms, Said)]) -> Option<&'static str> {
    answers.iter().rev().find_map(|(_, said)| match said {
        Said::Instance { status, .. } => Some(*status),
        _ => None,
    })
}

/// The time from each sight of the status to the next sight of any, or to now.
fn time_in(answers: &[(Ms, Said)], status: &str, now: Ms) -> Ms {
    let seen: Vec<(Ms, &str)> = answers
        .iter()
        .filter_map(|(at, said)| match said {
            Said::Instance { status, .. } => Some((*at, *status)),
            _ => None,
        })
        .collect();
    let ends = seen.iter().skip(1).map(|(at, _)| *at).chain([now]);
    seen.iter().zip(ends).filter(|((_, s), _)| *s == status).map(|((at, _), end)| end - at).sum()
}
