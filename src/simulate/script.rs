//! The language that a simulated API is told its part in. Pure: the time is an argument.
//!
//! `pending:2s,429:1s,500*3,provisioning:3s,ready` is a list of steps. Each step is seen by at
//! least one request, and its time counts from the first request that sees it; the last step
//! lasts for ever.

use std::{str::FromStr, time::Duration};

use crate::{
    answer::{hint::HintHeader, instance::Status},
    text::duration::parse_positive_duration,
};

/// A repetition of more answers than this is a mistake.
const MOST_ANSWERS: u32 = 1_000_000;

/// What a simulated API does, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
    /// What the list does in place of its instances, and for how many requests.
    list: Option<(Reply, Option<u32>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    reply: Reply,
    lasts: Lasts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasts {
    /// From the first request that sees it.
    For(Duration),
    /// So many requests.
    Answers(u32),
}

/// What one request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200, with an instance in this status.
    Instance {
        /// The status.
        status: Status,
        /// The address.
        address: Address,
    },
    /// An answer with an error status, and the hint it carries.
    Error {
        /// The HTTP status code.
        status: u16,
        /// The hint.
        hint: Option<ScriptedHint>,
    },
    /// A refusal that is not the API's own: a page of HTML with this status, as a gateway sends it.
    Foreign(u16),
    /// The connection is closed without an answer.
    Drop,
    /// The body ends too early.
    Truncate,
    /// 200 with a page of HTML, as a captive portal sends it.
    Html,
    /// 200 with more than anyone should read.
    Oversized,
    /// Silence for so long, then the connection is closed.
    Hang(Duration),
    /// The answer of the next step, so much later.
    Slow(Duration),
}

/// The address that a simulated instance claims to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// One of its own once it is ready, none before.
    Own,
    /// None.
    None,
    /// This text, whatever it is.
    Text(String),
}

/// A hint of a simulated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedHint {
    /// How long to wait; headers carry whole seconds, so it is rounded up.
    pub wait: Duration,
    /// The header that says so.
    pub header: HintHeader,
    /// Whether it is written as an HTTP date.
    pub as_date: bool,
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step}, at character {at}: {reason}")]
pub struct InvalidScript {
    /// The step, counted from one.
    pub step: usize,
    /// Where the mistake begins, in characters counted from one.
    pub at: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Script {
    /// About six seconds, with a 429 and a 503 on the way.
    pub const DEFAULT: &str = "pending:1s,429:2s,provisioning:1s,503:2s,ready";

    /// What the request for a page with this number, from zero, gets in place of it.
    #[must_use]
    pub(super) fn list_fault(&self, number: u32) -> Option<&Reply> {
        let (reply, times) = self.list.as_ref()?;
        times.is_none_or(|times| number < times).then_some(reply)
    }

    /// Begins at the first step.
    #[must_use]
    pub fn play(&self) -> Playback<'_> {
        Playback { script: self, state: PlaybackState::default() }
    }
}

/// A script and how far it has been played.
#[derive(Debug, Clone)]
pub struct Playback<'a> {
    script: &'a Script,
    state: PlaybackState,
}

/// How far a script has been played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PlaybackState {
    step: usize,
    answers: u32,
    seen_at: Option<Duration>,
}

impl Playback<'_> {
    /// What a request at `now` gets; `now` never goes back.
    pub fn reply(&mut self, now: Duration) -> Reply {
        self.state.reply(self.script, now)
    }
}

impl PlaybackState {
    pub(super) fn reply(&mut self, script: &Script, now: Duration) -> Reply {
        loop {
            let step = &script.steps[self.step];
            let seen_at = *self.seen_at.get_or_insert(now);
            let over = match step.lasts {
                Lasts::For(time) => now.saturating_sub(seen_at) >= time,
                Lasts::Answers(answers) => self.answers >= answers,
            };
            if !over || !self.skip_step(script) {
                self.answers = self.answers.saturating_add(1);
                return step.reply.clone();
            }
        }
    }

