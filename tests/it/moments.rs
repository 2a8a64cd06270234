//! A signal at each system call of a run, delivered by strace. Each await is such a call, and so is
//! everything that cannot be undone. Nothing between two calls is visible outside, so a signal there
//! is equivalent to one at a neighbouring call.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::fixture::program::{Ended, Program, has};

const SIGNALS: [(&str, i32); 4] = [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)];
const RESULT: &str = "203.0.113.42\n";

/// A run that is signalled.
#[derive(Debug, Clone, Copy)]
struct Run {
    words: &'static [&'static str],
    prints: bool,
}

const RUNS: [Run; 5] = [
    Run {
        words: &["inst_a", "--output-file", "result", "--summary", "summary", "--", "true"],
        prints: false,
    },
    Run { words: &["inst_a"], prints: true },
    Run { words: &["inst_a", "--for", "exec", "--", "sleep", "0.01"], prints: true },
    Run { words: &["inst_a", "--for", "ssh", "--", "true"], prints: false },
    Run { words: &["@list", "--any", "--log-format", "json", "--", "true"], prints: false },
];

/// The system call of this name, for the time of this number.
#[derive(Debug, Clone)]
struct Moment {
    call: String,
    number: usize,
}

/// The end of a run that was to be signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// The signal ended it.
    Ended,
    /// It had become COMMAND before.
    Command,
    /// All was done before.
    Done,
    /// There was no such moment this time.
    Missed,
}

/// Runs it under strace, with these words for that; how it ended, and its system calls.
fn trace(run: Run, folder: &TempDir, words: &[&str]) -> (Ended, Vec<String>) {
    let kept = tempdir().unwrap();
    let log = kept.path().join("log");
    fs::write(folder.path().join("list"), "inst_a\ninst_b\n").unwrap();
    let strace =
        ["env", "--default-signal", "-C", folder.path().to_str().unwrap(), "strace", "-qo"];
    let through: Vec<&str> =
        strace.into_iter().chain([log.to_str().unwrap()]).chain(words.iter().copied()).collect();
    let simulate = ["--simulate=pending:15ms,500,ready", "--report", "report"];
    let ended = Program::new(simulate.into_iter().chain(run.words.iter().copied()))
        .env("WAIT_READY_MIN_DELAY", "10ms")
        .env("WAIT_READY_MAX_DELAY", "20ms")
        .through(&through)
        .run();
    let log = fs::read_to_string(&log).unwrap_or_default();
    (ended, log.lines().map(str::to_owned).collect())
}

/// Every moment of a run until COMMAND takes over.
fn moments(run: Run) -> Vec<Moment> {
    let (ended, calls) = trace(run, &tempdir().unwrap(), &[]);
    ended.assert(0, if run.prints { RESULT } else { "" });
    let mut numbers = BTreeMap::new();
    let until = became_command(&calls).map_or(calls.len(), |line| line + 1);
    let names = calls[..until].iter().filter_map(|line| line.split_once('('));
    let moment = |(call, _): (&str, &str)| {
        let number = numbers.entry(call.to_owned()).or_insert(0);
        *number += 1;
        Moment { call: call.to_owned(), number: *number }
    };
    names.map(moment).collect()
}

/// The line in which COMMAND takes over; the first one is that of the program itself.
fn became_command(calls: &[String]) -> Option<usize> {
    let takes_over = |line: &String| line.starts_with("execve(") && line.ends_with(" = 0");
    calls.iter().skip(1).position(takes_over).map(|line| line + 1)
}

