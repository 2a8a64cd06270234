//! A shortage of file descriptors or threads: a fault of one poll, attributed to this machine.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tempfile::NamedTempFile;

use crate::fixture::{
    program::{Ended, Program, eventually, has},
    server::{Act, Server, described, page, pending, ready},
};

/// The message of such a shortage.
const TOLD: &str = "this machine is out of file descriptors or threads";

/// Needs a connection for each poll.
fn closing(act: Act) -> Act {
    match act {
        Act::Bytes(bytes) => Act::BytesThenClose(bytes),
        other => other,
    }
}

/// Sets a soft limit of a process, as the user that it runs as.
fn limit(process: u32, limit: &str) {
    let owner = fs::metadata(format!("/proc/{process}")).unwrap();
    let (user, group) = (owner.uid(), owner.gid());
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        let ids = [format!("--reuid={user}"), format!("--regid={group}")];
        command.args(ids).arg("--clear-groups");
    }
    command.args(["prlimit", "--pid", &process.to_string(), limit]);
    assert!(command.status().unwrap().success());
}

/// Runs `program` against a server, which is ready once this returns; the process is limited from
/// its second poll until it has said `TOLD`.
fn limited_for_a_while(
    limits: [&str; 2],
    program: impl FnOnce(&Server) -> Program,
) -> (Ended, String) {
    let may_be_ready = Arc::new(AtomicBool::new(false));
    let is_ready = Arc::clone(&may_be_ready);
    let server = Server::responding(move |_, _| {
        closing(if is_ready.load(Ordering::SeqCst) { ready() } else { pending() })
    });
    let stderr = NamedTempFile::new().unwrap();
    let running = program(&server).stderr_to(stderr.reopen().unwrap()).start();
    let said = || fs::read_to_string(stderr.path()).unwrap();
    eventually("a second poll", || server.count() > 1);
    limit(running.id(), limits[0]);
    eventually("it says what it lacks", || said().contains(TOLD));
    limit(running.id(), limits[1]);
    may_be_ready.store(true, Ordering::SeqCst);
    (running.end(), said())
}

#[test]
fn a_shortage_of_files_during_a_wait_is_transient() {
    let limits = ["--nofile=3:", "--nofile=1024:"];
    for host in ["127.0.0.1", "localhost"] {
        let (ended, said) = limited_for_a_while(limits, |server| {
            let url = server.url().replace("127.0.0.1", host);
            Program::asking(server, &[]).env("FAL_API_URL", url)
        });
        ended.assert(0, "203.0.113.42\n");
        // EMFILE in glibc's words and in musl's.
        let is_named = ["Too many open files", "No file descriptors available"]
            .iter()
            .any(|text| said.contains(text));
        assert!(is_named && !said.contains("bug"), "{said}");
    }
}

#[test]
fn a_shortage_of_threads_during_a_wait_is_transient() {
    if !has("root, to run as another user, who has limits", rustix::process::geteuid().is_root()) {
        return;
    }
    let limits = ["--nproc=0:", "--nproc=1000:"];
    let (ended, said) = limited_for_a_while(limits, |server| {
        let url = server.url().replace("127.0.0.1", "localhost");
        Program::asking(server, &[]).env("FAL_API_URL", url).running_as_nobody()
    });
    ended.assert(0, "203.0.113.42\n");
    assert!(said.contains("Resource temporarily unavailable") && !said.contains("bug"), "{said}");
}

#[test]
fn a_permanent_shortage_is_explained_as_one_of_this_machine() {
    let server = Server::playing([closing(pending())]);
    let running = Program::asking(&server, &["--timeout", "3s"]).start();
    eventually("a first poll", || server.count() > 0);
    limit(running.id(), "--nofile=3:");
    let ended = running.end();
    ended.assert(124, "").says(TOLD).says("raise this process's limits");
}

#[test]
fn a_shortage_on_this_machine_is_not_a_fault_of_the_list() {
    let both = ["inst_abc", "inst_b"].map(|id| described(id, "pending", ""));
    let server = Server::playing([closing(page(&both, None))]);
    let running = Program::asking(&server, &["inst_b", "--timeout", "3s"]).start();
    eventually("a first poll", || server.count() > 0);
    limit(running.id(), "--nofile=3:");
    let ended = running.end();
    ended.assert(124, "").says(TOLD).says("raise this process's limits");
    ended.never_says("the list of instances").never_says("by its own request");
}

#[test]
fn a_probe_during_a_shortage_of_files_is_retried() {
    let ssh = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = ssh.local_addr().unwrap().port();
    drop(ssh);
    let ready_here =
        |_: usize, _: &_| crate::fixture::server::instance("ready", r#","ip":"127.0.0.1""#);
    let server = Server::responding(ready_here);
    let condition = format!("tcp:{port}");
    let stderr = NamedTempFile::new().unwrap();
    let running = Program::asking(&server, &["--for", &condition, "--timeout", "30s", "-v"])
        .stderr_to(stderr.reopen().unwrap())
        .start();
    let said = || fs::read_to_string(stderr.path()).unwrap();
    eventually("a first attempt", || said().contains("connection refused"));
    limit(running.id(), "--nofile=3:");
    eventually("it says what it lacks", || said().contains(TOLD));
    limit(running.id(), "--nofile=1024:");
    let _listens = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    running.end().assert(0, "127.0.0.1\n");
}
