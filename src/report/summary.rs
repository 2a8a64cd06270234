//! A Markdown summary for the page of a CI job: a table, and a timeline of the states.

use std::{fmt::Write as _, time::Duration};

use super::exit_code::ExitCode;
use super::{
    explain::polls,
    record::{millis, outcome},
};
use crate::{text::duration::Brief, wait::watch::Watch};

/// A page has room for so many instances.
const SHOWN: usize = 50;

/// What became of `watches`, as Markdown.
#[must_use]
pub fn summary(
    watches: &[Watch],
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
    text += &timeline(watches, elapsed);
    text
}

/// A Mermaid gantt chart of the states; its times count from the start of the wait.
fn timeline(watches: &[Watch], elapsed: Duration) -> String {
    let mut text = String::from("\n```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n");
    for watch in watches.iter().take(SHOWN) {
        let until = watch.over_at().unwrap_or(elapsed);
        let _ = writeln!(text, "    section {}", word(&watch.id().to_string()));
        let mut at = watch.timeline().transitions().first().map_or(until, |first| first.at);
        if at >= Duration::from_secs(1) {
            let _ = writeln!(text, "    not seen :0, {}", millis(at));
        }
        for (status, lasted) in watch.timeline().stays(until) {
            let end = at.saturating_add(lasted);
            // A bar needs a width to be seen.
            let shown_end = millis(end).max(millis(at).saturating_add(1));
            let _ =
                writeln!(text, "    {} :{}, {shown_end}", word(&status.to_string()), millis(at));
            at = end;
        }
    }
    text += "```\n\n";
    text
}

/// Text that is no Markdown and no HTML, whoever wrote it.
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

/// A name that Mermaid cannot take for syntax.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_text_on_the_page() {
        let shown = plain("a|b <img src=x> [c](http://d) `e` @everyone");
        for syntax in ['|', '<', '>', '[', '`', '@'] {
            assert!(!shown.contains(syntax), "{shown}");
        }
        assert_eq!(word("a:b;c#d,e`f"), "a_b_c_d_e_f");
    }
}
