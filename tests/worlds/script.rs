//! What is chosen in a world: what each poll brings, and how each attempt at an address fares.

use super::{
    alphabet::{Appeared, Ip, Letter},
    plan::Plan,
    source::Event,
    tape::Tape,
};

/// How an attempt at an address fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Opens,
    Fails,
    OpensLate,
    Hangs,
}

impl Door {
    pub(super) const ALL: [Self; 4] = [Self::Opens, Self::Fails, Self::OpensLate, Self::Hangs];
    /// How long after its beginning an attempt succeeds late.
    pub(super) const LATE: u64 = 1_500;
}

/// What has been chosen so far.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// For each instance what its polls brought.
    pub(super) sequences: Vec<Vec<Letter>>,
    appeared: Appeared,
    attempts: usize,
}

impl Chosen {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            sequences: vec![Vec::with_capacity(plan.length); plan.instances],
            appeared: Appeared::default(),
            attempts: 0,
        }
    }

    /// Whether nothing more comes for any of these.
    pub(super) fn is_silent_for(&self, plan: &Plan, asked: &[usize]) -> bool {
        asked.iter().all(|&who| self.sequences[who].len() == plan.length)
    }

    /// What the next poll can bring.
    pub(super) fn letters<'a>(&self, plan: &'a Plan) -> impl Iterator<Item = Letter> + 'a {
        let appeared = self.appeared;
        plan.letters.iter().copied().filter(move |letter| appeared.allows(*letter))
    }

    pub(super) fn note(&mut self, who: usize, letter: Letter) {
        self.appeared.note(letter);
        self.sequences[who].push(letter);
    }

    /// Counts an attempt; whether it may fare in each way.
    pub(super) fn note_attempt(&mut self, plan: &Plan) -> bool {
        self.attempts += 1;
        self.attempts <= plan.attempts
    }

    /// An unusable address is warned of once for each instance.
    pub(super) fn check_warnings(&self, history: &[Event]) -> Result<(), String> {
        let told = history.iter().filter(|event| **event == Event::ToldUnusable).count();
        let is_unusable = |letter: &Letter| matches!(letter, Letter::Instance(_, Ip::Unusable));
        let sequences = self.sequences.iter();
        let due = sequences.filter(|sequence| sequence.iter().any(is_unusable)).count();
        if told == due { Ok(()) } else { Err(format!("{told} unusable addresses told of {due}")) }
    }
}

/// What has been chosen so far, and the tape that chooses what comes next.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tape: &'a mut Tape,
    pub(super) chosen: Chosen,
}

impl<'a> Script<'a> {
    pub(super) fn new(plan: &'a Plan, tape: &'a mut Tape) -> Self {
        Self { plan, tape, chosen: Chosen::new(plan) }
    }

    pub(super) fn next_letter(&mut self, who: usize) -> Letter {
        let plan = self.plan;
        if let Some(last) = self.chosen.sequences[who].get(plan.length - 1) {
            return *last;
        }
        let index = self.tape.pick(self.chosen.letters(plan).count());
        let letter = self.chosen.letters(plan).nth(index).expect("it was counted");
        self.chosen.note(who, letter);
        letter
    }

    pub(super) fn next_door(&mut self) -> Door {
        if self.chosen.note_attempt(self.plan) {
            Door::ALL[self.tape.pick(Door::ALL.len())]
        } else {
            Door::Hangs
        }
    }

    /// Whether the requests of a round go on after an answer that asks for a pause.
    pub(super) fn goes_on(&mut self) -> bool {
        self.tape.pick(2) == 0
    }
}
