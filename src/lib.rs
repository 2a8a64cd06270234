//! Waits until a GPU instance of fal's Compute API is really there.
//!
//! The program `wait-ready` is one user of this library. Another is a test or a service that
//! wants the same judgement: what is transient and what is final, how long to pause, when an
//! address may be used. A wait has four parts, each replaceable:
//!
//! | part | what it does | ships with |
//! |---|---|---|
//! | [`InstanceSource`] | answers what an instance is now | [`HttpSource`], and [`simulate`] without a network |
//! | [`Probe`] | tries an address | [`NetProbe`] for TCP and SSH |
//! | [`Policy`] | decides what an answer means and when to poll next; pure | [`Rules`], [`Backoff`], [`Condition`] |
//! | [`Observer`] | is told what happens | [`Log`](report::log::Log), closures, `()` |
//!
//! [`Waiter`] is the loop that puts them together, on tokio's clock alone: under a paused clock
//! a thousand waits take no time.
//!
//! # Example
//!
//! Against a simulated API, over real HTTP on loopback; for the real one, take
//! [`ApiUrl::PRODUCTION`] and a key of your own.
//!
#![cfg_attr(feature = "simulate", doc = "```")]
#![cfg_attr(not(feature = "simulate"), doc = "```ignore")]
//! use std::time::Duration;
//! use wait_ready::{
//!     ApiKey, ApiUrl, Backoff, Condition, HttpOptions, HttpSource, InstanceId, Jitter, NetProbe,
//!     PlainHttp, Policy, Rules, Waiter, simulate::{server::SimulatedApi, simulation::Simulation},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ids = [InstanceId::new("inst_a")?, InstanceId::new("inst_b")?];
//! let simulation = Simulation::new("pending,500,ready".parse()?, ids.clone());
//! let api = SimulatedApi::start(simulation).await?;
//!
//! let url = ApiUrl::new(&api.url(), PlainHttp::LoopbackOnly)?;
//! let source = HttpSource::new(url, ApiKey::new(api.key())?, HttpOptions::default())?;
//! let rules = Rules { condition: Condition::Ready, ..Rules::default() };
//! let pace = Backoff::new(Duration::from_millis(10), Duration::from_secs(1), Jitter::Random)?;
//! let probe = NetProbe::new(rules.condition);
//!
//! let mut waiter = Waiter::new(source, probe, Policy::new(rules, pace, ids));
//! waiter.wait(&mut ()).await;
//! for watch in waiter.watches() {
//!     assert!(watch.address().is_some(), "{}: {:?}", watch.id(), watch.ending());
//! }
//! # Ok(())
//! # }
//! ```

pub mod api;
#[doc(hidden)]
pub mod appearance;
pub mod backoff;
#[doc(hidden)]
#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
#[allow(rustdoc::broken_intra_doc_links, reason = "and [:PORT] is no link there")]
pub mod cli;
mod clock;
mod command;
mod conclude;
pub mod condition;
pub mod duration;
pub mod ending;
pub mod event;
pub mod exit_code;
mod failure;
mod file;
mod finished;
pub mod instance;
#[doc(hidden)]
pub mod instance_list;
pub mod net_probe;
mod open_enum;
#[doc(hidden)]
#[expect(clippy::doc_markdown, reason = "the comments of its formats are part of --help")]
pub mod output;
mod plan;
pub mod policy;
pub mod poll_error;
pub mod probe;
pub mod probe_error;
pub mod report;
pub mod retry_after;
mod rules;
#[doc(hidden)]
pub mod run;
pub mod server_text;
mod signals;
pub mod simulate;
#[cfg(feature = "simulate")]
mod simulated;
pub mod source;
mod stage;
pub mod tls_fault;
pub mod transition;
pub mod waiter;
pub mod watch;

pub use api::{
    credentials::ApiKey,
    http::{HttpOptions, HttpSource},
    url::{ApiUrl, PlainHttp},
};
pub use backoff::{Backoff, Jitter};
pub use condition::Condition;
pub use ending::Ending;
pub use event::{Observer, WaitEvent};
pub use exit_code::ExitCode;
pub use instance::{Instance, InstanceId, Status};
pub use net_probe::NetProbe;
pub use policy::{Policy, Rules};
pub use probe::Probe;
pub use source::InstanceSource;
pub use waiter::Waiter;
pub use watch::Watch;
