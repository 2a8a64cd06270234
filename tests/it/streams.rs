//! A standard output that is slow, non-blocking, closed, or not for writing.

use std::{
    fs::File,
    io::{PipeReader, Read as _},
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::fixture::{
    program::{Program, nap},
    server::{Server, pending, ready},
};

/// The number of instances whose result is about 1 MiB.
const MANY: usize = 3_000;

fn non_blocking(stream: &impl AsFd) {
    let flags = fcntl_getfl(stream).unwrap();
    fcntl_setfl(stream, flags | OFlags::NONBLOCK).unwrap();
}

fn pipe() -> (PipeReader, File) {
    let (reader, writer) = std::io::pipe().unwrap();
    non_blocking(&writer);
    (reader, OwnedFd::from(writer).into())
}

fn many(more: &[&str]) -> Program {
    let ids: Vec<String> = (0..MANY).map(|n| format!("inst_{n}")).collect();
    let options = ["--simulate=ready", "--output", "json", "-q"];
    Program::new(ids.iter().map(String::as_str).chain(options).chain(more.iter().copied()))
}

/// Reads to the end, with pauses.
fn read_slowly(mut reader: impl std::io::Read) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 16 << 10];
    while let Ok(count @ 1..) = reader.read(&mut piece) {
        text.extend_from_slice(&piece[..count]);
        nap();
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_non_blocking_stdout_with_a_slow_reader_is_written_to_the_end() {
    for options in [&[][..], &["--output-file", "/dev/fd/1"]] {
        let (reader, writer) = pipe();
        let running = many(options).stdout_to(writer).start();
        let text = read_slowly(reader);
        let ended = running.end();
        assert_eq!(ended.code(), Some(0), "{ended:#?}");
        assert_eq!(text.lines().count(), MANY, "{options:?}: {} bytes", text.len());
        assert!(text.len() > 900_000 && text.ends_with("}\n"));
    }
}

#[test]
fn a_non_blocking_socket_is_written_to_the_end_too() {
    let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    non_blocking(&writer);
    let running = many(&[]).stdout_to(OwnedFd::from(writer).into()).start();
    let text = read_slowly(reader);
    assert_eq!((running.end().code(), text.lines().count()), (Some(0), MANY));
}

#[test]
fn a_non_blocking_stdout_whose_reader_is_gone_is_exit_1() {
    let (mut reader, writer) = pipe();
    let running = many(&[]).stdout_to(writer).start();
    reader.read_exact(&mut [0; 100]).unwrap();
    drop(reader);
    let ended = running.end();
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    ended.says("cannot write the result to standard output");
}

#[test]
fn a_signal_ends_a_run_whose_non_blocking_result_nobody_reads() {
    let (mut reader, writer) = pipe();
    let running = many(&[]).stdout_to(writer).start();
    reader.read_exact(&mut [0; 100]).unwrap();
    running.signal("TERM");
    let ended = running.end();
    assert!(ended.code() == Some(143) || ended.status.to_string().contains("15"), "{ended:#?}");
}

#[test]
fn an_unwritable_stdout_is_reported_before_the_first_poll() {
    let server = Server::playing([pending(), ready()]);
    for options in [&[][..], &["--output-file", "/dev/fd/1"], &["--report", "/dev/fd/1"]] {
        let null = || File::open("/dev/null").unwrap();
        let ended = Program::asking(&server, options).stdout_to(null()).run();
        ended.assert(1, "").says("cannot write the ");
    }
    assert_eq!(server.count(), 0);
    // It is COMMAND's, and COMMAND may not need it.
    let ended =
        Program::asking(&server, &["--", "true"]).stdout_to(File::open("/dev/null").unwrap());
    ended.run().assert(0, "");
}

#[test]
fn a_closed_stdout_is_warned_of_and_a_discarded_one_is_not() {
    let server = Server::playing([ready()]);
    let closed = Program::asking(&server, &[]).through(&["sh", "-c", "exec \"$@\" >&-", "sh"]);
    closed.run().assert(0, "").says("warning: the result will be lost: standard output is closed");
    let thrown_away =
        Program::asking(&server, &[]).through(&["sh", "-c", "exec \"$@\" >/dev/null", "sh"]);
    thrown_away.run().assert(0, "").never_says("will be lost");
    let elsewhere = ["--output-file", "/dev/null"];
    let closed =
        Program::asking(&server, &elsewhere).through(&["sh", "-c", "exec \"$@\" >&-", "sh"]);
    closed.run().assert(0, "").never_says("will be lost");
}
