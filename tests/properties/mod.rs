//! Properties for any input from outside, for proptest and the fuzzers.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs, io, iter,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, ReadBuf},
    time::Instant,
};
use wait_ready::{
    InstanceId, ProbeError,
    answer::{
        address::{Address, Origin},
        hint::{Hint, HintHeader},
        instance::Instance,
        poll_error::PollError,
    },
    api::{
        credentials::{ApiKey, Redactor, find_key},
        wire::{self, Next},
    },
    program::instance_list::{expand, read_list},
    reach::{http::get, ssh::hear_ssh},
    simulate::script::{Reply, Script},
    text::untrusted::Untrusted,
    wait::condition::HttpPath,
};

const KEY_ID: &str = "keyid-0123456789";
const KEY_SECRET: &str = "secret-9876543210";

fn redactor() -> Redactor {
    Redactor::new(ApiKey::new(&format!("{KEY_ID}:{KEY_SECRET}")).expect("a key"))
}

/// What a person reads is one line.
fn assert_one_line(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// Asserts that displayed text is one line without the key.
fn assert_printable(shown: &str) {
    assert_one_line(shown);
    assert!(!shown.contains(KEY_ID) && !shown.contains(KEY_SECRET), "{shown:?}");
}

fn assert_harmless(instance: &Instance) {
    if let Some(ip) = instance.ip {
        assert_eq!(Address::parse(&ip.to_string(), Origin::Network), Ok(ip));
    }
    assert_printable(&instance.status.to_string());
    let shown = [
        instance.instance_type.as_ref().map(ToString::to_string),
        instance.region.as_ref().map(ToString::to_string),
        instance.unusable_ip.as_ref().map(ToString::to_string),
    ];
    shown.into_iter().flatten().for_each(|text| assert_printable(&text));
    if let Some(name) = &instance.creator_user_nickname {
        assert_printable(&name.to_string());
    }
}

/// Parses the body as any JSON, leniently: in a field that is not read, bytes that are not UTF-8 and
/// numbers out of range do not matter.
fn as_json(body: &[u8]) -> Option<Value> {
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

/// The part of a server's text that is kept: a thousand characters.
fn kept(text: &str) -> String {
    text.chars().take(1_000).collect()
}

/// The body of `GET /compute/instances/inst_1`.
pub(crate) fn instance(body: &[u8]) {
    match wire::parse_instance(body, Origin::Network, &redactor()) {
        Ok(instance) => {
            assert_harmless(&instance);
            let Some(value) = as_json(body) else { return };
            let id = value["id"].as_str().expect("an id");
            assert_eq!(instance.id.as_str(), redactor().redact(id));
            let ip = value["ip"].as_str().filter(|ip| !ip.is_empty());
            let address = ip.and_then(|ip| Address::parse(ip, Origin::Network).ok());
            assert_eq!(instance.ip, address);
            assert_eq!(instance.unusable_ip.is_some(), ip.is_some() && address.is_none());
            let status = value["status"].as_str().expect("a status");
            assert_eq!(instance.status.as_received(), kept(&redactor().redact(status)));
        }
        Err(error) => {
            assert_printable(&error.to_string());
            assert!(matches!(error, PollError::Transient { hint: None, .. }), "{error:?}");
        }
    }
}

/// The body of `GET /compute/instances`.
pub(crate) fn page(body: &[u8]) {
    let Ok(page) = wire::parse_page(body, Origin::Network, &redactor()) else { return };
    page.instances.iter().for_each(assert_harmless);
    let Some(value) = as_json(body) else { return };
    let elements = value["instances"].as_array().expect("a list");
    assert!(page.instances.len() <= elements.len());
    for instance in &page.instances {
        let named = |element: &&Value| {
            let id = element["id"].as_str();
            id.is_some_and(|id| redactor().redact(id) == instance.id.as_str())
        };
        assert!(elements.iter().any(|element| named(&element)), "{instance:?}");
    }
    let cursor = value["next_cursor"].as_str().filter(|cursor| !cursor.is_empty());
    let due = match (value["has_more"].as_bool(), cursor) {
        (Some(true) | None, Some(cursor)) => Next::Cursor(cursor.to_owned()),
        (Some(true), None) => Next::Lost,
        (Some(false), _) | (None, None) => Next::End,
    };
    assert_eq!(page.next, due);
}

/// The body of an answer with an error status.
pub(crate) fn error(status: u16, body: &[u8]) {
    let answer = wire::parse_error(status, body, &redactor());
    assert_eq!(answer.status, status);
    assert_printable(&answer.to_string());
    for text in [&answer.message, &answer.docs_url, &answer.request_id].into_iter().flatten() {
        assert_printable(&text.to_string());
        assert!(!text.as_received().is_empty());
    }
    let is_own = serde_json::from_slice(body).is_ok_and(|body: Value| body["error"].is_object());
    assert_eq!(answer.foreign.is_none(), is_own);
    let kind = |answer| std::mem::discriminant(&PollError::from_answer(answer, None, None));
    let mut bare = wait_ready::answer::poll_error::ServerError::bare(status);
    bare.foreign = (!is_own).then(Box::default);
    assert_eq!(kind(answer), kind(bare), "nothing else of the body must change the verdict");
}

/// `Retry-After` and `x-ratelimit-reset`.
pub(crate) fn hints(retry_after: &str, reset: &str) {
    let seconds = |text: &str| {
        let digits = text.trim_matches([' ', '\t']);
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        // A number too large for a delay is a Unix time, in seconds or milliseconds.
        is_number.then(|| match digits.parse().unwrap_or(u64::MAX) {
            millis @ 100_000_000_000..100_000_000_000_000 => millis / 1_000,
            seconds => seconds,
        })
    };
    let read = |after, reset| Hint::read(after, reset, SystemTime::UNIX_EPOCH);
    let both = read(Some(retry_after), Some(reset));
    let alone = read(Some(retry_after), None);
    if let Some(due) = seconds(retry_after) {
        assert_eq!(alone.map(|hint| hint.wait.as_secs()), Some(due));
    }
    assert_eq!(both, alone.or_else(|| read(None, Some(reset))));
    assert_eq!(read(None, Some(reset)).map(|hint| hint.wait.as_secs()), seconds(reset));
    assert!(alone.is_none_or(|hint| hint.header == HintHeader::RetryAfter));
}

/// Runs an exchange with a peer under a paused clock, which advances while everything waits.
fn under_paused_time<T>(talk: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(talk))
}

/// The time that a peer is given.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first bytes of a peer, in two pieces; checked against a naive parser for SSH 2.0.
pub(crate) fn ssh(said: &[u8], cut: usize) {
    let heard = |first: &[u8], second: &[u8]| {
        let peer = first.chain(second);
        under_paused_time(async { hear_ssh(peer, Instant::now() + PATIENCE, PATIENCE).await })
    };
    let whole = heard(said, b"");
    let (first, second) = said.split_at(cut.min(said.len()));
    assert_eq!(heard(first, second), whole);
    let mut end = 0;
    let line = said.split_inclusive(|byte| *byte == b'\n').find(|line| {
        end += line.len();
        line.starts_with(b"SSH-") || (line.starts_with(b"HTTP/") && line.ends_with(b"\n"))
    });
    let is_ssh = line.is_some_and(|line| {
        let is_known = line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-");
        is_known && line.ends_with(b"\n") && line.len() <= 255 && end <= 8 * 1024
    });
    assert_eq!(whole.is_ok(), is_ssh, "{whole:?}");
    if let Err(error) = whole {
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
}

/// A peer that repeats its text forever, or is silent after it, and counts the bytes read.
struct Endless<'a> {
    said: &'a [u8],
    again: bool,
    read: usize,
}

impl AsyncRead for Endless<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.said.len();
        if length == 0 || (self.read >= length && !self.again) {
            return Poll::Pending;
        }
        let rest = &self.said[self.read % length..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

/// The most bytes read of one response: 64 KiB, and the rest of the last chunk.
const MOST_READ: usize = 65 * 1024;

/// The response of a peer to an HTTP probe, in two pieces, checked against a naive parser. One that
/// never ends, or falls silent, is abandoned.
pub(crate) fn http(said: &[u8], cut: usize) {
    let answer_of = |peer: &mut (dyn AsyncRead + Unpin)| {
        let stream = tokio::io::join(peer, tokio::io::sink());
        let address = "203.0.113.1:8000".parse().expect("an address");
        let path = HttpPath::new("/health").expect("a path");
        under_paused_time(async {
            get(stream, address, &path, Instant::now() + PATIENCE, PATIENCE).await
        })
    };
    let whole = answer_of(&mut { said });
    let (first, second) = said.split_at(cut.min(said.len()));
    assert_eq!(answer_of(&mut first.chain(second)), whole);
    let status = final_status(said);
    match &whole {
        Ok(()) => assert!(status.is_some_and(|status| (200..300).contains(&status)), "{status:?}"),
        Err(ProbeError::HttpStatus { status: shown, .. }) => assert_eq!(Some(*shown), status),
        Err(ProbeError::NotHttp(_) | ProbeError::NoAnswer) => assert_eq!(status, None),
        Err(other) => panic!("{other:?}"),
    }
    let mut silent = Endless { said, again: false, read: 0 };
    let heard = answer_of(&mut silent);
    assert!(heard == whole || (status.is_none() && heard == Err(ProbeError::Silent(PATIENCE))));
    let mut endless = Endless { said, again: true, read: 0 };
    let heard = answer_of(&mut endless);
    assert!(endless.read <= MOST_READ, "{} bytes are read", endless.read);
    assert!(status.is_none() || heard == whole, "{heard:?}");
    for error in [whole, heard].into_iter().filter_map(Result::err) {
        assert_one_line(&error.to_string());
        assert!(error.to_string().len() < 10_000, "{error}");
    }
}

/// The code of the first status line that is not interim, if it ends within 64 KiB and only complete
/// interim heads come before it.
fn final_status(said: &[u8]) -> Option<u16> {
    let within = &said[..said.len().min(64 * 1024)];
    let mut lines = within.split_inclusive(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\n")?;
        Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)))
    });
    while let Some(line) = lines.next() {
        let rest = line.strip_prefix("HTTP/1.0 ").or_else(|| line.strip_prefix("HTTP/1.1 "))?;
        let code = rest.trim_ascii_end().split(' ').next()?;
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let status = code.parse().ok().filter(|status| is_code && *status >= 100)?;
        if status >= 200 {
            return Some(status);
        }
        lines.by_ref().find(|line| line.is_empty())?;
    }
    None
}

