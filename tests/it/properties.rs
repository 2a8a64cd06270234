//! The properties that the fuzzers check, on inputs that proptest generates.

#[path = "../properties/mod.rs"]
mod hold;

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};

/// A text with a few of its bytes changed, removed or repeated.
fn mutated(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (select(texts), vec(change, 0..6)).prop_map(|(text, changes)| {
        let mut bytes = text.as_bytes().to_vec();
        for (place, byte, kind) in changes.into_iter().filter(|_| !text.is_empty()) {
            let place = place.index(bytes.len().max(1));
            match kind {
                _ if place >= bytes.len() => bytes.push(byte),
                0 => bytes[place] = byte,
                1 => drop(bytes.remove(place)),
                2 => bytes.insert(place, byte),
                _ => bytes.truncate(place),
            }
        }
        bytes
    })
}

/// Pieces of a small language in any order.
fn pieces(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(prop_oneof![8 => select(words).prop_map(str::to_owned), 1 => ".{0,3}"], 0..14)
        .prop_map(|words| words.concat())
}

const INSTANCES: &[&str] = &[
    r#"{"id":"inst_1","instance_type":"gpu_8x_h100_sxm5","region":"us-west","sector":"sector_1","ip":"203.0.113.42","status":"ready","creator_user_nickname":"a\u001bb"}"#,
    r#"{"id":"inst_1","instance_type":"x","region":"y","ip":null,"status":"pending"}"#,
    r#"{"id":"inst_1","instance_type":"x","region":"y","ip":"","status":"\n::error::"}"#,
    r#"{"id":"inst_1","instance_type":"x","region":"y","ip":"2001:db8::7","status":"secret-9876543210"}"#,
];

const PAGES: &[&str] = &[
    r#"{"instances":[{"id":"a","instance_type":"x","region":"y","ip":"203.0.113.42","status":"ready"},{"id":7}],"next_cursor":"2","has_more":true}"#,
    r#"{"instances":[],"next_cursor":null,"has_more":true}"#,
    r#"{"instances":[null,{},[],"a"],"next_cursor":""}"#,
];

const ERRORS: &[&str] = &[
    r#"{"error":{"type":"not_found","message":"no\u0007","docs_url":"https://x","request_id":"r"}}"#,
    r#"{"error":"keyid-0123456789 is refused"}"#,
    r#"{"detail":"x","message":""}"#,
    "<html>502</html>",
];

const BANNERS: &[&str] = &[
    "SSH-2.0-OpenSSH_9.6\r\n",
    "Welcome\r\nSSH-2.0-x\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "SSH-1.5-old\n",
    "SSH-1.99-both\n",
];

const HTTP_ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\n\r\nready",
    "HTTP/1.0 204\n\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "HTTP/1.1 100\n \n\n",
    "HTTP/1.1 503 Loading \u{1b}[2J\r\n",
    "HTTP/2 200\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n",
];

const IDS: &[&str] = &[
    "inst_a",
    "inst_b",
    "inst_a",
    ",",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\u{feff}",
    "#",
    "# a comment",
    "FAL_INSTANCE_ID=",
    "FAL_INSTANCE_IP=203.0.113.1",
    "null",
    "::error::",
    "..",
    "\u{1b}[2J",
    "\u{200b}",
    "\u{a0}",
    "$ID",
    "@",
];

const SCRIPT: &[&str] = &[
    "pending",
    "ready",
    "?paused",
    "@none",
    "@203.0.113.9",
    "@[",
    "2001:db8::7",
    "]",
    ":",
    ",",
    "*",
    "3",
    "2s",
    "429",
    "503",
    "500",
    "204",
    "date=",
    "reset=",
    "drop",
    "hang",
    "slow",
    "truncate",
    "html",
    "oversized",
    " ",
    "0",
    "ms",
    "\u{663}",
    "18446744073709551615",
];

/// Whole steps: text made of `SCRIPT` is rarely a script of several.
const STEPS: &[&str] = &[
    "pending",
    " pending:366d",
    "provisioning*3",
    "?paused:1ms ",
    "?a*12",
    "ready",
    "ready@203.0.113.9",
    "ready@none*2",
    "429:2s",
    "503*2:date=2s",
    "429:reset=1h",
    "500*2",
    "404",
    "drop*2",
    "truncate",
    "html",
    "oversized",
    "hang:3s",
    "slow:1s",
    "slow:366d",
    "list:html",
    " list:500*2",
];

