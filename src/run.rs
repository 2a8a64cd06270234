//! The program: wires everything, owns the streams and the signals.

use std::{
    cell::RefCell,
    env,
    ffi::OsString,
    io::{self, IsTerminal as _, Read as _, Write as _},
    pin::pin,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

use crate::{
    api::{
        credentials::find_key,
        http::{HttpOptions, HttpSource},
        trust::unreadable_stores,
        url::{ApiUrl, PlainHttp},
    },
    appearance::Appearance,
    backoff::{Backoff, Jitter},
    cli::{
        Cli, complaint,
        generate::{Generated, generate},
        wishes::Wishes,
    },
    conclude::conclude,
    event::{Observer as _, WaitEvent},
    exit_code::ExitCode,
    failure::Failure,
    file::{check_folder, may_block, replace_or_overwrite},
    finished::{Finished, told},
    instance::InstanceId,
    instance_list::expand,
    net_probe::NetProbe,
    output::{Format, is_fit_for_env},
    policy::{Policy, Rules},
    report::{
        board::Board,
        json,
        log::Log,
        progress::{Progress, REDRAW_EVERY},
        record::Report,
        subscriber::{LogFormat, Stderr, Verbosity, subscriber},
    },
    signals::{AtOnce, Signals},
    waiter::Waiter,
};

#[cfg(feature = "simulate")]
use crate::simulated::Simulated;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    fail_instead_of_aborting();
    let arguments: Vec<OsString> = env::args_os().collect();
    match Cli::read(&arguments) {
        Ok(cli) => run_with(&cli),
        Err(error) => {
            let error = complaint(error, &arguments, |name| env::var_os(name));
            if error.use_stderr() {
                return complain(&error, &arguments).into();
            }
            printed_to_the_end(error.print().and_then(|()| io::stdout().flush())).number()
        }
    }
    .into()
}

fn run_with(cli: &Cli) -> u8 {
    if let Some(what) = cli.output.generate {
        return print_generated(what).number();
    }
    let look = Appearance::new(
        cli.output.progress,
        cli.output.color,
        io::stderr().is_terminal(),
        |name| env::var_os(name),
    );
    let stderr = start_logging(cli, look);
    let at_once = AtOnce::prepare().unwrap_or_default();
    let (finished, verdict) =
        match Plan::new(cli).and_then(|plan| plan.carry_out(cli, look, &stderr, &at_once)) {
            Ok(finished) => {
                let verdict = finished.verdict(look.unicode);
                (finished, verdict)
            }
            Err(failure) => {
                let verdict = told(&failure.explanation, failure.code);
                (Finished::before_the_first_poll(&cli.instances), verdict)
            }
        };
    if cli.output.files().any(may_block) {
        at_once.during(|| conclude(cli, &finished, verdict))
    } else {
        conclude(cli, &finished, verdict)
    }
}

/// A panic is an unexpected failure with exit code 1; aborting would look like a crash.
fn fail_instead_of_aborting() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(io::stderr(), "error: unexpected failure, a bug of wait-ready: {panic}");
        #[expect(clippy::exit, reason = "with panic=abort nothing comes after this hook")]
        std::process::exit(ExitCode::Unexpected.number().into())
    }));
}

/// Tells what is wrong with the command line, as far as it can be read in the way it asks for.
fn complain(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let wishes = Wishes::read(arguments, |name| env::var_os(name));
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    if wishes.json_log {
        let rust_log = None;
        let (level, stderr) = (Verbosity::Normal, Stderr::default());
        let json = subscriber(LogFormat::Json, level, rust_log, false, stderr);
        let _ = tracing::subscriber::set_global_default(json);
        told(&Failure::usage(what.to_owned()).explanation, ExitCode::Usage);
    } else {
        // Without a standard error there is nobody to tell.
        let _ = error.print();
    }
    if let Some(path) = wishes.report {
        let report = Report::new(&[], None, Duration::ZERO, ExitCode::Usage, Some(what));
        let _ = replace_or_overwrite(&path, format!("{}\n", json::line(&report)).as_bytes());
    }
    ExitCode::Usage
}

fn print_generated(what: Generated) -> ExitCode {
    let printed = generate(what).and_then(|text| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&text)?;
        stdout.flush()
    });
    printed_to_the_end(printed)
}

fn printed_to_the_end(printed: io::Result<()>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::Success,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
            ExitCode::Unexpected
        }
    }
}

