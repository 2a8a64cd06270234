//! The instances named on the command line, in files, and on standard input.

use std::{collections::HashSet, fs, io};

use crate::{
    answer::instance::{InstanceId, InvalidInstanceId},
    system::read::read_at_most,
    text::untrusted::Untrusted,
};

/// A list of ids longer than this is some other file.
const MAX_BYTES: u64 = 64 << 20;

/// Why a list of instances cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstanceListError {
    /// A word that no instance can be named.
    #[error("{place}: {reason}{}", shown(.word))]
    Invalid {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: InvalidInstanceId,
        /// The word.
        word: String,
    },
    /// The file cannot be read.
    #[error("cannot read instance ids from {place}: {source}")]
    Unreadable {
        /// The file, or standard input.
        place: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is not one id in all of them.
    #[error("{place} names no instance")]
    Empty {
        /// The file, or standard input.
        place: String,
    },
}

fn shown(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!(": {:?}", Untrusted::from(word)) }
}

/// The instances that `words` name, each once, in order: ids, `@FILE` with one id a line, and
/// `@-` for `stdin`. Blank lines and lines that begin with `#` name none.
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
            list.add(word, || "the command line".into())?;
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

/// Reads a list; one without an end is none.
///
/// # Errors
///
/// What the system says, also of a list that is too long or no text.
pub fn read_list(reader: impl io::Read) -> io::Result<String> {
    let bytes = read_at_most(MAX_BYTES, reader)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[derive(Default)]
struct List {
    ids: Vec<InstanceId>,
    known: HashSet<InstanceId>,
}

impl List {
    fn add(&mut self, word: &str, place: impl Fn() -> String) -> Result<(), InstanceListError> {
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
        let mut named = false;
        for (number, line) in text.lines().enumerate() {
            let word = line.trim();
            if !word.is_empty() && !word.starts_with('#') {
                named = true;
                self.add(word, || format!("{place}, line {}", number + 1))?;
            }
        }
        if named { Ok(()) } else { Err(InstanceListError::Empty { place: place.to_owned() }) }
    }
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
    fn standard_input_has_one_id_a_line() {
        let ids = expanded(&["z", "@-"], "# nodes\r\n\n a \r\nb\nz\n").unwrap();
        assert_eq!(ids, ["z", "a", "b"]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = expanded(&["@-"], "a\nb c\n").unwrap_err();
        assert!(error.contains("standard input, line 2") && error.contains("b c"), "{error}");
    }

    #[test]
    fn a_list_without_an_id_is_a_mistake_and_not_a_success() {
        assert!(expanded(&["@-"], "\n# none\n").unwrap_err().contains("names no instance"));
        assert!(expanded(&["@/no/such/file"], "").unwrap_err().contains("/no/such/file"));
        assert!(expanded(&[""], "").unwrap_err().contains("empty"));
    }
}
