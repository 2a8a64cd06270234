//! Parsing of the API's responses.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::credentials::Redactor;
use crate::{
    answer::{
        address::{Address, Origin},
        instance::{Instance, InstanceId, InstanceType, InvalidInstanceId, Region, Sector, Status},
        poll_error::{ErrorType, PollError, ServerError},
    },
    text::untrusted::Untrusted,
};

/// The longest cursor accepted: those of a whole list are kept until its end.
const MAX_CURSOR_BYTES: usize = 4096;

/// An instance as the API writes it. Fields that decide nothing may be missing or of another type.
#[derive(Deserialize)]
struct WireInstance<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow, default)]
    ip: Lenient<'a>,
    #[serde(borrow, default)]
    instance_type: Lenient<'a>,
    #[serde(borrow, default)]
    region: Lenient<'a>,
    #[serde(borrow, default)]
    sector: Lenient<'a>,
    #[serde(borrow, default)]
    creator_user_nickname: Lenient<'a>,
}

/// A string, borrowed from the body where it has no escapes: a page holds a hundred instances.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A field that is ignored unless it is a string.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Lenient<'a> {
    #[serde(borrow)]
    Text(Text<'a>),
    Other(IgnoredAny),
    #[default]
    #[serde(skip)]
    Missing,
}

impl Lenient<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(Text(text)) => Some(text),
            Self::Other(_) | Self::Missing => None,
        }
    }
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    instances: Vec<OneOfMany<'a>>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: Option<bool>,
}

/// One element of a list. A malformed one is skipped: its own request will show what is wrong.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOfMany<'a> {
    /// serde would read the values of an array as the fields of an instance, in order.
    Array(#[expect(dead_code, reason = "only its form counts")] Vec<IgnoredAny>),
    #[serde(borrow)]
    Instance(WireInstance<'a>),
    Malformed(IgnoredAny),
}

/// One page of the list of instances.
#[derive(Debug)]
pub struct Page {
    /// Its well-formed instances.
    pub instances: Vec<Instance>,
    /// Where the next page begins.
    pub next: Next,
}

/// Where the page after a [`Page`] begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nowhere: this is the last page.
    End,
    /// At this cursor.
    Cursor(String),
    /// Unknown: there are more pages, but no cursor.
    Lost,
}

/// Parses an instance from an API at `origin`.
///
/// # Errors
///
/// [`Fault::Malformed`](crate::answer::poll_error::Fault::Malformed) if the body is not an instance.
pub fn parse_instance(
    body: &[u8],
    origin: Origin,
    redactor: &Redactor,
) -> Result<Instance, PollError> {
    let wire: WireInstance<'_> = parse(body, redactor)?;
    instance(&wire, origin, redactor)
        .map_err(|error| PollError::malformed(format!("its id is invalid: {error}")))
}

/// Parses one page of the list.
///
/// # Errors
///
/// As for [`parse_instance`], if the body is not a page.
pub fn parse_page(body: &[u8], origin: Origin, redactor: &Redactor) -> Result<Page, PollError> {
    let wire: WirePage<'_> = parse(body, redactor)?;
    let cursor = wire.next_cursor.filter(|cursor| !cursor.is_empty());
    if cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR_BYTES) {
        let reason = format!("its cursor is longer than {MAX_CURSOR_BYTES} bytes");
        return Err(PollError::malformed(reason));
    }
    let next = match (wire.has_more, cursor) {
        (Some(false), _) | (None, None) => Next::End,
        (_, Some(cursor)) => Next::Cursor(cursor),
        (Some(true), None) => Next::Lost,
    };
    let instances = wire.instances.into_iter().filter_map(|element| match element {
        OneOfMany::Instance(wire) => instance(&wire, origin, redactor).ok(),
        OneOfMany::Array(_) | OneOfMany::Malformed(_) => None,
    });
    Ok(Page { instances: instances.collect(), next })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], redactor: &Redactor) -> Result<T, PollError> {
    if body.is_empty() {
        return Err(PollError::malformed("the body is empty"));
    }
    // serde reads the values of an array as the fields of a struct, in order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(PollError::malformed("not as documented: an array"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_data() { "not as documented" } else { "not JSON" };
        PollError::malformed(format!("{what}: {}", redactor.redact(&error.to_string())))
    })
}

