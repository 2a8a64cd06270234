//! What the API writes, read into what it means. Pure: bytes in, values out.

use serde::{Deserialize, de::IgnoredAny};

use super::credentials::Redactor;
use crate::{
    answer::{
        instance::{Instance, InstanceId, InstanceType, Region, Sector, Status, connectable},
        poll_error::{ErrorType, PollError, ServerError},
    },
    text::untrusted::Untrusted,
};

/// The longest cursor that is sent back: those of a whole list are kept until its end.
const LONGEST_CURSOR: usize = 4096;

/// An instance as the API writes it.
#[derive(Deserialize)]
struct WireInstance<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    instance_type: Text<'a>,
    #[serde(borrow)]
    region: Text<'a>,
    #[serde(borrow, default)]
    sector: Option<Text<'a>>,
    #[serde(borrow, default)]
    ip: Option<Text<'a>>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow, default)]
    creator_user_nickname: Option<Text<'a>>,
}

/// A string, borrowed from the body where it has no escapes: a page holds a hundred instances.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    instances: Vec<OneOfMany<'a>>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: Option<bool>,
}

/// One element of a list. A malformed one is passed over: its own request tells what is wrong.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOfMany<'a> {
    /// Otherwise the values of an array would be taken for the fields of an instance, in order.
    Array(#[expect(dead_code, reason = "only its form counts")] Vec<IgnoredAny>),
    #[serde(borrow)]
    Instance(WireInstance<'a>),
    Malformed(IgnoredAny),
}

/// One page of the list of instances.
#[derive(Debug)]
pub struct Page {
    /// The instances on it that are well-formed.
    pub instances: Vec<Instance>,
    /// Where the next page begins, if there is one.
    pub next: Next,
}

/// What a page says of the one after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This was the last page.
    End,
    /// The next page begins here.
    Cursor(String),
    /// There is more, but the page does not say where.
    Lost,
}

/// Reads an instance that was asked for by `asked`.
///
/// # Errors
///
/// A [malformed](crate::answer::poll_error::Fault::Malformed) answer when the body is no instance, when
/// it is another one, or when its `ip` is not an address that can be connected to.
pub fn parse_instance(
    body: &[u8],
    asked: &InstanceId,
    redactor: &Redactor,
) -> Result<Instance, PollError> {
    let wire: WireInstance<'_> = parse(body, redactor)?;
    if wire.id.0 != asked.as_str() {
        let other = redactor.redact(&wire.id.0);
        return Err(PollError::malformed(format!("it describes another instance, {other:?}")));
    }
    instance(wire, asked.clone(), redactor)
}

/// Reads one page of the list.
///
/// # Errors
///
/// A malformed answer when the body is no page.
pub fn parse_page(body: &[u8], redactor: &Redactor) -> Result<Page, PollError> {
    let wire: WirePage<'_> = parse(body, redactor)?;
    let cursor = wire.next_cursor.filter(|cursor| !cursor.is_empty());
    if cursor.as_ref().is_some_and(|cursor| cursor.len() > LONGEST_CURSOR) {
        return Err(PollError::malformed(format!(
            "its cursor is longer than {LONGEST_CURSOR} bytes"
        )));
    }
    let next = match (wire.has_more, cursor) {
        (Some(false), _) | (None, None) => Next::End,
        (_, Some(cursor)) => Next::Cursor(cursor),
        (Some(true), None) => Next::Lost,
    };
    let instances = wire.instances.into_iter().filter_map(|element| match element {
        OneOfMany::Instance(wire) => {
            let id = InstanceId::new(&wire.id.0).ok()?;
            instance(wire, id, redactor).ok()
        }
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
    wire: WireInstance<'_>,
    id: InstanceId,
    redactor: &Redactor,
) -> Result<Instance, PollError> {
    let ip = match wire.ip.map(|ip| ip.0).filter(|ip| !ip.is_empty()) {
        None => None,
        Some(text) => Some(connectable(&text).ok_or_else(|| {
            let text = redactor.text(&text);
            PollError::malformed(format!("its ip is not an address to connect to: {text:?}"))
        })?),
    };
    Ok(Instance {
        id,
        instance_type: redactor.value(&wire.instance_type.0, InstanceType::is_documented),
        region: redactor.value(&wire.region.0, Region::is_documented),
        sector: wire.sector.map(|sector| redactor.value(&sector.0, Sector::is_documented)),
        ip,
        status: redactor.value(&wire.status.0, Status::is_documented),
        creator_user_nickname: wire.creator_user_nickname.map(|name| redactor.text(&name.0)),
    })
}

/// Reads what the body of an error answer says, as far as it says anything.
#[must_use]
pub fn parse_error(status: u16, body: &[u8], redactor: &Redactor) -> ServerError {
    let mut answer = ServerError::bare(status);
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return answer };
    let error = &body["error"];
    let text = |value: &serde_json::Value| -> Option<Untrusted> {
        value.as_str().filter(|text| !text.is_empty()).map(|text| redactor.text(text))
    };
    answer.error_type =
        error["type"].as_str().map(|kind| redactor.value(kind, ErrorType::is_documented));
    // Gateways in front of the API write `{"error": "…"}`, `{"message": "…"}` or `{"detail": "…"}`.
    answer.message =
        [&error["message"], error, &body["message"], &body["detail"]].into_iter().find_map(text);
    answer.docs_url = text(&error["docs_url"]);
    answer.request_id = text(&error["request_id"]);
    answer
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
    fn an_array_is_no_instance_even_with_all_values_in_place() {
        let asked = InstanceId::new("inst_1").unwrap();
        for body in [ARRAY.to_owned(), format!(" \n{ARRAY}")] {
            let read = parse_instance(body.as_bytes(), &asked, &redactor());
            assert!(matches!(read, Err(PollError::Transient { .. })), "{read:?}");
        }
    }

    #[test]
    fn an_array_is_no_page_and_no_element_of_one() {
        let page = |body: &str| parse_page(body.as_bytes(), &redactor());
        assert!(page("[[]]").is_err());
        assert!(page(&format!("[[{ARRAY}],null,false]")).is_err());
        let elements = page(&format!(r#"{{"instances":[{ARRAY}]}}"#)).unwrap().instances;
        assert!(elements.is_empty(), "{elements:?}");
    }
}
