//! Commands for a daemon that runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::DEFAULT_CONFIG;
use super::out::{complain, say};
use crate::config;
use crate::control::{self, Answer, Request};

/// Which daemon is meant.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The configuration that it runs [default: astrond.yml]
    #[arg(long, value_name = "FILE", conflicts_with = "control")]
    config: Option<PathBuf>,

    /// The socket at which it listens
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct DrainArguments {
    /// How long clients may stay: `10m`, `90s`, `0` [default: `daemon.drain`, or 10m]
    #[arg(long, value_name = "DURATION", value_parser = config::parse_duration)]
    grace: Option<Duration>,

    /// Do not wait until the daemon has ended
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    daemon: Arguments,
}

/// Has the daemon end when its clients have left, and returns the exit code.
pub(super) fn drain(arguments: &DrainArguments) -> u8 {
    let seconds = |grace: Duration| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX);
    let grace_seconds = arguments.grace.map(seconds);
    ask(&arguments.daemon, &Request::Drain { grace_seconds, wait: !arguments.no_wait })
}

/// Asks the daemon for something, and returns the exit code.
pub(super) fn ask(arguments: &Arguments, request: &Request) -> u8 {
    let path = arguments.control.clone().unwrap_or_else(|| {
        let file = arguments.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into());
        // Whatever else is wrong with it: it may be why the daemon is asked.
        let named = config::survey(&file).loaded.and_then(|loaded| loaded.config.daemon.control);
        named.unwrap_or_else(|| control::default_path(&file))
    });
    let answered = control::ask(&path, request, |answer| match answer {
        Answer::Say(text) => say!("{text}"),
        Answer::Complain(text) => complain!("{text}"),
        Answer::Exit(_) => {}
    });
    answered.unwrap_or_else(|error| {
        complain!("{error}");
        1
    })
}
