//! The log lines on how a run ended.

use tracing::{error, info, warn};

use super::{
    plan::Look,
    verdict::{End, Finished, Reason, SHOWN_ONE_BY_ONE, Verdict},
};
use crate::{
    answer::poll_error::PollError,
    report::{
        exit_code::ExitCode,
        explain::{Explanation, success},
        picture::picture,
        record::millis,
    },
    terminal::subscriber::{ALWAYS, LogFormat},
    text::duration::Brief,
    wait::{condition::Condition, watch::Watch},
};

/// Logs how `finished` ended: which instances met the condition, which did not, and why.
pub(crate) fn log_outcome(finished: &Finished, verdict: &Verdict, look: &Look) {
    let is_over = matches!(finished.end, End::Over);
    let is_success = verdict.code == ExitCode::Success;
    if is_over && is_success {
        log_success(finished, look.log_format);
    }
    if is_over {
        log_pictures(finished, look.appearance.unicode);
    }
    for reason in &verdict.reasons {
        log_reason(reason);
    }
    if is_over && !is_success && finished.outcome.watches().len() > 1 {
        let (met, instances) = (finished.met().count(), finished.outcome.watches().len());
        info!(event = "tally", met, instances, "{}", finished.tally());
    }
    if verdict.unlogged > 0 {
        error!(
            event = verdict.code.outcome(),
            exit_code = verdict.code.number(),
            "{} more did not meet the condition",
            verdict.unlogged
        );
    }
}

/// Logs one reason for a failure, in words and as data.
pub(crate) fn log_reason(reason: &Reason) {
    let Explanation { what, seen, advice } = &reason.explanation;
    let error = reason.error.as_ref();
    error!(
        event = reason.code.outcome(),
        exit_code = reason.code.number(),
        seen = seen.as_deref(),
        advice = advice.as_deref(),
        http_status = error.and_then(PollError::http_status),
        retry_after_ms = error.and_then(PollError::hint).map(|hint| millis(hint.wait)),
        "{what}"
    );
}

/// Logs each instance, or for a fleet one line for people.
fn log_success(finished: &Finished, format: LogFormat) {
    let after = Brief(finished.outcome.elapsed());
    if format == LogFormat::Text && finished.met().count() > SHOWN_ONE_BY_ONE {
        info!(event = "met", "{} after {after}", finished.tally());
    } else {
        for watch in finished.met() {
            let after = watch.over_at().unwrap_or(finished.outcome.elapsed());
            info!(
                event = "met", instance = %watch.id(),
                ip = watch.address().map(tracing::field::display), waited_ms = millis(after),
                "{}  {}", watch.id(), success(watch, &finished.rules.condition, after)
            );
        }
    }
    if finished.rules.condition == Condition::Deleted {
        warn_of_never_seen(
            &finished.met().filter(|watch| watch.instance().is_none()).collect::<Vec<_>>(),
        );
    }
}

/// Warns of instances that count as deleted but may be a mistake, even with `--quiet`.
fn warn_of_never_seen(watches: &[&Watch]) {
    const WHY: &str = "never seen: deleted before, or the id or --api-url is wrong";
    if watches.len() > SHOWN_ONE_BY_ONE {
        let count = watches.len();
        warn!(target: ALWAYS, event = "warning", "{count} instances were {WHY}");
    } else {
        for id in watches.iter().map(|watch| watch.id()) {
            warn!(target: ALWAYS, event = "warning", "{id}  it was {WHY}");
        }
    }
}

fn log_pictures(finished: &Finished, unicode: bool) {
    if finished.outcome.watches().len() > SHOWN_ONE_BY_ONE {
        return;
    }
    for watch in finished.outcome.watches() {
        if let Some(picture) = picture(watch, finished.outcome.elapsed(), unicode) {
            info!(event = "picture", instance = %watch.id(), "{}  {picture}", watch.id());
        }
    }
}
