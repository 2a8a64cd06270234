//! The log on standard error: its filter and its two formats.

use std::fmt;

use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Writer},
        writer::MakeWriter,
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

use crate::{
    system::clock::time_of_day,
    text::untrusted::{escape_json, is_harmless},
};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The target of warnings that are logged even with `--quiet`.
pub const ALWAYS: &str = "wait_ready::always";

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only errors.
    Quiet,
    /// What matters.
    Normal,
    /// Each poll.
    Verbose,
    /// Everything.
    Trace,
}

/// A subscriber that writes to `writer`, filtered by `rust_log` if that is valid, else by `verbosity`.
pub fn subscriber<W>(
    format: LogFormat,
    verbosity: Verbosity,
    rust_log: Option<&str>,
    color: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match verbosity {
        Verbosity::Quiet => LevelFilter::ERROR,
        Verbosity::Normal => LevelFilter::INFO,
        Verbosity::Verbose => LevelFilter::DEBUG,
        Verbosity::Trace => LevelFilter::TRACE,
    };
    let filter = filter(level, rust_log).with_target(ALWAYS, Level::WARN);
    // Reporting a failed write to a closed standard error would panic.
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(writer);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => {
            Box::new(registry.with(layer.event_format(Plain { color }).with_filter(filter)))
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_target(false);
            let layer = layer.with_current_span(false).map_event_format(Escaped);
            Box::new(registry.with(layer.with_filter(filter)))
        }
    }
}

/// The line that stands for a number of dropped lines.
#[must_use]
pub fn gap(format: LogFormat) -> fn(u64) -> String {
    match format {
        LogFormat::Text => |dropped| format!("warning: {}\n", missing(dropped)),
        LogFormat::Json => |dropped| {
            let timestamp = humantime::format_rfc3339_micros(time_of_day()).to_string();
            let message = missing(dropped);
            let event = Gap { timestamp, level: "WARN", message, event: "lines_dropped", dropped };
            serde_json::to_string(&event).unwrap_or_default() + "\n"
        },
    }
}

#[derive(Serialize)]
struct Gap {
    timestamp: String,
    level: &'static str,
    message: String,
    event: &'static str,
    dropped: u64,
}

fn missing(dropped: u64) -> String {
    let lines = if dropped == 1 { "line is" } else { "lines are" };
    format!("{dropped} {lines} missing here: standard error was not read")
}

/// The filter: `rust_log` if it concerns this program, else `level` for this program. Errors always
/// pass, because every ending explains itself.
fn filter(level: LevelFilter, rust_log: Option<&str>) -> Targets {
    const OWN: &str = "wait_ready";
    let directives: Option<Targets> = rust_log
        .filter(|directives| !directives.is_empty())
        .and_then(|directives| directives.parse().ok());
    let concerns_this_program = |targets: &Targets| {
        targets.default_level().is_some_and(|level| level != LevelFilter::OFF)
            || targets.iter().any(|(target, _)| target.starts_with(OWN))
    };
    match directives {
        Some(targets) if concerns_this_program(&targets) => {
            if targets.would_enable(OWN, &Level::ERROR) {
                targets
            } else {
                targets.with_target(OWN, LevelFilter::ERROR)
            }
        }
        Some(targets) if targets.default_level() == Some(LevelFilter::OFF) => {
            targets.with_target(OWN, LevelFilter::ERROR)
        }
        other => other.unwrap_or_default().with_target(OWN, level),
    }
}

/// One line for the message; one more each for what was seen and for the advice.
struct Plain {
    color: bool,
}

impl Plain {
    fn prefix(&self, level: Level) -> &'static str {
        match (level, self.color) {
            (Level::ERROR, false) => "error: ",
            (Level::ERROR, true) => "\x1b[1;31merror:\x1b[0m ",
            (Level::WARN, false) => "warning: ",
            (Level::WARN, true) => "\x1b[1;33mwarning:\x1b[0m ",
            _ => "",
        }
    }
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut lines = Lines::default();
        event.record(&mut lines);
        let prefix = self.prefix(*event.metadata().level());
        writeln!(writer, "{prefix}{}", escaped(&lines.message))?;
        for line in [lines.seen, lines.advice].into_iter().flatten() {
            writeln!(writer, "  {}", escaped(&line))?;
        }
        Ok(())
    }
}

/// JSON as `F` formats it, with escapes for whatever a terminal could interpret.
struct Escaped<F>(F);

impl<S, F> FormatEvent<S, format::JsonFields> for Escaped<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: FormatEvent<S, format::JsonFields>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, format::JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "{}", escape_json(line.trim_end_matches('\n')))
    }
}

/// `text` with everything escaped that could end its line or that a terminal could interpret, as the
/// last line of defence for text that should have been escaped before.
fn escaped(text: &str) -> String {
    let escape = |c: char| if is_harmless(c) { c.into() } else { c.escape_unicode().to_string() };
    text.chars().map(escape).collect()
}

#[derive(Default)]
struct Lines {
    message: String,
    seen: Option<String>,
    advice: Option<String>,
}

impl Visit for Lines {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "seen" => self.seen = Some(value.to_owned()),
            "advice" => self.advice = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "message" | "seen" | "advice") {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}
