//! An address that can be connected to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An IP address that a client can connect to.
///
/// Its constructors check it, so that no other text can end up in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(IpAddr);

/// Where the API that reported an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// On this machine: a mock, whose instances may be on this machine too.
    Loopback,
    /// On another machine, whose loopback and link-local addresses mean nothing here.
    Network,
}

/// Why a text or an IP address is not an [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Not exactly an IP address: a host name, or an address with a zone, a port or other text.
    #[error("not an IP address")]
    NotAnIp,
    /// Unspecified, multicast, reserved or broadcast.
    #[error("not the IP address of a single host")]
    NoHost,
    /// Loopback or link-local, from an API on another machine.
    #[error("an IP address that only its own host or link can use")]
    Local,
}

impl Address {
    /// Checks `ip`, which an API at `origin` reported.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] for an address that cannot be connected to from here. An IPv4-mapped
    /// IPv6 address is judged as the IPv4 address.
    pub fn new(ip: IpAddr, origin: Origin) -> Result<Self, InvalidAddress> {
        let canonical = ip.to_canonical();
        let names_a_host = match canonical {
            IpAddr::V4(v4) => names_a_host(v4),
            IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
        };
        if !names_a_host {
            Err(InvalidAddress::NoHost)
        } else if origin == Origin::Network && is_local(canonical) {
            Err(InvalidAddress::Local)
        } else {
            Ok(Self(ip))
        }
    }

    /// Parses an address that an API at `origin` reported.
    ///
    /// # Errors
    ///
    /// As for [`Address::new`], and for text that is not exactly an IP address.
    pub fn parse(text: &str, origin: Origin) -> Result<Self, InvalidAddress> {
        let ip = text.parse().map_err(|_| InvalidAddress::NotAnIp)?;
        Self::new(ip, origin)
    }

    /// The IP address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns whether `ip` is not in "this network" (0.0.0.0/8), not multicast, and not reserved
/// (240.0.0.0/4, broadcast included): RFC 6890, RFC 5771.
fn names_a_host(ip: Ipv4Addr) -> bool {
    let first = ip.octets()[0];
    first != 0 && first < 240 && !ip.is_multicast()
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, InvalidAddress> {
        Address::parse(text, Origin::Network)
    }

    #[test]
    fn an_address_is_shown_as_it_was_read() {
        for text in ["203.0.113.42", "10.0.0.1", "100.64.0.1", "2001:db8::7", "fd00::1"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert!(parse("::ffff:203.0.113.42").is_ok());
    }

    #[test]
    fn an_address_that_is_not_of_a_single_host_is_refused() {
        let refused = "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0 224.0.0.1 239.1.1.1 ff02::1 240.0.0.1 \
                       250.1.2.3 255.255.255.255 ::ffff:255.255.255.255";
        for text in refused.split(' ') {
            assert_eq!(parse(text), Err(InvalidAddress::NoHost), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_exactly_an_address_is_refused() {
        let refused = "|203.0.113.42 |203.0.113.42\n|203.0.113.42; rm -rf /|203.0.113.420|203.0.113\
                       |0x7f.1|fe80::1%eth0|[::1]|localhost|203.0.113.42:22|010.0.0.1|pending|null\
                       |203.0.113.42/24|１.2.3.4| ";
        for text in refused.split('|') {
            assert_eq!(parse(text), Err(InvalidAddress::NotAnIp), "{text:?}");
        }
    }

    #[test]
    fn a_local_address_is_accepted_from_a_local_api_only() {
        let local = "127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1 169.254.1.1 fe80::1 febf::1 \
                     ::ffff:169.254.0.1";
        for text in local.split(' ') {
            assert_eq!(parse(text), Err(InvalidAddress::Local), "{text}");
            assert!(Address::parse(text, Origin::Loopback).is_ok(), "{text}");
        }
    }
}
