//! The instances named on the command line, in files, and on standard input.

use std::{collections::HashSet, fs, io};

use crate::{
    answer::instance::{InstanceId, InvalidInstanceId},
    system::read::read_at_most,
    text::untrusted::{Untrusted, is_harmless},
};

/// The longest list of ids that is read, in bytes; a longer file is something else.
const MAX_BYTES: u64 = 64 << 20;
/// The beginnings of the lines that `-o env` writes.
const ENV_IDS: &str = "FAL_INSTANCE_ID=";
const ENV_ADDRESSES: &str = "FAL_INSTANCE_IP=";

/// Why a list of instances cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstanceListError {
    /// A word that cannot be an instance id.
    #[error("{place}: {reason}{}", shown(.word))]
    Invalid {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: InvalidInstanceId,
        /// The word.
        word: String,
    },
    /// A word that cannot be the intended id.
    #[error("{place}: {:?} is surely not the intended id: {slip}", Untrusted::from(.word.as_str()))]
    Slip {
        /// Where it stands.
        place: String,
        /// What it looks like.
        slip: Slip,
        /// The word.
        word: String,
    },
    /// The list cannot be read.
    #[error("cannot read instance ids from {place}: {source}")]
    Unreadable {
        /// The file, or standard input.
        place: String,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no id at all.
    #[error("{place} names no instance")]
    Empty {
        /// The file, standard input, or the command line.
        place: String,
    },
}

/// A mistake that a word shows although it is formally an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Slip {
    /// A word for a missing value, such as `null`.
    #[error("programs write this for a missing value (does the field that it comes from exist?)")]
    Nothing,
    /// A placeholder that was not replaced.
    #[error("a shell or a template has not filled it in")]
    Unfilled,
    /// A placeholder that belongs into COMMAND.
    #[error("a COMMAND begins after ` -- `")]
    Placeholder,
    /// Quotation marks in the id.
    #[error("it has quotation marks (jq writes none with -r)")]
    Quoted,
    /// A byte order mark, a zero-width character, or a blank outside ASCII.
    #[error("it has an invisible character")]
    Invisible,
}

fn shown(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!(": {:?}", Untrusted::from(word)) }
}

/// The mistake that `word` shows, if any.
fn slip(word: &str) -> Option<Slip> {
    const NOTHING: [&str; 5] = ["null", "none", "undefined", "nil", "nan"];
    let is_quote = |c: char| matches!(c, '\'' | '"' | '`' | '‘'..='‟' | '«' | '»' | '‹' | '›');
    let is_template = |c: char| matches!(c, '$' | '{' | '}' | '<' | '>');
    if NOTHING.iter().any(|nothing| word.eq_ignore_ascii_case(nothing)) {
        Some(Slip::Nothing)
    } else if word.chars().any(|c| !is_harmless(c) || (c.is_whitespace() && !c.is_ascii())) {
        Some(Slip::Invisible)
    } else if ["{ip}", "{id}"].iter().any(|placeholder| word.contains(placeholder)) {
        Some(Slip::Placeholder)
    } else if word.contains(is_quote) {
        Some(Slip::Quoted)
    } else if word.contains(is_template) {
        Some(Slip::Unfilled)
    } else {
        None
    }
}

/// The instances that `words` name, each once, in order: ids, `@FILE`, and `@-` for `stdin`. Commas
/// and blanks separate ids everywhere. In a list, blank lines and `#` comments are skipped, and the
/// lines that `-o env` writes are understood.
///
/// # Errors
///
/// [`InstanceListError`] for the first word or file that cannot be used.
pub fn expand(
    words: &[String],
    stdin: impl FnOnce() -> io::Result<String>,
) -> Result<Vec<InstanceId>, InstanceListError> {
    let mut stdin = Some(stdin);
    let mut list = List::default();
    for word in words {
        let Some(file) = word.strip_prefix('@') else {
            list.add_all(word, || "the command line".into())?;
            continue;
        };
        let place = if file == "-" { "standard input" } else { file };
        let text = match stdin.take() {
            Some(stdin) if file == "-" => stdin(),
            unread if file == "-" => {
                stdin = unread;
                Ok(String::new())
            }
            unread => {
                stdin = unread;
                fs::File::open(file).and_then(read_list)
            }
        };
        let text = text
            .map_err(|source| InstanceListError::Unreadable { place: place.to_owned(), source })?;
        list.add_lines(&text, place)?;
    }
    Ok(list.ids)
}

