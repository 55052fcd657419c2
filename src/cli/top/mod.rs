//! `donet top`: what a daemon does, in a terminal.
//!
//! `state` is what is shown and how, `view` draws it, `shell` has the terminal, the keys and the clock.

mod plain;
#[cfg(feature = "top")]
mod shell;
mod snapshot;
#[cfg(feature = "top")]
mod state;
mod tables;
#[cfg(all(test, feature = "top"))]
mod tests;
#[cfg(feature = "top")]
mod view;
mod words;

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;

use clap::Args;
use jiff::tz::TimeZone;

use self::snapshot::Snapshot;
#[cfg(feature = "top")]
use self::state::Outcome;
use super::out::{complain, say};
use super::running::{self, Daemon};
use crate::control::{Answer, Request, Unheard};

/// What is said of a daemon that is too old.
const TOO_OLD: &str = "the daemon that runs is older than `donet top`: it has to be a newer one";
/// How the daemon's complaint begins that it does not know the command.
const UNKNOWN: &str = "the daemon does not understand this command";

#[derive(Args, Debug)]
pub(super) struct TopArguments {
    /// Print what is there now as text, and end; so it is, too, where standard output is no terminal
    #[arg(long)]
    once: bool,

    /// Print what the daemon says as JSON, and end
    #[arg(long, conflicts_with = "once")]
    json: bool,

    #[command(flatten)]
    daemon: running::Arguments,
}

/// Shows a daemon; the exit code.
pub(super) fn run(arguments: &TopArguments) -> u8 {
    let target = Daemon::meant(&arguments.daemon);
    if arguments.json || arguments.once || !can_be_drawn_on() {
        return print(&target, arguments.json);
    }
    draw(target)
}

/// Draws it, until somebody has seen enough.
#[cfg(feature = "top")]
fn draw(target: Daemon) -> u8 {
    if target.is_unknown()
        && let Err(error) = ask(&target)
    {
        complain!("{}", target.words(&error));
        return 1;
    }
    let has_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match shell::run(move || outcome(ask(&target)), has_colour) {
        Ok(None) => 0,
        Ok(Some(complaint)) => {
            complain!("{complaint}");
            1
        }
        Err(error) => {
            complain!("cannot go on: {error}");
            1
        }
    }
}

#[cfg(not(feature = "top"))]
fn draw(_: Daemon) -> u8 {
    let why = crate::config::without("the screen of `donet top`", "top");
    complain!("{why}; `donet top --once` prints the same as text");
    1
}

/// Whether standard output is a terminal whose cursor can be moved.
fn can_be_drawn_on() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints what the daemon says once.
fn print(target: &Daemon, is_json: bool) -> u8 {
    let text = match ask(target) {
        Ok(Said::Json(text)) => text,
        Ok(Said::TooOld) => {
            complain!("{TOO_OLD}");
            return 1;
        }
        Ok(Said::Complaint(text)) => {
            complain!("{text}");
            return 1;
        }
        Err(error) => {
            complain!("{}", target.words(&error));
            return 1;
        }
    };
    if is_json {
        say!("{text}");
        return 0;
    }
    match serde_json::from_str::<Snapshot>(&text) {
        Ok(snapshot) => {
            say!("{}", plain::text(&snapshot, &TimeZone::system()));
            0
        }
        Err(error) => {
            complain!("{}", garbled(&error));
            1
        }
    }
}

enum Said {
    Json(String),
    TooOld,
    Complaint(String),
}

fn ask(target: &Daemon) -> Result<Said, Unheard> {
    let (mut said, mut complaint) = (None, None);
    let code = target.try_to_ask(&Request::Top, |answer| {
        match answer {
            Answer::Say(text) => said = Some(text),
            Answer::Complain(text) => complaint = Some(text),
            Answer::Schema(_) | Answer::Records(_) | Answer::Exit(_) => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(match (said, complaint) {
        (Some(text), _) if code == 0 => Said::Json(text),
        (_, Some(text)) if text.starts_with(UNKNOWN) => Said::TooOld,
        (_, Some(text)) => Said::Complaint(text),
        _ => Said::Complaint("the daemon has said nothing".to_owned()),
    })
}

#[cfg(feature = "top")]
fn outcome(said: Result<Said, Unheard>) -> Outcome {
    match said {
        Ok(Said::Json(text)) => match serde_json::from_str(&text) {
            Ok(snapshot) => Outcome::Snapshot(Box::new(snapshot)),
            Err(error) => Outcome::Unheard(garbled(&error)),
        },
        Ok(Said::TooOld) => Outcome::TooOld,
        Ok(Said::Complaint(text)) => Outcome::Unheard(text),
        Err(error) => Outcome::Unheard(error.to_string()),
    }
}

fn garbled(error: &serde_json::Error) -> String {
    format!("what the daemon says is not understood, is it of another version? {error}")
}
