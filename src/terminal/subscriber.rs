//! Where log lines go, and how they look.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use indicatif::MultiProgress;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, writer::MakeWriter},
    layer::SubscriberExt as _,
    registry::LookupSpan,
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

/// What a log line with this target says is never left out, however quiet the user wants it.
pub const ALWAYS: &str = "wait_ready::always";

/// How much is told.
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

/// A subscriber that writes what `verbosity` allows to `writer`; `rust_log` wins over it where
/// it can be read.
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
    // A stderr that is gone must not become a panic: no complaint about a failed write.
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
            Box::new(registry.with(layer.with_current_span(false).with_filter(filter)))
        }
    }
}

/// What is told: by `rust_log`, as far as it speaks of this program, else by `level`. An error is
/// told whatever it says, because every ending explains itself.
fn filter(level: LevelFilter, rust_log: Option<&str>) -> Targets {
    const OWN: &str = "wait_ready";
    let directives: Option<Targets> = rust_log
        .filter(|directives| !directives.is_empty())
        .and_then(|directives| directives.parse().ok());
    let speaks_of_this_program = |targets: &Targets| {
        targets.default_level().is_some_and(|level| level != LevelFilter::OFF)
            || targets.iter().any(|(target, _)| target.starts_with(OWN))
    };
    match directives {
        Some(targets) if speaks_of_this_program(&targets) => {
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

/// Standard error, without a buffer; rows of a terminal make way while a line is written.
#[derive(Debug, Clone, Default)]
pub struct Stderr {
    rows: Arc<OnceLock<MultiProgress>>,
}

impl Stderr {
    /// Makes these rows give way from now on.
    pub fn share_with(&self, rows: MultiProgress) {
        // A process draws one set of rows; a second one would be a mistake of the program.
        let _ = self.rows.set(rows);
    }
}

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(line).map(|()| line.len());
        match self.rows.get() {
            Some(rows) => rows.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Stderr {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// One sentence a line; what was seen and what to do about it on lines of their own.
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
        writeln!(writer, "{prefix}{}", lines.message)?;
        for line in [lines.seen, lines.advice].into_iter().flatten() {
            writeln!(writer, "  {line}")?;
        }
        Ok(())
    }
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
