//! TLS: which servers the key is sent to, with certificates made for each test.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
};

use crate::fixture::{
    program::{Ended, KEY, Program},
    server::{Server, instance, pending, ready},
    tls::{Authority, Identity, Validity},
};

const IP: &str = "203.0.113.42\n";
const HERE: &[&str] = &["127.0.0.1", "localhost", "::1"];

fn https(server: &Server, host: &str) -> String {
    format!("https://{host}:{}/v1", server.address().port())
}

/// Waits for `inst_abc` over TLS, without this machine's trust store.
fn asking(server: &Server, host: &str, timeout: &str) -> Program {
    Program::asking(server, &["--timeout", timeout])
        .env("FAL_API_URL", https(server, host))
        .env("SSL_CERT_DIR", "/")
}

/// Asserts that no request, and so no key, was sent to a server that is not trusted.
#[track_caller]
fn is_refused(identity: &Identity, trusted: &Authority, what: &str, advice: &str) -> Ended {
    let server = identity.playing(ready());
    let ended = asking(&server, "127.0.0.1", "600ms").env("SSL_CERT_FILE", trusted.file()).run();
    ended.assert(124, "").says(what).says(advice);
    ended.says("no usable answer about inst_abc within 600ms");
    ended.says("the instance may exist and be billed");
    assert_eq!(server.count(), 0, "{ended:#?}");
    ended
}

#[test]
fn a_company_ca_is_trusted_through_ssl_cert_file() {
    let company = Authority::new("Example Company CA");
    let server = company
        .certify(HERE, Validity::Now)
        .serving("127.0.0.1:0", |number, _| if number < 2 { pending() } else { ready() });
    for host in ["127.0.0.1", "localhost"] {
        let ended = asking(&server, host, "30s").env("SSL_CERT_FILE", company.file()).run();
        ended.assert(0, IP).never_says("warning");
    }
    let seen = server.seen();
    assert!(seen[..3].iter().all(|seen| seen.connection == 0), "kept open: {seen:?}");
    assert_eq!(seen[0].headers["authorization"], format!("Key {KEY}"));
}

#[test]
fn a_company_ca_is_trusted_through_ssl_cert_dir() {
    let company = Authority::new("Example Company CA");
    // The name that OpenSSL's c_rehash gives: a hash, a dot, a number.
    fs::rename(company.file(), company.folder().join("0123abcd.0")).unwrap();
    let server = company.certify(HERE, Validity::Now).playing(ready());
    let ended = asking(&server, "127.0.0.1", "30s").env("SSL_CERT_DIR", company.folder()).run();
    ended.assert(0, IP);
}

#[test]
fn a_self_signed_certificate_can_be_trusted_by_itself() {
    let own = Identity::self_signed("mock", HERE, false);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mock.pem");
    fs::write(&file, own.pem()).unwrap();
    let server = own.playing(ready());
    asking(&server, "127.0.0.1", "30s").env("SSL_CERT_FILE", &file).run().assert(0, IP);
}

#[test]
fn an_unknown_ca_is_named_and_refused() {
    let stranger = Authority::new("Inspecting Proxy CA");
    is_refused(
        &stranger.certify(HERE, Validity::Now),
        &Authority::new("Another CA"),
        "no trusted TLS connection: the certificate's issuer (Inspecting Proxy CA) is not trusted \
         here",
        "set SSL_CERT_FILE to that CA's certificate",
    );
}

#[test]
fn a_self_signed_certificate_is_described_and_refused() {
    is_refused(
        &Identity::self_signed("a mock", HERE, false),
        &Authority::new("Another CA"),
        "the certificate is self-signed (a mock) and not trusted here",
        "set SSL_CERT_FILE to its certificate",
    );
}

#[test]
fn a_ca_certificate_is_refused_for_a_server_even_if_it_is_trusted() {
    let own = Identity::self_signed("openssl's default", HERE, true);
    let what = "the certificate is an authority's own (openssl's default), not one for a server";
    let trusted = Authority::new("to be replaced");
    fs::write(trusted.file(), own.pem()).unwrap();
    is_refused(&own, &trusted, what, "CA:FALSE");
}

#[test]
fn an_expired_certificate_is_refused_with_its_date() {
    let company = Authority::new("Example Company CA");
    is_refused(
        &company.certify(HERE, Validity::Past),
        &company,
        "the certificate expired on Sun, 01 Mar 2020 00:00:00 GMT (this machine's clock: ",
        "renew the server's certificate, or correct this machine's clock",
    );
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused_with_its_date() {
    let company = Authority::new("Example Company CA");
    is_refused(
        &company.certify(HERE, Validity::Future),
        &company,
        "the certificate is not valid before Tue, 01 Jan 2199 00:00:00 GMT",
        "correct this machine's clock",
    );
}

#[test]
fn another_hosts_certificate_is_refused_with_both_names() {
    let company = Authority::new("Example Company CA");
    is_refused(
        &company.certify(&["api.example.com", "*.example.org", "10.0.0.1"], Validity::Now),
        &company,
        "the certificate is for api.example.com, *.example.org, 10.0.0.1, not for 127.0.0.1",
        "check the host of --api-url",
    );
    is_refused(
        &company.certify(&[], Validity::Now),
        &company,
        "the certificate is for no host at all",
        "check the host of --api-url",
    );
}

#[test]
fn the_names_in_a_certificate_are_escaped() {
    let hostile = Authority::new("x\n::error::pwned\u{1b}[2J");
    let ended = is_refused(
        &hostile.certify(HERE, Validity::Now),
        &Authority::new("Another CA"),
        "x\\u{a}::error::pwned\\u{1b}[2J",
        "SSL_CERT_FILE",
    );
    assert!(!ended.stderr.lines().any(|line| line.starts_with("::")), "{ended:#?}");
}

#[test]
fn a_server_without_tls_is_described() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(
        listener,
        |_, mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            None
        },
        |_, _| ready(),
    );
    let ended = asking(&server, "127.0.0.1", "600ms").run();
    ended.assert(124, "").says("the server does not speak TLS at this port").says("http://");
}

