//! The exit codes, which tell scripts why a wait ended.

use crate::wait::{ending::Ending, watch::Watch};

/// The exit code of the program, part of the command-line contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ExitCode {
    /// The condition is met.
    Success = 0,
    /// The program or its output failed: full disk, closed pipe.
    Unexpected = 1,
    /// The command line or the configuration is invalid.
    Usage = 2,
    /// The instance cannot meet the condition.
    Failed = 3,
    /// The API refuses the credentials.
    Unauthorized = 4,
    /// There is no such instance, or it was deleted during the wait.
    NotFound = 5,
    /// The API refuses the request.
    Refused = 6,
    /// The API asks to wait past the deadline.
    Throttled = 7,
    /// The API reports the instance ready, but the probe never succeeded.
    Unreachable = 8,
    /// An instance exceeded its budget for one status.
    OverBudget = 9,
    /// The deadline passed.
    TimedOut = 124,
    /// COMMAND was found but cannot be run.
    CannotRun = 126,
    /// COMMAND was not found.
    CommandNotFound = 127,
    /// SIGHUP.
    HungUp = 129,
    /// SIGINT.
    Interrupted = 130,
    /// SIGQUIT.
    Quit = 131,
    /// SIGTERM.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in order.
    pub const ALL: [Self; 17] = [
        Self::Success,
        Self::Unexpected,
        Self::Usage,
        Self::Failed,
        Self::Unauthorized,
        Self::NotFound,
        Self::Refused,
        Self::Throttled,
        Self::Unreachable,
        Self::OverBudget,
        Self::TimedOut,
        Self::CannotRun,
        Self::CommandNotFound,
        Self::HungUp,
        Self::Interrupted,
        Self::Quit,
        Self::Terminated,
    ];

    /// The number that the process exits with.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code as one word, for logs and reports.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Success => "met",
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::Failed => "failed",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::OverBudget => "over_budget",
            Self::TimedOut => "timed_out",
            Self::CannotRun => "cannot_run",
            Self::CommandNotFound => "command_not_found",
            Self::HungUp => "hung_up",
            Self::Interrupted => "interrupted",
            Self::Quit => "quit",
            Self::Terminated => "terminated",
        }
    }

    /// Returns whether this is the code of a signal.
    #[must_use]
    pub const fn is_of_signal(self) -> bool {
        matches!(self, Self::HungUp | Self::Interrupted | Self::Quit | Self::Terminated)
    }

    /// The code of `ending`; `None` if another instance decided the wait.
    #[must_use]
    pub fn of(ending: &Ending) -> Option<Self> {
        match ending {
            Ending::Met(_) => Some(Self::Success),
            Ending::Failed(_) => Some(Self::Failed),
            Ending::Unauthorized(_) => Some(Self::Unauthorized),
            Ending::NotFound(_) | Ending::Deleted(_) => Some(Self::NotFound),
            Ending::Refused(_) => Some(Self::Refused),
            Ending::Throttled(_) => Some(Self::Throttled),
            Ending::Unreachable(_) => Some(Self::Unreachable),
            Ending::OverBudget { .. } => Some(Self::OverBudget),
            Ending::TimedOut => Some(Self::TimedOut),
            Ending::Abandoned => None,
        }
    }

    /// The code of the ending of `watch`; `None` while it has none, or if another instance decided
    /// the wait.
    #[must_use]
    pub fn of_watch(watch: &Watch) -> Option<Self> {
        watch.ending().and_then(Self::of)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endings_share_a_number_by_accident() {
        let numbers: std::collections::BTreeSet<u8> =
            ExitCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers.len(), ExitCode::ALL.len());
    }
}