/// A list of ids from a file or from standard input, and the same as a word of the command line.
pub(crate) fn ids(bytes: &[u8]) {
    let read = read_list(bytes);
    assert_eq!(read.is_ok(), std::str::from_utf8(bytes).is_ok());
    let Ok(text) = read else { return };
    let named: Vec<(usize, &str)> = words_by_line(&text).collect();
    let wrong = named.iter().find(|(_, word)| !is_id(word));
    match expand(&["@-".to_owned()], || Ok(text.clone())) {
        Ok(ids) => {
            assert_eq!(wrong, None);
            let mut seen = HashSet::new();
            let due = named.iter().map(|(_, word)| *word).filter(|word| seen.insert(*word));
            assert!(ids.iter().map(InstanceId::as_str).eq(due), "{ids:?}");
            assert!(!ids.is_empty());
        }
        Err(error) => {
            assert!(wrong.is_some() || named.is_empty(), "{error}");
            let place = match wrong {
                Some((line, _)) => format!("standard input, line {line}: "),
                None => "standard input names no instance".to_owned(),
            };
            assert!(error.to_string().starts_with(&place), "{error}");
            assert_one_line(&error.to_string());
        }
    }
    if !text.starts_with('@') {
        let mut words = text.split(is_separator).filter(|word| !word.is_empty()).peekable();
        let is_good = words.peek().is_some() && words.all(is_id);
        let expanded = expand(std::slice::from_ref(&text), || panic!("nobody named it"));
        assert_eq!(expanded.is_ok(), is_good, "{expanded:?}");
        if let Err(error) = expanded {
            assert_one_line(&error.to_string());
        }
    }
}

