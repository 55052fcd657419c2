//! `donet demo`: what is to be said about it.

use std::path::PathBuf;

use clap::Args;

use super::{Run, telemetry};
use crate::config::Address;
use crate::demo::Wishes;

/// The port of an address without one.
const USUAL_PORT: u16 = 7170;

/// Where, and what is kept.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Where the page is [default: 127.0.0.1:7170, or another port if that is taken]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    bind: Option<Address>,

    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,

    /// Keep accounts in FILE, a SQLite database that is made if it is not there
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,

    /// Log what is at least this severe [default: error]
    #[arg(short = 'l', long = "loglevel", value_name = "LEVEL")]
    log_level: Option<telemetry::Level>,
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text, USUAL_PORT).map_err(|error| error.to_string())
}

impl Arguments {
    /// A run of the daemon with a demo beside it, whose configuration has still to be written.
    pub fn into_run(self) -> Run {
        let Arguments { bind, no_browser, database, log_level } = self;
        // What tabs do wrong is no news to whoever tries it out.
        let level = log_level.unwrap_or(telemetry::Level::Error);
        Run {
            config: PathBuf::new(),
            log_level: Some(level),
            log: telemetry::Options { level, color: true, ..telemetry::Options::default() },
            demo: Some(Wishes { bind, no_browser, database }),
        }
    }
}