fn instance(
    wire: &WireInstance<'_>,
    origin: Origin,
    redactor: &Redactor,
) -> Result<Instance, InvalidInstanceId> {
    let id = InstanceId::new(&redactor.redact(&wire.id.0))?;
    let status = redactor.value(&wire.status.0, Status::is_documented);
    let mut instance = Instance::new(id, status);
    if let Some(text) = wire.ip.text().filter(|text| !text.is_empty()) {
        match Address::parse(text, origin) {
            Ok(address) => instance.ip = Some(address),
            Err(_) => instance.unusable_ip = Some(redactor.text(text)),
        }
    }
    instance.instance_type =
        wire.instance_type.text().map(|t| redactor.value(t, InstanceType::is_documented));
    instance.region = wire.region.text().map(|text| redactor.value(text, Region::is_documented));
    instance.sector = wire.sector.text().map(|text| redactor.value(text, Sector::is_documented));
    instance.creator_user_nickname =
        wire.creator_user_nickname.text().map(|name| redactor.text(name));
    Ok(instance)
}

/// Parses the body of an error response, as far as possible.
#[must_use]
pub fn parse_error(status: u16, body: &[u8], redactor: &Redactor) -> ServerError {
    let mut answer = ServerError::bare(status);
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let error = &body["error"];
    if !error.is_object() {
        answer.foreign = Some(Box::default());
    }
    let text = |value: &Value| -> Option<Untrusted> {
        value.as_str().filter(|text| !text.is_empty()).map(|text| redactor.text(text))
    };
    answer.error_type =
        error["type"].as_str().map(|kind| redactor.value(kind, ErrorType::is_documented));
    // Gateways and frameworks write `{"error": "…"}`, `{"message": …}`, `{"detail": …}` as text,
    // list or object, or `{"title": …}` (RFC 9457).
    let places = [&error["message"], error, &body["message"], &body["detail"], &body["title"]];
    let messages = places.into_iter().map(|place| message(place, 0));
    answer.message =
        messages.into_iter().find(|text| !text.is_empty()).map(|text| redactor.text(&text));
    answer.docs_url = text(&error["docs_url"]);
    answer.request_id = text(&error["request_id"]);
    answer
}

