//! A world in which the contract is not kept, as it is shown.

use std::fmt;

use super::{alphabet::Letter, plan::Plan, script::Chosen, source::Event, world::Options};

/// A world in which the waiter did not do what the contract says.
pub(crate) struct Failure {
    plan: String,
    tape: Vec<usize>,
    options: Options,
    sequences: Vec<Vec<Letter>>,
    history: Vec<Event>,
    what: String,
}

impl Failure {
    pub(super) fn new(
        plan: &Plan,
        tape: Vec<usize>,
        chosen: &Chosen,
        history: &[Event],
        what: String,
    ) -> Self {
        Self {
            plan: plan.id(),
            tape,
            options: plan.options.clone(),
            sequences: chosen.sequences.clone(),
            history: history.to_vec(),
            what,
        }
    }

    /// How many observations it takes.
    pub(crate) fn size(&self) -> (usize, &[usize]) {
        (self.sequences.iter().map(Vec::len).sum(), &self.tape)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, tape, options, sequences, history, what } = self;
        writeln!(f, "{options:#?}")?;
        for event in history {
            writeln!(f, "  {event:?}")?;
        }
        for (who, sequence) in sequences.iter().enumerate() {
            writeln!(f, "i{who}: {sequence:?}")?;
        }
        let choices: Vec<String> = tape.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{what}\nreplay: cargo run --profile fast --example exhaustive -- --plan {plan:?} \
             --tape {}",
            choices.join(",")
        )
    }
}
