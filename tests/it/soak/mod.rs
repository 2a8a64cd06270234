//! Many processes against a server with random faults for a long time: `scripts/soak.sh`.
//!
//! Forty processes wait for as long as it lasts: for one instance, for three, for a port. Ten places
//! run one short wait after another, of every ending. Each must end exactly as its instances did,
//! and none may grow, in memory or in open files.

mod measure;
mod weather;

use std::{
    env,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::time::Instant;

use crate::fixture::{
    port::ClosedPort,
    program::{Program, Running, eventually},
    server::{Server, answer, described, pause_for},
};
use measure::{Growth, Sample, growth};
use weather::Weather;

/// How many processes wait for as long as it lasts, and how many places run short waits.
const LONG: usize = 40;
const PLACES: usize = 10;
/// How long a wait may take after the last instance is ready, because of the faults.
const GRACE: Duration = Duration::from_secs(60);
/// Growth from the settled beginning to the end that does not count as a leak.
const ALLOWED: Growth = Growth { resident_kib: 512, files: 3 };

struct Long {
    running: Running,
    expected: String,
    samples: Vec<Sample>,
}

fn start_long(number: usize, server: &Server, port: &ClosedPort, timeout: &str) -> Long {
    let (ids, condition, expected) = match number % 5 {
        // The server decides by the id of the instance.
        0 => (vec![format!("long-probe-{number}")], Some(port), "127.0.0.1\n".to_owned()),
        1 => {
            let ids: Vec<String> = ["a", "b", "c"].map(|x| format!("long-{number}{x}")).into();
            let expected = ids.iter().map(|id| weather::ip(id) + "\n").collect();
            (ids, None, expected)
        }
        _ => {
            let id = format!("long-{number}");
            let expected = weather::ip(&id) + "\n";
            (vec![id], None, expected)
        }
    };
    let condition = condition.map(|port| format!("--for=tcp:{}", port.number()));
    let arguments: Vec<&str> = ids[1..]
        .iter()
        .chain(&condition)
        .map(String::as_str)
        .chain(["--timeout", timeout])
        .collect();
    let running = paced(Program::asking_for(&ids[0], server, &arguments)).start();
    Long { running, expected, samples: Vec::new() }
}

fn paced(program: Program) -> Program {
    program
        .env("WAIT_READY_MIN_DELAY", "200ms")
        .env("WAIT_READY_MAX_DELAY", "1s")
        .env("WAIT_READY_REQUEST_TIMEOUT", "1s")
        .stderr_to(Stdio::null())
}

/// Runs one short wait after another, with every ending in turn; returns their number.
fn short_waits(place: usize, server: &Server, over: &AtomicBool) -> usize {
    let mut ended = 0;
    while !over.load(Ordering::SeqCst) {
        let fate = weather::FATES[(place + ended) % weather::FATES.len()];
        let id = format!("{}-{place}-{ended}", fate.name);
        let run = paced(Program::asking_for(&id, server, &["--timeout", fate.timeout]))
            .env("WAIT_READY_MIN_DELAY", "20ms")
            .env("WAIT_READY_MAX_DELAY", "200ms")
            .run();
        let stdout = if fate.code == 0 { weather::ip(&id) + "\n" } else { String::new() };
        run.assert(fate.code, &stdout);
        ended += 1;
    }
    ended
}

fn duration() -> Duration {
    let seconds = env::var("SOAK_SECONDS").ok().map(|text| text.parse().expect("SOAK_SECONDS"));
    Duration::from_secs(seconds.unwrap_or(60))
}

#[test]
#[ignore = "takes as long as it is told to: scripts/soak.sh"]
#[expect(clippy::print_stdout, reason = "its numbers are what it is run for")]
fn fifty_processes_with_random_faults_end_correctly_and_do_not_grow() {
    let (lasts, seed) = (duration(), seed());
    println!("soak of {lasts:?}, SOAK_SEED={seed}");
    let weather = Arc::new(Weather::new(seed));
    let server = {
        let weather = Arc::clone(&weather);
        Arc::new(Server::responding(move |_, seen| weather.answer(seen)))
    };
    let port = ClosedPort::new();
    let timeout = format!("{}s", (lasts + 2 * GRACE).as_secs());
    let started = Instant::now();
    let mut long: Vec<Long> =
        (0..LONG).map(|number| start_long(number, &server, &port, &timeout)).collect();
    let (over, shorts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let places: Vec<_> = (0..PLACES)
        .map(|place| {
            let (server, over, shorts) = (server.clone(), over.clone(), shorts.clone());
            thread::spawn(move || {
                shorts.fetch_add(short_waits(place, &server, &over), Ordering::SeqCst);
            })
        })
        .collect();
    let pause = (lasts / 120).clamp(Duration::from_millis(250), Duration::from_secs(5));
    while started.elapsed() < lasts {
        pause_for(pause);
        for wait in &mut long {
            let sample = Sample::of(wait.running.id(), started.elapsed());
            wait.samples.push(sample.expect("a long wait ended before its time"));
        }
    }
    let polls = server.count();
    weather.clear_up();
    let _listening = port.open();
    over.store(true, Ordering::SeqCst);
    for place in places {
        place.join().expect("a short wait went wrong");
    }
    let mut worst = Growth::default();
    let (mut most_resident, mut most_files) = (0, 0);
    for Long { running, expected, samples } in long {
        running.end_within(lasts + 2 * GRACE).assert(0, &expected);
        worst = worst.max(growth(&samples, lasts));
        most_resident = most_resident.max(samples.iter().map(|s| s.resident_kib).max().unwrap());
        most_files = most_files.max(samples.iter().map(|s| s.files).max().unwrap());
    }
    println!(
        "{LONG} long waits and {} short ones ended right in {:.0?}; {polls} requests, {} faults",
        shorts.load(Ordering::SeqCst),
        started.elapsed(),
        weather.faults(),
    );
    println!(
        "resident: {most_resident} KiB at most, grown by {} KiB; open files: {most_files} at most, \
         grown by {}",
        worst.resident_kib, worst.files
    );
    assert!(
        worst.resident_kib <= ALLOWED.resident_kib && worst.files <= ALLOWED.files,
        "more than {ALLOWED:?}: {worst:?}"
    );
}

#[test]
fn a_server_that_invents_an_endless_status_for_every_poll_does_not_fill_memory() {
    const POLLS: usize = 150;
    let server = Server::responding(|number, _| {
        let status = format!("{number}-{}", "x".repeat(900_000));
        answer(200, &[], &described("inst_abc", &status, ""))
    });
    let running = Program::asking(&server, &["--timeout", "50s"])
        .env("WAIT_READY_MIN_DELAY", "1ms")
        .env("WAIT_READY_MAX_DELAY", "2ms")
        .stderr_to(Stdio::null())
        .start();
    eventually("many polls", || server.count() >= POLLS);
    let sample = Sample::of(running.id(), Duration::ZERO).unwrap();
    running.signal("TERM");
    running.end().assert(143, "");
    assert!(sample.resident_kib < 64 << 10, "{sample:?}");
}

/// The seed of the faults: `SOAK_SEED`, or a random one.
fn seed() -> u64 {
    let given = env::var("SOAK_SEED").ok().map(|text| text.parse().expect("SOAK_SEED"));
    given.unwrap_or_else(|| fastrand::u64(..))
}
