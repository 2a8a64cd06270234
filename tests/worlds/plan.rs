//! Which worlds are gone through: what is waited for, how fast, and what the polls can bring.

use wait_ready::wait::{condition::Condition, rules::Rules};

use super::{
    alphabet::{Appeared, Letter},
    rules,
    world::{Goal, Ms, Options},
};

/// How the answers for several instances come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By one request for each.
    Singles,
    /// By a page of a list, and a request for each that is not on it.
    List,
}

/// The worlds to go through, but for what is chosen from the tape.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) pace: Pace,
    pub(crate) options: Options,
    pub(crate) condition: Condition,
    pub(crate) instances: usize,
    pub(crate) way: Way,
    pub(crate) letters: Vec<Letter>,
    pub(crate) length: usize,
    pub(crate) latency: Ms,
    /// Attempts at addresses that may fare differently; those after them end by being dropped.
    pub(crate) attempts: usize,
}

/// A pace and a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Polls soon: a grace and a second look fall between the backoff's own.
    Quick,
    /// Polls slowly: a foreign refusal can last long enough.
    Slow,
    /// The deadline comes before the schedule is used up.
    Short,
    /// Looks once.
    Once,
}

impl Pace {
    pub(crate) const ALL: [Self; 4] = [Self::Quick, Self::Slow, Self::Short, Self::Once];

    fn options(self, goal: Goal, stable: usize) -> Options {
        let (max_wait, grace, min, max) = match self {
            Self::Quick => (40_000, 5_000, 1_000, 4_000),
            Self::Slow => (90_000, 15_000, 10_000, 20_000),
            Self::Short => (6_000, 2_000, 1_000, 4_000),
            Self::Once => (0, 5_000, 1_000, 4_000),
        };
        Options {
            goal,
            max_wait,
            grace,
            stable,
            budgets: Vec::new(),
            any: false,
            fail_fast: false,
            min,
            max,
            jitter: false,
            request_timeout: 10_000,
        }
    }
}

impl Plan {
    /// One instance, for each condition, `stable` 1 and 2, and each pace.
    pub(crate) fn for_one(letters: &[Letter], length: usize) -> Vec<Self> {
        let mut plans = Vec::new();
        for (goal, condition) in conditions() {
            for stable in [1, 2] {
                for pace in Pace::ALL {
                    plans.push(Self {
                        name: format!("{condition} {stable} {pace:?}"),
                        pace,
                        options: pace.options(goal, stable),
                        condition: condition.clone(),
                        instances: 1,
                        way: Way::Singles,
                        letters: letters.to_vec(),
                        length,
                        latency: 0,
                        attempts: 2,
                    });
                }
            }
        }
        plans
    }

    /// Two instances, for all, any and fail-fast, by a list and by single requests. Of the two
    /// conditions that want an address reached one is taken: an attempt succeeds, fails or hangs
    /// whatever it tries, and for one instance both are gone through.
    pub(crate) fn for_two(letters: &[Letter], length: usize) -> Vec<Self> {
        let mut plans = Vec::new();
        let all = Self::for_one(letters, length).into_iter();
        for one in all.filter(|one| one.condition != Condition::Exec) {
            for (all, any, fail_fast) in
                [("all", false, false), ("any", true, false), ("fail-fast", false, true)]
            {
                for way in [Way::Singles, Way::List] {
                    let name = format!("{} {all} {way:?}", one.name);
                    let options = Options { any, fail_fast, ..one.options.clone() };
                    plans.push(Self { name, options, instances: 2, way, ..one.clone() });
                }
            }
        }
        plans
    }

    /// The same worlds, and each round takes so long.
    pub(crate) fn with_latency(self, latency: Ms) -> Self {
        Self { name: format!("{} {latency}ms", self.name), latency, ..self }
    }

    /// The same worlds, and so many attempts may fare differently: with three, one that fails
    /// between two that succeed.
    pub(crate) fn with_attempts(self, attempts: usize) -> Self {
        Self { name: format!("{} {attempts} attempts", self.name), attempts, ..self }
    }

    /// What tells it from all others.
    pub(crate) fn id(&self) -> String {
        format!("{}, {} times one of {}", self.name, self.length, self.letters.len())
    }

    /// How many letters may come first.
    pub(crate) fn first_letters(&self) -> usize {
        let appeared = Appeared::default();
        self.letters.iter().filter(|letter| appeared.allows(**letter)).count()
    }

    pub(super) fn rules(&self) -> Rules {
        Rules { condition: self.condition.clone(), ..rules(&self.options) }
    }
}

fn conditions() -> [(Goal, Condition); 5] {
    [
        (Goal::Ready, Condition::Ready),
        (Goal::Probed, Condition::Ssh { port: 22 }),
        (Goal::Probed, Condition::Exec),
        (Goal::Stopped, Condition::Stopped),
        (Goal::Deleted, Condition::Deleted),
    ]
}
