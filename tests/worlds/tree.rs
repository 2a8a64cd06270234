//! The worlds of one instance as a tree: what two of them have in common is gone through once.
//!
//! The policy is pure and can be cloned, and so can the oracle, which reads a history event by
//! event. So a world costs its last observation and its end, and no timer. In place of the loop
//! (`wait/waiter.rs`, `wait/probing.rs`) stands [`Node`], which keeps the same order for one
//! instance: at one moment an answer comes before the cut, the cut before an attempt, and an
//! attempt before the next round. That it does is not believed: every so many worlds, the real loop
//! waits too, and the two histories have to be the same, event for event; and of smaller worlds
//! it waits in every one (`examples/exhaustive.rs`).

use std::time::Duration;

use wait_ready::{answer::instance::InstanceId, wait::watch::Watch};

use super::{
    checks::{self, Ended},
    exhaustive::{paused, wait},
    failure::Failure,
    names,
    node::{Choice, Node},
    oracle::Oracle,
    plan::Plan,
    script::Door,
    source::Event,
    tape::Tape,
};

/// Goes through all worlds of `plan`, which has one instance, that begin with this letter, until
/// one fails; how many they were. In every so many of them the real loop waits too.
pub(crate) fn branch_through(plan: &Plan, first: usize, every: u64) -> Result<u64, Box<Failure>> {
    let id = names().next().expect("a name");
    let node = Node::new(plan, id.clone());
    let root = Branch { node, oracle: Oracle::new(&plan.options, 1), read: 0 };
    let mut walk = Walk {
        plan,
        id,
        runtime: paused(),
        first,
        every,
        path: Vec::new(),
        history: Vec::new(),
        worlds: 0,
    };
    walk.go_on(root)?;
    Ok(walk.worlds)
}

/// What the branches of a tree share.
struct Walk<'a> {
    plan: &'a Plan,
    id: InstanceId,
    runtime: tokio::runtime::Runtime,
    first: usize,
    every: u64,
    /// The choices that lead to where it stands, and what happened on the way.
    path: Vec<usize>,
    history: Vec<Event>,
    worlds: u64,
}

/// Where a branch stands.
#[derive(Clone)]
struct Branch<'a> {
    node: Node,
    oracle: Oracle<'a>,
    /// How many events the oracle has read.
    read: usize,
}

impl<'a> Walk<'a> {
    /// Goes on until the next choice, and from there in each way.
    fn go_on(&mut self, mut branch: Branch<'a>) -> Result<(), Box<Failure>> {
        let choice = branch.node.go_on(self.plan, &mut self.history);
        branch.read(&self.history).map_err(|what| self.failure(&branch.node, what))?;
        match choice {
            Choice::Over => self.check(branch),
            Choice::Letter => {
                let only = self.path.is_empty().then_some(self.first);
                let letters = branch.node.chosen.letters(self.plan).enumerate();
                for (index, letter) in letters.filter(|(n, _)| only.is_none_or(|only| only == *n)) {
                    self.take(index, &branch, |node, walk| {
                        node.answer(letter, walk.plan, &walk.id, &mut walk.history);
                    })?;
                }
                Ok(())
            }
            Choice::Door if branch.node.chosen.note_attempt(self.plan) => {
                for (index, door) in Door::ALL.into_iter().enumerate() {
                    self.take(index, &branch, |node, _| node.meet(door))?;
                }
                Ok(())
            }
            Choice::Door => {
                branch.node.meet(Door::Hangs);
                self.go_on(branch)
            }
        }
    }

    /// Takes one of the ways on, and comes back.
    fn take(
        &mut self,
        index: usize,
        branch: &Branch<'a>,
        step: impl FnOnce(&mut Node, &mut Self),
    ) -> Result<(), Box<Failure>> {
        let mut on = branch.clone();
        self.path.push(index);
        step(&mut on.node, self);
        self.go_on(on)?;
        self.path.pop();
        self.history.truncate(branch.read);
        Ok(())
    }

    fn check(&mut self, branch: Branch<'a>) -> Result<(), Box<Failure>> {
        let Branch { node, mut oracle, .. } = branch;
        oracle.end();
        let watches = node.policy.watches();
        let ended = Ended {
            watches,
            decisive: watches.iter().find(|watch| !watch.is_met()),
            elapsed: Duration::from_millis(node.now),
        };
        checks::check_ended(&self.plan.options, &self.history, &oracle, ended)
            .and_then(|_| node.chosen.check_warnings(&self.history))
            .and_then(|()| self.compare_with_loop(watches))
            .map_err(|what| self.failure(&node, what))?;
        self.worlds += 1;
        Ok(())
    }

    /// Every so many worlds, what the real loop makes of the same choices.
    fn compare_with_loop(&self, watches: &[Watch]) -> Result<(), String> {
        if !self.worlds.is_multiple_of(self.every) {
            return Ok(());
        }
        let waited = self.runtime.block_on(wait(self.plan, &mut Tape::of(&self.path)));
        let fares = |watches: &[Watch]| format!("{watches:?}");
        let fares_so = fares(waited.outcome.watches());
        if waited.history == self.history && fares_so == fares(watches) {
            return Ok(());
        }
        let history: Vec<String> = waited.history.iter().map(|e| format!("  {e:?}")).collect();
        Err(format!("the loop goes another way:\n{}\n{fares_so}", history.join("\n")))
    }

    fn failure(&self, node: &Node, what: String) -> Box<Failure> {
        let path = self.path.clone();
        Box::new(Failure::new(self.plan, path, &node.chosen, &self.history, what))
    }
}

impl Branch<'_> {
    /// Lets the oracle read on.
    fn read(&mut self, history: &[Event]) -> Result<(), String> {
        let unread = &history[self.read..];
        self.read = history.len();
        unread.iter().try_for_each(|event| self.oracle.take(*event))
    }
}
