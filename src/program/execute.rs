//! The wait that a plan asks for: everything between the command line and the verdict.

use std::{env, ffi::OsString, io, path::Path};

use tracing::{info, warn};

use super::{
    command,
    failure::Failure,
    instance_list::{expand, read_list},
    meanwhile::{Meanwhile, watched},
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

/// Carries the plan out, until the wait is over.
///
/// # Errors
///
/// What ended it before the first poll.
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
    // A name that is being looked up must not delay the end.
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
        Some(template) => NetProbe::new().with_command(template, tell_line),
        None => NetProbe::new(),
    };
    // A simulation serves as long as this lives.
    let simulated = match &source.simulated {
        Some(script) => Some(Simulated::start(script, &ids, source.request_timeout).await?),
        None => None,
    };
    let lacks_version = source.api.lacks_version();
    let (source, probe) = match &simulated {
        Some(simulated) => (simulated.source()?, simulated.stand_in(probe, &rules.condition)),
        None => (real(source, signals)?, probe),
    };
    let meanwhile = Meanwhile::new(&ids, &rules, look, stderr);
    let policy = Policy::new(rules.clone(), pace, ids);
    let started_at = time_of_day();
    let mut waiter = Waiter::new(source, probe, policy);
    let signal = watched(&mut waiter, meanwhile, signals).await;
    let end = signal.map_or(End::Over, End::Signal);
    Ok(Finished { outcome: waiter.outcome(), rules, started_at, end, lacks_version })
}

/// Passes on what a COMMAND writes that probes.
fn tell_line(id: &InstanceId, line: &Untrusted) {
    info!(event = "command_output", instance = %id, "{id}  {line}");
}

/// The instances to wait for. A list may never end, so that a signal has to be heard meanwhile.
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

/// What would only be noticed at the end of the wait is checked before it.
fn check_before_the_first_poll(outputs: &Outputs, ids: &[InstanceId]) -> Result<(), Failure> {
    let files: Vec<(&str, &Path)> = outputs.files().collect();
    for (position, (what, path)) in files.iter().enumerate() {
        // A summary is added to what is there, which stays.
        let checked = if *what == "summary" { check_end(path) } else { check_place(path) };
        checked.map_err(|e| Failure::unexpected(&format!("cannot write the {what}"), &e))?;
        if let Some((other, _)) = files[..position].iter().find(|(_, p)| are_one_file(p, path)) {
            let path = path.display();
            return Err(Failure::usage(format!("the {other} and the {what} are one file: {path}")));
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

/// COMMAND, which succeeds the wait or probes, is looked for before the wait.
fn check_command(command: &[OsString], wait: &Wait, ids: &[InstanceId]) -> Result<(), Failure> {
    let all_at_once = if wait.rules.any { &ids[..1] } else { ids };
    let checked = match &wait.probe {
        Some(template) => command::check(&[template.program().to_owned()], &[]),
        None => command::check(command, all_at_once),
    };
    checked.map_err(|error| Failure::command(error.code(), &error))
}

/// Words that are surely not instances but the script of a simulation.
fn check_for_scripts(words: &[String], simulates: bool) -> Result<(), Failure> {
    match words.iter().find(|word| is_script(word, simulates)) {
        None => Ok(()),
        Some(script) => Err(Failure::usage(format!(
            "{} is no instance id: a script is written --simulate={0}",
            Untrusted::from(script.as_str())
        ))),
    }
}

/// The API that the plan names.
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
    // To a proxy, a key for this machine would travel in the open, and nobody has agreed to that.
    let proxies = api.is_encrypted() || api.is_readable_on_the_way();
    let options = HttpOptions { request_timeout, proxies };
    Ok(HttpSource::new(api, key, options).map_err(|error| match error {
        HttpSetupError::Proxy(proxy) => Failure::usage(proxy.to_string()),
        error => Failure::unexpected("cannot use HTTP", &error),
    })?)
}