fn start_logging(cli: &Cli, look: Appearance) -> Stderr {
    let verbosity = match (cli.output.quiet, cli.output.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::Trace,
    };
    let rust_log = env::var("RUST_LOG").ok();
    let (format, stderr) = (cli.output.log_format, Stderr::default());
    let subscriber = subscriber(format, verbosity, rust_log.as_deref(), look.color, stderr.clone());
    // Fails only where a subscriber is set already, and then that one serves.
    let _ = tracing::subscriber::set_global_default(subscriber);
    stderr
}

/// What the command line asks for, checked as far as that needs no file and no network.
struct Plan {
    rules: Rules,
    backoff: Backoff,
    api: ApiUrl,
}

impl Plan {
    fn new(cli: &Cli) -> Result<Self, Failure> {
        let backoff = Backoff::new(cli.pace.min_delay, cli.pace.max_delay, Jitter::Random)
            .map_err(|error| Failure::usage(format!("--min-delay and --max-delay: {error}")))?;
        let plain_http =
            if cli.api.insecure_http { PlainHttp::Anywhere } else { PlainHttp::LoopbackOnly };
        let api = ApiUrl::new(&cli.api.api_url, plain_http)
            .map_err(|error| Failure::usage(format!("--api-url (FAL_API_URL): {error}")))?;
        for budget in cli.wanted.max_in.iter().filter(|budget| !budget.status.is_documented()) {
            warn!("--max-in {0}=…: the API documents no status {0}", budget.status);
        }
        let budgets = cli.wanted.max_in.iter().map(|b| (b.status.clone(), b.time)).collect();
        let rules = Rules {
            condition: cli.wanted.condition,
            max_wait: cli.pace.timeout,
            not_found_grace: cli.pace.not_found_grace,
            stable: cli.wanted.stable,
            budgets,
            any: cli.wanted.any,
            fail_fast: cli.wanted.fail_fast,
        };
        Ok(Self { rules, backoff, api })
    }

    fn carry_out(
        self,
        cli: &Cli,
        look: Appearance,
        stderr: &Stderr,
        at_once: &AtOnce,
    ) -> Result<Finished, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::unexpected("cannot start", &error))?;
        let finished = runtime.block_on(self.wait(cli, look, stderr, at_once));
        // A name that is being looked up, or a read of standard input, must not delay the end.
        runtime.shutdown_background();
        finished
    }

    async fn wait(
        self,
        cli: &Cli,
        look: Appearance,
        stderr: &Stderr,
        at_once: &AtOnce,
    ) -> Result<Finished, Failure> {
        let Self { rules, backoff, api } = self;
        let mut signals =
            Signals::install().map_err(|e| Failure::unexpected("cannot handle signals", &e))?;
        let ids = tokio::select! {
            biased;
            code = signals.next() => return Err(Failure::interrupted(code)),
            ids = instances(cli) => ids?,
        };
        for path in cli.output.files() {
            check_folder(path).map_err(|e| Failure::unexpected("cannot write the result", &e))?;
        }
        check_for_slips(&ids)?;
        if cli.output.format == Format::Env
            && let Some(id) = ids.iter().find(|id| !is_fit_for_env(id))
        {
            return Err(Failure::usage(format!(
                "--output env cannot carry the id {id}: shells and CI systems quote it differently"
            )));
        }
        #[cfg(feature = "simulate")]
        let simulated = match &cli.api.simulate {
            Some(script) => Some(Simulated::start(script, &ids, cli.pace.request_timeout).await?),
            None => None,
        };
        #[cfg(feature = "simulate")]
        let source = match &simulated {
            Some(simulated) => simulated.source()?,
            None => real(cli, api, at_once)?,
        };
        #[cfg(feature = "simulate")]
        let probe = match &simulated {
            Some(simulated) => {
                NetProbe::new(rules.condition).with_stand_in(simulated.ssh_address())
            }
            None => NetProbe::new(rules.condition),
        };
        #[cfg(not(feature = "simulate"))]
        let probe = NetProbe::new(rules.condition);
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
        let (watches, elapsed) = (waiter.watches().to_vec(), waiter.elapsed());
        Ok(Finished { watches, rules, elapsed, signal })
    }
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
            () = waiter.wait(&mut log) => None,
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
                () = &mut waiting => break None,
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
    let read = move || {
        expand(&words, || {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        })
    };
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
    // Past this machine, a proxy would be sent the key in the open.
    let proxies = api.is_encrypted() || cli.api.insecure_http;
    let options = HttpOptions { request_timeout: cli.pace.request_timeout, proxies };
    HttpSource::new(api, key, options).map_err(|e| Failure::unexpected("cannot use HTTP", &e))
}
