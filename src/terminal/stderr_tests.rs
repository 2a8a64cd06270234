use std::{
    fs::File,
    io::{PipeReader, PipeWriter, Read as _, pipe},
};

use super::*;

fn to_pipe() -> (Stderr, PipeReader) {
    let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
    let stderr = Stderr::to(Box::new(writer));
    stderr.set_gap(|dropped| format!("({dropped} dropped)\n"));
    (stderr, reader)
}

/// Reads until the text ends with `end`.
fn read_until(mut reader: &PipeReader, end: &str) -> String {
    let mut bytes = Vec::new();
    let mut part = vec![0; 1 << 16];
    while !bytes.ends_with(end.as_bytes()) {
        let read = reader.read(&mut part).unwrap();
        assert!(read > 0);
        bytes.extend_from_slice(&part[..read]);
    }
    String::from_utf8(bytes).unwrap()
}

fn numbers_of(text: &str) -> Vec<u32> {
    text.lines().filter_map(|line| line.strip_prefix("line ")?.parse().ok()).collect()
}

#[test]
fn lines_arrive_whole_and_in_order() {
    let (stderr, reader) = to_pipe();
    let reading = thread::spawn(move || read_until(&reader, "the end\n"));
    for number in 0..50_000 {
        stderr.say(format!("line {number}\n"));
    }
    stderr.say("the end\n");
    assert_eq!(numbers_of(&reading.join().unwrap()), (0..50_000).collect::<Vec<u32>>());
}

#[test]
fn no_caller_waits_for_a_reader_and_dropped_lines_are_counted() {
    let (stderr, reader) = to_pipe();
    let started = Instant::now();
    for number in 0..20_000 {
        stderr.say(format!("line {number}\n"));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    while !stderr.0.lock().is_stuck(Instant::now()) {
        device::pause(PAUSE);
    }
    for number in 20_000..40_000 {
        stderr.say(format!("line {number}\n"));
    }
    stderr.say("the end\n");
    let text = read_until(&reader, "the end\n");
    let gap = text.lines().find_map(|line| line.strip_prefix('(')?.strip_suffix(" dropped)"));
    let dropped: usize = gap.expect("a count").parse().unwrap();
    let numbers = numbers_of(&text);
    assert_eq!(numbers.len() + dropped, 40_000);
    assert_eq!(numbers[..1000], (0..1000).collect::<Vec<u32>>());
    assert_eq!(numbers.last(), Some(&39_999));
    assert!(numbers.is_sorted());
}

#[test]
fn a_flush_ends_in_time_and_leaves_the_newest_lines_for_a_late_reader() {
    let (stderr, reader) = to_pipe();
    for number in 0..50_000 {
        stderr.say(format!("line {number}\n"));
    }
    stderr.say("the end\n");
    let started = Instant::now();
    stderr.flush_within(Duration::from_millis(400));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let text = read_until(&reader, "the end\n");
    let numbers = numbers_of(&text);
    assert!(text.contains(" dropped)") && numbers.len() < 30_000, "{}", numbers.len());
    assert_eq!(numbers.last(), Some(&49_999));
}

#[test]
fn a_flush_to_a_reader_leaves_nothing_queued() {
    let (stderr, reader) = to_pipe();
    let reading = thread::spawn(move || read_until(&reader, "line 4999\n"));
    for number in 0..5000 {
        stderr.say(format!("line {number}\n"));
    }
    stderr.flush_within(Duration::from_secs(60));
    assert!(stderr.0.lock().is_done());
    assert_eq!(numbers_of(&reading.join().unwrap()).len(), 5000);
}

#[test]
fn without_a_thread_the_caller_writes_and_waits_a_second_once() {
    let (stderr, reader) = to_pipe();
    let say = |number: u32| {
        stderr.0.lock().queue.push(format!("line {number}\n").into(), true);
        stderr.0.write_here();
    };
    say(0);
    assert_eq!(read_until(&reader, "\n"), "line 0\n");
    let started = Instant::now();
    for number in 1..20_000 {
        say(number);
    }
    assert!(stderr.0.lock().is_refused);
    assert!(started.elapsed() >= STUCK_AFTER);
    let reading = thread::spawn(move || read_until(&reader, "line 20000\n"));
    while stderr.0.lock().is_refused {
        stderr.0.write_here();
    }
    say(20_000);
    while !stderr.0.lock().queue.is_empty() {
        stderr.0.write_here();
    }
    assert_eq!(numbers_of(&reading.join().unwrap()), (1..=20_000).collect::<Vec<u32>>());
}

#[test]
fn a_failing_device_ends_the_rows_and_nothing_else() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let stderr = Stderr::to(Box::new(full));
    for number in 0..10 {
        stderr.show(vec![format!("row {number}")]);
        stderr.say("line\n");
    }
    stderr.flush_within(Duration::from_secs(60));
    assert!(stderr.0.lock().is_done());
}
