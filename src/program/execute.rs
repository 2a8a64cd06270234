//! Carries out a plan: everything between the command line and the verdict.

use std::{env, ffi::OsString, io, path::Path};

use tracing::{info, warn};

use super::{
    command,
    failure::Failure,
    instance_list::{expand, read_list},
    live_output::{LiveOutput, wait_for_end},
    output::{Format, check_standard_output, is_fit_for_env},
    plan::{Look, Outputs, Source, Wait},
    simulated::{Simulated, is_script},
    verdict::{End, Finished},
};
use crate::{
    answer::instance::InstanceId,
    api::{
        credentials::find_key,
        http::{HttpOptions, HttpSetupError, HttpSource},
        trust::unreadable_stores,
    },
    reach::NetProbe,
    system::{
        clock::time_of_day,
        place::are_one_file,
        signals::Signals,
        writable::{check_end, check_place},
    },
    terminal::stderr::Stderr,
    text::untrusted::Untrusted,
    wait::{policy::Policy, waiter::Waiter},
};

/// Carries out a plan until the wait is over.
///
/// # Errors
///
/// What ended the run before the first poll.
pub(crate) fn execute(
    wait: Wait,
    targets: &[String],
    outputs: &Outputs,
    command: &[OsString],
    look: &Look,
    stderr: &Stderr,
    signals: &Signals,
) -> Result<Finished, End> {
    check_for_scripts(targets, wait.source.simulated.is_some())?;
    let ids = instances(targets, signals)?;
    check_before_the_first_poll(outputs, &ids)?;
    if outputs.result.is_none() && command.is_empty() {
        check_standard_output().map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
    }
    check_command(command, &wait, &ids)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unexpected("cannot start", &error))?;
    let finished = runtime.block_on(wait_for(ids, wait, look, stderr, signals));
    // A name lookup in progress must not delay the end.
    runtime.shutdown_background();
    finished
}

async fn wait_for(
    ids: Vec<InstanceId>,
    wait: Wait,
    look: &Look,
    stderr: &Stderr,
    signals: &Signals,
) -> Result<Finished, End> {
    let Wait { rules, pace, probe, source } = wait;
    let probe = match probe {
        Some(template) => NetProbe::new().with_command(template, log_line),
        None => NetProbe::new(),
    };
    // A simulated API serves until this is dropped.
    let simulated = match &source.simulated {
        Some(script) => Some(Simulated::start(script, &ids, source.request_timeout).await?),
        None => None,
    };
    let lacks_version = source.api.lacks_version();
    let (source, probe) = match &simulated {
        Some(simulated) => (simulated.source()?, simulated.stand_in(probe, &rules.condition)),
        None => (real(source, signals)?, probe),
    };
    let output = LiveOutput::new(&ids, &rules, look, stderr);
    let policy = Policy::new(rules.clone(), pace, ids);
    let started_at = time_of_day();
    let mut waiter = Waiter::new(source, probe, policy);
    let signal = wait_for_end(&mut waiter, output, signals).await;
    let end = signal.map_or(End::Over, End::Signal);
    Ok(Finished { outcome: waiter.outcome(), rules, started_at, end, lacks_version })
}

/// Logs a line that a probing COMMAND wrote.
fn log_line(id: &InstanceId, line: &Untrusted) {
    info!(event = "command_output", instance = %id, "{id}  {line}");
}

/// Reads the instances to wait for. Reading a list may block for ever, so a signal can end it.
fn instances(words: &[String], signals: &Signals) -> Result<Vec<InstanceId>, End> {
    let owned = words.to_vec();
    let read = move || expand(&owned, || read_list(io::stdin()));
    let ids = if words.iter().any(|word| word.starts_with('@')) {
        signals.unless_stuck(read)?
    } else {
        read()
    };
    Ok(ids.map_err(|error| Failure::usage(error.to_string()))?)
}

/// Checks before the wait what would otherwise fail only after it.
fn check_before_the_first_poll(outputs: &Outputs, ids: &[InstanceId]) -> Result<(), Failure> {
    let files: Vec<(&str, &Path)> = outputs.files().collect();
    for (position, (what, path)) in files.iter().enumerate() {
        // A summary is appended to what is there.
        let checked = if *what == "summary" { check_end(path) } else { check_place(path) };
        checked.map_err(|e| Failure::unexpected(&format!("cannot write the {what}"), &e))?;
        if let Some((other, _)) = files[..position].iter().find(|(_, p)| are_one_file(p, path)) {
            let path = path.display();
            return Err(Failure::usage(format!(
                "the {other} and the {what} are the same file: {path}"
            )));
        }
    }
    let unfit = ids.iter().find(|id| outputs.format == Format::Env && !is_fit_for_env(id));
    if let Some(id) = unfit {
        return Err(Failure::usage(format!(
            "--output env cannot carry the id {id}: shells and CI systems quote it differently"
        )));
    }
    Ok(())
}

/// Checks before the wait that COMMAND can be run.
fn check_command(command: &[OsString], wait: &Wait, ids: &[InstanceId]) -> Result<(), Failure> {
    let passed = if wait.rules.any { &ids[..1] } else { ids };
    let checked = match &wait.probe {
        Some(template) => command::check(&[template.program().to_owned()], &[]),
        None => command::check(command, passed),
    };
    checked.map_err(|error| Failure::command(error.code(), &error))
}

/// Refuses a word that must be meant as the script of a simulation.
fn check_for_scripts(words: &[String], simulates: bool) -> Result<(), Failure> {
    match words.iter().find(|word| is_script(word, simulates)) {
        None => Ok(()),
        Some(script) => Err(Failure::usage(format!(
            "{} is not an instance id: a script is given as --simulate={0}",
            Untrusted::from(script.as_str())
        ))),
    }
}

/// The real API as a source.
fn real(source: Source, signals: &Signals) -> Result<HttpSource, End> {
    let Source { api, key_file, request_timeout, .. } = source;
    let key = signals
        .unless_stuck(move || find_key(key_file.as_deref(), &|name| env::var_os(name)))?
        .map_err(|error| Failure::credentials(&error))?;
    if api.is_readable_on_the_way() {
        warn!(
            event = "warning",
            "the API key is sent unencrypted to {} (--insecure-http)",
            api.host()
        );
    }
    if api.is_encrypted() {
        for complaint in unreadable_stores(&|name| env::var_os(name)) {
            warn!(event = "warning", "{complaint}");
        }
    }
    // A proxy would receive a key for this machine unencrypted, which nobody has agreed to.
    let proxies = api.is_encrypted() || api.is_readable_on_the_way();
    let options = HttpOptions { request_timeout, proxies };
    Ok(HttpSource::new(api, key, options).map_err(|error| match error {
        HttpSetupError::Proxy(proxy) => Failure::usage(proxy.to_string()),
        error => Failure::unexpected("cannot use HTTP", &error),
    })?)
}
