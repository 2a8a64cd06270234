//! Whether an address that the API named can really be used.

use std::{future::Future, net::IpAddr};

use super::probe_error::ProbeError;

/// Something that can try to reach an address.
pub trait Probe {
    /// Makes one attempt, which ends by itself.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when the address was not reached; another attempt may succeed.
    fn attempt(&self, ip: IpAddr) -> impl Future<Output = Result<(), ProbeError>> + Send;
}
