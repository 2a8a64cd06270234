//! What the command line asks for, and the wait that carries it out.

use std::{cell::RefCell, env, io, path::Path, pin::pin, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

#[cfg(feature = "simulate")]
use super::simulated::Simulated;
use super::{
    cli::Cli,
    failure::Failure,
    instance_list::{expand, read_list},
    output::{Format, is_fit_for_env},
    signals::{AtOnce, Signals},
    verdict::Finished,
};
use crate::{
    answer::instance::InstanceId,
    api::{
        credentials::find_key,
        http::{HttpOptions, HttpSource},
        trust::unreadable_stores,
        url::{ApiUrl, PlainHttp},
    },
    reach::NetProbe,
    report::{exit_code::ExitCode, log::Log},
    system::write::{are_one_file, check_place},
    terminal::{
        appearance::Appearance,
        board::Board,
        progress::{Progress, REDRAW_EVERY},
        subscriber::{LogFormat, Stderr},
    },
    wait::{
        backoff::{Backoff, Jitter},
        event::{Observer as _, WaitEvent},
        policy::Policy,
        rules::Rules,
        waiter::Waiter,
    },
};

/// What the command line asks for, checked as far as that needs no file and no network.
pub(crate) struct Plan {
    rules: Rules,
    backoff: Backoff,
    api: ApiUrl,
}

impl Plan {
    pub(crate) fn new(cli: &Cli) -> Result<Self, Failure> {
        let backoff = Backoff::new(cli.pace.min_delay, cli.pace.max_delay, Jitter::Random)
            .map_err(|error| Failure::usage(format!("--min-delay and --max-delay: {error}")))?;
        let plain_http =
            if cli.api.insecure_http { PlainHttp::Anywhere } else { PlainHttp::LoopbackOnly };
        let api = ApiUrl::new(&cli.api.api_url, plain_http)
            .map_err(|error| Failure::usage(format!("--api-url (FAL_API_URL): {error}")))?;
        for budget in cli.wanted.max_in.iter().filter(|budget| !budget.status.is_documented()) {
            warn!("--max-in {0}=…: the API documents no status {0}", budget.status);
        }
        for (position, budget) in cli.wanted.max_in.iter().enumerate() {
            if cli.wanted.max_in[..position].iter().any(|b| b.status == budget.status) {
                let text = format!("--max-in {}=… is given twice", budget.status);
                return Err(Failure::usage(text));
            }
        }
        let budgets = cli.wanted.max_in.iter().map(|b| (b.status.clone(), b.time)).collect();
        let rules = Rules {
            condition: cli.wanted.condition.clone(),
            deadline: cli.pace.timeout.into(),
            not_found_grace: cli.pace.not_found_grace,
            stable: cli.wanted.stable,
            budgets,
            any: cli.wanted.any,
            fail_fast: cli.wanted.fail_fast,
            late_poll: cli.pace.request_timeout,
        };
        Ok(Self { rules, backoff, api })
    }

    /// Waits until it is over.
    pub(crate) async fn carry_out(
        self,
        cli: &Cli,
        look: Appearance,
        stderr: &Stderr,
        at_once: &AtOnce,
    ) -> Result<Finished, Failure> {
        let Self { rules, backoff, api } = self;
        let mut signals = Signals::install(at_once)
            .map_err(|e| Failure::unexpected("cannot handle signals", &e))?;
        let ids = tokio::select! {
            biased;
            code = signals.next() => return Err(Failure::interrupted(code)),
            ids = instances(cli) => ids?,
        };
        check_before_the_first_poll(cli, &ids)?;
        let probe = NetProbe::new();
        // A simulation serves as long as this lives.
        #[cfg(feature = "simulate")]
        let simulated = Simulated::if_wanted(cli, &ids).await?;
        #[cfg(feature = "simulate")]
        let (source, probe) = match &simulated {
            Some(simulated) => (simulated.source()?, probe.with_stand_in(simulated.ssh_address())),
            None => (real(cli, api, at_once)?, probe),
        };
        #[cfg(not(feature = "simulate"))]
        let source = real(cli, api, at_once)?;
        let draws = look.progress && !cli.output.quiet && cli.output.log_format == LogFormat::Text;
        let mut progress = draws.then(|| {
            let board = Board::new(ids.iter().cloned(), &rules, look.unicode);
            let progress = Progress::on_stderr(board, look.unicode);
            stderr.share_with(progress.rows());
            progress
        });
        let policy = Policy::new(rules.clone(), backoff, ids);
        let mut waiter = Waiter::new(source, probe, policy);
        let signal = watched(&mut waiter, &mut progress, &mut signals).await;
        Ok(Finished { outcome: waiter.outcome(), rules, signal })
    }
}

/// Does `work` on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unexpected("cannot start", &error))?;
    let done = runtime.block_on(work);
    // A name that is being looked up, or a read of standard input, must not delay the end.
    runtime.shutdown_background();
    done
}

/// What would only be noticed at the end of the wait is checked before it.
fn check_before_the_first_poll(cli: &Cli, ids: &[InstanceId]) -> Result<(), Failure> {
    let files: Vec<(&str, &Path)> = cli.output.files().collect();
    for (position, (what, path)) in files.iter().enumerate() {
        check_place(path)
            .map_err(|e| Failure::unexpected(&format!("cannot write the {what}"), &e))?;
        if let Some((other, _)) = files[..position].iter().find(|(_, p)| are_one_file(p, path)) {
            let path = path.display();
            return Err(Failure::usage(format!("the {other} and the {what} are one file: {path}")));
        }
    }
    let unfit = ids.iter().find(|id| cli.output.format == Format::Env && !is_fit_for_env(id));
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
        #[cfg(feature = "simulate")]
        if id.as_str().contains(',')
            && id.as_str().parse::<crate::simulate::script::Script>().is_ok()
        {
            let text = format!("{id} is no instance id: a script is written --simulate={id}");
            return Err(Failure::usage(text));
        }
    }
    Ok(())
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

/// The instances to wait for. Only a list to be read needs a thread, so that a signal is heard.
async fn instances(cli: &Cli) -> Result<Vec<InstanceId>, Failure> {
    let words = cli.instances.clone();
    let read = move || expand(&words, || read_list(io::stdin()));
    let ids = if cli.instances.iter().any(|word| word.starts_with('@')) {
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| Failure::unexpected("cannot read the instance ids", &error))?
    } else {
        read()
    };
    ids.map_err(|error| Failure::usage(error.to_string()))
}

/// The API that the command line names.
fn real(cli: &Cli, api: ApiUrl, at_once: &AtOnce) -> Result<HttpSource, Failure> {
    let key_file = cli.api.api_key_file.as_deref();
    let key = at_once
        .during(|| find_key(key_file, &|name| env::var_os(name)))
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
    let options = HttpOptions { request_timeout: cli.pace.request_timeout, proxies };
    HttpSource::new(api, key, options).map_err(|e| Failure::unexpected("cannot use HTTP", &e))
}
