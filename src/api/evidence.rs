//! What a response that could not be used shows of its sender.

use reqwest::header::{CONTENT_TYPE, HeaderMap, SERVER};

use super::credentials::Redactor;
use crate::{
    answer::{poll_error::Foreign, trace::Trace},
    text::untrusted::Untrusted,
};

/// The headers that show who answered, and what happened to the request on its way.
const TRACED_HEADERS: [&str; 16] = [
    "content-type",
    "content-encoding",
    "content-length",
    "server",
    "via",
    "location",
    "date",
    "retry-after",
    "x-ratelimit-reset",
    "x-request-id",
    "x-fal-request-id",
    "cf-ray",
    "cf-mitigated",
    "x-cache",
    "x-squid-error",
    "www-authenticate",
];
/// The characters of a body that are kept in a trace.
const TRACED_CHARS: usize = 200;
/// The characters of a title.
const TITLE_CHARS: usize = 100;
/// The bytes of a body that are searched for a title.
const SEARCHED_BYTES: usize = 64 << 10;

/// The value of a header, unless it is empty.
pub(super) fn header(headers: &HeaderMap, name: &str, redactor: &Redactor) -> Option<Untrusted> {
    let value = headers.get(name)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    (!text.is_empty()).then(|| redactor.text(&text))
}

/// The beginning of a response.
pub(super) fn trace(status: u16, headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> Trace {
    let traced = |name| Some((name, header(headers, name, redactor)?));
    // Redacted before it is cut, or a part of the key could be left.
    let text = String::from_utf8_lossy(&body[..body.len().min(SEARCHED_BYTES)]);
    let text: String = redactor.redact(&text).chars().take(TRACED_CHARS).collect();
    let headers = TRACED_HEADERS.into_iter().filter_map(traced).collect();
    Trace::new(status, headers, Untrusted::new(text))
}

/// What a response that is not the API's own shows of its sender, without a trace.
pub(super) fn foreign(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> Foreign {
    Foreign {
        content_type: header(headers, CONTENT_TYPE.as_str(), redactor),
        server: header(headers, SERVER.as_str(), redactor),
        cf_ray: header(headers, "cf-ray", redactor),
        mitigated: header(headers, "cf-mitigated", redactor),
        title: title(body).map(|title| redactor.text(&title)),
        trace: None,
    }
}

/// Describes a body that is not JSON, if its content type or its form shows what it is instead.
pub(super) fn page(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> Option<String> {
    if let Some(encoding) = header(headers, "content-encoding", redactor)
        && encoding.as_received() != "identity"
    {
        return Some(format!("compressed ({encoding}), which was not requested"));
    }
    let content_type = header(headers, CONTENT_TYPE.as_str(), redactor);
    let is_json = |kind: &Untrusted| kind.as_received().to_lowercase().contains("json");
    let is_markup = body.trim_ascii_start().starts_with(b"<");
    if body.trim_ascii().is_empty()
        || !(is_markup || content_type.as_ref().is_some_and(|k| !is_json(k)))
    {
        return None;
    }
    let kind = content_type.map_or_else(|| "a page".to_owned(), |kind| kind.to_string());
    let title = title(body).map(|title| format!(", {:?}", redactor.text(&title)));
    Some(format!("not JSON but {kind}{}", title.unwrap_or_default()))
}

/// The title of an HTML page, else the first words of the body.
pub(super) fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(SEARCHED_BYTES)]);
    let titled = element(&text, "title").map(words).filter(|title| !title.is_empty());
    let title = titled.unwrap_or_else(|| words(&text));
    let mut cut: String = title.chars().take(TITLE_CHARS).collect();
    if cut.len() < title.len() {
        cut.push('…');
    }
    (!cut.is_empty()).then_some(cut)
}

/// The content of the first HTML element with this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let opened = lower.find(&format!("<{name}"))?;
    let begin = opened + lower[opened..].find('>')? + 1;
    let end = begin + lower[begin..].find("</")?;
    text.get(begin..end)
}

/// The words of an HTML text without its tags, comments, styles and scripts.
fn words(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<').filter(|_| bare.len() < 4 * TITLE_CHARS) {
        bare += &rest[..at];
        bare.push(' ');
        let tag = rest[at..].to_ascii_lowercase();
        let hidden = ["script", "style", "!--"].into_iter().find(|it| tag[1..].starts_with(it));
        let end = match hidden {
            Some("!--") => tag.find("-->").map(|end| end + 3),
            Some(name) => tag.find(&format!("</{name}")),
            None => tag.find('>').map(|end| end + 1),
        };
        rest = &rest[end.map_or(rest.len(), |end| at + end)..];
    }
    bare += rest;
    let bare = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(bare, |text, (entity, character)| text.replace(entity, character));
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_by_its_title_else_by_its_first_words() {
        for (body, told) in [
            (
                "<html><head><TITLE lang=en>Just a\n moment...</TITLE></head>",
                Some("Just a moment..."),
            ),
            (
                "<html><style>a{}</style><script>x<y</script><h1>502</h1>Bad &amp; ugly",
                Some("502 Bad & ugly"),
            ),
            ("error code: 1010\n", Some("error code: 1010")),
            ("<!-- <title>no</title> -->", Some("no")),
            ("<title></title><p>text", Some("text")),
            ("<title>cut off", Some("cut off")),
            ("a < b", Some("a")),
            ("<", None),
            (" \n", None),
            ("", None),
        ] {
            assert_eq!(title(body.as_bytes()).as_deref(), told, "{body}");
        }
        assert_eq!(title("ä".repeat(500).as_bytes()).unwrap().chars().count(), TITLE_CHARS + 1);
        assert!(title(&[0xff, 0xfe, b'<', 0x80]).is_some());
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_the_search_for_a_title_panic(text in "(<|>|/|-|!|title|script|ſ|İ|a| ){0,40}") {
            let _ = title(text.as_bytes());
        }
    }
}
