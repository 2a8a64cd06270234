//! A Markdown summary for the page of a CI job: a table, and a timeline of the states.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use super::{
    exit_code::ExitCode,
    explain::polls,
    record::{millis, outcome},
};
use crate::{
    answer::instance::InstanceId,
    text::duration::Brief,
    wait::{timeline::Timeline, watch::Watch},
};

/// The most instances in a summary.
const SHOWN: usize = 50;
/// The most bars in a chart, so that with their names it stays below the 50,000 characters that
/// Mermaid draws.
const BARS: usize = 320;
/// The most characters of a name in a chart.
const NAME: usize = 40;

/// The outcome of the wait for `watches`, which began at `started_at`, as Markdown.
#[must_use]
pub fn summary(
    watches: &[Watch],
    started_at: SystemTime,
    elapsed: Duration,
    code: ExitCode,
    message: Option<&str>,
) -> String {
    let mut text = String::from("### wait-ready: ");
    let _ = writeln!(
        text,
        "{} after {} (exit code {})\n",
        code.outcome().replace('_', " "),
        Brief(elapsed),
        code.number()
    );
    if let Some(message) = message {
        let _ = writeln!(text, "> {}\n", plain(message));
    }
    if watches.is_empty() {
        return text;
    }
    text += "| instance | status | IP | outcome | waited | polls |\n|---|---|---|---|---|---|\n";
    for watch in watches.iter().take(SHOWN) {
        let status = watch.instance().map(|instance| instance.status.to_string());
        let ip = watch.address().map(|ip| ip.to_string());
        let ending = watch.ending();
        let outcome = ending.map_or_else(|| code.outcome(), outcome).replace('_', " ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {outcome} | {} | {} |",
            plain(&watch.id().to_string()),
            plain(&status.unwrap_or_default()),
            ip.unwrap_or_default(),
            Brief(watch.over_at().unwrap_or(elapsed)),
            polls(&watch.tally()),
        );
    }
    if watches.len() > SHOWN {
        let _ = writeln!(text, "\n… and {} more", watches.len() - SHOWN);
    }
    let rows = watches
        .iter()
        .take(SHOWN)
        .map(|watch| (watch.id(), watch.timeline(), watch.over_at().unwrap_or(elapsed)));
    text += &chart(&rows.collect::<Vec<_>>(), started_at);
    text
}

/// A Mermaid gantt chart of the states by time of day: Mermaid reads a number as milliseconds since
/// 1970, and shows it in the reader's time zone.
fn chart(rows: &[(&InstanceId, &Timeline, Duration)], started_at: SystemTime) -> String {
    let epoch = started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = |at: Duration| millis(epoch.saturating_add(at));
    let bars = (BARS / rows.len().max(1)).max(3);
    let mut text = String::from("\n```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n");
    for (id, timeline, until) in rows.iter().copied() {
        let _ = writeln!(text, "    section {}", word(&id.to_string()));
        let mut at = timeline.transitions().first().map_or(until, |first| first.at);
        if at >= Duration::from_secs(1) {
            bar(&mut text, "not seen", time(Duration::ZERO), time(at));
        }
        let stays: Vec<_> = timeline.stays(until).collect();
        // Of an instance that flaps, the latest states matter most.
        let left_out = if stays.len() > bars - 1 { stays.len() - (bars - 2) } else { 0 };
        if left_out > 0 {
            let lasted = stays[..left_out].iter().map(|(_, lasted)| *lasted).sum();
            let end = at.saturating_add(lasted);
            bar(&mut text, &format!("{left_out} earlier"), time(at), time(end));
            at = end;
        }
        for (status, lasted) in &stays[left_out..] {
            let end = at.saturating_add(*lasted);
            bar(&mut text, &word(&status.to_string()), time(at), time(end));
            at = end;
        }
    }
    text += "```\n\n";
    text
}

/// One bar, at least 1 ms wide, so that it is visible.
fn bar(text: &mut String, name: &str, from: u64, to: u64) {
    let _ = writeln!(text, "    {name} :{from}, {}", to.max(from.saturating_add(1)));
}

/// `text` with everything escaped that is Markdown or HTML syntax.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '<' => plain += "&lt;",
            '>' => plain += "&gt;",
            '&' => plain += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' | ':' => {
                let _ = write!(plain, "&#{};", u32::from(c));
            }
            c => plain.push(c),
        }
    }
    plain
}

/// `text` as a name that Mermaid cannot take for syntax, as it does any line that begins with one of
/// its keywords or with a digit, which may begin a date.
fn word(text: &str) -> String {
    const KEYWORDS: &str = "gantt dateformat inclusiveenddates topaxis axisformat tickinterval \
        includes excludes todaymarker weekday weekend title acc section click call href";
    let is_harmless = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    let name = text.trim().chars().take(NAME).map(|c| if is_harmless(c) { c } else { '_' });
    let name: String = name.collect();
    let lower = name.to_lowercase();
    let is_syntax = KEYWORDS.split(' ').any(|keyword| lower.starts_with(keyword))
        || !lower.starts_with(char::is_alphabetic);
    if is_syntax { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::instance::Instance;

    /// The chart of `instances` that each change `flaps` times between names of the greatest length.
    fn flapping(instances: usize, flaps: u64) -> String {
        let name = "𝕏".repeat(60);
        let id = InstanceId::new(&"i".repeat(100)).unwrap();
        let mut timeline = Timeline::default();
        for at in 0..flaps {
            let status = format!("{name}{at}").as_str().into();
            timeline.record(&Instance::new(id.clone(), status), Duration::from_secs(at + 5));
        }
        let row = (&id, &timeline, Duration::from_secs(flaps + 5));
        chart(&vec![row; instances], SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
    }

    #[test]
    fn the_times_of_a_chart_are_times_of_day() {
        let chart = flapping(1, 1);
        assert!(chart.contains("    not seen :1700000000000, 1700000005000\n"), "{chart}");
        assert!(chart.contains(" :1700000005000, 1700000006000\n"), "{chart}");
    }

    #[test]
    fn a_chart_is_never_larger_than_mermaid_draws() {
        for (instances, flaps) in [(1, 10_000), (7, 1_000), (SHOWN, 1_000), (SHOWN, 1), (1, 1)] {
            let chart = flapping(instances, flaps);
            let size = chart.encode_utf16().count();
            assert!(size < 50_000, "{instances} instances, {flaps} changes: {size}");
            assert_eq!(chart.contains(" earlier :"), flaps > 1, "{chart}");
            let end = (1_700_000_000 + flaps + 5) * 1_000;
            assert_eq!(chart.matches(&format!(", {end}\n")).count(), instances, "{chart}");
        }
    }

    #[test]
    fn what_a_server_sends_is_plain_text_on_the_page() {
        let shown = plain("a|b <img src=x> [c](http://d) `e` @everyone");
        for syntax in ['|', '<', '>', '[', '`', '@'] {
            assert!(!shown.contains(syntax), "{shown}");
        }
        assert_eq!(word("a:b;c#d,e`f"), "a_b_c_d_e_f");
    }

    #[test]
    fn no_name_is_syntax_of_a_chart() {
        for name in ["section x", "Title y", "gantt", "2026-01-01", "click z", "", "  ", "%%x"] {
            assert!(word(name).starts_with('_'), "{name}: {}", word(name));
        }
        assert_eq!(word("pending"), "pending");
        assert_eq!(word(&"x".repeat(1_000)).len(), NAME);
    }
}
