//! One answer of a world: what it means by the contract, and as the library gets it.

use std::{net::IpAddr, time::Duration};

use wait_ready::{
    answer::{
        address::{Address, Origin},
        hint::Hint,
        instance::{Instance, InstanceId},
        poll_error::{Fault, Phase, PollError, ServerError},
        tls_fault::TlsFault,
    },
    api::{
        credentials::{ApiKey, Redactor},
        wire,
    },
    text::untrusted::Untrusted,
};

use super::{
    rng::Rng,
    world::{Ms, Shown, Weather, World},
};

/// What an answer means to a reader of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Instance {
        status: &'static str,
        ip: Option<IpAddr>,
    },
    /// An error status; the hint only where the contract listens to one.
    Error {
        status: u16,
        hint: Option<Ms>,
    },
    /// A refusal in front of the API, with this status.
    Foreign {
        status: u16,
    },
    /// No connection, half an answer, no answer in time, nonsense.
    Fault,
}

/// The headers of an answer that may hold a hint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers {
    retry_after: Option<String>,
    reset: Option<String>,
    /// Whether the present is one whose seconds since 1970 can be no delay.
    is_later: bool,
}

impl Headers {
    pub(crate) fn retry_after(text: &str) -> Self {
        Self { retry_after: Some(text.into()), ..Self::default() }
    }

    /// A reset that says when a pause ends, in seconds or milliseconds since 1970.
    pub(crate) fn reset_at(pause: Ms, in_millis: bool) -> Self {
        let seconds = LATER.as_secs() + pause / 1_000;
        let text = if in_millis { seconds * 1_000 } else { seconds }.to_string();
        Self { retry_after: None, reset: Some(text), is_later: true }
    }

    pub(crate) fn reset(text: &str) -> Self {
        Self { reset: Some(text.into()), ..Self::default() }
    }
}

/// The present of every answer's HTTP date: the example of RFC 9110, 1994-11-06 08:49:37.
const NOW: Duration = Duration::from_secs(784_111_777);
/// The present of the answers that name a moment by a number.
const LATER: Duration = Duration::from_secs(1_800_000_000);

/// Added to the status of a refusal that is not the API's own.
const FOREIGN: u16 = 1_000;

/// A spell of the same fault, request after request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Burst {
    left: u64,
    kind: u16,
}

impl World {
    /// What a request for an instance gets at this moment.
    pub(crate) fn answer(
        &self,
        who: usize,
        at: Ms,
        burst: &mut Burst,
        rng: &mut Rng,
    ) -> (Said, Headers) {
        let weather = &self.weather;
        if burst.left == 0 {
            burst.kind = match rng.below(100) {
                n if n < weather.permanent => rng.pick(&[
                    401,
                    403,
                    400,
                    402,
                    405,
                    409,
                    410,
                    422,
                    301,
                    302,
                    308,
                    304,
                    FOREIGN + 403,
                    FOREIGN + 404,
                    FOREIGN + 418,
                ]),
                n if n < weather.permanent + weather.throttle => 429,
                n if n < weather.permanent + weather.throttle + weather.fault => rng.pick(&[
                    500,
                    502,
                    503,
                    503,
                    504,
                    599,
                    408,
                    425,
                    404,
                    0,
                    0,
                    0,
                    FOREIGN + 401,
                    FOREIGN + 403,
                    FOREIGN + 404,
                ]),
                _ => 200,
            };
            // A 404 out of the blue is the rarest of lies.
            if burst.kind == 404 && !rng.percent(30) {
                burst.kind = 500;
            }
            burst.left = if burst.kind == 200 { 1 } else { rng.between(1, weather.longest_burst) };
        }
        burst.left -= 1;
        match burst.kind {
            200 => match self.shown(who, at) {
                Shown::Instance { status, ip } => {
                    (Said::Instance { status, ip }, Headers::default())
                }
                Shown::Missing => (Said::Error { status: 404, hint: None }, Headers::default()),
            },
            0 => (Said::Fault, Headers::default()),
            kind if kind > FOREIGN => {
                (Said::Foreign { status: kind - FOREIGN }, Headers::default())
            }
            status => {
                let (meant, headers) = hint(weather, rng);
                let hint = meant.filter(|_| matches!(status, 429 | 503));
                (Said::Error { status, hint }, headers)
            }
        }
    }
}