const TOML: &[&str] = &[
    "[default]\n",
    "[__internal__]\n",
    "profile",
    "key",
    "=",
    "\"x\"",
    "\"\"\"",
    "\n",
    "a.b",
    "7",
    "[[",
    "]]",
    "'",
    "{",
    "}",
    "#",
    "\\",
    "\"",
];

proptest! {
    #[test]
    fn an_instance_is_what_its_json_says_or_malformed(body in mutated(INSTANCES)) {
        hold::instance(&body);
    }

    #[test]
    fn an_endless_text_is_kept_so_far_and_holds_no_key(
        around in "[a-z]{0,3}", times in 1_usize..300,
    ) {
        let endless = format!("{around}keyid-0123456789:secret-9876543210{around}").repeat(times);
        let body = format!(
            r#"{{"id":"inst_1","instance_type":"x","region":"y","ip":null,"status":"{endless}"}}"#,
        );
        hold::instance(body.as_bytes());
        let body = format!(r#"{{"error":{{"message":"{endless}","request_id":"{endless}"}}}}"#);
        hold::error(500, body.as_bytes());
    }

    #[test]
    fn a_page_holds_what_its_json_says(body in mutated(PAGES)) {
        hold::page(&body);
    }

    #[test]
    fn an_error_body_changes_no_verdict_and_can_be_printed(
        status in 300_u16..1_000, body in mutated(ERRORS),
    ) {
        hold::error(status, &body);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300), cut in any::<usize>()) {
        hold::instance(&bytes);
        hold::page(&bytes);
        hold::error(500, &bytes);
        hold::ssh(&bytes, cut);
        hold::http(&bytes, cut);
        hold::ids(&bytes);
    }

    #[test]
    fn a_hint_is_its_number_or_none(
        after in prop_oneof![".{0,30}", "[ \t]?[0-9]{0,40}[ \t]?", "Sun, 0?[0-9] Nov 1994 [0-9:]{8} GMT"],
        reset in "[ 0-9a-]{0,25}",
    ) {
        hold::hints(&after, &reset);
    }

    #[test]
    fn ssh_is_heard_as_rfc_4253_says(
        before in vec(mutated(BANNERS), 0..4),
        filler in prop_oneof![4 => Just(0_usize), 1 => 230..270_usize, 1 => 8_100..8_300_usize],
        banner in mutated(BANNERS),
        cut in 0..9_000_usize,
    ) {
        let mut said = before.concat();
        said.extend(vec![b'x'; filler]);
        said.extend(banner);
        hold::ssh(&said, cut);
        // A long line of identification.
        let mut long = b"SSH-2.0-".to_vec();
        long.extend(vec![b'x'; filler]);
        long.extend(b"\r\n");
        hold::ssh(&long, cut);
    }

    #[test]
    fn http_is_met_by_a_whole_2xx_status_line_alone(
        before in vec(mutated(HTTP_ANSWERS), 0..3),
        filler in prop_oneof![4 => Just(0_usize), 1 => 1_000..1_100_usize, 1 => 65_400..65_600_usize],
        with in select(b" x\n\r:".as_slice()),
        answer in mutated(HTTP_ANSWERS),
        cut in 0..70_000_usize,
    ) {
        let mut said = before.concat();
        said.extend(vec![with; filler]);
        said.extend(answer);
        hold::http(&said, cut);
    }

    #[test]
    fn a_list_of_ids_is_read_to_the_word_or_refused_by_its_line(text in pieces(IDS)) {
        hold::ids(text.as_bytes());
    }

    #[test]
    fn a_script_is_played_or_its_mistake_shown(
        text in prop_oneof![
            pieces(SCRIPT),
            vec(select(STEPS), 1..8).prop_map(|steps| steps.join(",")),
        ],
    ) {
        hold::script(&text);
    }

    #[test]
    fn no_complaint_about_a_config_file_shows_a_key(text in pieces(TOML)) {
        let file = tempfile::NamedTempFile::new().unwrap();
        hold::config(&text, file.path());
    }
}

#[test]
fn the_seeds_and_findings_of_the_fuzzers_hold() {
    let seeds = |target: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let seeds: Vec<Vec<u8>> = files.map(|path| fs::read(path).unwrap()).collect();
        assert!(!seeds.is_empty(), "{folder:?}");
        seeds
    };
    for body in seeds("instance") {
        hold::instance(&body);
    }
    for body in seeds("page") {
        hold::page(&body);
    }
    for said in seeds("http") {
        hold::http(&said[2..], 0);
    }
    for list in seeds("ids") {
        hold::ids(&list);
    }
    for text in seeds("script") {
        hold::script(std::str::from_utf8(&text).unwrap());
    }
}