fn is_separator(c: char) -> bool {
    [',', ' ', '\t', '\n', '\r', '\x0c'].contains(&c)
}

/// The words that name instances, each with the number of its line.
fn words_by_line(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).split('\n');
    lines.zip(1..).flat_map(|(line, number)| {
        let line = line.trim_ascii();
        let is_other = line.starts_with("FAL_INSTANCE_IP=");
        let line = line.strip_prefix("FAL_INSTANCE_ID=").unwrap_or(line);
        let words = line.split(is_separator).filter(|word| !word.is_empty());
        words
            .take_while(move |word| !is_other && !word.starts_with('#'))
            .map(move |word| (number, word))
    })
}

/// Returns whether a word can be meant as an id.
fn is_id(word: &str) -> bool {
    let shown = InstanceId::new(word).map(|id| id.to_string());
    // An escaped character cannot be seen; a long id and `##` are escaped for other reasons.
    let can_be_seen =
        |c: char| Untrusted::from(c.to_string().as_str()).to_string() == c.to_string();
    shown.is_ok()
        && word.chars().all(|c| can_be_seen(c) && !c.is_whitespace())
        && !word.contains(|c| "'\"`‘’‚‛“”„‟«»‹›${}<>".contains(c))
        && !["null", "none", "undefined", "nil", "nan"].contains(&&*word.to_ascii_lowercase())
}

