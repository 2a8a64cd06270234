//! The wait that a plan asks for: everything between the command line and the verdict.

use std::{cell::RefCell, env, io, path::Path, pin::pin, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::{
    failure::Failure,
    instance_list::{expand, read_list},
    output::{Format, is_fit_for_env},
    plan::{Look, Outputs, Source, Wait},
    signals::{AtOnce, Signals},
    simulated::{Simulated, is_script},
    verdict::{End, Finished},
};
use crate::{
    answer::instance::InstanceId,
    api::{
        credentials::find_key,
        http::{HttpOptions, HttpSource},
        trust::unreadable_stores,
    },
    reach::NetProbe,
    report::{exit_code::ExitCode, log::Log},
    system::{
        place::are_one_file,
        writable::{check_end, check_place},
    },
    terminal::{
        board::Board,
        progress::{Progress, REDRAW_EVERY},
        subscriber::Stderr,
    },
    text::untrusted::Untrusted,
    wait::{
        event::{Observer as _, WaitEvent},
        policy::Policy,
        waiter::Waiter,
    },
};

/// Carries the plan out, until the wait is over.
pub(crate) fn execute(
    wait: Wait,
    targets: &[String],
    outputs: &Outputs,
    look: &Look,
    stderr: &Stderr,
    at_once: &AtOnce,
) -> Result<Finished, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unexpected("cannot start", &error))?;
    let finished = runtime.block_on(async {
        let mut signals = Signals::install(at_once)
            .map_err(|error| Failure::unexpected("cannot handle signals", &error))?;
        let ids = tokio::select! {
            biased;
            code = signals.next() => return Err(Failure::interrupted(code)),
            ids = instances(targets) => ids?,
        };
        check_before_the_first_poll(outputs, &ids)?;
        wait_for(ids, wait, look, stderr, (at_once, &mut signals)).await
    });
    // A name that is being looked up, or a read of standard input, must not delay the end.
    runtime.shutdown_background();
    finished
}

async fn wait_for(
    ids: Vec<InstanceId>,
    wait: Wait,
    look: &Look,
    stderr: &Stderr,
    (at_once, signals): (&AtOnce, &mut Signals),
) -> Result<Finished, Failure> {
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
    let (source, probe) = match &simulated {
        Some(simulated) => (simulated.source()?, simulated.stand_in(probe, &rules.condition)),
        None => (real(source, at_once)?, probe),
    };
    let mut progress = look.draws().then(|| {
        let unicode = look.appearance.unicode;
        let board = Board::new(ids.iter().cloned(), &rules, unicode);
        let progress = Progress::on_stderr(board, unicode);
        stderr.share_with(progress.rows());
        progress
    });
    let policy = Policy::new(rules.clone(), pace, ids);
    let mut waiter = Waiter::new(source, probe, policy);
    let signal = watched(&mut waiter, &mut progress, signals).await;
    let end = signal.map_or(End::Over, End::Signal);
    Ok(Finished { outcome: waiter.outcome(), rules, end })
}

/// Passes on what a COMMAND writes that probes.
fn tell_line(id: &InstanceId, line: &Untrusted) {
    info!(event = "command_output", instance = %id, "{id}  {line}");
}

/// The instances to wait for. Only a list to be read needs a thread, so that a signal is heard.
async fn instances(words: &[String]) -> Result<Vec<InstanceId>, Failure> {
    let owned = words.to_vec();
    let read = move || expand(&owned, || read_list(io::stdin()));
    let ids = if words.iter().any(|word| word.starts_with('@')) {
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| Failure::unexpected("cannot read the instance ids", &error))?
    } else {
        read()
    };
    ids.map_err(|error| Failure::usage(error.to_string()))
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
    check_for_slips(ids)
}

/// Words that were surely not meant as instances.
fn check_for_slips(ids: &[InstanceId]) -> Result<(), Failure> {
    for id in ids {
        if ["{ip}", "{id}"].iter().any(|placeholder| id.as_str().contains(placeholder)) {
            let text = format!("{id} is no instance id: a COMMAND begins after ` -- `");
            return Err(Failure::usage(text));
        }
        if is_script(id.as_str()) {
            let text = format!("{id} is no instance id: a script is written --simulate={id}");
            return Err(Failure::usage(text));
        }
    }
    Ok(())
}

/// The API that the plan names.
fn real(source: Source, at_once: &AtOnce) -> Result<HttpSource, Failure> {
    let Source { api, key_file, request_timeout, .. } = source;
    let key = at_once
        .during(|| find_key(key_file.as_deref(), &|name| env::var_os(name)))
        .map_err(|error| Failure::credentials(&error))?;
    if api.is_readable_on_the_way() {
        warn!("the API key is sent unencrypted to {} (--insecure-http)", api.host());
    }
    if api.is_encrypted() {
        for complaint in unreadable_stores(&|name| env::var_os(name)) {
            warn!("{complaint}");
        }
    }
    // To a proxy, a key for this machine would travel in the open, and nobody has agreed to that.
    let proxies = api.is_encrypted() || api.is_readable_on_the_way();
    let options = HttpOptions { request_timeout, proxies };
    HttpSource::new(api, key, options)
        .map_err(|error| Failure::unexpected("cannot use HTTP", &error))
}

/// Waits until the end or a signal, and draws how it goes.
async fn watched(
    waiter: &mut Waiter<HttpSource, NetProbe>,
    progress: &mut Option<Progress>,
    signals: &mut Signals,
) -> Option<ExitCode> {
    let Some(progress) = progress else {
        let mut log = Log;
        return tokio::select! {
            biased;
            code = signals.next() => Some(code),
            _ = waiter.wait(&mut log) => None,
        };
    };
    let progress = RefCell::new(progress);
    let started = Instant::now();
    let mut observer = |at: Duration, event: &WaitEvent<'_>| {
        Log.observe(at, event);
        progress.borrow_mut().observe(at, event);
    };
    let mut redraw = interval(REDRAW_EVERY);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let signal = {
        let mut waiting = pin!(waiter.wait(&mut observer));
        loop {
            tokio::select! {
                biased;
                code = signals.next() => break Some(code),
                _ = &mut waiting => break None,
                _ = redraw.tick() => progress.borrow_mut().draw(started.elapsed()),
            }
        }
    };
    progress.borrow_mut().clear();
    signal
}
