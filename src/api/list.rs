//! Finding instances in the pages of a list that may change while it is read.

use std::collections::{HashMap, HashSet};

use super::wire::{Next, Page};
use crate::{answer::instance::InstanceId, wait::source::Round};

/// The most pages of one listing, because a list may never end.
const MAX_PAGES: usize = 1_000;

/// One pass through the list, page by page. It may take several rounds.
#[derive(Debug)]
pub(super) struct Listing {
    places: HashMap<InstanceId, usize>,
    /// How many instances of this round have no answer.
    open: usize,
    /// The wanted instances that were on its pages.
    seen: HashSet<InstanceId>,
    cursors: HashSet<String>,
    pages: usize,
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: every wanted instance has been found, or the list is complete.
    Done,
    /// The page that begins at this cursor.
    Next(String),
    /// The list cannot be read to its end; instances that were not found may still be on it.
    Broken(&'static str),
}

impl Listing {
    /// Starts a pass for the instances of `round`.
    pub(super) fn new(round: &Round) -> Self {
        let mut listing = Self {
            places: HashMap::new(),
            open: 0,
            seen: HashSet::new(),
            cursors: HashSet::new(),
            pages: 0,
        };
        listing.go_on(round);
        listing
    }

    /// Continues the pass for the instances of `round`.
    pub(super) fn go_on(&mut self, round: &Round) {
        self.places = round.ids().cloned().zip(0..).collect();
        self.open = (0..round.len()).filter(|&place| is_open(round, place)).count();
    }

    /// Records the instances of a page in `round`. If an instance is on two pages, the later one
    /// counts, because it was requested later.
    pub(super) fn take(&mut self, page: Page, round: &mut Round) -> Step {
        self.pages += 1;
        for instance in page.instances {
            if let Some(&place) = self.places.get(&instance.id) {
                self.open -= usize::from(is_open(round, place));
                self.seen.insert(instance.id.clone());
                round.answer(place, Ok(instance));
            }
        }
        if self.open == 0 {
            return Step::Done;
        }
        match page.next {
            Next::End => Step::Done,
            Next::Lost => Step::Broken("the list has more pages, but does not say where"),
            Next::Cursor(_) if self.pages >= MAX_PAGES => Step::Broken("the list does not end"),
            Next::Cursor(cursor) => {
                if self.cursors.insert(cursor.clone()) {
                    Step::Next(cursor)
                } else {
                    Step::Broken("the list repeats a cursor")
                }
            }
        }
    }

    /// Returns whether an instance was on a page, in this round or an earlier one.
    pub(super) fn has_seen(&self, id: &InstanceId) -> bool {
        self.seen.contains(id)
    }

    /// The number of pages read.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }
}

/// Returns whether a place has no answer that describes its instance.
fn is_open(round: &Round, place: usize) -> bool {
    !matches!(round.answer_of(place), Some(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::instance::{Instance, Status};

    fn id(name: &str) -> InstanceId {
        InstanceId::new(name).unwrap()
    }

    fn page(instances: &[(&str, Status)], next: Next) -> Page {
        let instances =
            instances.iter().map(|(name, status)| Instance::new(id(name), status.clone()));
        Page { instances: instances.collect(), next }
    }

    /// Reads `pages` for the instances `wanted`; returns the steps and the statuses found.
    fn read<const N: usize>(
        wanted: [&str; N],
        pages: impl IntoIterator<Item = Page>,
    ) -> (Vec<Step>, [Option<Status>; N]) {
        let mut round = Round::new(wanted.map(id));
        let mut listing = Listing::new(&round);
        let steps = pages.into_iter().map(|page| listing.take(page, &mut round)).collect();
        (steps, std::array::from_fn(|place| status(&round, place)))
    }

    fn status(round: &Round, place: usize) -> Option<Status> {
        round.answer_of(place).map(|answer| answer.as_ref().unwrap().status.clone())
    }

    fn cursor(text: &str) -> Next {
        Next::Cursor(text.into())
    }

    #[test]
    fn reading_stops_as_soon_as_all_are_found() {
        let first = page(&[("a", Status::Ready), ("x", Status::Ready)], cursor("2"));
        let second = page(&[("b", Status::Init)], cursor("3"));
        let (steps, found) = read(["a", "b"], [first, second]);
        assert_eq!(steps, [Step::Next("2".into()), Step::Done]);
        assert_eq!(found, [Some(Status::Ready), Some(Status::Init)]);
    }

    #[test]
    fn of_an_instance_on_two_pages_the_later_one_counts() {
        let first = page(&[("a", Status::Pending)], cursor("2"));
        let second = page(&[("a", Status::Ready)], Next::End);
        let (_, found) = read(["a", "b"], [first, second]);
        assert_eq!(found, [Some(Status::Ready), None]);
    }

    #[test]
    fn a_repeated_cursor_breaks_the_listing() {
        let (steps, _) = read(["a"], ["2", "3", "2"].map(|at| page(&[], cursor(at))));
        assert_eq!(steps[..2], ["2", "3"].map(|at| Step::Next(at.into())));
        assert!(matches!(steps[2], Step::Broken(_)));
    }

    #[test]
    fn a_list_that_never_ends_is_bounded() {
        let (steps, _) = read(["a"], (0..MAX_PAGES).map(|n| page(&[], cursor(&n.to_string()))));
        let is_broken = |step: &Step| matches!(step, Step::Broken(_));
        assert_eq!(steps.iter().position(is_broken), Some(MAX_PAGES - 1));
    }

    #[test]
    fn more_without_a_cursor_is_broken() {
        assert!(matches!(read(["a"], [page(&[], Next::Lost)]).0[..], [Step::Broken(_)]));
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_pages_a_listing_ends_and_the_last_page_with_an_instance_counts(
            pages in proptest::collection::vec(
                (proptest::collection::vec((0..5_usize, 0..3_usize), 0..4), 0..9_u8), 1..12,
            ),
        ) {
            let names = ["a", "b", "c", "x", "y"];
            let statuses = [Status::Pending, Status::Ready, Status::Stopped];
            let mut round = Round::new(["a", "b", "c"].map(id));
            let mut listing = Listing::new(&round);
            let (mut seen, mut cursors) = (HashMap::new(), Vec::new());
            for (read, (instances, next)) in (1..).zip(&pages) {
                let instances: Vec<_> =
                    instances.iter().map(|(n, s)| (names[*n], statuses[*s].clone())).collect();
                seen.extend(instances.iter().cloned());
                let next = match next {
                    0 => Next::End,
                    1 => Next::Lost,
                    n => cursor(&n.to_string()),
                };
                let is_all = ["a", "b", "c"].iter().all(|name| seen.contains_key(name));
                let due = match &next {
                    _ if is_all => "done",
                    Next::End => "done",
                    Next::Cursor(c) if !cursors.contains(c) => "next",
                    _ => "broken",
                };
                let step = match listing.take(page(&instances, next.clone()), &mut round) {
                    Step::Done => "done",
                    Step::Next(c) => {
                        cursors.push(c);
                        "next"
                    }
                    Step::Broken(_) => "broken",
                };
                assert_eq!((step, listing.pages()), (due, read));
                if due != "next" {
                    break;
                }
            }
            for (place, id) in round.ids().enumerate() {
                assert_eq!(status(&round, place).as_ref(), seen.get(id.as_str()));
            }
        }
    }
}