/// Reads a list of ids as text.
///
/// # Errors
///
/// An error of the system, or that the list is too long or not UTF-8.
pub fn read_list(reader: impl io::Read) -> io::Result<String> {
    let bytes = read_at_most(MAX_BYTES, reader)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn is_separator(c: char) -> bool {
    c == ',' || c.is_ascii_whitespace()
}

#[derive(Default)]
struct List {
    ids: Vec<InstanceId>,
    known: HashSet<InstanceId>,
}

impl List {
    /// Adds every id in `text`, which has to name at least one.
    fn add_all(&mut self, text: &str, place: impl Fn() -> String) -> Result<(), InstanceListError> {
        let mut named = text.split(is_separator).filter(|word| !word.is_empty()).peekable();
        if named.peek().is_none() {
            return if text.is_empty() {
                self.add(text, place)
            } else {
                Err(InstanceListError::Empty { place: place() })
            };
        }
        named.try_for_each(|word| self.add(word, &place))
    }

    fn add(&mut self, word: &str, place: impl Fn() -> String) -> Result<(), InstanceListError> {
        if let Some(slip) = slip(word) {
            return Err(InstanceListError::Slip { place: place(), slip, word: word.to_owned() });
        }
        let id = InstanceId::new(word).map_err(|reason| InstanceListError::Invalid {
            place: place(),
            reason,
            word: word.to_owned(),
        })?;
        if self.known.insert(id.clone()) {
            self.ids.push(id);
        }
        Ok(())
    }

    fn add_lines(&mut self, text: &str, place: &str) -> Result<(), InstanceListError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut named = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_ascii();
            let is_of_addresses = line.starts_with(ENV_ADDRESSES);
            let line = without_comment(line.strip_prefix(ENV_IDS).unwrap_or(line));
            if is_of_addresses || line.split(is_separator).all(str::is_empty) {
                continue;
            }
            named = true;
            self.add_all(line, || format!("{place}, line {}", number + 1))?;
        }
        if named { Ok(()) } else { Err(InstanceListError::Empty { place: place.to_owned() }) }
    }
}

/// `line` up to a `#` that begins a word.
fn without_comment(line: &str) -> &str {
    let begins =
        |&(at, _): &(usize, &str)| line[..at].is_empty() || line[..at].ends_with(is_separator);
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(words: &[&str], stdin: &str) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        expand(&words, || Ok(stdin.to_owned()))
            .map(|ids| ids.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn duplicates_count_once_and_the_order_is_kept() {
        assert_eq!(expanded(&["b", "a", "b"], "").unwrap(), ["b", "a"]);
    }

    #[test]
    fn commas_and_blanks_separate_ids() {
        for words in [&["a,b"][..], &["a b"], &["a,", ",b"], &[" a ,\tb\n"], &["a,,b,"]] {
            assert_eq!(expanded(words, "").unwrap(), ["a", "b"], "{words:?}");
        }
        assert_eq!(expanded(&["@-"], "a,b\n c d # e\n#f\n").unwrap(), ["a", "b", "c", "d"]);
        assert!(expanded(&[","], "").unwrap_err().contains("names no instance"));
        assert!(expanded(&[" "], "").unwrap_err().contains("names no instance"));
    }

    #[test]
    fn what_output_env_writes_can_be_read_back() {
        let text = "FAL_INSTANCE_ID=node-1,node-2\nFAL_INSTANCE_IP=203.0.113.1,203.0.113.2\n";
        assert_eq!(expanded(&["@-"], text).unwrap(), ["node-1", "node-2"]);
        let indented = text.replace("FAL", "  FAL");
        assert_eq!(expanded(&["@-"], &indented).unwrap(), ["node-1", "node-2"]);
    }

    #[test]
    fn standard_input_has_one_id_a_line_whoever_wrote_it() {
        let ids = expanded(&["z", "@-"], "# nodes\r\n\n a \r\nb\nz\n").unwrap();
        assert_eq!(ids, ["z", "a", "b"]);
        assert_eq!(expanded(&["@-"], "\u{feff}a\r\nb").unwrap(), ["a", "b"]);
        assert_eq!(expanded(&["@-"], "a#1\nb").unwrap(), ["a#1", "b"]);
    }

    #[test]
    fn a_word_that_cannot_be_the_intended_id_is_refused_wherever_it_stands() {
        let nothing = ["null", "None", "NULL", "undefined", "nil", "NaN"];
        let quoted = ["\"inst_a\"", "'inst_a'", "`id`", "“inst_a”"];
        let unfilled = ["$ID", "${ID}", "{{id}}", "<id>"];
        let invisible = ["\u{feff}inst_a", "inst\u{200b}_a", "inst\u{a0}a", "inst_a\u{ad}"];
        let moving = ["\u{202e}inst", "inst\u{2028}a", "inst_a\u{3000}"];
        for word in [&nothing[..], &quoted, &unfilled, &invisible, &moving].concat() {
            let error = expanded(&[word], "").unwrap_err();
            assert!(error.contains("surely not"), "{word:?}: {error}");
            assert!(error.chars().all(is_harmless), "{error:?}");
            let error = expanded(&["@-"], &format!("a\n{word}\n")).unwrap_err();
            assert!(error.contains("standard input, line 2"), "{word:?}: {error}");
            assert!(expanded(&[&format!("a,{word}")], "").is_err(), "{word:?}");
        }
        for word in ["inst_abc123", "nullify", "i-0.1:2@3/4%5", "né"] {
            assert_eq!(expanded(&[word], "").unwrap(), [word]);
        }
    }

    #[test]
    fn a_list_without_an_end_is_some_other_file() {
        let error = read_list(io::repeat(b'a')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_list(&b"\xff"[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = expanded(&["@-"], "a\n::b\n").unwrap_err();
        assert!(error.contains("standard input, line 2") && error.contains("::b"), "{error}");
    }

    #[test]
    fn a_list_without_an_id_is_a_mistake_and_not_a_success() {
        assert!(expanded(&["@-"], "\n# none\n").unwrap_err().contains("names no instance"));
        assert!(expanded(&["@-"], "FAL_INSTANCE_ID=\n").unwrap_err().contains("names no instance"));
        assert!(expanded(&["@/no/such/file"], "").unwrap_err().contains("/no/such/file"));
        assert!(expanded(&[""], "").unwrap_err().contains("empty"));
    }
}
