//! What a run came to, told to people.

use tracing::{error, info};

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
    terminal::subscriber::LogFormat,
    text::duration::Brief,
};

/// Tells how `finished` ended: what was met, what was not and why.
pub(crate) fn tell(finished: &Finished, verdict: &Verdict, look: &Look) {
    let is_over = matches!(finished.end, End::Over);
    let is_success = verdict.code == ExitCode::Success;
    if is_over && is_success {
        tell_success(finished, look.log_format);
    }
    if is_over {
        draw_pictures(finished, look.appearance.unicode);
    }
    for reason in &verdict.reasons {
        tell_reason(reason);
    }
    if is_over && !is_success && finished.outcome.watches().len() > 1 {
        let (met, instances) = (finished.met().count(), finished.outcome.watches().len());
        info!(event = "tally", met, instances, "{}", finished.got_there());
    }
    if verdict.untold > 0 {
        error!(
            event = verdict.code.outcome(),
            exit_code = verdict.code.number(),
            "{} more did not get there",
            verdict.untold
        );
    }
}

/// Tells one reason for a failure, in words and as data.
pub(crate) fn tell_reason(reason: &Reason) {
    let Explanation { what, seen, advice } = &reason.explanation;
    let (seen, advice) = (seen.as_deref(), advice.as_deref());
    let code = reason.code;
    let error = reason.error.as_ref();
    error!(
        event = code.outcome(),
        exit_code = code.number(),
        seen,
        advice,
        http_status = error.and_then(PollError::http_status),
        retry_after_ms = error.and_then(PollError::hint).map(|hint| millis(hint.wait)),
        "{what}"
    );
}

/// Tells of each instance; people read of a fleet in one line.
fn tell_success(finished: &Finished, format: LogFormat) {
    let after = Brief(finished.outcome.elapsed());
    if format == LogFormat::Text && finished.met().count() > SHOWN_ONE_BY_ONE {
        info!(event = "met", "{} after {after}", finished.got_there());
        return;
    }
    for watch in finished.met() {
        let after = watch.over_at().unwrap_or(finished.outcome.elapsed());
        info!(
            event = "met", instance = %watch.id(),
            ip = watch.address().map(tracing::field::display), waited_ms = millis(after),
            "{}  {}", watch.id(), success(watch, &finished.rules.condition, after)
        );
    }
}

fn draw_pictures(finished: &Finished, unicode: bool) {
    if finished.outcome.watches().len() > SHOWN_ONE_BY_ONE {
        return;
    }
    for watch in finished.outcome.watches() {
        if let Some(picture) = picture(watch, finished.outcome.elapsed(), unicode) {
            info!(event = "picture", instance = %watch.id(), "{}  {picture}", watch.id());
        }
    }
}
