//! The floor: the least that a program can do to learn whether an instance is ready. One GET over a
//! plain socket, one field printed; no runtime, no TLS, no retries, no judgement.
//!
//!     rustc -O -C panic=abort --target x86_64-unknown-linux-musl benches/process/floor.rs
//!     FAL_API_URL=http://127.0.0.1:PORT/v1 FAL_KEY=… ./floor inst_a

use std::{
    env, io,
    io::{Read, Write},
    net::TcpStream,
};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let id = env::args().nth(1).ok_or_else(|| io::Error::other("usage: floor INSTANCE_ID"))?;
    let (url, key) = (variable("FAL_API_URL")?, variable("FAL_KEY")?);
    let place = url.strip_prefix("http://").ok_or_else(|| io::Error::other("plain http only"))?;
    let (host, base) = place.split_once('/').unwrap_or((place, ""));
    let mut peer = TcpStream::connect(host)?;
    peer.write_all(
        format!(
            "GET /{base}/compute/instances/{id} HTTP/1.1\r\nHost: {host}\r\n\
             Authorization: Key {key}\r\nConnection: close\r\n\r\n"
        )
        .as_bytes(),
    )?;
    let mut answer = String::new();
    peer.read_to_string(&mut answer)?;
    let ip = answer.split_once("\"ip\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let (ip, _) = ip.ok_or_else(|| io::Error::other("no ip"))?;
    io::stdout().write_all(format!("{ip}\n").as_bytes())
}
