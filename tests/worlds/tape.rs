//! Every way to take a number of choices, one after the other.

/// The choices of one run, in the order in which they were asked for.
///
/// A run asks with [`pick`](Self::pick) wherever it could go on in several ways; [`turn`](Self::turn)
/// then moves on to the next run, until each has been taken once. What a run did not ask for is
/// not chosen, so that a run which ends early stands for all that begin like it.
#[derive(Debug, Clone)]
pub(crate) struct Tape {
    /// What was taken, and of how many.
    choices: Vec<(usize, usize)>,
    at: usize,
    /// So many first choices stay as they are.
    fixed: usize,
}

impl Tape {
    /// All runs whose first choice is this one.
    pub(crate) fn beginning_with(first: usize) -> Self {
        Self { choices: vec![(first, usize::MAX)], at: 0, fixed: 1 }
    }

    /// The one run that takes these.
    pub(crate) fn of(choices: &[usize]) -> Self {
        let choices: Vec<_> = choices.iter().map(|taken| (*taken, usize::MAX)).collect();
        Self { fixed: choices.len(), choices, at: 0 }
    }

    /// One of `of`, which is not zero.
    pub(crate) fn pick(&mut self, of: usize) -> usize {
        if self.at == self.choices.len() {
            self.choices.push((0, of));
        }
        let (taken, _) = self.choices[self.at];
        assert!(taken < of, "choice {} is one of {of}", self.at);
        self.at += 1;
        taken
    }

    /// Moves on to the next run; returns whether there is one.
    pub(crate) fn turn(&mut self) -> bool {
        // What was fixed and not asked for is another run's.
        while self.choices.len() > self.fixed {
            let last = self.choices.len() - 1;
            let (taken, of) = &mut self.choices[last];
            *taken += 1;
            if *taken < *of {
                self.at = 0;
                return true;
            }
            self.choices.pop();
        }
        false
    }

    pub(crate) fn taken(&self) -> Vec<usize> {
        self.choices[..self.at].iter().map(|(taken, _)| *taken).collect()
    }
}
