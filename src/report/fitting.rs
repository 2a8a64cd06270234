//! A report cut to a size limit: details are dropped first, the verdict stays.

use serde::Serialize;
use serde_json::{Map, Value};

use super::json;

/// What is dropped first, in this order; `transitions` keeps as many of its newest entries as fit.
const DETAILS: [&str; 3] = ["instances", "last_unusable_answer", "transitions"];
/// What scripts decide by. `message` is cut only if nothing else helps, and `id` last.
const VERDICT: [&str; 6] = ["id", "status", "ip", "outcome", "started_at", "message"];
/// The lengths, in characters, that texts are cut to until the report fits.
const CUTS: [usize; 6] = [1_000, 500, 250, 100, 40, 0];

/// `report` as one line of JSON of at most `most` bytes: whole if it fits, else with a key
/// `left_out` that names what was shortened. Longer only if the rest of the verdict is.
#[must_use]
pub fn fitting(report: &impl Serialize, most: usize) -> String {
    let whole = json::line(report);
    if whole.len() <= most {
        return whole;
    }
    let Ok(Value::Object(report)) = serde_json::to_value(report) else { return whole };
    let mut room = Room { report, most };
    for key in DETAILS {
        room.shorten(key);
    }
    let keys: Vec<String> = room.report.keys().cloned().collect();
    let details = keys.iter().map(String::as_str).filter(|key| !VERDICT.contains(key));
    let details: Vec<&str> = details.collect();
    for keys in [&details[..], &["message"], &["status"], &["id"]] {
        for most in CUTS {
            for key in keys {
                room.cut(key, most);
            }
        }
    }
    room.line()
}

struct Room {
    report: Map<String, Value>,
    most: usize,
}

impl Room {
    fn line(&self) -> String {
        json::line(&self.report)
    }

    fn fits(&self) -> bool {
        self.line().len() <= self.most
    }

    /// Drops the older half of a list until the report fits, or the whole value.
    fn shorten(&mut self, key: &str) {
        while !self.fits() {
            match self.report.get_mut(key) {
                Some(Value::Array(entries)) if key != "instances" && !entries.is_empty() => {
                    entries.drain(..entries.len().div_ceil(2));
                }
                Some(Value::Array(entries)) if entries.is_empty() => return,
                Some(value) if !value.is_null() => {
                    self.report.remove(key);
                }
                _ => return,
            }
            self.note(key);
        }
    }

    /// Cuts a text to `most` characters, or to null for zero.
    fn cut(&mut self, key: &str, most: usize) {
        if self.fits() {
            return;
        }
        let Some(Value::String(text)) = self.report.get(key) else { return };
        if text.chars().count() <= most {
            return;
        }
        let cut = match most {
            0 => Value::Null,
            most => text.chars().take(most).chain(['…']).collect::<String>().into(),
        };
        self.report.insert(key.to_owned(), cut);
        self.note(key);
    }

    fn note(&mut self, key: &str) {
        let left_out = self.report.entry("left_out").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(keys) = left_out
            && !keys.iter().any(|known| known == key)
        {
            keys.push(key.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(texts: &str, entries: usize) -> Value {
        let transitions: Vec<_> =
            (0..entries).map(|at| json!({"status": "pending", "at_ms": at})).collect();
        let one = json!({"id": "inst_a", "transitions": transitions, "last_error": texts});
        json!({
            "id": "inst_a", "status": "ready", "ip": "203.0.113.1", "sector": texts,
            "outcome": "met", "exit_code": 0, "polls": 3, "transitions": transitions,
            "last_error": texts, "message": texts, "instances": [one, one],
            "last_unusable_answer": {"status": 502, "beginning": texts},
        })
    }

    fn fit(report: &Value, most: usize) -> Value {
        let line = fitting(report, most);
        assert!(line.len() <= most, "{} of {most}: {line}", line.len());
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn what_fits_is_whole_to_the_last_byte() {
        let report = report("x", 3);
        let whole = json::line(&report);
        assert_eq!(fit(&report, whole.len()), report);
        assert_ne!(fit(&report, whole.len() - 1), report);
    }

    #[test]
    fn the_verdict_stays_whatever_is_dropped() {
        for texts in ["", "x", &"x".repeat(5_000), &"\u{1b}\u{202e}##\"\\é".repeat(900)] {
            for entries in [0, 1, 40, 120, 3_000] {
                let fit = fit(&report(texts, entries), 4_095);
                assert_eq!((&fit["id"], &fit["ip"]), (&json!("inst_a"), &json!("203.0.113.1")));
                assert_eq!((&fit["outcome"], &fit["exit_code"]), (&json!("met"), &json!(0)));
                assert_eq!((&fit["status"], &fit["polls"]), (&json!("ready"), &json!(3)));
                assert!(texts.is_empty() || fit["message"].is_string(), "{fit}");
            }
        }
    }

    #[test]
    fn the_newest_transitions_are_kept_and_what_is_left_out_is_named() {
        let fit = fit(&report("x", 200), 4_095);
        assert_eq!(fit["left_out"], json!(["instances", "last_unusable_answer", "transitions"]));
        let transitions = fit["transitions"].as_array().unwrap();
        assert!(transitions.len() > 20, "{}", transitions.len());
        assert_eq!(transitions.last().unwrap()["at_ms"], 199);
    }

    #[test]
    fn an_overlong_id_and_status_are_cut_last() {
        let mut report = report("x", 2);
        report["id"] = "i".repeat(5_000).into();
        report["status"] = "s".repeat(5_000).into();
        let fit = fit(&report, 4_095);
        assert!(fit["id"].as_str().unwrap().starts_with("iii"), "{fit}");
        assert_eq!(fit["left_out"].as_array().unwrap().last().unwrap(), "id");
    }
}