/// `--simulate`.
pub(crate) fn script(text: &str) {
    match text.parse::<Script>() {
        Ok(script) => {
            // Requests further apart than a step can last, so that none sees a step again.
            let mut playback = script.play();
            let replies = (0..40).map(|number| playback.reply(number * LONGER_THAN_A_STEP));
            let replies: Vec<Reply> = replies.collect();
            if let Some(due) = replies_by_step(text) {
                assert_eq!(replies, due.take(replies.len()).collect::<Vec<_>>(), "{text:?}");
            }
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.at), "{error}");
            assert!(error.step >= 1 && !error.reason.is_empty(), "{error}");
        }
    }
}

/// A duration is at most a year.
const LONGER_THAN_A_STEP: Duration = Duration::from_secs(367 * 86_400);

/// The replies of a script to such requests by a naive parser: each step in turn as often as it
/// says, and the last one forever. `None` if brackets may contain a comma.
fn replies_by_step(text: &str) -> Option<impl Iterator<Item = Reply>> {
    if text.contains('[') {
        return None;
    }
    let step = |step: &str| {
        // A delay is not a script by itself.
        let alone = step.parse::<Script>().or_else(|_| format!("{step},ready").parse());
        let reply = alone.expect("a step is a script").play().reply(Duration::ZERO);
        let times = step.split(':').next().and_then(|what| Some(what.rsplit_once('*')?.1));
        (reply, times.map_or(1, |times| times.trim().parse().expect("a number")))
    };
    // A request for one instance does not see the fault of the list.
    let steps = text.split(',').filter(|step| !step.trim().starts_with("list:"));
    let steps: Vec<(Reply, usize)> = steps.map(step).collect();
    let last = steps.last()?.0.clone();
    let in_order = steps.into_iter().flat_map(|(reply, times)| iter::repeat_n(reply, times));
    Some(in_order.chain(iter::repeat(last)))
}

/// fal's config file, written to `file`, with a key that no message may show.
pub(crate) fn config(text: &str, file: &Path) {
    fs::write(file, format!("{text}\nkey = \"{KEY_SECRET}\"\n")).expect("a writable file");
    let variable = |name: &str| match name {
        "FAL_CONFIG_PATH" => Some(OsString::from(file)),
        _ => None,
    };
    match find_key(None, &variable) {
        Ok(key) => assert!(!format!("{key:?}").contains(KEY_SECRET)),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY_SECRET), "{shown}");
        }
    }
}