    /// Goes on to the next step; false where there is none.
    pub(super) fn skip_step(&mut self, script: &Script) -> bool {
        let is_last = self.step + 1 == script.steps.len();
        if !is_last {
            *self = Self { step: self.step + 1, ..Self::default() };
        }
        !is_last
    }
}

impl FromStr for Script {
    type Err = InvalidScript;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut steps, mut list) = (Vec::new(), None);
        let mut at = 0;
        for piece in split_outside_brackets(text, ',') {
            let wrong = |Mistake { offset, reason }| InvalidScript {
                step: steps.len() + 1,
                at: text[..at + offset].chars().count() + 1,
                reason,
            };
            let indent = piece.len() - piece.trim_start().len();
            if let Some(fault) = piece.trim().strip_prefix("list:") {
                let offset = indent + "list:".len();
                let fault = parse_list_fault(fault, list.is_some());
                list = Some(fault.map_err(|mistake| wrong(mistake.shifted(offset)))?);
            } else {
                let step = parse_step(piece.trim()).map_err(|m| wrong(m.shifted(indent)))?;
                steps.push(step);
            }
            at += piece.len() + 1;
        }
        match steps.last() {
            Some(Step { reply: Reply::Slow(_), .. }) => Err(InvalidScript {
                step: steps.len(),
                at: text.chars().count(),
                reason: "slow delays the answer of the next step, so it cannot be the last".into(),
            }),
            None => Err(InvalidScript {
                step: 1,
                at: 1,
                reason: "a script needs a step of the instances beside those of the list".into(),
            }),
            _ => Ok(Self { steps, list }),
        }
    }
}

/// What is wrong, so many bytes after the beginning of the step.
struct Mistake {
    offset: usize,
    reason: String,
}

impl Mistake {
    fn at(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset, reason: reason.into() }
    }

    fn shifted(self, by: usize) -> Self {
        Self { offset: self.offset + by, ..self }
    }
}

/// What the list does: a code or a fault, once, so many times, or for ever.
fn parse_list_fault(text: &str, is_second: bool) -> Result<(Reply, Option<u32>), Mistake> {
    if is_second {
        return Err(Mistake::at(0, "the list fails in one way; write list:500*3 for three times"));
    }
    let step = parse_step(text)?;
    match (step.reply, step.lasts) {
        (Reply::Instance { .. } | Reply::Slow(_), _) | (_, Lasts::For(_)) => Err(Mistake::at(
            0,
            "the list fails with a code or a fault: list:400, list:500*3, list:html",
        )),
        (reply, Lasts::Answers(times)) => Ok((reply, text.contains('*').then_some(times))),
    }
}

fn parse_step(step: &str) -> Result<Step, Mistake> {
    let mut parts = split_outside_brackets(step, ':');
    let head = parts.next().unwrap_or_default();
    let argument = parts.next().map(|text| Argument { text, offset: head.len() + 1 });
    if let (Some(argument), Some(_)) = (argument, parts.next()) {
        let second = argument.offset + argument.text.len() + 1;
        return Err(Mistake::at(second, "a step has one `:`; write IPv6 as ready@[2001:db8::7]"));
    }
    let (what, answers) = match head.rsplit_once('*') {
        None => (head, None),
        Some((what, count)) => {
            if let Ok(count @ 1..=MOST_ANSWERS) = count.parse::<u32>() {
                (what, Some(count))
            } else {
                let reason = format!("after `*` comes a number from 1 to {MOST_ANSWERS}");
                return Err(Mistake::at(what.len() + 1, reason));
            }
        }
    };
    let once = Lasts::Answers(answers.unwrap_or(1));
    let simple = |reply| match argument {
        None => Ok(Step { reply, lasts: once }),
        Some(argument) => Err(Mistake::at(argument.offset, format!("`{what}` takes no argument"))),
    };
    match what {
        "" => Err(Mistake::at(0, "there is no step here")),
        "drop" => simple(Reply::Drop),
        "truncate" => simple(Reply::Truncate),
        "html" => simple(Reply::Html),
        "oversized" => simple(Reply::Oversized),
        "hang" | "slow" => {
            let Some(argument) = argument else {
                return Err(Mistake::at(head.len(), format!("`{what}` needs a time: {what}:3s")));
            };
            if what == "slow" && answers.is_some() {
                return Err(Mistake::at(what.len(), "slow delays one answer; repeat the step"));
            }
            let time = argument.duration()?;
            let reply = if what == "hang" { Reply::Hang(time) } else { Reply::Slow(time) };
            Ok(Step { reply, lasts: once })
        }
        code if code.starts_with(|c: char| c.is_ascii_digit()) => {
            let status = error_code(code)?;
            if argument.is_some_and(|argument| argument.text == "html") && status >= 400 {
                return Ok(Step { reply: Reply::Foreign(status), lasts: once });
            }
            let hint = argument.map(|argument| parse_hint(status, argument)).transpose()?;
            Ok(Step { reply: Reply::Error { status, hint }, lasts: once })
        }
        status => {
            let reply = parse_instance(status)?;
            match (argument, answers) {
                (None, _) => Ok(Step { reply, lasts: once }),
                (Some(argument), None) => {
                    Ok(Step { reply, lasts: Lasts::For(argument.duration()?) })
                }
                (Some(argument), Some(_)) => {
                    Err(Mistake::at(argument.offset, "a step lasts a time or a number of answers"))
                }
            }
        }
    }
}