#[test]
fn an_image_without_a_store_still_starts_and_trusts_the_bundled_roots() {
    let company = Authority::new("Example Company CA");
    let server = company.certify(HERE, Validity::Now).playing(ready());
    let empty = tempfile::tempdir().unwrap();
    let ended = asking(&server, "127.0.0.1", "600ms")
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", empty.path())
        .run();
    ended.assert(124, "").says("issuer (Example Company CA) is not trusted here");
    ended.says("warning: SSL_CERT_FILE names /nonexistent, which cannot be read: ");
    let plain = Server::playing([ready()]);
    let ended = Program::asking(&plain, &[]).env("SSL_CERT_FILE", "/nonexistent").run();
    ended.assert(0, IP).never_says("SSL_CERT_FILE");
}

#[test]
fn other_content_of_a_certificate_file_is_ignored() {
    let company = Authority::new("Example Company CA");
    let server = company.certify(HERE, Validity::Now).playing(ready());
    let pem = fs::read_to_string(company.file()).unwrap();
    fs::write(company.file(), format!("# our CAs\n\n{pem}\nnot a certificate\n")).unwrap();
    asking(&server, "127.0.0.1", "30s").env("SSL_CERT_FILE", company.file()).run().assert(0, IP);
    fs::write(company.file(), "nothing of use").unwrap();
    let ended = asking(&server, "127.0.0.1", "600ms").env("SSL_CERT_FILE", company.file()).run();
    ended.assert(124, "").says("is not trusted here");
}

#[test]
fn a_file_without_a_certificate_is_described() {
    let company = Authority::new("Example Company CA");
    let server = company.certify(HERE, Validity::Now).playing(ready());
    let pem = fs::read_to_string(company.file()).unwrap();
    let utf16: Vec<u8> =
        format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, says) in [(utf16.as_slice(), "is text in UTF-16"), (&b""[..], "is empty")] {
        fs::write(company.file(), bytes).unwrap();
        let ended =
            asking(&server, "127.0.0.1", "600ms").env("SSL_CERT_FILE", company.file()).run();
        ended.assert(124, "").says("warning: SSL_CERT_FILE names ").says(says);
    }
    fs::write(company.file(), format!("\u{feff}{pem}")).unwrap();
    let ended = asking(&server, "127.0.0.1", "30s").env("SSL_CERT_FILE", company.file()).run();
    ended.assert(0, IP).says("byte order mark");
}

#[test]
fn an_empty_ssl_cert_file_is_unset() {
    let company = Authority::new("Example Company CA");
    let server = company.certify(HERE, Validity::Now).playing(ready());
    let ended = asking(&server, "127.0.0.1", "30s")
        .env("SSL_CERT_FILE", "")
        .env("SSL_CERT_DIR", company.folder())
        .run();
    ended.assert(0, IP).never_says("SSL_CERT_FILE");
}

#[test]
fn a_certificate_replaced_during_the_wait_is_accepted() {
    let company = Authority::new("Example Company CA");
    let (old, new) = (company.certify(HERE, Validity::Past), company.certify(HERE, Validity::Now));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(
        listener,
        move |number, stream| if number < 3 { &old } else { &new }.secure(stream),
        |_, _| ready(),
    );
    let ended = asking(&server, "127.0.0.1", "30s").env("SSL_CERT_FILE", company.file()).run();
    ended.assert(0, IP).says("the certificate expired on").says("3 transient errors");
}

#[test]
fn a_fault_of_tls_after_the_instance_was_seen_is_explained_at_the_deadline() {
    let company = Authority::new("Example Company CA");
    let (old, new) = (company.certify(HERE, Validity::Past), company.certify(HERE, Validity::Now));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(
        listener,
        move |number, stream| if number == 0 { &new } else { &old }.secure(stream),
        |_, _| match instance("provisioning", "") {
            crate::fixture::server::Act::Bytes(bytes) => {
                crate::fixture::server::Act::BytesThenClose(bytes)
            }
            act => act,
        },
    );
    let ended = asking(&server, "127.0.0.1", "1500ms").env("SSL_CERT_FILE", company.file()).run();
    ended.assert(124, "").says("it was provisioning").says("renew the server's certificate");
    ended.says("the instance keeps running and is billed");
}