/// Signals one run, and checks what it leaves behind.
fn hit(run: Run, moment: &Moment, (signal, number): (&str, i32)) -> Fate {
    let folder = tempdir().unwrap();
    let inject = format!("inject={}:signal={signal}:when={}", moment.call, moment.number);
    let (ended, calls) = trace(run, &folder, &["-e", &inject]);
    let said = format!("SIG{signal} at {moment:?} of {:?}: {ended:#?}", run.words);
    let received = format!("--- SIG{signal} ");
    let fate = match (calls.iter().position(|line| line.starts_with(&received)), &calls) {
        (None, _) => Fate::Missed,
        (Some(hit), calls) => match became_command(calls) {
            Some(command) => {
                assert!(command < hit, "COMMAND was started: {said}");
                Fate::Command
            }
            None if run.prints && ended.code() == Some(0) => {
                assert!(has_begun_to_print(&calls[..hit], calls), "swallowed: {said}");
                Fate::Done
            }
            None => {
                assert_eq!(ended.code(), Some(128 + number), "{said}");
                check_report(folder.path(), number, &calls[..hit], &said);
                Fate::Ended
            }
        },
    };
    let is_whole = ended.stdout.is_empty() || run.prints && ended.stdout == RESULT;
    assert!(is_whole, "{said}");
    let result = fs::read_to_string(folder.path().join("result")).unwrap_or_default();
    assert!(result.is_empty() || result == RESULT, "{result:?}: {said}");
    let mut left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let known = ["list", "report", "result", "summary"];
    assert!(left.all(|name| known.iter().any(|known| name == *known)), "a part is left: {said}");
    fate
}

/// Returns whether the thread that prints the result, which is the last one, had been started.
fn has_begun_to_print(before: &[String], calls: &[String]) -> bool {
    let starts = |line: &&String| line.starts_with("clone");
    before.iter().filter(starts).count() == calls.iter().filter(starts).count()
}

/// Checks that the report names the signal, once the program listens for signals.
fn check_report(folder: &Path, number: i32, before: &[String], said: &str) {
    let Ok(report) = fs::read_to_string(folder.join("report")) else {
        let listens = before.iter().any(|line| line.starts_with("bind("));
        assert!(!listens, "no report: {said}");
        return;
    };
    let report: Value = serde_json::from_str(&report).unwrap();
    // While COMMAND takes over, the report that was given stays.
    let takes_over = |line: &String| line.starts_with("rt_sigaction(SIGPIPE, {sa_handler=SIG_DFL");
    let is_given = report["outcome"] == "met" && before.iter().any(takes_over);
    assert!(is_given || report["exit_code"] == 128 + number, "{report} {said}");
}

/// Hits runs at so many moments, or at all; how they fared.
fn hit_at(seeds: std::ops::Range<usize>) -> BTreeMap<Fate, usize> {
    let all: Vec<(Run, Moment)> = RUNS
        .into_iter()
        .flat_map(|run| moments(run).into_iter().map(move |moment| (run, moment)))
        .collect();
    let (next, mut fates) = (AtomicUsize::new(seeds.start), BTreeMap::new());
    let work = || {
        let mut fates = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end.min(all.len() * SIGNALS.len()) {
                return fates;
            }
            // A prime, so that few seeds are spread over the whole of the runs.
            let (run, moment) = &all[seed / SIGNALS.len() * 7_919 % all.len()];
            fates.push(hit(*run, moment, SIGNALS[seed % SIGNALS.len()]));
        }
    };
    thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        for fate in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            *fates.entry(fate).or_default() += 1;
        }
    });
    fates
}

/// Returns whether strace is installed and may trace.
fn can_trace() -> bool {
    let strace = ["--default-signal", "strace", "-qo", "/dev/null", "true"];
    let traced = std::process::Command::new("env").args(strace).status();
    traced.is_ok_and(|status| status.success())
}

#[test]
fn a_signal_at_a_moment_of_a_run_ends_it_and_command_is_not_started() {
    if !has("strace, and the right to trace", can_trace()) {
        return;
    }
    let fates = hit_at(0..60);
    assert!(fates.get(&Fate::Ended).is_some_and(|ended| *ended > 30), "{fates:?}");
}

#[test]
#[ignore = "takes minutes: scripts/signals.sh"]
#[expect(clippy::print_stdout, reason = "what the script is run for")]
fn a_signal_at_any_moment_of_a_run_ends_it_and_command_is_not_started() {
    println!("each moment, each signal: {:?}", hit_at(0..usize::MAX));
}
