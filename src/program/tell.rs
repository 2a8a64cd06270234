//! What a run came to, told to people.

use tracing::{error, info};

use super::verdict::{End, Finished, Reason, TOLD_ONE_BY_ONE, Verdict};
use crate::{
    report::{
        exit_code::ExitCode,
        explain::{Explanation, success},
        picture::picture,
    },
    text::duration::Brief,
};

/// Tells how `finished` ended: what was met, what was not and why.
pub(crate) fn tell(finished: &Finished, verdict: &Verdict, unicode: bool) {
    let is_over = matches!(finished.end, End::Over);
    let is_success = verdict.code == ExitCode::Success;
    if is_over && is_success {
        tell_success(finished);
    }
    if is_over {
        draw_pictures(finished, unicode);
    }
    for reason in &verdict.reasons {
        tell_reason(reason);
    }
    if is_over && !is_success && finished.outcome.watches().len() > 1 {
        info!(event = "tally", "{}", finished.got_there());
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
    error!(event = code.outcome(), exit_code = code.number(), seen, advice, "{what}");
}

fn tell_success(finished: &Finished) {
    let after = Brief(finished.outcome.elapsed());
    if finished.met().count() > TOLD_ONE_BY_ONE {
        info!(event = "met", "{} after {after}", finished.got_there());
        return;
    }
    for watch in finished.met() {
        let after = watch.over_at().unwrap_or(finished.outcome.elapsed());
        info!(
            event = "met", instance = %watch.id(),
            "{}  {}", watch.id(), success(watch, &finished.rules.condition, after)
        );
    }
}

fn draw_pictures(finished: &Finished, unicode: bool) {
    if finished.outcome.watches().len() > TOLD_ONE_BY_ONE {
        return;
    }
    for watch in finished.outcome.watches() {
        if let Some(picture) = picture(watch, finished.outcome.elapsed(), unicode) {
            info!(event = "picture", instance = %watch.id(), "{}  {picture}", watch.id());
        }
    }
}
