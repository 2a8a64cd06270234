//! What can be met with in the generated worlds, counted, so that none of it can go missing unseen.

use std::{collections::BTreeSet, net::IpAddr};

use wait_ready::{
    answer::poll_error::PollError,
    wait::{condition::Condition, ending::Ending as E, outcome::Outcome, watch::Watch},
};

use super::{answers::Said, source::Event, world::Options};

/// One thing that a wait can meet with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// A refusal in front of the API, which did not end the wait.
    ForeignPassedOver,
    /// One that did.
    ForeignBelieved,
    /// A list that fails, while each instance's own request is answered.
    NoList,
    /// Something new for some of those still waited for, and not for all.
    ShareOfNews,
    /// A hint, and the next poll later than that, so that not all come back together.
    SpreadHint,
    /// An address that is reached, and then is not.
    ReachedThenNot,
    /// A command as a probe that fails.
    FailedCommand,
    /// A poll past the deadline, after the process was stopped.
    LatePoll,
    /// A wait that is dropped.
    Dropped,
}

impl Sight {
    pub(crate) const ALL: [Self; 9] = [
        Self::ForeignPassedOver,
        Self::ForeignBelieved,
        Self::NoList,
        Self::ShareOfNews,
        Self::SpreadHint,
        Self::ReachedThenNot,
        Self::FailedCommand,
        Self::LatePoll,
        Self::Dropped,
    ];
}

/// What this wait met with.
pub(crate) fn sights(
    options: &Options,
    condition: &Condition,
    history: &[Event],
    outcome: &Outcome,
    is_dropped: bool,
) -> Vec<Sight> {
    let is_foreign =
        |event: &Event| matches!(event, Event::Answer { said: Said::Foreign { .. }, .. });
    let believed = outcome.watches().iter().any(believes_foreign);
    let tried = |event: &Event| match event {
        Event::Tried { ip, reached, .. } => Some((*ip, *reached)),
        _ => None,
    };
    let attempts: Vec<(IpAddr, bool)> = history.iter().filter_map(tried).collect();
    let fails = attempts.iter().any(|(_, reached)| !reached);
    let is_late = |event: &Event| matches!(event, Event::Ask { at } if *at > options.max_wait);
    [
        (Sight::ForeignPassedOver, history.iter().any(is_foreign) && !believed),
        (Sight::ForeignBelieved, believed),
        (Sight::NoList, history.contains(&Event::NoList)),
        (Sight::ShareOfNews, brings_a_share_of_news(history)),
        (Sight::SpreadHint, options.jitter && comes_later_than_a_hint(history)),
        (
            Sight::ReachedThenNot,
            attempts.windows(2).any(|two| two[0].1 && two[1] == (two[0].0, false)),
        ),
        (Sight::FailedCommand, *condition == Condition::Exec && fails),
        (Sight::LatePoll, options.max_wait > 0 && history.iter().any(is_late)),
        (Sight::Dropped, is_dropped),
    ]
    .into_iter()
    .filter_map(|(sight, is_seen)| is_seen.then_some(sight))
    .collect()
}

fn believes_foreign(watch: &Watch) -> bool {
    let is_ended =
        matches!(watch.ending(), Some(E::Unauthorized(_) | E::NotFound(_) | E::Refused(_)));
    is_ended && matches!(watch.present_error(), Some(PollError::Foreign(_)))
}

/// Whether a round shows a status for the first time for some of those it asks about, and not for all.
fn brings_a_share_of_news(history: &[Event]) -> bool {
    let mut seen = BTreeSet::new();
    let (mut asked, mut news) = (0, 0);
    history.iter().any(|event| {
        match *event {
            Event::Ask { .. } => (asked, news) = (0, 0),
            Event::Asked { .. } => asked += 1,
            Event::Answer { who, said: Said::Instance { status, .. } } => {
                news += usize::from(seen.insert((who, status)));
            }
            Event::Answered { .. } => return news > 0 && news < asked,
            _ => {}
        }
        false
    })
}

/// Whether a poll is planned for later than the hint before it asks for.
fn comes_later_than_a_hint(history: &[Event]) -> bool {
    let (mut hint, mut answered) = (None, 0);
    history.iter().any(|event| {
        match *event {
            Event::Ask { .. } => hint = None,
            Event::Answer { said: Said::Error { hint: asked, .. }, .. } => hint = hint.max(asked),
            Event::Answered { at } => answered = at,
            Event::Planned { at } => {
                return hint.is_some_and(|hint| hint > 0 && at > answered.saturating_add(hint));
            }
            _ => {}
        }
        false
    })
}
