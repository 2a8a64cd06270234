//! Waits until a GPU instance of fal's Compute API is usable.
//!
//! The program `wait-ready` is one user of this library; a test or a service that needs the same
//! rules (which errors are transient, how long to pause, when an address may be used) is another.
//! A wait has four parts, each replaceable:
//!
//! | part | what it does | ships with |
//! |---|---|---|
//! | [`InstanceSource`] | fetches the state of instances | [`HttpSource`], and [`simulate`] without a network |
//! | [`Probe`] | tries an address | [`NetProbe`] for TCP, SSH and HTTP |
//! | [`Policy`] | decides what an answer means and when to poll next; pure | [`Rules`], [`Backoff`], [`Condition`] |
//! | [`Observer`] | receives events | [`Log`](report::log::Log), closures, `()` |
//!
//! [`Waiter`] is the loop that runs them, on tokio's clock alone: under a paused clock a thousand
//! waits take no time.
//!
//! # Example
//!
//! Against a simulated API, over real HTTP on loopback; for the real one, use
//! [`ApiUrl::PRODUCTION`] and your own key.
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
//! let policy = Policy::new(rules, pace, ids);
//!
//! let outcome = Waiter::new(source, NetProbe::new(), policy).wait(&mut ()).await;
//! for watch in outcome.result()? {
//!     println!("{} {:?}", watch.id(), watch.address());
//! }
//! # assert_eq!(outcome.addresses().len(), 2);
//! # Ok(())
//! # }
//! ```

pub mod answer;
pub mod api;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod program;
pub mod reach;
pub mod report;
pub mod simulate;
mod system;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod terminal;
pub mod text;
pub mod wait;

pub use answer::{
    Answer,
    address::{Address, Origin},
    instance::{Instance, InstanceId, Status},
    poll_error::PollError,
};
pub use api::{
    credentials::ApiKey,
    http::{HttpOptions, HttpSource},
    url::{ApiUrl, PlainHttp},
};
pub use reach::NetProbe;
pub use report::exit_code::ExitCode;
pub use wait::{
    backoff::{Backoff, Jitter},
    condition::Condition,
    ending::Ending,
    event::{Observer, WaitEvent, observer},
    outcome::{Outcome, WaitError},
    policy::Policy,
    probe::{Probe, ProbeError, Target},
    rules::{Deadline, Rules},
    source::{InstanceSource, Round},
    waiter::Waiter,
    watch::Watch,
};