/// What follows the `:` of a step, and where.
#[derive(Clone, Copy)]
struct Argument<'a> {
    text: &'a str,
    offset: usize,
}

impl Argument<'_> {
    fn duration(self) -> Result<Duration, Mistake> {
        parse_positive_duration(self.text).map_err(|reason| Mistake::at(self.offset, reason))
    }
}

fn error_code(text: &str) -> Result<u16, Mistake> {
    match text.parse() {
        Ok(code @ (204 | 300..=599)) => Ok(code),
        _ => Err(Mistake::at(0, format!("`{text}` is none of the codes 204 and 300 to 599"))),
    }
}

fn parse_hint(status: u16, argument: Argument<'_>) -> Result<ScriptedHint, Mistake> {
    if !matches!(status, 429 | 503) {
        let reason = format!("only 429 and 503 carry a hint; for several write {status}*3");
        return Err(Mistake::at(argument.offset, reason));
    }
    let (header, as_date, time) = match argument.text.split_once('=') {
        None => (HintHeader::RetryAfter, false, argument.text),
        Some(("date", time)) => (HintHeader::RetryAfter, true, time),
        Some(("reset", time)) => (HintHeader::RateLimitReset, false, time),
        Some(_) => {
            let reason = "a hint is 2s, date=2s or reset=2s";
            return Err(Mistake::at(argument.offset, reason));
        }
    };
    let offset = argument.offset + argument.text.len() - time.len();
    let wait = Argument { text: time, offset }.duration()?;
    Ok(ScriptedHint { wait, header, as_date })
}

fn parse_instance(text: &str) -> Result<Reply, Mistake> {
    let (word, address) = match text.split_once('@') {
        None => (text, Address::Own),
        Some((word, "none")) => (word, Address::None),
        Some((word, "" | "[" | "]")) => {
            return Err(Mistake::at(word.len() + 1, "after `@` comes an address, or none"));
        }
        Some((word, address)) => {
            let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            (word, Address::Text(bare.unwrap_or(address).to_owned()))
        }
    };
    let status = match word.strip_prefix('?') {
        Some("") => return Err(Mistake::at(1, "after `?` comes the undocumented status")),
        Some(undocumented) => Status::from(undocumented),
        None => Status::from(word),
    };
    if matches!(status, Status::Undocumented(_)) && !word.starts_with('?') {
        let documented: Vec<&str> = Status::DOCUMENTED.iter().map(Status::as_received).collect();
        let reason = format!(
            "`{word}` is none of {}, an HTTP code, drop, hang, slow, truncate, html, oversized; an \
             undocumented status is written ?{word}",
            documented.join(", ")
        );
        return Err(Mistake::at(0, reason));
    }
    Ok(Reply::Instance { status, address })
}

/// Splits at every `separator` that is not inside `[…]`.
fn split_outside_brackets(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c == separator
    })
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
