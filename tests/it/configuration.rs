//! Usage and configuration: what is refused, with which message.

use std::fs;

use wait_ready::program::cli::command;

use crate::fixture::{
    program::{KEY, Program},
    server::{Server, ready},
};

const IP: &str = "203.0.113.42\n";

fn refused(arguments: &[&str], says: &str) {
    let ended = Program::new(arguments.iter().copied()).env("FAL_KEY", KEY).run();
    ended.assert(2, "").says(says).never_says("secret");
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    refused(&[], "<INSTANCE_ID>");
    refused(&["inst_abc", "--nonsense"], "--nonsense");
    refused(&["inst_abc", "--timeout", "600"], "600s");
    refused(&["inst_abc", "--timeout", "1M"], "10m");
    refused(&["inst_abc", "--timeout", "soon"], "10m");
    refused(&["inst_abc", "--timeout", "-5s"], "negative");
    refused(&["inst_abc", "--min-delay", "0"], "longer than zero");
    refused(&["inst_abc", "--min-delay", "20s"], "longer than the longest");
    refused(&["inst_abc", "--for", "running"], "ready, ssh");
    refused(&["inst_abc", "--for", "ssh:0"], "65535");
    refused(&["inst_abc", "--for", "tcp"], "tcp:8000");
    refused(&["inst_abc", "--stable", "0"], "at least 1");
    refused(&["inst_abc", "--max-in", "pending"], "pending=5m");
    refused(&["inst_abc", "-q", "-v"], "cannot be used with");
    refused(&["inst_abc", "ssh", "ubuntu@{ip}"], "begins after");
    refused(&["inst_abc", "--simulate", "pending,ready"], "--simulate=pending,ready");
    refused(&[""], "empty");
    refused(&["inst\u{1}abc"], "surely not");
    refused(&["null"], "for a missing value");
    refused(&[".."], "`..`");
    refused(&["@/no/such/file"], "/no/such/file");
    refused(&["inst(x)", "-o", "env", "--simulate"], "cannot carry the id");
    refused(&["pending", "--simulate"], "--simulate=pending");
    refused(&["inst_$(x)"], "has not");
}

#[test]
fn there_is_no_option_that_takes_the_key() {
    refused(&["inst_abc", "--api-key", "x"], "--api-key");
    refused(&["inst_abc", "--key", "x"], "--key");
}

#[test]
fn an_invalid_script_is_refused_with_the_position_of_its_error() {
    refused(&["a", "--simulate=pending:2s,pendign"], "step 2, at character 12");
}

#[test]
fn plain_http_is_refused_unless_the_host_is_this_machine_or_it_is_allowed() {
    refused(&["inst_abc", "--api-url", "http://192.0.2.1/v1"], "--insecure-http");
    refused(&["inst_abc", "--api-url", "ftp://x"], "https");
    refused(&["inst_abc", "--api-url", "https://u:hunter2@x/"], "user name");
    let ended = Program::new([
        "inst_abc",
        "--api-url",
        "http://192.0.2.1:9/v1",
        "--insecure-http",
        "--timeout",
        "300ms",
    ])
    .env("FAL_KEY", KEY)
    .run();
    ended.assert(124, "").says("sent unencrypted to 192.0.2.1");
}

#[test]
fn an_option_can_be_set_by_its_variable_and_an_option_wins() {
    let program = || Program::new(["a"]).env("WAIT_READY_SIMULATE", "pending");
    program().env("WAIT_READY_TIMEOUT", "0").run().assert(124, "").says("--timeout 0");
    program().env("WAIT_READY_TIMEOUT", "1h").env("WAIT_READY_SIMULATE", "true").run().says("503");
    let ended = Program::new(["a", "--timeout", "0", "--simulate=ready"])
        .env("WAIT_READY_TIMEOUT", "1h")
        .env("WAIT_READY_SIMULATE", "pending")
        .env("WAIT_READY_OUTPUT", "env")
        .env("WAIT_READY_QUIET", "no")
        .env("WAIT_READY_VERBOSE", "1")
        .run();
    ended.assert(0, "FAL_INSTANCE_ID=a\nFAL_INSTANCE_IP=203.0.113.42\n").says("poll: ready");
}

#[test]
fn an_unusable_variable_is_exit_2_and_is_named() {
    for (name, value) in [
        ("WAIT_READY_TIMEOUT", "600"),
        ("WAIT_READY_MIN_DELAY", "x"),
        ("WAIT_READY_ANY", "maybe"),
        ("WAIT_READY_OUTPUT", "xml"),
        ("WAIT_READY_VERBOSE", "loud"),
        ("WAIT_READY_SIMULATE", "nonsense"),
    ] {
        let ended = Program::new(["a"]).env("FAL_KEY", KEY).env(name, value).run();
        ended.assert(2, "").says(name);
    }
    let ended = Program::new(["a"]).env("FAL_KEY", KEY).env("FAL_API_URL", "x").run();
    ended.assert(2, "").says("FAL_API_URL");
}

