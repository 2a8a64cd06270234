//! When a fault occurs: the fixture's server, with one fault in one phase.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Phase, Wait,
    table::{Row, Strike},
};
use crate::fixture::{
    server::{Act, Asked, Seen, Server, answer, asked, at, described, page},
    tls::{Authority, Validity},
};

/// The API of one cell.
pub(super) struct Api {
    pub(super) server: Server,
    pub(super) authority: Authority,
    /// How often the fault has occurred.
    pub(super) strikes: Arc<AtomicUsize>,
    scheme: &'static str,
}

/// When the fault occurs, and the API's answer otherwise.
struct Plan {
    phase: Phase,
    row: Option<&'static Row>,
    wait: Wait,
    most: usize,
    strikes: Arc<AtomicUsize>,
    on_connection: Mutex<HashMap<usize, usize>>,
}

impl Api {
    pub(super) fn start(phase: Phase, row: &'static Row, wait: Wait, most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::with(listener, phase, Some(row), wait, most)
    }

    /// Without any fault.
    pub(super) fn on(listener: TcpListener) -> Self {
        Self::with(listener, Phase::Connect, None, Wait::Several, 0)
    }

    fn with(
        listener: TcpListener,
        phase: Phase,
        row: Option<&'static Row>,
        wait: Wait,
        most: usize,
    ) -> Self {
        let strikes = Arc::new(AtomicUsize::new(0));
        let on_connection = Mutex::default();
        let plan =
            Arc::new(Plan { phase, row, wait, most, strikes: strikes.clone(), on_connection });
        let authority = Authority::new("Example Company CA");
        let identity = authority.certify(&["127.0.0.1"], Validity::Now);
        let encrypted = phase == Phase::Tls;
        let receiving = Arc::clone(&plan);
        let server = Server::on(
            listener,
            move |number, stream| {
                let row = receiving.row.filter(|_| receiving.strikes_connection(number));
                match row.map(|row| &row.strike) {
                    Some(Strike::Connection(strike)) => {
                        strike(stream);
                        None
                    }
                    _ if encrypted => identity.secure(stream),
                    _ => Some(Box::new(stream)),
                }
            },
            move |number, seen| plan.answer(number, seen),
        );
        let scheme = if encrypted { "https" } else { "http" };
        Self { server, authority, strikes, scheme }
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}/v1", self.scheme, self.server.address())
    }
}

impl Plan {
    /// Counts a fault, while there are any left.
    fn strike(&self) -> bool {
        let left = |count| (count < self.most).then_some(count + 1);
        self.strikes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }

    fn strikes_connection(&self, number: usize) -> bool {
        matches!(self.phase, Phase::Connect | Phase::Tls)
            && (number > 0 || !self.wait.probes())
            && self.strike()
    }

    fn strikes_request(&self, number: usize, seen: &Seen) -> bool {
        let earlier = {
            let mut counts = self.on_connection.lock().unwrap();
            let count = counts.entry(seen.connection).or_insert(0);
            *count += 1;
            *count - 1
        };
        let first_round = if self.wait == Wait::ProbingSeveral { 2 } else { 1 };
        let strikes = match self.phase {
            Phase::Connect | Phase::Tls => false,
            Phase::Header | Phase::Body => true,
            Phase::Reuse => earlier > 0,
            Phase::SecondPage => matches!(asked(seen), Asked::Page(Some(_))),
        };
        strikes && (number >= first_round || !self.wait.probes()) && self.strike()
    }

    fn answer(&self, number: usize, seen: &Seen) -> Act {
        if let Some(Row { strike: Strike::Answer(act), .. }) = self.row
            && self.strikes_request(number, seen)
        {
            return act();
        }
        // Where a good answer comes before the fault, it must not end the wait.
        let comes_after = matches!(self.phase, Phase::Reuse | Phase::SecondPage);
        let is_over = self.strikes.load(Ordering::SeqCst) >= self.most;
        let status =
            if comes_after && !is_over && !self.wait.probes() { "pending" } else { "ready" };
        let act = self.well(seen, status);
        match act {
            // The next poll needs a new connection, on which the fault then occurs.
            Act::Bytes(bytes) if matches!(self.phase, Phase::Connect | Phase::Tls) => {
                Act::BytesThenClose(bytes)
            }
            act => act,
        }
    }

    fn well(&self, seen: &Seen, status: &str) -> Act {
        let one = |number: usize| {
            let ip = if self.wait.probes() { "127.0.0.1".to_owned() } else { ip(number) };
            described(&format!("i{}", number + 1), status, &at(ip.trim_end()))
        };
        match asked(seen) {
            Asked::One(id) => answer(200, &[], &one(id[1..].parse::<usize>().unwrap() - 1)),
            Asked::Page(None) => page(&[one(0)], Some("2")),
            Asked::Page(_) => page(&[one(1), one(2)], None),
        }
    }
}

/// The address of the instance with this number, from zero, as it is printed.
pub(super) fn ip(number: usize) -> String {
    format!("203.0.113.{}\n", number + 1)
}
