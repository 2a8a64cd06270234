//! One round of polls: pages of the list or single requests, whichever is fewer. The list is only
//! a shortcut: what it does not settle, single requests do.

use futures_util::{StreamExt as _, stream};

use super::{
    connections::MAX_IN_FLIGHT,
    http::{HttpSource, ListUse},
    list::{Listing, Step},
};
use crate::{
    answer::{
        Answer,
        instance::InstanceId,
        poll_error::{Fault, PollError, Refusal},
    },
    wait::source::{InstanceSource, Round},
};

/// The most instances in one page.
const PAGE_LIMIT: usize = 100;
/// The number of rounds in a row in which the list fails before single requests replace it.
const MAX_LIST_FAULTS: u32 = 3;

impl InstanceSource for HttpSource {
    async fn poll(&mut self, round: &mut Round) {
        self.connections.renew_if_due();
        for is_last in [false, true] {
            self.ask(round).await;
            let is_refused = (0..round.len()).any(|place| refuses_key(round.answer_of(place)));
            if is_last || !is_refused || !self.take_replaced_key() {
                break;
            }
            round.note_new_key();
        }
        self.connections.note(is_faulty(round));
    }
}

/// The places to ask about: without an answer, or with one that refuses the key.
fn open_places(round: &Round) -> Vec<usize> {
    let is_open = |&place: &usize| {
        let answer = round.answer_of(place);
        answer.is_none() || refuses_key(answer)
    };
    (0..round.len()).filter(is_open).collect()
}

fn refuses_key(answer: Option<&Answer>) -> bool {
    let Some(Err(error)) = answer else { return false };
    error.answer().is_some_and(|answer| answer.status == 401)
}

/// Returns whether every answer of a round is an error that another server might not give.
fn is_faulty(round: &Round) -> bool {
    let mut answers = (0..round.len()).filter_map(|place| round.answer_of(place)).peekable();
    answers.peek().is_some()
        && answers.all(|answer| {
            matches!(answer, Err(PollError::Transient { .. } | PollError::Foreign(_)))
        })
}

fn answer_the_rest(round: &mut Round, error: &PollError) {
    for place in open_places(round) {
        round.answer(place, Err(error.clone()));
    }
}

/// Why the list was not read to its end.
enum Broken {
    /// The server asks for a pause before the page at this cursor.
    Paused(PollError, Option<String>),
    /// The list is not available to this client.
    Refused(PollError),
    /// A transient error.
    Fault(PollError),
    /// An error that concerns every request, not just the list.
    Verdict(PollError),
}

impl HttpSource {
    async fn ask(&mut self, round: &mut Round) {
        let open = open_places(round);
        let list_is_cheaper = match self.list {
            ListUse::Pages(pages) => pages < open.len(),
            ListUse::Replaced => false,
        };
        if !list_is_cheaper {
            self.get_each(round, open).await;
            return;
        }
        match self.list(round).await {
            Ok(()) | Err(Broken::Paused(..)) => self.list_faults = 0,
            Err(Broken::Verdict(error)) => answer_the_rest(round, &error),
            Err(Broken::Refused(error)) => self.replace_list(round, error).await,
            // A shortage on this machine is no fault of the list.
            Err(Broken::Fault(error @ PollError::Transient { fault: Fault::Exhausted(_), .. })) => {
                answer_the_rest(round, &error);
            }
            Err(Broken::Fault(error)) => {
                self.list_faults += 1;
                if self.list_faults < MAX_LIST_FAULTS || error.asks_for_a_pause() {
                    answer_the_rest(round, &of_the_list(error));
                } else {
                    self.replace_list(round, error).await;
                }
            }
        }
    }

    /// Requests the instance of each place separately, until the server asks for a pause.
    async fn get_each(&self, round: &mut Round, places: Vec<usize>) {
        let instance = |place| (place, round.id(place).clone());
        let mut unasked = places.into_iter().map(instance).collect::<Vec<_>>().into_iter();
        let ask =
            |(place, id): (usize, InstanceId)| async move { (place, self.get_instance(&id).await) };
        let mut in_flight: stream::FuturesUnordered<_> =
            unasked.by_ref().take(MAX_IN_FLIGHT).map(ask).collect();
        let mut verdict_for_all = None;
        let mut paused = false;
        while let Some((place, answer)) = in_flight.next().await {
            match &answer {
                Err(PollError::Unauthorized(answer)) if answer.status == 401 => {
                    verdict_for_all = Some(PollError::Unauthorized(answer.clone()));
                }
                Err(error) => paused |= error.asks_for_a_pause(),
                Ok(_) => {}
            }
            round.answer(place, answer);
            if !paused && verdict_for_all.is_none() {
                in_flight.extend(unasked.next().map(ask));
            }
        }
        if let Some(verdict) = verdict_for_all {
            answer_the_rest(round, &verdict);
        }
    }

