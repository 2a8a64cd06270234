//! A server with a fault in every third answer, whose instances end as their names say.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::fixture::server::{Act, Asked, Seen, answer, asked, at, described, error, page};

/// The ending of a short wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    pub(super) name: &'static str,
    pub(super) code: i32,
    pub(super) timeout: &'static str,
}

const fn fate(name: &'static str, code: i32, timeout: &'static str) -> Fate {
    Fate { name, code, timeout }
}

pub(super) const FATES: &[Fate] = &[
    fate("ready", 0, "50s"),
    fate("stopped", 3, "50s"),
    fate("ready", 0, "50s"),
    fate("denied", 4, "50s"),
    fate("deleted", 5, "50s"),
    fate("refused", 6, "50s"),
    fate("endless", 124, "3s"),
    fate("ready", 0, "50s"),
];

/// The number of usable answers before a short wait's ending.
const BEFORE_FATE: usize = 4;

pub(super) struct Weather {
    random: Mutex<fastrand::Rng>,
    usable: Mutex<HashMap<String, usize>>,
    is_clear: AtomicBool,
    faults: AtomicUsize,
}

impl Weather {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            usable: Mutex::default(),
            is_clear: AtomicBool::new(false),
            faults: AtomicUsize::new(0),
        }
    }

    /// Makes the instances of the long waits ready. The faults go on.
    pub(super) fn clear_up(&self) {
        self.is_clear.store(true, Ordering::SeqCst);
    }

    pub(super) fn faults(&self) -> usize {
        self.faults.load(Ordering::SeqCst)
    }

    fn below(&self, limit: usize) -> usize {
        self.random.lock().unwrap().usize(..limit)
    }

    pub(super) fn answer(&self, seen: &Seen) -> Act {
        // A wait that must end at its deadline must not be throttled past it.
        let may_throttle = !matches!(asked(seen), Asked::One(id) if id.starts_with("endless"));
        if let Some(fault) = self.fault(may_throttle) {
            self.faults.fetch_add(1, Ordering::SeqCst);
            return fault;
        }
        match asked(seen) {
            Asked::One(id) => self.instance(id),
            Asked::Page(cursor) => self.page(cursor),
        }
    }

    /// In one of three answers.
    fn fault(&self, may_throttle: bool) -> Option<Act> {
        let body = |text: &str| Act::BytesThenClose(text.as_bytes().to_vec());
        let hint = [("Retry-After", "1")];
        Some(match self.below(54) {
            0 => error(500, &[]),
            1 => error(502, &[]),
            2 => error(408, &[]),
            3 => error(504, &[]),
            4 if may_throttle => error(429, &hint),
            5 if may_throttle => error(503, &hint),
            6 if may_throttle => error(429, &[("x-ratelimit-reset", "1")]),
            7 if may_throttle => error(429, &[("Retry-After", "nonsense")]),
            8 => Act::Reset,
            9 => body(""),
            10 => body("HTTP/1.1 200 OK\r\nContent-Len"),
            11 => body("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":"),
            12 => answer(200, &[], "<html>down for maintenance</html>"),
            13 => answer(200, &[], &" ".repeat((1 << 20) + 1)),
            14 => Act::Slow(Vec::new(), Duration::from_millis(1500), Vec::new()),
            15 => Act::Slow(b"HTTP/1.1 2".to_vec(), Duration::from_millis(300), b"00".to_vec()),
            16 => answer(200, &[], r#"{"instances":5,"id":5}"#),
            17 => body("SSH-2.0-OpenSSH\r\n\r\n"),
            _ => return None,
        })
    }

    fn instance(&self, id: &str) -> Act {
        let answers = {
            let mut usable = self.usable.lock().unwrap();
            let answers = usable.entry(id.to_owned()).or_default();
            *answers += 1;
            *answers
        };
        if answers > BEFORE_FATE {
            match id.split('-').next() {
                Some("stopped") => return answer(200, &[], &self.described(id, Some("stopped"))),
                Some("denied") => return error(403, &[]),
                Some("deleted") => return error(404, &[]),
                Some("refused") => return error(400, &[]),
                Some("ready") => return answer(200, &[], &self.described(id, Some("ready"))),
                _ => {}
            }
        }
        answer(200, &[], &self.described(id, None))
    }

    /// The instance in this status, or in an earlier one.
    fn described(&self, id: &str, status: Option<&str>) -> String {
        const ON_THE_WAY: [&str; 6] =
            ["init", "pending", "provisioning", "provisioning", "unknown", "paused"];
        let on_the_way = ON_THE_WAY[self.below(ON_THE_WAY.len())];
        let is_long = id.starts_with("long");
        let is_clear = self.is_clear.load(Ordering::SeqCst);
        let (status, ip) = match status {
            Some(status) => (status, ip(id)),
            None if id.starts_with("long-probe") && (is_clear || self.below(8) > 0) => {
                ("ready", "127.0.0.1".to_owned())
            }
            None if is_long && is_clear => ("ready", ip(id)),
            // Ready without an address, and an address without ready, do not meet the condition.
            None if self.below(4) == 0 => ("ready", String::new()),
            None => (on_the_way, "192.0.2.66".to_owned()),
        };
        described(id, status, &at(&ip))
    }

    /// Pages of one list that all the long waits share: three instances each.
    fn page(&self, cursor: Option<&str>) -> Act {
        const PAGES: usize = 2;
        let number = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let ids = (0..super::LONG).filter(|number| number % 5 == 1).flat_map(|number| {
            ["a", "b", "c"].into_iter().map(move |letter| format!("long-{number}{letter}"))
        });
        let all: Vec<String> = ids.map(|id| self.described(&id, None)).collect();
        let part = all.len().div_ceil(PAGES);
        let shown = all.chunks(part).nth(number).unwrap_or_default();
        let next = Some(number + 1).filter(|next| *next < PAGES).map(|next| next.to_string());
        page(shown, next.as_deref())
    }
}

/// The address of an instance once it is ready, different for each.
pub(super) fn ip(id: &str) -> String {
    let number = id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let [_, a, b, c] = (number % 0x00fe_fefe).to_be_bytes();
    format!("10.{a}.{b}.{}", c.max(1))
}
