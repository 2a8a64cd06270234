//! What to do about faults between this machine and the API.

use crate::{
    answer::{
        poll_error::{Fault, PollError},
        proxy_fault::ProxyFault,
        tls_fault::TlsFault,
    },
    wait::watch::Watch,
};

/// Advice on `error`, if there is any better than to check the network.
pub(super) fn for_the_way(error: &PollError) -> Option<&'static str> {
    match error {
        PollError::Transient { fault: Fault::Tls(fault), .. } => for_tls(fault),
        PollError::Transient { fault: Fault::Proxy(fault), .. } => Some(for_proxy(fault)),
        PollError::Transient { fault: Fault::Exhausted(_), .. } => Some(FOR_LIMITS),
        _ => None,
    }
}

/// Advice on an API URL without a version, unless an instance was ever seen there.
#[must_use]
pub fn for_a_url_without_version(watch: &Watch) -> Option<&'static str> {
    watch
        .instance()
        .is_none()
        .then_some("--api-url (FAL_API_URL) does not end in /v1, as the URL of fal's API does")
}

fn for_proxy(fault: &ProxyFault) -> &'static str {
    match fault {
        ProxyFault::Refused { status: 500.., .. } => {
            "the proxy answers, but cannot reach the API: see what it says, or bypass it by naming \
             the API's host in NO_PROXY"
        }
        ProxyFault::Refused { .. } => {
            "the proxy's own rules forbid it: ask whoever runs it to allow the API's host, or bypass \
             it by naming that host in NO_PROXY"
        }
        _ => {
            "check HTTPS_PROXY (a user and password go before its host: http://user:password@host), \
             or bypass the proxy by naming the API's host in NO_PROXY"
        }
    }
}

/// Advice where this machine is out of resources.
pub(super) const FOR_LIMITS: &str = "raise this process's limits (ulimit -n, ulimit -u, a \
     container's pids limit), or run less beside it";

fn for_tls(fault: &TlsFault) -> Option<&'static str> {
    Some(match fault {
        TlsFault::UnknownIssuer { .. } => {
            "if it comes from a company's CA or TLS-inspecting proxy, set SSL_CERT_FILE to that CA's \
             certificate (a PEM file), which is then trusted in addition to the public ones; else \
             it is not the API: check --api-url"
        }
        TlsFault::SelfSigned { .. } => {
            "if that server is your own, set SSL_CERT_FILE to its certificate (a PEM file), or have \
             your company's CA issue one; else it is not the API: check --api-url"
        }
        TlsFault::AuthorityAsServer { .. } => {
            "give the server a certificate of its own, signed by this authority (openssl req -x509 \
             makes an authority unless given -addext basicConstraints=critical,CA:FALSE), and set \
             SSL_CERT_FILE to the authority's"
        }
        TlsFault::Expired { .. } | TlsFault::NotValidYet { .. } => {
            "renew the server's certificate, or correct this machine's clock if that is wrong"
        }
        TlsFault::WrongHost { .. } => {
            "check the host of --api-url; a proxy or a DNS entry may also lead to another server"
        }
        TlsFault::NotTls => {
            "check the port of --api-url and the proxy; a server on this machine may want http://"
        }
        TlsFault::UnsupportedSignature { .. } => {
            "have the certificate issued with an RSA key, or ECDSA with P-256 and SHA-256 or P-384 and \
             SHA-384"
        }
        TlsFault::Unusable(_) => "have another certificate issued for the server",
        TlsFault::Other(_) => return None,
    })
}