/// The text of a message, which may be a string, a list of messages, or an object with the location
/// that the message is about.
fn message(value: &Value, depth: usize) -> String {
    /// The most elements of a list, and levels of nesting, that are shown.
    const MAX: usize = 5;
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) if depth < MAX => {
            let texts = all.iter().take(MAX).map(|one| message(one, depth + 1));
            texts.collect::<Vec<_>>().join("; ")
        }
        Value::Object(fields) if depth < MAX => {
            let text = ["msg", "message", "detail"].into_iter().find_map(|key| fields.get(key));
            let text = text.map(|text| message(text, depth + 1)).unwrap_or_default();
            let location = fields.get("loc").and_then(Value::as_array).map(|steps| {
                let step =
                    |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
                steps.iter().take(MAX).map(step).collect::<Vec<_>>().join(".")
            });
            match location.filter(|location| !location.is_empty() && !text.is_empty()) {
                Some(location) => format!("{location}: {text}"),
                None => text,
            }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::credentials::ApiKey;

    fn redactor() -> Redactor {
        Redactor::new(ApiKey::new("a:b").unwrap())
    }

    const ARRAY: &str = r#"["inst_1","gpu","us-west",null,"203.0.113.9","ready",null]"#;

    #[test]
    fn an_array_is_not_an_instance_even_with_all_values_in_place() {
        for body in [ARRAY.to_owned(), format!(" \n{ARRAY}")] {
            let read = parse_instance(body.as_bytes(), Origin::Network, &redactor());
            assert!(matches!(read, Err(PollError::Transient { .. })), "{read:?}");
        }
    }

    #[test]
    fn fields_that_decide_nothing_may_be_of_any_type() {
        for odd in ["null", "2", "{}", "[]", "true", "[[{}]]", "\"\\u0000\""] {
            let body = format!(
                r#"{{"id":"inst_1","status":"ready","ip":"203.0.113.9","instance_type":{odd},
                "region":{odd},"sector":{odd},"creator_user_nickname":{odd},"new":{odd}}}"#
            );
            let read = parse_instance(body.as_bytes(), Origin::Network, &redactor()).unwrap();
            assert_eq!(read.status, Status::Ready, "{odd}");
            assert_eq!(read.ip.unwrap().to_string(), "203.0.113.9", "{odd}");
            let body = format!(r#"{{"id":"inst_1","status":"stopped","ip":{odd}}}"#);
            let read = parse_instance(body.as_bytes(), Origin::Network, &redactor()).unwrap();
            assert_eq!((read.status, read.ip), (Status::Stopped, None), "{odd}");
        }
        let bare = parse_instance(br#"{"id":"a","status":"ready"}"#, Origin::Network, &redactor());
        assert_eq!(bare.unwrap(), Instance::new(InstanceId::new("a").unwrap(), Status::Ready));
    }

    #[test]
    fn an_unusable_address_does_not_hide_the_status() {
        for ip in ["0.0.0.0", "127.0.0.1", "pending", "10.0.0.0/8", "240.0.0.1", "fe80::1"] {
            let body = format!(r#"{{"id":"inst_1","status":"stopped","ip":"{ip}"}}"#);
            let read = parse_instance(body.as_bytes(), Origin::Network, &redactor()).unwrap();
            assert_eq!((read.status, read.ip), (Status::Stopped, None), "{ip}");
            assert_eq!(read.unusable_ip.unwrap().as_received(), ip);
        }
    }

    #[test]
    fn an_array_is_not_a_page_nor_an_element_of_one() {
        let page = |body: &str| parse_page(body.as_bytes(), Origin::Network, &redactor());
        assert!(page("[[]]").is_err());
        assert!(page(&format!("[[{ARRAY}],null,false]")).is_err());
        let elements = page(&format!(r#"{{"instances":[{ARRAY}]}}"#)).unwrap().instances;
        assert!(elements.is_empty(), "{elements:?}");
    }

    #[test]
    fn a_cursor_is_kept_up_to_its_longest() {
        let page = |length: usize| {
            let cursor = "c".repeat(length);
            let body = format!(r#"{{"instances":[],"next_cursor":"{cursor}"}}"#);
            parse_page(body.as_bytes(), Origin::Network, &redactor())
        };
        assert_eq!(page(4096).unwrap().next, Next::Cursor("c".repeat(4096)));
        assert!(page(4097).unwrap_err().to_string().contains("its cursor is longer"));
    }

    #[test]
    fn a_message_is_text_a_list_or_an_object_with_its_location() {
        let message = |detail: &str| {
            let answer =
                parse_error(422, format!(r#"{{"detail":{detail}}}"#).as_bytes(), &redactor());
            answer.message.map(|text| text.to_string()).unwrap_or_default()
        };
        for (detail, due) in [
            (r#""no""#, "no"),
            (r#"["a","b","c","d","e","f"]"#, "a; b; c; d; e"),
            (r#"{"loc":["query",2,"c","d","e","f"],"msg":"no"}"#, "query.2.c.d.e: no"),
            (r#"{"loc":[],"msg":"no"}"#, "no"),
            (r#"{"loc":["query"]}"#, ""),
            (r#"{"message":{"detail":"no"}}"#, "no"),
            (r#"[[[[["no"]]]]]"#, "no"),
            (r#"[[[[[["no"]]]]]]"#, ""),
            (r#"{"msg":{"msg":{"msg":{"msg":{"msg":"no"}}}}}"#, "no"),
            (r#"{"msg":{"msg":{"msg":{"msg":{"msg":{"msg":"no"}}}}}}"#, ""),
            ("7", ""),
        ] {
            assert_eq!(message(detail), due, "{detail}");
        }
    }

    #[test]
    fn an_empty_text_of_an_error_is_none() {
        let read = |value: &str| {
            let body = format!(r#"{{"error":{{"docs_url":"{value}","request_id":"{value}"}}}}"#);
            let answer = parse_error(400, body.as_bytes(), &redactor());
            (answer.docs_url.is_some(), answer.request_id.is_some())
        };
        assert_eq!((read(""), read("x")), ((false, false), (true, true)));
    }
}
