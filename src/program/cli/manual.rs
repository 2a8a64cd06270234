//! The manual page: the command line as clap knows it, and the other customary sections.

use std::io;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

/// The date of the page.
const DATE: &str = "2026-11-25";

const EXIT_STATUS: [(&str, &str); 17] = [
    ("0", "The condition is met."),
    ("1", "Unexpected failure of the program or of its output: full disk, closed pipe."),
    ("2", "Usage or configuration: bad option, bad duration, no API key."),
    ("3", "The instance is stopped and cannot become ready."),
    ("4", "Credentials refused (401, 403)."),
    ("5", "No such instance (404), or deleted while waiting."),
    ("6", "The API refused the request."),
    ("7", "Throttled past the deadline."),
    ("8", "The API reports it ready, but the probe never succeeded in time."),
    ("9", "A --max-in budget for one status ran out."),
    ("124", "Timeout."),
    ("126", "COMMAND cannot be run."),
    ("127", "COMMAND was not found."),
    ("129", "SIGHUP."),
    ("130", "SIGINT."),
    ("131", "SIGQUIT."),
    ("143", "SIGTERM."),
];

const ENVIRONMENT: [(&str, &str); 9] = [
    (
        "WAIT_READY_<OPTION>",
        "Sets the option, such as WAIT_READY_TIMEOUT=20m; an option wins, and an empty variable is unset.",
    ),
    ("FAL_KEY", "The API key."),
    ("FAL_KEY_ID, FAL_KEY_SECRET", "The two halves of the API key, where FAL_KEY is unset."),
    ("FAL_KEY_FILE", "A file with the API key, as for --api-key-file."),
    ("FAL_API_URL", "The base URL of the API, as for --api-url."),
    ("FAL_CONFIG_PATH, FAL_PROFILE", "Another configuration file of fal, and the profile in it."),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies for the API; probes go past them."),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "Certificate authorities that are trusted in addition to the public ones.",
    ),
    ("RUST_LOG, NO_COLOR, TERM, CI", "What is logged, and how it looks."),
];

const FILES: [(&str, &str); 1] =
    [("~/.fal/config.toml", "The configuration of fal, whose key is used if no variable has one.")];

const EXAMPLES: [(&str, &str); 5] = [
    ("Try it: no key, no account.", "wait-ready inst_demo --simulate"),
    ("The address of one instance, for the next step.", "IP=$(wait-ready inst_abc --timeout 10m)"),
    (
        "Eight nodes, until SSH answers on all of them, then run a command.",
        "wait-ready --for ssh @nodes.txt -- ansible-playbook site.yml",
    ),
    (
        "Until a check of your own succeeds.",
        "wait-ready inst_abc --for exec -- ssh -o StrictHostKeyChecking=accept-new ubuntu@{ip} nvidia-smi",
    ),
    ("A teardown job: until nothing is billed any more.", "wait-ready --for deleted inst_abc"),
];

/// Appends the page to `text`.
///
/// # Errors
///
/// An error of the writer, which a vector does not have.
pub(super) fn render(command: Command, text: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.after_help("").after_long_help("")).date(DATE);
    man.render_title(text)?;
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    // mandoc warns of breaks around an empty line.
    let options = String::from_utf8_lossy(&options).replace(".br\n\n.br\n", "\n");
    text.extend(options.into_bytes());
    let mut page = Roff::new();
    section(&mut page, "EXIT STATUS", &EXIT_STATUS);
    page.control("PP", []);
    page.text([roman("With COMMAND, its own exit code.")]);
    section(&mut page, "ENVIRONMENT", &ENVIRONMENT);
    section(&mut page, "FILES", &FILES);
    page.control("SH", ["EXAMPLES"]);
    for (what, line) in EXAMPLES {
        page.control("TP", []).text([roman(what)]).text([bold(line)]);
    }
    page.control("SH", ["SEE ALSO"]).text([
        bold("curl"),
        roman("(1), "),
        bold("ssh"),
        roman("(1)"),
    ]);
    page.to_writer(text)
}

fn section(page: &mut Roff, name: &str, entries: &[(&str, &str)]) {
    page.control("SH", [name]);
    for (term, meaning) in entries {
        page.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
}
