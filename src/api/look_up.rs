//! Looking host names up.

use std::{io, net::ToSocketAddrs as _, thread};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// Looks names up on a thread of their own: where none can be had, that is a fault of one poll.
/// The runtime's own pool of threads panics.
#[derive(Debug)]
pub(super) struct LookUp;

impl Resolve for LookUp {
    fn resolve(&self, name: Name) -> Resolving {
        let (sender, receiver) = oneshot::channel();
        let look_up = move || {
            let addresses = (name.as_str(), 0).to_socket_addrs();
            // Whoever asked may have given up.
            let _ = sender.send(addresses.map(Iterator::collect::<Vec<_>>));
        };
        let started = thread::Builder::new().name("look-up".into()).spawn(look_up);
        Box::pin(async move {
            started?;
            let gone = |_| io::Error::other("the look-up has ended without an answer");
            Ok(Box::new(receiver.await.map_err(gone)??.into_iter()) as Addrs)
        })
    }
}