#[test]
fn an_empty_variable_of_any_option_is_unset() {
    let unset = command(|_| None);
    let variables = unset.get_arguments().filter_map(clap::Arg::get_env);
    let variables: Vec<&str> = variables.map(|name| name.to_str().unwrap()).collect();
    assert!(variables.len() > 20, "{variables:?}");
    let empty = |program: Program| variables.iter().fold(program, |p, name| p.env(name, ""));
    empty(Program::new(["a"])).run().assert(2, "").says("no API key found");
    empty(Program::new(["a", "--simulate=ready"])).run().assert(0, IP);
    let server = Server::playing([ready()]);
    let url = server.url();
    empty(Program::new(["inst_abc", "--api-url", &url])).env("FAL_KEY", KEY).run().assert(0, IP);
}

#[test]
fn a_switch_accepts_common_words_for_yes_and_no() {
    let looks_once = |value: &str| {
        let program = Program::new(["a", "--simulate=ready"]).env("WAIT_READY_QUIET", value);
        !program.run().stderr.contains("1 poll")
    };
    assert!(["true", "True", "1", "yes", "on"].iter().all(|yes| looks_once(yes)));
    assert!(["false", "FALSE", "0", "no", "off"].iter().all(|no| !looks_once(no)));
}

#[test]
fn without_a_key_the_error_lists_the_places_in_order() {
    let ended = Program::new(["inst_abc"]).run();
    ended.assert(2, "").says("no API key found").says("--simulate");
    let mut rest = ended.stderr.as_str();
    for place in [
        "--api-key-file",
        "FAL_KEY_FILE",
        "FAL_KEY",
        "FAL_KEY_ID",
        "FAL_KEY_SECRET",
        "FAL_CONFIG_PATH",
    ] {
        let at = rest.find(place).unwrap_or_else(|| panic!("{place}: {ended:#?}"));
        rest = &rest[at + place.len()..];
    }
}

/// The key that the server was shown.
#[track_caller]
fn key_used(configure: impl FnOnce(Program) -> Program) -> String {
    let server = Server::playing([ready()]);
    let program = Program::asking(&server, &[]).without_env("FAL_KEY");
    configure(program).run().assert(0, IP);
    server.seen()[0].headers["authorization"].clone()
}

#[test]
fn the_key_is_looked_for_place_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "from-file\n").unwrap();
    fs::write(path("crlf"), "from-crlf\r\n").unwrap();
    let config = "[default]\nkey = \"from-default\"\n[other]\nkey = 'from-other'\n\
                  [chosen]\nkey = \"from-chosen\"\n";
    fs::write(path("config.toml"), config).unwrap();
    fs::write(path("internal.toml"), format!("{config}[__internal__]\nprofile = \"chosen\"\n"))
        .unwrap();
    fs::create_dir(path(".fal")).unwrap();
    fs::write(path(".fal/config.toml"), "[default]\nkey = \"from-home\"\n").unwrap();

    let at_home = |program: Program| program.env("HOME", folder.path());
    assert_eq!(key_used(at_home), "Key from-home");
    let with_config = |program: Program| program.env("FAL_CONFIG_PATH", path("config.toml"));
    assert_eq!(key_used(with_config), "Key from-default");
    let with_profile = |program| with_config(program).env("FAL_PROFILE", "other");
    assert_eq!(key_used(with_profile), "Key from-other");
    let internal = |program: Program| program.env("FAL_CONFIG_PATH", path("internal.toml"));
    assert_eq!(key_used(internal), "Key from-chosen");
    let pair = |program| {
        with_profile(program).env("FAL_KEY_ID", "an-id").env("FAL_KEY_SECRET", "a-secret")
    };
    assert_eq!(key_used(pair), "Key an-id:a-secret");
    let variable = |program| pair(program).env("FAL_KEY", "from-variable");
    assert_eq!(key_used(variable), "Key from-variable");
    let file = |program| variable(program).env("FAL_KEY_FILE", path("file"));
    assert_eq!(key_used(file), "Key from-file");
    let option = |program: Program| file(program).env("WAIT_READY_TIMEOUT", "1m");
    assert_eq!(key_used(option), "Key from-file");
    let empty = |program: Program| {
        with_config(program).env("FAL_KEY", "").env("FAL_KEY_FILE", "").env("FAL_KEY_ID", "")
    };
    assert_eq!(key_used(empty), "Key from-default");

    let server = Server::playing([ready()]);
    let crlf = path("crlf");
    let arguments = ["--api-key-file", crlf.to_str().unwrap()];
    Program::asking(&server, &arguments).env("FAL_KEY_FILE", "/wrong").run().assert(0, IP);
    assert_eq!(server.seen()[0].headers["authorization"], "Key from-crlf");
}

