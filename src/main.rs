//! The donet daemon: arguments, configuration, runtime, and off it goes.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use donet::cli::{self, Action, Run};
use donet::config::Reading;
use donet::daemon::{Started, Survived};
use donet::finding::{Finding, Severity, parts_of_error};
use donet::net::Passed;
use donet::net::tls::check_certificates;
use donet::telemetry::Log;
use donet::{config, daemon, fatal, telemetry};
use tokio::runtime::{Builder, Runtime};

/// How long the end of the process waits for the last lines, and for what else may be stuck on a disk.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if let Err(error) = daemon::survive_full_files() {
        eprintln!("cannot take signals: {error}");
        return ExitCode::FAILURE;
    }
    let run = match cli::evaluate(std::env::args_os()) {
        Action::Run(run) => run,
        Action::Exit(code) => return code.into(),
    };
    let survived = match daemon::survive_signals() {
        Ok(survived) => survived,
        Err(error) => {
            eprintln!("cannot take signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    // As long as there is one thread.
    let passed = match Passed::of_environment() {
        Ok(passed) => Arc::new(passed),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let log = match telemetry::init(&run.log) {
        Ok(log) => log,
        Err(error) => {
            let path = run.log.file.unwrap_or_default();
            eprintln!("cannot log to {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let code = start(run, log.clone(), survived, passed).unwrap_or_else(|error| {
        let text = format!("{error:#}");
        let (message, help) = parts_of_error(&text);
        let help = Some(help.join("; ")).filter(|help| !help.is_empty());
        fatal!(help, "{message}");
        ExitCode::FAILURE
    });
    log.flush(PATIENCE);
    code
}

fn start(
    mut run: Run,
    log: Arc<Log>,
    mut survived: Survived,
    passed: Arc<Passed>,
) -> anyhow::Result<ExitCode> {
    let Beside { task: beside, _files } = match beside(&mut run, &passed, &mut survived) {
        Ok(beside) => beside,
        // There is no daemon yet that would log.
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::FAILURE);
        }
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), file = %run.config.display(), "starting");
    let for_programs = run.log.format == telemetry::Format::Json;
    let say = |findings: &[Finding]| findings.iter().for_each(|finding| finding.log(for_programs));
    let complete = match config::survey(&run.config).complete() {
        Ok(complete) => complete,
        Err(survey) => {
            say(&survey.findings);
            if let Some(unseen) = survey.unseen() {
                tracing::error!(target: "donet::config", "{unseen}");
            }
            fatal!(file = %run.config.display(), "the configuration has errors");
            return Ok(ExitCode::FAILURE);
        }
    };
    let certificates = check_certificates(&complete.loaded);
    say(&complete.warnings);
    say(&certificates);
    if certificates.iter().any(|finding| finding.severity == Severity::Error) {
        fatal!(file = %run.config.display(), "the configuration has errors");
        return Ok(ExitCode::FAILURE);
    }
    let (reading, dc) = (Reading::from(&complete), complete.dc);
    let daemon = &reading.config.daemon;
    if let (None, Some(level)) = (run.log_level, daemon.log_level) {
        log.set_level(level);
    }
    let runtime = runtime().context("cannot start threads")?;
    let (file, log_level) = (run.config.clone(), run.log_level);
    let started = Started { file, reading, log_level, for_programs, passed };
    let ended = runtime.block_on(daemon::run(started, dc, log.clone(), survived, beside));
    // Left to itself, it would wait for a thread that a frozen file system holds.
    runtime.shutdown_timeout(PATIENCE);
    // What is left to be said comes before the last line.
    log.sum_up();
    if ended.is_ok() {
        daemon::say_stopped();
    }
    ended
}

/// What runs beside the daemon in the same process, if anything does.
struct Beside {
    /// Its end is the daemon's.
    task: Pin<Box<dyn Future<Output = anyhow::Error>>>,
    /// What has to be there until the daemon has ended.
    _files: Option<Arc<dyn Any>>,
}

/// A demo if there is to be one, which is what the configuration is for then.
fn beside(run: &mut Run, passed: &Passed, survived: &mut Survived) -> anyhow::Result<Beside> {
    #[cfg(feature = "demo")]
    if let Some(wishes) = run.demo.take() {
        let demo = Arc::new(donet::demo::Demo::prepare(wishes, passed)?);
        run.config = demo.config().to_owned();
        // There is no log to be opened anew.
        survived.end_with_terminal();
        let files: Arc<dyn Any> = demo.clone();
        let task = Box::pin(async move { demo.run().await });
        return Ok(Beside { task, _files: Some(files) });
    }
    let _ = (run, passed, survived);
    Ok(Beside { task: Box::pin(std::future::pending()), _files: None })
}

/// All tasks are on one thread: that costs least for each message, and sockets are served in the order in which they have
/// something to say. Other threads only write ([`donet::router::Writers`]).
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
