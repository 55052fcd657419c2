//! The donet daemon: arguments, configuration, runtime, and off it goes.

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use donet::cli::{self, Action, Run};
use donet::{config, daemon, fatal, telemetry};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let run = match cli::evaluate(std::env::args_os()) {
        Action::Run(run) => run,
        Action::Exit(code) => return code.into(),
    };
    if let Err(error) = telemetry::init(&run.log) {
        let path = run.log.file.unwrap_or_default();
        eprintln!("cannot log to {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    match start(&run) {
        Ok(code) => code,
        Err(error) => {
            // What is wrong with a DC file is said with the lines in question.
            for line in format!("{error:#}").lines() {
                fatal!("{line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(run: &Run) -> anyhow::Result<ExitCode> {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), file = %run.config.display(), "starting");
    let config = match config::load(&run.config) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors.0 {
                tracing::error!("{error}");
            }
            fatal!(file = %run.config.display(), "the configuration has errors");
            return Ok(ExitCode::FAILURE);
        }
    };
    for conflict in config::conflicts(&config) {
        tracing::warn!("{conflict}");
    }
    let runtime = runtime(config.daemon.threads).context("cannot start threads")?;
    runtime.block_on(daemon::run(config))
}

/// One thread by default: it costs least for each message, and sockets are served in the order in which
/// they have something to say. More threads share the system calls.
fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads).enable_all().build()
}
