use std::{num::NonZero, time::Duration};

use super::*;
use crate::{
    answer::instance::{Instance, InstanceId},
    terminal::board::Board,
    wait::{
        event::{Observer as _, WaitEvent},
        rules::Rules,
    },
};

const HEIGHT: u16 = 24;

/// A terminal, the rows on it, and the lines that were written above them.
struct Terminal {
    screen: vt100::Parser,
    rows: Rows,
    story: Vec<String>,
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let screen = vt100::Parser::new(size(HEIGHT), size(columns), 1000);
        Self { screen, rows: Rows::default(), story: Vec::new() }
    }

    fn resize(&mut self, columns: u16) {
        self.screen.screen_mut().set_size(size(HEIGHT), size(columns));
    }

    fn columns(&self) -> usize {
        self.screen.screen().size().1.get().into()
    }

    fn say(&mut self, line: &str) {
        self.story.push(line.to_owned());
        let columns = self.columns();
        // The terminal makes a line end of what ends a line.
        let bytes = self.rows.below(format!("{line}\n").as_bytes(), columns);
        let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        self.screen.process(text.as_bytes());
    }

    fn draw(&mut self, rows: Vec<String>) {
        self.rows.set(rows);
        let bytes = self.rows.below(b"", self.columns());
        self.screen.process(&bytes);
    }

    /// All that it shows and has shown, without the ends of lines that are blank.
    fn shown(&mut self) -> Vec<String> {
        let columns = self.screen.screen().size().1.get();
        let mut lines: Vec<String> = Vec::new();
        self.screen.screen_mut().set_scrollback(usize::MAX);
        let mut above = self.screen.screen().scrollback();
        loop {
            self.screen.screen_mut().set_scrollback(above);
            let rows = self.screen.screen().rows(0, columns);
            if above == 0 {
                lines.extend(rows);
                break;
            }
            lines.extend(rows.take(1));
            above -= 1;
        }
        let mut lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// The story, whole, and below it `rows`: nothing is left over and nothing is missing.
    #[track_caller]
    fn assert_shows(&mut self, rows: &[String]) {
        let columns = self.columns();
        let wrapped = |line: &String| -> Vec<String> {
            let chars: Vec<char> = line.chars().collect();
            chars.chunks(columns).map(|part| part.iter().collect()).collect()
        };
        let story = self.story.iter().flat_map(wrapped);
        let rows = rows.iter().map(|row| cut(row, columns - ECHO).trim_end().to_owned());
        let expected: Vec<String> = story.chain(rows).collect();
        assert_eq!(self.shown(), expected, "{columns} columns");
    }
}

fn board(count: usize) -> Board {
    let ids = (0..count).map(|n| InstanceId::new(&format!("inst_{n}")).unwrap());
    Board::new(ids, &Rules::default(), true)
}

fn rows_of(board: &Board, now: u64) -> Vec<String> {
    let lines = board.lines(Duration::from_secs(now), 12);
    lines.iter().map(|line| format!("⠋ {line}")).collect()
}

fn moved(board: &mut Board, number: usize, status: &str, at: u64) -> String {
    let id = InstanceId::new(&format!("inst_{number}")).unwrap();
    let now = Instance::new(id.clone(), status.into());
    let at = Duration::from_secs(at);
    board.observe(at, &WaitEvent::Transition { id: &id, from: None, now: &now });
    format!("{id}  pending -> {status} after {}s, which is told at some length here", at.as_secs())
}

#[test]
fn rows_stand_below_the_story_at_every_width_and_for_every_count() {
    for columns in [34, 80, 200] {
        for count in [1, 2, 11, 60] {
            let mut terminal = Terminal::new(columns);
            let mut board = board(count);
            for step in 0..40 {
                let rows = rows_of(&board, step);
                terminal.draw(rows.clone());
                terminal.assert_shows(&rows);
                if step % 3 == 0 {
                    let line = moved(&mut board, usize::try_from(step).unwrap() % count, "x", step);
                    terminal.say(&line);
                    terminal.assert_shows(&rows);
                }
            }
            terminal.draw(Vec::new());
            terminal.assert_shows(&[]);
            terminal.say("the end");
            terminal.assert_shows(&[]);
        }
    }
}

#[test]
fn rows_come_and_go_and_leave_nothing_behind() {
    let mut terminal = Terminal::new(80);
    terminal.say("first");
    for count in [1, 12, 3, 7, 0, 2, 1, 0, 0, 5] {
        let rows: Vec<String> = (0..count).map(|n| format!("row {n} of {count}")).collect();
        terminal.draw(rows.clone());
        terminal.assert_shows(&rows);
        terminal.say(&format!("told beside {count} rows"));
        terminal.assert_shows(&rows);
    }
}

#[test]
fn a_terminal_of_another_size_loses_nothing_of_the_story() {
    for count in [1, 2, 11, 60] {
        let mut terminal = Terminal::new(200);
        let board = board(count);
        for line in 0..5 {
            terminal.say(&format!("line {line}"));
        }
        for (step, columns) in [80, 34, 80, 200, 34, 33, 30].into_iter().enumerate() {
            terminal.resize(columns);
            let rows = rows_of(&board, step as u64);
            terminal.draw(rows.clone());
            terminal.assert_shows(&rows);
            terminal.say(&format!("{columns} columns"));
            terminal.assert_shows(&rows);
        }
    }
}

#[test]
fn the_echo_of_ctrl_c_leaves_no_row_behind() {
    for columns in [34, 80, 200] {
        for count in [1, 2, 11] {
            let mut terminal = Terminal::new(columns);
            terminal.say("before");
            let long = |n| format!("row {n} {}", "x".repeat(300));
            let rows: Vec<String> = (0..count).map(long).collect();
            terminal.draw(rows.clone());
            terminal.assert_shows(&rows);
            terminal.screen.process(b"^C");
            terminal.draw(Vec::new());
            terminal.say("ended by SIGINT");
            terminal.assert_shows(&[]);
        }
    }
}

#[test]
fn a_row_of_any_letters_is_one_line_in_which_nothing_is_obeyed() {
    for text in ["広い文字".repeat(50), "e\u{301}".repeat(200), "·…─".repeat(99), "👩‍👩‍👧".repeat(60)]
    {
        for columns in [34, 80] {
            let mut terminal = Terminal::new(columns);
            terminal.say("before");
            terminal.draw(vec![format!("a {text}"), format!("b {text}")]);
            let shown = terminal.shown();
            assert_eq!(shown.len(), 3, "{shown:?}");
            terminal.draw(Vec::new());
            terminal.assert_shows(&[]);
        }
    }
    assert_eq!(cut("·…──", 5), "·…", "a terminal may show each of them wide");
    let mut terminal = Terminal::new(80);
    terminal.draw(vec!["a\r\n::error::b\x1b[2J\u{9b}2Jc\u{202e}".to_owned()]);
    assert_eq!(terminal.shown(), ["a??::error::b?[2J?2Jc?"]);
}

#[test]
fn what_a_shell_wrote_meanwhile_stays() {
    let mut terminal = Terminal::new(80);
    terminal.draw(vec!["row 1".into(), "row 2".into()]);
    terminal.screen.process(b"^Z\r\n[1]+  Stopped\r\n$ fg\r\n");
    terminal.rows.forget();
    terminal.draw(vec!["row 1".into(), "row 2".into()]);
    let shown = terminal.shown();
    assert_eq!(shown[2..], ["[1]+  Stopped", "$ fg", "row 1", "row 2"], "{shown:?}");
}