    /// Requests all instances by the pages of the list. A listing that a pause cut short goes on
    /// where it stopped, and then starts again for the instances on the pages before that.
    async fn list(&mut self, round: &mut Round) -> Result<(), Broken> {
        let (mut listing, mut cursor) = match self.cut.take() {
            Some((mut listing, cursor)) => {
                listing.go_on(round);
                (listing, cursor)
            }
            None => (Listing::new(round), None),
        };
        let mut goes_on = cursor.is_some();
        loop {
            match self.read_pages(&mut listing, cursor.take(), round).await {
                Ok(()) => {}
                // The server no longer knows the cursor of an earlier round.
                Err(Broken::Fault(_)) if goes_on => {
                    (goes_on, listing) = (false, Listing::new(round));
                    continue;
                }
                Err(Broken::Paused(error, at)) => {
                    answer_the_rest(round, &error);
                    self.cut = Some((listing, at));
                    return Ok(());
                }
                Err(broken) => return Err(broken),
            }
            self.list = ListUse::Pages(listing.pages());
            // Missing from the list is not a 404 yet: single requests confirm it.
            let open = open_places(round);
            let missing = open.into_iter().filter(|&place| !listing.has_seen(round.id(place)));
            self.get_each(round, missing.collect()).await;
            let is_paused = |place| matches!(round.answer_of(place), Some(Err(error)) if error.asks_for_a_pause());
            if open_places(round).is_empty() || (0..round.len()).any(is_paused) {
                return Ok(());
            }
            (goes_on, listing) = (false, Listing::new(round));
        }
    }

    /// Reads pages from `cursor` on, at most as many as there are instances.
    async fn read_pages(
        &self,
        listing: &mut Listing,
        mut cursor: Option<String>,
        round: &mut Round,
    ) -> Result<(), Broken> {
        let pages_before = listing.pages();
        loop {
            let url = self.api.instances(PAGE_LIMIT, cursor.as_deref());
            let page = self.get_page(url).await.map_err(|error| broken(error, cursor.clone()))?;
            match listing.take(page, round) {
                Step::Done => return Ok(()),
                Step::Next(_) if listing.pages() - pages_before >= round.len() => return Ok(()),
                Step::Next(next) => cursor = Some(next),
                Step::Broken(reason) => return Err(Broken::Fault(PollError::malformed(reason))),
            }
        }
    }

    /// Requests each instance separately from now on, unless the first of these requests shows that
    /// the API fails and not just the list.
    async fn replace_list(&mut self, round: &mut Round, error: PollError) {
        let mut open = open_places(round);
        if open.is_empty() {
            return;
        }
        let first = open.remove(0);
        let answer = self.get_instance(round.id(first)).await;
        let for_all = match &answer {
            Err(PollError::Transient { .. } | PollError::Throttled { .. }) => {
                Some(of_the_list(error.clone()))
            }
            Err(foreign @ PollError::Foreign(_)) => Some(foreign.clone()),
            _ => None,
        };
        round.answer(first, answer);
        if let Some(for_all) = for_all {
            return answer_the_rest(round, &for_all);
        }
        (self.list, self.cut) = (ListUse::Replaced, None);
        round.notice(format!("{}: requesting each instance separately", of_the_list(error)));
        let open = open_places(round);
        self.get_each(round, open).await;
    }
}

/// Classifies an error of the page at `cursor`.
fn broken(error: PollError, cursor: Option<String>) -> Broken {
    match error {
        PollError::Throttled { .. } => Broken::Paused(error, cursor),
        PollError::Unauthorized(ref answer) if answer.status == 401 => Broken::Verdict(error),
        PollError::Refused(Refusal::Status(ref answer)) if answer.status == 407 => {
            Broken::Verdict(error)
        }
        // The cursor was refused: the list has changed since.
        PollError::Refused(refusal) if cursor.is_some() => {
            Broken::Fault(PollError::malformed(format!("the list broke off: {refusal}")))
        }
        error if cursor.is_none() && shows_no_list(&error) => Broken::Refused(error),
        error => Broken::Fault(error),
    }
}

/// Returns whether an error means that the list is not available, or not readable.
fn shows_no_list(error: &PollError) -> bool {
    match error {
        PollError::NotFound(_)
        | PollError::Unauthorized(_)
        | PollError::Refused(_)
        | PollError::Foreign(_) => true,
        PollError::Transient { fault, .. } => match fault {
            Fault::Malformed { .. } | Fault::Oversized(_) => true,
            Fault::Server(answer) => answer.status == 501,
            _ => false,
        },
        PollError::Throttled { .. } => false,
    }
}

/// Marks `error` as one of the list, which means nothing for an instance.
fn of_the_list(error: PollError) -> PollError {
    let list = |fault, hint| PollError::Transient { fault: Fault::List(Box::new(fault)), hint };
    match error {
        PollError::Transient {
            fault: Fault::Connect(_) | Fault::Tls(_) | Fault::Proxy(_), ..
        } => error,
        PollError::Transient { fault, hint } => list(fault, hint),
        PollError::NotFound(answer)
        | PollError::Unauthorized(answer)
        | PollError::Foreign(answer)
        | PollError::Throttled { answer, .. }
        | PollError::Refused(Refusal::Status(answer)) => list(Fault::Server(answer), None),
        PollError::Refused(refusal) => list(
            Fault::Malformed { reason: refusal.to_string().as_str().into(), trace: None },
            None,
        ),
    }
}
