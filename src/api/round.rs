//! One round of polls: pages of the list or single requests, whichever is fewer. The list is a
//! shortcut, and never decides alone.

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

/// The most instances asked for in one page.
const PAGE_LIMIT: usize = 100;
/// After so many rounds in a row in which the list failed, single requests are tried.
const MOST_LIST_FAULTS: u32 = 3;

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

/// The places that are to be asked about: without an answer, or with one about the key.
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

/// Returns whether nothing came of a round that another server might not have done better.
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

/// Where the reading of the list ended early.
enum Broken {
    /// The server asks for a pause before the page at this cursor.
    Paused(PollError, Option<String>),
    /// There is no such list for us, whatever the reason.
    Refused(PollError),
    /// Something went wrong that may pass.
    Fault(PollError),
    /// What was answered has nothing to do with the list.
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
            // That this machine has nothing to spare says nothing of the list.
            Err(Broken::Fault(error @ PollError::Transient { fault: Fault::Exhausted(_), .. })) => {
                answer_the_rest(round, &error);
            }
            Err(Broken::Fault(error)) => {
                self.list_faults += 1;
                if self.list_faults < MOST_LIST_FAULTS || error.asks_for_a_pause() {
                    answer_the_rest(round, &of_the_list(error));
                } else {
                    self.replace_list(round, error).await;
                }
            }
        }
    }

    /// Asks for each instance of these places by a request of its own, until the server asks for a
    /// pause.
    async fn get_each(&self, round: &mut Round, places: Vec<usize>) {
        let mut unasked = places
            .into_iter()
            .map(|place| (place, round.id(place).clone()))
            .collect::<Vec<_>>()
            .into_iter();
        let ask = |(place, id): (usize, InstanceId)| async move {
            let answer = self.get_instance(&id).await;
            (place, answer)
        };
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

    /// Asks for all instances by the pages of a list. A listing that a pause has cut goes on where
    /// it stopped; whom it came by before that is then looked for from its beginning.
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
                // The cursor of an earlier round has been forgotten.
                Err(Broken::Fault(_)) if goes_on => {
                    (goes_on, listing) = (false, Listing::new(round));
                    continue;
                }
                Err(Broken::Paused(error, at)) => {
                    answer_the_rest(round, &error);
                    self.cut = Some((listing, at.clone()));
                    return Err(Broken::Paused(error, at));
                }
                Err(broken) => return Err(broken),
            }
            self.list = ListUse::Pages(listing.pages());
            // Not on the list is not yet 404: each is asked for by name.
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

    /// Reads pages from `cursor` on, as long as that is fewer requests than one for each instance.
    async fn read_pages(
        &self,
        listing: &mut Listing,
        mut cursor: Option<String>,
        round: &mut Round,
    ) -> Result<(), Broken> {
        let begun_with = listing.pages();
        loop {
            let url = self.api.instances(PAGE_LIMIT, cursor.as_deref());
            let page = self.get_page(url).await.map_err(|error| broken(error, cursor.clone()))?;
            match listing.take(page, round) {
                Step::Done => return Ok(()),
                Step::Next(_) if listing.pages() - begun_with >= round.len() => return Ok(()),
                Step::Next(next) => cursor = Some(next),
                Step::Broken(reason) => return Err(Broken::Fault(PollError::malformed(reason))),
            }
        }
    }

    /// Asks for each instance by its own request from now on, if the first of them shows that it is
    /// the list that fails and not the API.
    async fn replace_list(&mut self, round: &mut Round, error: PollError) {
        let mut open = open_places(round);
        if open.is_empty() {
            return;
        }
        let first = open.remove(0);
        let answer = self.get_instance(round.id(first)).await;
        let shows_more_than_the_list = match &answer {
            Err(PollError::Transient { .. } | PollError::Throttled { .. }) => {
                Some(of_the_list(error.clone()))
            }
            Err(foreign @ PollError::Foreign(_)) => Some(foreign.clone()),
            _ => None,
        };
        round.answer(first, answer);
        if let Some(for_all) = shows_more_than_the_list {
            return answer_the_rest(round, &for_all);
        }
        (self.list, self.cut) = (ListUse::Replaced, None);
        round
            .notice(format!("{}: asking for each instance by its own request", of_the_list(error)));
        let open = open_places(round);
        self.get_each(round, open).await;
    }
}

/// What an error of the page at `cursor` means.
fn broken(error: PollError, cursor: Option<String>) -> Broken {
    match error {
        PollError::Throttled { .. } => Broken::Paused(error, cursor),
        PollError::Unauthorized(ref answer) if answer.status == 401 => Broken::Verdict(error),
        PollError::Refused(Refusal::Status(ref answer)) if answer.status == 407 => {
            Broken::Verdict(error)
        }
        // The cursor is what was refused: the list has changed under it.
        PollError::Refused(refusal) if cursor.is_some() => {
            Broken::Fault(PollError::malformed(format!("the list broke off: {refusal}")))
        }
        error if cursor.is_none() && shows_no_list(&error) => Broken::Refused(error),
        error => Broken::Fault(error),
    }
}

/// Returns whether there is no list for us, or none that can be read.
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

/// `error` as one of the list, which says nothing of an instance.
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
