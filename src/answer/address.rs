//! An address that can be connected to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The IP address of one host, which a client can connect to.
///
/// Only a checked constructor makes one, so that no other text can end up in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(IpAddr);

/// Who named an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An API on this machine: a mock, whose instances may be on this machine too.
    Loopback,
    /// An API somewhere else, whose loopback and link-local addresses are not ours.
    Network,
}

/// Why a text or an IP address is no [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Text around an address, a host name, a zone, a port.
    #[error("not an IP address")]
    NotAnIp,
    /// Unspecified, multicast, reserved, broadcast: it names no single host.
    #[error("an IP address that names no host")]
    NoHost,
    /// Loopback or link-local, from an API on another machine.
    #[error("an IP address that only its own host or link can use")]
    Local,
}

impl Address {
    /// Takes `ip`, which an API at `origin` named, for the address of a host.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] for an address that cannot be connected to from here. An IPv4 address
    /// that is mapped into IPv6 is judged as what it maps.
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

    /// Reads an address that an API at `origin` named.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] for everything that is no address, or none that can be connected to.
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

/// Not "this network" (0.0.0.0/8), multicast, or reserved (240.0.0.0/4, broadcast included).
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
    fn what_names_no_single_host_is_no_address() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "::ffff:0.0.0.0",
            "224.0.0.1",
            "239.1.1.1",
            "ff02::1",
            "240.0.0.1",
            "250.1.2.3",
            "255.255.255.255",
            "::ffff:255.255.255.255",
        ] {
            assert_eq!(parse(text), Err(InvalidAddress::NoHost), "{text}");
        }
    }

    #[test]
    fn text_around_an_address_is_no_address() {
        for text in [
            "",
            " ",
            "203.0.113.42 ",
            "203.0.113.42\n",
            "203.0.113.42; rm -rf /",
            "203.0.113.420",
            "203.0.113",
            "0x7f.1",
            "fe80::1%eth0",
            "[::1]",
            "localhost",
            "203.0.113.42:22",
            "010.0.0.1",
            "pending",
            "null",
            "203.0.113.42/24",
            "１.2.3.4",
        ] {
            assert_eq!(parse(text), Err(InvalidAddress::NotAnIp), "{text:?}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_believed_from_this_machine_only() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.1.1",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.0.1",
        ] {
            assert_eq!(parse(text), Err(InvalidAddress::Local), "{text}");
            assert!(Address::parse(text, Origin::Loopback).is_ok(), "{text}");
        }
    }
}
