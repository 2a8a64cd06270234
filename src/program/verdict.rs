//! A wait that is over: what is told of it, and what comes of it.

use std::time::Duration;

use tracing::{error, info};

use crate::{
    answer::instance::InstanceId,
    report::{
        exit_code::ExitCode,
        explain::{Explanation, STILL_BILLED, explain, polls, success},
        picture::picture,
    },
    text::duration::Brief,
    wait::{outcome::Outcome, rules::Rules, watch::Watch},
};

/// With more instances than this, one line tells of all.
const TOLD_ONE_BY_ONE: usize = 20;

/// A wait that is over.
pub(crate) struct Finished {
    pub(crate) outcome: Outcome,
    pub(crate) rules: Rules,
    pub(crate) signal: Option<ExitCode>,
}

/// What the exit code is, and why.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) code: ExitCode,
    /// The one line of it, where it is not a success.
    pub(crate) message: Option<String>,
}

impl Finished {
    /// A wait that could not begin.
    pub(crate) fn before_the_first_poll(words: &[String]) -> Self {
        let ids = words.iter().filter(|word| !word.starts_with('@'));
        let watches = ids.filter_map(|id| InstanceId::new(id).ok()).map(Watch::new).collect();
        Self {
            outcome: Outcome::new(watches, false, Duration::ZERO),
            rules: Rules::default(),
            signal: None,
        }
    }

    /// Judges how it ended, and tells it.
    pub(crate) fn verdict(&self, unicode: bool) -> Verdict {
        if let Some(code) = self.signal {
            return told(&self.interruption(code), code);
        }
        let Some(watch) = self.outcome.decisive() else {
            self.tell_success();
            self.draw_pictures(unicode);
            return Verdict { code: ExitCode::Success, message: None };
        };
        let code = ExitCode::of_watch(watch).unwrap_or(ExitCode::Unexpected);
        self.draw_pictures(unicode);
        self.tell_failures(code);
        let message = explain(watch, &self.rules).map(|explanation| explanation.on_one_line());
        Verdict { code, message }
    }

    fn met(&self) -> impl Iterator<Item = &Watch> {
        self.outcome.watches().iter().filter(|watch| watch.is_met())
    }

    fn interruption(&self, code: ExitCode) -> Explanation {
        let name = if code == ExitCode::Interrupted { "SIGINT" } else { "SIGTERM" };
        let seen = match self.outcome.watches() {
            [only] => only.instance().map(|instance| {
                format!("{} was {}; {}", only.id(), instance.status, polls(&only.tally()))
            }),
            all => Some(got_there(self.met().count(), all.len())),
        };
        Explanation {
            what: format!("ended by {name} after {}", Brief(self.outcome.elapsed())),
            seen,
            advice: self
                .outcome
                .watches()
                .iter()
                .any(Watch::is_waiting)
                .then(|| STILL_BILLED.to_owned()),
        }
    }

    /// Explains every failure; what befell several instances in the same words, once.
    fn tell_failures(&self, code: ExitCode) {
        let mut kinds: Vec<(Explanation, ExitCode, usize)> = Vec::new();
        let mut untold = 0;
        for watch in self.outcome.watches() {
            let Some(explanation) = explain(watch, &self.rules) else { continue };
            let own = ExitCode::of_watch(watch).unwrap_or(code);
            if let Some(same) = kinds.iter_mut().find(|kind| kind.0.what == explanation.what) {
                same.2 += 1;
            } else if kinds.len() < TOLD_ONE_BY_ONE {
                kinds.push((explanation, own, 0));
            } else {
                untold += 1;
            }
        }
        for (mut explanation, own, others) in kinds {
            if others > 0 {
                explanation.what += &format!(" (the same for {others} more)");
            }
            told(&explanation, own);
        }
        if self.outcome.watches().len() > 1 {
            info!(
                event = "tally",
                "{}",
                got_there(self.met().count(), self.outcome.watches().len())
            );
        }
        if untold > 0 {
            error!(
                event = code.outcome(),
                exit_code = code.number(),
                "{untold} more did not get there"
            );
        }
    }

    fn draw_pictures(&self, unicode: bool) {
        if self.outcome.watches().len() > TOLD_ONE_BY_ONE {
            return;
        }
        for watch in self.outcome.watches() {
            if let Some(picture) = picture(watch, self.outcome.elapsed(), unicode) {
                info!(event = "picture", instance = %watch.id(), "{}  {picture}", watch.id());
            }
        }
    }

    fn tell_success(&self) {
        let count = self.met().count();
        if count > TOLD_ONE_BY_ONE {
            let told = got_there(count, self.outcome.watches().len());
            info!(event = "met", "{told} after {}", Brief(self.outcome.elapsed()));
            return;
        }
        for watch in self.met() {
            let after = watch.over_at().unwrap_or(self.outcome.elapsed());
            info!(
                event = "met", instance = %watch.id(),
                "{}  {}", watch.id(), success(watch, &self.rules.condition, after)
            );
        }
    }
}

fn got_there(met: usize, all: usize) -> String {
    format!("{met} of {all} got there")
}

/// Tells a failure, in words and as data.
pub(crate) fn told(explanation: &Explanation, code: ExitCode) -> Verdict {
    let Explanation { what, seen, advice } = explanation;
    let (seen, advice) = (seen.as_deref(), advice.as_deref());
    error!(event = code.outcome(), exit_code = code.number(), seen, advice, "{what}");
    Verdict { code, message: Some(explanation.on_one_line()) }
}