/// A hint in one of its forms, or something that is none.
fn hint(weather: &Weather, rng: &mut Rng) -> (Option<Ms>, Headers) {
    let seconds = rng.between(0, weather.longest_hint / 1_000);
    let after = |text: String| Headers { retry_after: Some(text), ..Headers::default() };
    match rng.below(16) {
        0..=3 => (Some(seconds * 1_000), after(seconds.to_string())),
        4 => (Some(seconds * 1_000), after(format!(" 00{seconds}\t"))),
        5 | 6 => {
            // Inside one minute, so that the three forms need no calendar.
            let seconds = seconds % 23;
            let clock = format!("08:49:{}", 37 + seconds);
            let text = match rng.below(3) {
                0 => format!("Sun, 06 Nov 1994 {clock} GMT"),
                1 => format!("Sunday, 06-Nov-94 {clock} GMT"),
                _ => format!("Sun Nov  6 {clock} 1994"),
            };
            (Some(seconds * 1_000), after(text))
        }
        7 => (Some(0), after("Sun, 06 Nov 1994 08:49:36 GMT".into())),
        8 => {
            let nonsense = rng.pick(&["", "soon", "-5", "1.5", "5s", "0x10", "\u{663}"]);
            (None, after(nonsense.into()))
        }
        9 => {
            let reset = Some(seconds.to_string());
            (
                Some(seconds * 1_000),
                Headers { retry_after: Some("soon".into()), reset, is_later: false },
            )
        }
        10 => {
            let reset = Some("99999".into());
            let retry_after = Some(seconds.to_string());
            (Some(seconds * 1_000), Headers { retry_after, reset, is_later: false })
        }
        11 | 12 => {
            let reset = Some(seconds.to_string());
            (Some(seconds * 1_000), Headers { reset, ..Headers::default() })
        }
        14 => {
            let pause = seconds * 1_000;
            (Some(pause), Headers::reset_at(pause, rng.percent(50)))
        }
        13 if rng.percent(5) => {
            let huge = rng.pick(&["18446744073709551615", "99999999999999999999999"]);
            (Some(Ms::MAX), after(huge.into()))
        }
        _ => (None, Headers::default()),
    }
}

/// The answer as the library gets it.
pub(crate) fn as_library(
    said: Said,
    headers: &Headers,
    id: &InstanceId,
    rng: &mut Rng,
) -> Result<Instance, PollError> {
    match said {
        Said::Instance { status, ip } => {
            let mut instance = Instance::new(id.clone(), status.into());
            instance.ip = ip.map(address);
            Ok(instance)
        }
        Said::Error { status, .. } => {
            let now =
                std::time::SystemTime::UNIX_EPOCH + if headers.is_later { LATER } else { NOW };
            let hint = Hint::read(headers.retry_after.as_deref(), headers.reset.as_deref(), now);
            Err(PollError::from_answer(ServerError::bare(status), hint, None))
        }
        Said::Foreign { status } => {
            let mut answer = ServerError::bare(status);
            answer.foreign = Some(Box::default());
            Err(PollError::from_answer(answer, None, None))
        }
        Said::Fault => {
            let text = || Untrusted::from("a fault");
            Err(PollError::transient(match rng.below(6) {
                0 => Fault::Connect(text()),
                1 => Fault::Tls(TlsFault::Other(text())),
                2 => Fault::Broken(text()),
                3 => Fault::TimedOut {
                    after: Duration::from_secs(1),
                    phase: Phase::Answer,
                    host: text(),
                },
                4 => Fault::Oversized(1 << 20),
                _ => Fault::Malformed { reason: text(), trace: None },
            }))
        }
    }
}

/// The address of a world's instance.
pub(crate) fn address(ip: IpAddr) -> Address {
    Address::new(ip, Origin::Network).expect("an address of a host")
}

/// The JSON object that says it.
pub(crate) fn body(id: &str, status: &str, ip: Option<IpAddr>, rng: &mut Rng) -> String {
    let ip = match ip {
        Some(ip) => format!(r#","ip":"{ip}""#),
        None => rng
            .pick(&[
                "",
                r#","ip":null"#,
                r#","ip":"""#,
                r#","ip":"0.0.0.0""#,
                r#","ip":"127.0.0.1""#,
                r#","ip":"pending""#,
                r#","ip":7"#,
            ])
            .into(),
    };
    let status = status.replace('\n', "\\n");
    let rest = rng.pick(&[
        "",
        r#","instance_type":"gpu_8x_h100_sxm5","region":"us-west""#,
        r#","instance_type":null,"region":2,"sector":[],"creator_user_nickname":{}"#,
    ]);
    format!(r#"{{"id":"{id}"{rest}{ip},"status":"{status}","new":[1]}}"#)
}

pub(crate) fn redactor() -> Redactor {
    Redactor::new(ApiKey::new("a:b").expect("a key"))
}

/// The same answer after a journey as bytes; a fault is a body that does not say it.
pub(crate) fn through_wire(
    said: Said,
    headers: &Headers,
    id: &InstanceId,
    rng: &mut Rng,
) -> Result<Instance, PollError> {
    let body = match said {
        Said::Instance { status, ip } => body(id.as_str(), status, ip, rng),
        Said::Error { .. } | Said::Foreign { .. } => return as_library(said, headers, id, rng),
        Said::Fault => match rng.below(5) {
            0 => body("another", "ready", "203.0.113.99".parse().ok(), rng),
            1 => format!(r#"{{"id":"{id}","status":7,"ip":"203.0.113.99"}}"#),
            2 => {
                let whole = body(id.as_str(), "ready", None, rng);
                let cut = usize::try_from(rng.below(whole.len() as u64)).unwrap_or(0);
                whole[..cut].into()
            }
            3 => "<html>ready 203.0.113.99</html>".into(),
            _ => r#"{"status":"ready","ip":"203.0.113.99"}"#.into(),
        },
    };
    wire::parse_instance(body.as_bytes(), Origin::Network, &redactor())
}
