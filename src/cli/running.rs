//! Commands for a daemon that runs.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::DEFAULT_CONFIG;
use super::out::{complain, say};
use crate::banlist::Subject;
use crate::config::{self, Survey};
use crate::control::{self, Answer, Request, Unheard};

/// The longest reason of a ban.
const REASON_BYTES_MAX: usize = 1024;

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

/// Who is meant.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Whom {
    /// An address, such as 192.0.2.1, or a network, such as 192.0.2.0/24
    #[arg(value_name = "ADDRESS", value_parser = network)]
    address: Option<Subject>,

    /// An account: the upper half of its client's channel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    account: Option<u32>,
}

impl Whom {
    fn words(&self) -> String {
        let account = self.account.map(Subject::Account);
        let subject = self.address.or(account).expect("one of them must be given");
        subject.to_string()
    }
}

/// Whom to ban, for how long and why.
#[derive(Args, Debug)]
pub(super) struct Ban {
    #[command(flatten)]
    whom: Whom,

    /// For how long, such as 90s, 30m, 1h or 7d [default: for ever]
    #[arg(long = "for", value_name = "DURATION", value_parser = some_time)]
    time: Option<Duration>,

    /// Why, for the player and the file
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = reason)]
    reason: String,

    /// Also a network with this machine or a proxy in it, and one from which many clients come at the moment
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    daemon: Arguments,
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

/// Whom to let in again.
#[derive(Args, Debug)]
pub(super) struct Unban {
    #[command(flatten)]
    whom: Whom,

    #[command(flatten)]
    daemon: Arguments,
}

/// An address or a network, and no account: that has an option of its own.
fn network(text: &str) -> Result<Subject, String> {
    text.parse::<std::net::IpAddr>().map(Subject::of).or_else(|_| text.parse())
}

/// A duration that is one.
fn some_time(text: &str) -> Result<Duration, &'static str> {
    let time = config::parse_duration(text)?;
    match time.is_zero() {
        true => {
            Err("it is over at once: leave --for out to ban for ever; `donet unban` ends a ban")
        }
        false => Ok(time),
    }
}

/// A reason that a request has room for, and a client reads.
fn reason(text: &str) -> Result<String, String> {
    if text.len() > REASON_BYTES_MAX {
        return Err(format!("it is longer than {REASON_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}

/// Has the daemon ban somebody; the exit code.
pub(super) fn ban(arguments: &Ban) -> u8 {
    let Ban { whom, time, reason, force, daemon } = arguments;
    let (subject, reason, force) = (whom.words(), reason.clone(), *force);
    let seconds = time.map(|time| time.as_secs());
    ask(daemon, &Request::Ban { subject, seconds, reason, force })
}

/// Has the daemon let somebody in again; the exit code.
pub(super) fn unban(arguments: &Unban) -> u8 {
    ask(&arguments.daemon, &Request::Unban { subject: arguments.whom.words() })
}

/// Has the daemon end when its clients have left, and returns the exit code.
pub(super) fn drain(arguments: &DrainArguments) -> u8 {
    let seconds = |grace: Duration| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX);
    let grace_seconds = arguments.grace.map(seconds);
    ask(&arguments.daemon, &Request::Drain { grace_seconds, wait: !arguments.no_wait })
}

/// Asks the daemon for something, and returns the exit code.
pub(super) fn ask(arguments: &Arguments, request: &Request) -> u8 {
    let daemon = Daemon::meant(arguments);
    let asked = daemon.ask(request, |answer| {
        say(answer);
        ControlFlow::Continue(())
    });
    asked.unwrap_or_else(|error| {
        complain!("{error}");
        1
    })
}

/// Says what the daemon has said.
pub(super) fn say(answer: Answer) {
    match answer {
        Answer::Say(text) => say!("{text}"),
        Answer::Complain(text) => complain!("{text}"),
        Answer::Schema(_) | Answer::Records(_) | Answer::Exit(_) => {}
    }
}

/// A daemon that is meant.
pub(super) struct Daemon {
    /// Where it may be.
    places: Vec<PathBuf>,
    /// Why it is not known which one is meant, if it is not.
    unknown: Option<String>,
}

impl Daemon {
    /// The one that the command line means.
    pub fn meant(arguments: &Arguments) -> Self {
        let file = arguments.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into());
        // Whatever else is wrong with it: it may be why the daemon is asked.
        let survey = arguments.control.is_none().then(|| config::survey(&file));
        let loaded = survey.as_ref().and_then(|survey| survey.loaded.as_ref());
        let named = loaded.and_then(|loaded| loaded.config.daemon.control.clone());
        let path = arguments.control.clone().or(named);
        let places = path.map_or_else(|| control::places(&file), |path| vec![path]);
        let unknown = match survey {
            Some(Survey { loaded: None, findings, .. }) => {
                let hint = match arguments.config {
                    Some(_) => "name the daemon's socket with --control PATH",
                    None => "name the configuration of the daemon with --config FILE",
                };
                let hint = format!("so it is not known which daemon is meant: {hint}");
                let lines = findings.iter().map(|finding| finding.headline().to_string());
                Some(lines.chain([hint]).collect::<Vec<_>>().join("\n"))
            }
            _ => None,
        };
        Daemon { places, unknown }
    }

    /// Asks the first daemon that is found, until it has said all or `heard` breaks off; the exit code.
    ///
    /// # Errors
    /// Why it has not answered.
    pub fn ask(
        &self,
        request: &Request,
        heard: impl FnMut(Answer) -> ControlFlow<u8>,
    ) -> Result<u8, String> {
        self.try_to_ask(request, heard).map_err(|error| self.words(&error))
    }

    /// As [`Daemon::ask`], for whoever tries again.
    ///
    /// # Errors
    /// Why it has not answered.
    pub fn try_to_ask(
        &self,
        request: &Request,
        mut heard: impl FnMut(Answer) -> ControlFlow<u8>,
    ) -> Result<u8, Unheard> {
        let mut unheard = Vec::new();
        for path in &self.places {
            match control::ask(path, request, &mut heard) {
                // It may be in the next place.
                Err(error) if error.is_before_asking() => unheard.push(error),
                answered => return answered,
            }
        }
        // Somebody who is there and not asked says more than nobody.
        let worst = unheard.iter().position(|error| !matches!(error, Unheard::Nobody(_)));
        Err(unheard.swap_remove(worst.unwrap_or(0)))
    }

    /// Whether it is not known which daemon is meant, so that waiting for it may be for nothing.
    pub const fn is_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    /// Why nobody has answered.
    pub fn words(&self, error: &Unheard) -> String {
        self.unknown.clone().unwrap_or_else(|| error.to_string())
    }
}

/// To which file the flight recorder is to write.
#[derive(Args, Debug)]
pub(super) struct Dump {
    /// The file, which is made [default: one in `daemon.recorder.folder`]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    daemon: Arguments,
}

/// Has the daemon write what its flight recorder has; the exit code.
pub(super) fn dump(arguments: &Dump) -> u8 {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let output = arguments.output.as_ref().map(absolute);
    ask(&arguments.daemon, &Request::Dump { output })
}
