//! The bounded queue of lines for standard error, which keeps the newest.

use std::collections::VecDeque;

/// The most bytes queued while standard error takes lines, however slowly.
const MOST_BYTES: usize = 4 << 20;
/// The most bytes of the newest lines kept while it takes none.
const NEWEST_BYTES: usize = 32 << 10;
/// The most bytes written at once: Linux writes as many to a pipe atomically (`PIPE_BUF`), so lines of
/// several processes do not mix.
pub(super) const AT_ONCE: usize = 4096;

/// Lines in two runs with a gap between them: the older ones, and the newest of what came while
/// there was no room for more.
#[derive(Debug, Default)]
pub(super) struct Queue {
    older: Run,
    dropped: u64,
    newest: Run,
}

#[derive(Debug, Default)]
struct Run {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Run {
    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }

    fn put_back(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_front(line);
    }

    /// Drops all but the newest `most` bytes of lines; returns how many lines were dropped.
    fn keep(&mut self, most: usize) -> u64 {
        let mut dropped = 0;
        while self.bytes > most && self.lines.len() > 1 {
            self.pop();
            dropped += 1;
        }
        dropped
    }
}

impl Queue {
    /// Adds a line. While none are taken, only the newest are kept.
    pub(super) fn push(&mut self, line: Vec<u8>, are_taken: bool) {
        let has_room = self.older.bytes.saturating_add(line.len()) <= MOST_BYTES;
        if are_taken && has_room && self.newest.lines.is_empty() {
            self.older.push(line);
        } else {
            self.newest.push(line);
            self.dropped += self.newest.keep(NEWEST_BYTES);
        }
    }

    /// Returns whether no line is queued.
    pub(super) fn is_empty(&self) -> bool {
        self.older.lines.is_empty() && self.newest.lines.is_empty()
    }

    /// Takes the next lines, as many as are written at once; `gap` is the line that says how many
    /// were dropped before them.
    pub(super) fn take(&mut self, gap: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
        if self.older.lines.is_empty() {
            self.older = std::mem::take(&mut self.newest);
            if self.dropped > 0 {
                self.older.put_back(gap(std::mem::take(&mut self.dropped)));
            }
        }
        let mut taken = self.older.pop().unwrap_or_default();
        while self.older.lines.front().is_some_and(|next| taken.len() + next.len() <= AT_ONCE) {
            taken.extend(self.older.pop().unwrap_or_default());
        }
        taken
    }

    /// Puts the unwritten rest of what was taken back to the front.
    pub(super) fn put_back(&mut self, rest: Vec<u8>) {
        self.older.put_back(rest);
    }

    /// Drops all but the newest lines that can be written at once, because time is running out.
    pub(super) fn keep_the_newest(&mut self) {
        let mut all = std::mem::take(&mut self.older);
        for line in std::mem::take(&mut self.newest).lines {
            all.push(line);
        }
        self.dropped += all.keep(AT_ONCE);
        self.newest = all;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(dropped: u64) -> Vec<u8> {
        format!("({dropped})\n").into()
    }

    fn all(queue: &mut Queue) -> String {
        let mut text = Vec::new();
        while !queue.is_empty() {
            let taken = queue.take(gap);
            assert!(!taken.is_empty());
            text.extend(taken);
        }
        String::from_utf8(text).unwrap()
    }

    fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
        numbers.into_iter().map(|number| format!("line {number}\n").into()).collect()
    }

    #[test]
    fn lines_come_out_in_order_and_few_at_once() {
        let mut queue = Queue::default();
        let lines = numbered(0..2000);
        for line in &lines {
            queue.push(line.clone(), true);
        }
        let first = queue.take(gap);
        assert!(first.len() <= AT_ONCE && first.ends_with(b"\n"));
        queue.put_back(first);
        assert_eq!(all(&mut queue).into_bytes(), lines.concat());
    }

    #[test]
    fn while_none_are_taken_the_newest_are_kept_and_the_rest_is_counted_in_its_place() {
        let mut queue = Queue::default();
        queue.push(b"before\n".to_vec(), true);
        let lines = numbered(0..100_000);
        for line in &lines {
            queue.push(line.clone(), false);
        }
        // Lines are taken again: a new one comes after those that were kept.
        queue.push(b"after\n".to_vec(), true);
        let text = all(&mut queue);
        let shown: Vec<&str> = text.lines().collect();
        assert_eq!(shown.first(), Some(&"before"));
        assert_eq!(shown.last(), Some(&"after"));
        let dropped: usize = shown[1].trim_matches(['(', ')']).parse().unwrap();
        assert_eq!(shown[2], format!("line {dropped}"), "the gap is exactly what is counted");
        assert_eq!(shown.len(), 3 + lines.len() - dropped);
        assert!(text.len() < 2 * NEWEST_BYTES);
    }

    #[test]
    fn few_lines_are_all_kept_even_while_none_are_taken() {
        let mut queue = Queue::default();
        for line in numbered(0..100) {
            queue.push(line, false);
        }
        assert_eq!(all(&mut queue).into_bytes(), numbered(0..100).concat());
    }

    #[test]
    fn a_reader_that_is_too_slow_costs_bounded_memory() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.push(vec![b'x'; 1 << 20], true);
        }
        assert!(queue.older.bytes + queue.newest.bytes <= MOST_BYTES + (1 << 20));
        assert_eq!(queue.dropped, 95);
    }

    #[test]
    fn when_time_is_running_out_the_last_lines_are_kept() {
        for are_taken in [true, false] {
            let mut queue = Queue::default();
            for line in numbered(0..100_000) {
                queue.push(line, are_taken);
            }
            queue.keep_the_newest();
            let text = all(&mut queue);
            assert!(text.ends_with("line 99999\n") && text.len() <= AT_ONCE + 20);
            let kept = text.lines().count() - 1;
            assert!(text.starts_with(&format!("({})\n", 100_000 - kept)), "{text}");
        }
    }
}
