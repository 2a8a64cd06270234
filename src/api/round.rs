//! One round of polls: pages of the list or single requests, whichever is fewer.

use futures_util::{StreamExt as _, stream};

use super::{
    http::{HttpSource, ListUse, MAX_IN_FLIGHT},
    list::{Listing, Step},
    wire,
};
use crate::{
    answer::{
        instance::InstanceId,
        poll_error::{Fault, PollError, Refusal, ServerError},
    },
    wait::source::{InstanceSource, Round},
};

/// The most instances asked for in one page.
const PAGE_LIMIT: usize = 100;

impl HttpSource {
    /// Asks for each instance that has no answer yet by a request of its own, until the server
    /// asks for a pause.
    async fn get_each(&self, round: &mut Round) {
        let mut unasked = round
            .unanswered()
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

    /// Asks for all instances by the pages of a list, as long as that is fewer requests than one
    /// for each.
    async fn list(&mut self, round: &mut Round) -> Result<(), ListRefused> {
        let mut listing = Listing::new(round);
        let mut cursor: Option<String> = None;
        let outcome = loop {
            let url = self.api.instances(PAGE_LIMIT, cursor.as_deref());
            let page = match self.get(url).await {
                Ok(body) => wire::parse_page(&body, self.api.origin(), &self.redactor),
                Err(error) if refuses_listing(&error) => return Err(ListRefused(error)),
                // The cursor is what was refused: the list has changed under it.
                Err(PollError::Refused(refusal)) if cursor.is_some() => {
                    Err(PollError::malformed(format!("the list broke off: {refusal}")))
                }
                Err(error) => Err(error),
            };
            match page.map(|page| listing.take(page, round)) {
                Ok(Step::Done) => break Ok(()),
                Ok(Step::Next(_)) if listing.pages() >= round.len() => break Ok(()),
                Ok(Step::Next(next)) => cursor = Some(next),
                Ok(Step::Broken(reason)) => break Err(PollError::malformed(reason)),
                Err(error) => break Err(error),
            }
        };
        match outcome {
            Ok(()) => {
                self.list = ListUse::Pages(listing.pages());
                // Not on the list is not yet 404: each is asked for by name.
                self.get_each(round).await;
            }
            Err(error) => answer_the_rest(round, &error),
        }
        Ok(())
    }
}

fn answer_the_rest(round: &mut Round, error: &PollError) {
    for place in round.unanswered() {
        round.answer(place, Err(error.clone()));
    }
}

/// The API does not list instances for this key.
struct ListRefused(PollError);

/// Whether an answer to a list request says that there is no such list for us, rather than
/// something about the instances.
fn refuses_listing(error: &PollError) -> bool {
    match error {
        PollError::NotFound(_) => true,
        PollError::Refused(Refusal::Status(ServerError { status, .. })) => *status == 405,
        PollError::Unauthorized(ServerError { status, .. }) => *status == 403,
        PollError::Transient { fault: Fault::Server(answer), .. } => answer.status == 501,
        _ => false,
    }
}

impl InstanceSource for HttpSource {
    async fn poll(&mut self, round: &mut Round) {
        let list_is_cheaper = match self.list {
            ListUse::Pages(pages) => pages < round.len(),
            ListUse::Refused => false,
        };
        if !list_is_cheaper {
            return self.get_each(round).await;
        }
        let Err(ListRefused(answer)) = self.list(round).await else { return };
        self.list = ListUse::Refused;
        self.get_each(round).await;
        round.notice(format!(
            "the API does not list instances for this key ({answer}): asking for each by its own \
             request"
        ));
    }
}