#[test]
fn a_key_that_cannot_be_sent_is_exit_2_and_not_echoed() {
    let server = Server::playing([ready()]);
    for bad in ["secret\nsecret", "secret\u{e4}", "secret key", "Key secret", "secret\t"] {
        let ended = Program::asking(&server, &["-vv"]).env("FAL_KEY", bad).run();
        ended.assert(2, "").says("the API key in FAL_KEY").never_says("secret");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    for bad in [&b""[..], b"\n", b"secret\nsecret\n", b"secret\xff\n", b"secret\0"] {
        fs::write(&file, bad).unwrap();
        let ended = Program::asking(&server, &[]).env("FAL_KEY_FILE", &file).run();
        ended.assert(2, "").says(file.to_str().unwrap()).never_says("secret");
    }
    fs::write(&file, "[default]\nkey = \"secret\nx").unwrap();
    let ended =
        Program::asking(&server, &[]).without_env("FAL_KEY").env("FAL_CONFIG_PATH", &file).run();
    ended.assert(2, "").says("is not valid TOML (line ").never_says("secret");
    assert_eq!(server.count(), 0);
}

/// What people copy along with a key, and the message.
const COPIED_ALONG: [(&str, &str); 12] = [
    ("\"secret\"", "quotation marks"),
    ("'secret'", "quotation marks"),
    ("secret\"", "quotation marks"),
    ("\u{201c}secret\u{201d}", "quotation marks"),
    ("FAL_KEY=secret", "begins with `FAL_KEY=`"),
    ("fal_key=secret", "begins with `FAL_KEY=`"),
    ("FAL_KEY = secret", "begins with `FAL_KEY=`"),
    ("FAL_KEY='secret'", "begins with `FAL_KEY=`"),
    ("\"FAL_KEY=secret\"", "begins with `FAL_KEY=`"),
    ("export FAL_KEY=secret", "begins with `export `"),
    ("Authorization: Key secret", "begins with `Authorization:`"),
    ("${secret}", "was not expanded"),
];

#[test]
fn text_copied_along_with_a_key_is_named_wherever_the_key_is_from() {
    let server = Server::playing([ready()]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let asking = || Program::asking(&server, &["-vv"]).without_env("FAL_KEY");
    let refused = |program: Program, says: &str| {
        program.run().assert(2, "").says(says).never_says("secret");
    };
    for (text, says) in COPIED_ALONG {
        refused(asking().env("FAL_KEY", text), says);
        refused(asking().env("FAL_KEY_ID", text).env("FAL_KEY_SECRET", "x"), says);
        refused(asking().env("FAL_KEY_ID", "x").env("FAL_KEY_SECRET", text), says);
        fs::write(&file, format!("{text}\r\n")).unwrap();
        refused(asking().env("FAL_KEY_FILE", &file), says);
        fs::write(&file, format!("[default]\nkey = '''{text} '''\n")).unwrap();
        refused(asking().env("FAL_CONFIG_PATH", &file), says);
    }
    assert_eq!(server.count(), 0);
    fs::write(&file, "\u{feff}from-bom\r\n").unwrap();
    asking().env("FAL_KEY_FILE", &file).run().assert(0, IP);
    assert_eq!(server.seen()[0].headers["authorization"], "Key from-bom");
}

#[test]
fn half_a_pair_and_a_missing_profile_are_named() {
    let program = || Program::new(["inst_abc"]);
    program().env("FAL_KEY_ID", "x").run().assert(2, "").says("FAL_KEY_SECRET is not");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "[default]\nkey = \"x\"\n").unwrap();
    let ended = program().env("FAL_CONFIG_PATH", &file).env("FAL_PROFILE", "prod").run();
    ended.assert(2, "").says("\"prod\"");
    program().env("FAL_KEY_FILE", "/no/such/key").run().assert(2, "").says("/no/such/key");
    program().env("FAL_CONFIG_PATH", "/no/such").run().assert(2, "").says("/no/such");
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = Server::playing([ready()]);
    let url = format!("http://{}", proxy.address());
    let ended = Program::new(["inst_abc", "--api-url", "http://192.0.2.1/v1", "--insecure-http"])
        .env("FAL_KEY", KEY)
        .env("HTTP_PROXY", &url)
        .run();
    ended.assert(0, IP);
    assert_eq!(proxy.seen()[0].target, "http://192.0.2.1/v1/compute/instances/inst_abc");
    let server = Server::playing([ready()]);
    Program::asking(&server, &[])
        .env("HTTP_PROXY", &url)
        .env("NO_PROXY", "127.0.0.1")
        .run()
        .assert(0, IP);
    assert_eq!((server.count(), proxy.count()), (1, 1));
    // Plain http to this machine uses no proxy, which would be sent the key unencrypted.
    Program::asking(&server, &[]).env("HTTP_PROXY", &url).run().assert(0, IP);
    assert_eq!((server.count(), proxy.count()), (2, 1));
    Program::new(["a", "--simulate=ready"]).env("HTTP_PROXY", &url).run().assert(0, IP);
    assert_eq!(proxy.count(), 1);
}
