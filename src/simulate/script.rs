//! The language of scripts for a simulated API. Time is an argument.
//!
//! `pending:2s,429:1s,500*3,provisioning:3s,ready` is a list of steps. At least one request sees
//! each step, and the step's time counts from that request; the last step lasts forever.

use std::{str::FromStr, time::Duration};

use crate::{
    answer::{hint::HintHeader, instance::Status},
    text::duration::parse_positive_duration,
};

/// The most repetitions of a step: a larger number is a typing error.
const MAX_ANSWERS: u32 = 1_000_000;

/// A script: the steps that a simulated API goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
    /// The fault of the list, and for how many requests it lasts.
    list: Option<(Reply, Option<u32>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    reply: Reply,
    lasts: Lasts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasts {
    /// This long, from the first request that sees it.
    For(Duration),
    /// This many requests.
    Answers(u32),
}

/// The reply to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200 with an instance.
    Instance {
        /// The status.
        status: Status,
        /// The address.
        address: Address,
    },
    /// An error of the API's own.
    Error {
        /// The HTTP status code.
        status: u16,
        /// The hint.
        hint: Option<ScriptedHint>,
    },
    /// An HTML page with this HTTP status, as from a gateway.
    Foreign(u16),
    /// The connection is closed without a response.
    Drop,
    /// The body ends too early.
    Truncate,
    /// 200 with an HTML page, as from a captive portal.
    Html,
    /// 200 with a body over the size limit.
    Oversized,
    /// The connection is closed after a time of silence.
    Hang(Duration),
    /// The reply of the next step, after a delay.
    Slow(Duration),
}

/// The address of a simulated instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A different one for each instance, once it is ready.
    Own,
    /// None.
    None,
    /// Any text.
    Text(String),
}

/// The hint of a simulated error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedHint {
    /// How long to wait, rounded up to whole seconds in the header.
    pub wait: Duration,
    /// The header.
    pub header: HintHeader,
    /// Whether it is written as an HTTP date.
    pub as_date: bool,
}

/// Why a text is not a [`Script`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step}, at character {at}: {reason}")]
pub struct InvalidScript {
    /// The number of the step, from 1.
    pub step: usize,
    /// The number of the character where the error begins, from 1.
    pub at: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Script {
    /// The default script: about six seconds, with a 429 and a 503.
    pub const DEFAULT: &str = "pending:1s,429:2s,provisioning:1s,503:2s,ready";

    /// The fault of request `number` for the list, from 0.
    #[must_use]
    pub(super) fn list_fault(&self, number: u32) -> Option<&Reply> {
        let (reply, times) = self.list.as_ref()?;
        times.is_none_or(|times| number < times).then_some(reply)
    }

    /// Starts a playback at the first step.
    #[must_use]
    pub fn play(&self) -> Playback<'_> {
        Playback { script: self, state: PlaybackState::default() }
    }
}

/// A playback of a script.
#[derive(Debug, Clone)]
pub struct Playback<'a> {
    script: &'a Script,
    state: PlaybackState,
}

/// The position of a playback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PlaybackState {
    step: usize,
    answers: u32,
    seen_at: Option<Duration>,
}

impl Playback<'_> {
    /// The reply to a request at `now`, which must not decrease.
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

    /// Advances to the next step; returns whether there is one.
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
            let invalid = |Mistake { offset, reason }| InvalidScript {
                step: steps.len() + 1,
                at: text[..at + offset].chars().count() + 1,
                reason,
            };
            let indent = piece.len() - piece.trim_start().len();
            if let Some(fault) = piece.trim().strip_prefix("list:") {
                let offset = indent + "list:".len();
                let fault = parse_list_fault(fault, list.is_some());
                list = Some(fault.map_err(|mistake| invalid(mistake.shifted(offset)))?);
            } else {
                steps.push(parse_step(piece.trim()).map_err(|m| invalid(m.shifted(indent)))?);
            }
            at += piece.len() + 1;
        }
        match steps.last() {
            Some(Step { reply: Reply::Slow(_), .. }) => Err(InvalidScript {
                step: steps.len(),
                at: text.chars().count(),
                reason: "slow delays the reply of the next step, so it cannot be the last".into(),
            }),
            None => Err(InvalidScript {
                step: 1,
                at: 1,
                reason: "a script needs a step that is not one of the list".into(),
            }),
            _ => Ok(Self { steps, list }),
        }
    }
}

/// An error at a byte offset within a step.
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

/// Parses a fault of the list; it lasts forever unless it has a number of requests.
fn parse_list_fault(text: &str, is_second: bool) -> Result<(Reply, Option<u32>), Mistake> {
    if is_second {
        return Err(Mistake::at(
            0,
            "the list can have one fault; write list:500*3 for three times",
        ));
    }
    let step = parse_step(text)?;
    match (step.reply, step.lasts) {
        (Reply::Instance { .. } | Reply::Slow(_), _) | (_, Lasts::For(_)) => Err(Mistake::at(
            0,
            "the list needs an HTTP code or a fault: list:400, list:500*3, list:html",
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
            if let Ok(count @ 1..=MAX_ANSWERS) = count.parse::<u32>() {
                (what, Some(count))
            } else {
                let reason = format!("`*` needs a number from 1 to {MAX_ANSWERS}");
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
        "" => Err(Mistake::at(0, "the step is empty")),
        "drop" => simple(Reply::Drop),
        "truncate" => simple(Reply::Truncate),
        "html" => simple(Reply::Html),
        "oversized" => simple(Reply::Oversized),
        "hang" | "slow" => {
            let Some(argument) = argument else {
                return Err(Mistake::at(head.len(), format!("`{what}` needs a time: {what}:3s")));
            };
            if what == "slow" && answers.is_some() {
                return Err(Mistake::at(what.len(), "slow delays one reply; repeat the step"));
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
                    Err(Mistake::at(argument.offset, "a step has a time or a number of replies"))
                }
            }
        }
    }
}

/// The argument of a step, after the `:`, and its byte offset.
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
        _ => Err(Mistake::at(0, format!("`{text}` is not one of the codes 204 and 300 to 599"))),
    }
}

fn parse_hint(status: u16, argument: Argument<'_>) -> Result<ScriptedHint, Mistake> {
    if !matches!(status, 429 | 503) {
        let reason = format!("only 429 and 503 have a hint; for three replies write {status}*3");
        return Err(Mistake::at(argument.offset, reason));
    }
    let (header, as_date, time) = match argument.text.split_once('=') {
        None => (HintHeader::RetryAfter, false, argument.text),
        Some(("date", time)) => (HintHeader::RetryAfter, true, time),
        Some(("reset", time)) => (HintHeader::RateLimitReset, false, time),
        Some(_) => return Err(Mistake::at(argument.offset, "a hint is 2s, date=2s or reset=2s")),
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
            return Err(Mistake::at(word.len() + 1, "`@` needs an address, or none"));
        }
        Some((word, address)) => {
            let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            (word, Address::Text(bare.unwrap_or(address).to_owned()))
        }
    };
    let status = match word.strip_prefix('?') {
        Some("") => return Err(Mistake::at(1, "`?` needs an undocumented status")),
        Some(undocumented) => Status::from(undocumented),
        None => Status::from(word),
    };
    if matches!(status, Status::Undocumented(_)) && !word.starts_with('?') {
        let documented: Vec<&str> = Status::DOCUMENTED.iter().map(Status::as_received).collect();
        let reason = format!(
            "`{word}` is not one of {}, an HTTP code, drop, hang, slow, truncate, html, oversized; \
             write an undocumented status as ?{word}",
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
