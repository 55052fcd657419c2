//! The command line: what Astron's users know, and a few commands more.
//!
//! Without a command the daemon runs. `donet FILE` runs it with that configuration even if a command
//! has the same name as the file, as long as it is written `--config FILE`.

mod bans;
mod check;
mod console;
mod db;
mod dc;
#[cfg(feature = "demo")]
mod demo;
mod hint;
mod init;
mod out;
mod running;
mod shipped;
mod top;
mod trace;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use self::out::complain;
use crate::control::Request;
use crate::telemetry;

/// The configuration that is used if none is named.
const DEFAULT_CONFIG: &str = "astrond.yml";

/// What the command line says.
#[derive(Parser, Debug)]
#[command(
    name = "donet",
    about = "A server daemon for games made with DistributedObjects; runs Astron's configurations.",
    version = version::text(),
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
pub struct Arguments {
    /// Configuration file [default: astrond.yml]; paths in it are relative to its folder
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The same, for a file that is named like a command
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    config: Option<PathBuf>,

    /// Also write the log to FILE; SIGHUP opens it anew
    #[arg(short = 'L', long = "log", value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// Log what is at least this severe [default: `daemon.loglevel`, or info]
    #[arg(short = 'l', long = "loglevel", value_name = "LEVEL")]
    log_level: Option<telemetry::Level>,

    /// How log lines look
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    log_format: telemetry::Format,

    /// Colour the log if it goes to a terminal (the default)
    #[arg(short, long, overrides_with = "boring")]
    pretty: bool,

    /// Do not colour the log
    #[arg(short, long, overrides_with = "pretty")]
    boring: bool,

    /// Print version and build options
    #[arg(short, long, visible_short_alias = 'V', action = ArgAction::Version)]
    version: Option<bool>,

    /// What to do instead of running the daemon.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Let an address, a network or an account in no more, and put out who is in
    Ban(running::Ban),
    /// Say who may not come in
    Bans(running::Arguments),
    /// Check a configuration and everything that it names, without running it
    Check(check::Arguments),
    /// Print what makes a shell complete commands and options
    #[command(hide = true)]
    Completions(shipped::Completions),
    /// Make passwords and tokens for the console
    #[command(subcommand)]
    Console(console::Command),
    /// Export, import, migrate, check or show the objects of a database
    #[command(subcommand)]
    Db(db::Command),
    /// Check, compare, hash, lay out or show DC files
    #[command(subcommand)]
    Dc(dc::Command),
    /// Walk about in a small world, in a browser: a whole cluster with an AI and an UberDOG, and nothing left behind
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Have the daemon that runs let nobody in any more, and end when its clients have left
    Drain(running::DrainArguments),
    /// Have the flight recorder of the daemon that runs write what it has to a file
    Dump(running::Dump),
    /// Make the folder of a new game, with all that it takes to play it
    Init(init::Arguments),
    /// Print the page of the manual
    #[command(hide = true)]
    Man,
    /// Have the daemon that runs read its configuration again
    Reload(running::Arguments),
    /// Show what the daemon that runs does, second by second
    Top(top::TopArguments),
    /// Show what is routed by the daemon that runs, with names and values
    Trace(Box<trace::Trace>),
    /// Let somebody in again who is banned
    Unban(running::Unban),
    /// Print version and build options
    Version,
}

/// What the program shall do.
#[derive(PartialEq, Eq, Debug)]
pub enum Action {
    /// Run the daemon.
    Run(Run),
    /// Nothing more: a command has been carried out, or the command line was wrong.
    Exit(u8),
}

/// How the daemon shall run.
#[derive(PartialEq, Eq, Debug)]
pub struct Run {
    /// The configuration file.
    pub config: PathBuf,
    /// The level that the command line names.
    pub log_level: Option<telemetry::Level>,
    /// What is logged and where.
    pub log: telemetry::Options,
    /// That the configuration is to be that of a demo, which runs beside the daemon.
    #[cfg(feature = "demo")]
    pub demo: Option<crate::demo::Wishes>,
}

/// Reads the command line, and does what it asks for if that is anything but running the daemon.
///
/// Prints what is wrong with it, or what was asked for.
pub fn evaluate(arguments: impl IntoIterator<Item = OsString>) -> Action {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let words: Vec<String> =
        arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Action::Exit(explain(&error, &words)),
    };
    match arguments.command {
        None => match hint::mistyped(&arguments).or_else(|| hint::nothing_to_run(&arguments)) {
            Some(message) => {
                complain!("{message}");
                Action::Exit(1)
            }
            None => Action::Run(arguments.into_run()),
        },
        Some(Command::Check(arguments)) => Action::Exit(check::run(&arguments)),
        Some(Command::Completions(arguments)) => Action::Exit(shipped::completions(&arguments)),
        Some(Command::Console(command)) => Action::Exit(console::run(&command)),
        Some(Command::Db(command)) => Action::Exit(db::run(&command)),
        Some(Command::Dc(command)) => Action::Exit(dc::run(&command)),
        #[cfg(feature = "demo")]
        Some(Command::Demo(arguments)) => Action::Run(arguments.into_run()),
        Some(Command::Drain(arguments)) => Action::Exit(running::drain(&arguments)),
        Some(Command::Init(arguments)) => Action::Exit(init::run(&arguments)),
        Some(Command::Man) => Action::Exit(shipped::man()),
        Some(Command::Reload(arguments)) => {
            Action::Exit(running::ask(&arguments, &Request::Reload))
        }
        Some(Command::Ban(arguments)) => Action::Exit(running::ban(&arguments)),
        Some(Command::Bans(arguments)) => Action::Exit(running::ask(&arguments, &Request::Bans)),
        Some(Command::Dump(arguments)) => Action::Exit(running::dump(&arguments)),
        Some(Command::Trace(arguments)) => Action::Exit(trace::run(&arguments)),
        Some(Command::Top(arguments)) => Action::Exit(top::run(&arguments)),
        Some(Command::Unban(arguments)) => Action::Exit(running::unban(&arguments)),
        Some(Command::Version) => {
            out::write(format_args!("{}", Arguments::command().render_version()));
            Action::Exit(0)
        }
    }
}

impl Arguments {
    fn into_run(self) -> Run {
        let mut files = self.files.into_iter();
        let first = files.next();
        for file in files {
            complain!("only one configuration can be run: {} is ignored", file.display());
        }
        let config = self.config.or(first);
        Run {
            config: config.unwrap_or_else(|| DEFAULT_CONFIG.into()),
            log_level: self.log_level,
            log: telemetry::Options {
                level: self.log_level.unwrap_or_default(),
                format: self.log_format,
                color: !self.boring,
                file: self.log_file,
            },
            #[cfg(feature = "demo")]
            demo: None,
        }
    }
}

/// Prints what clap has to say, and returns the exit code: 1 for a mistake, as scripts around Astron
/// expect.
fn explain(error: &clap::Error, words: &[String]) -> u8 {
    if !error.use_stderr() {
        out::expect_taken(error.print());
        return 0;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // It would be the whole help.
        let help = error.to_string();
        let usage = help.lines().find(|line| line.starts_with("Usage: ")).unwrap_or_default();
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands = commands.take_while(|line| !line.is_empty());
        let names: Vec<&str> =
            commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        complain!(
            "error: a command is missing: {}\n\n{usage}\n\nFor more information, try '--help'.",
            names.join(", ")
        );
        return 1;
    }
    if let Some(text) = hint::unknown(error, words) {
        complain!("{text}");
        return 1;
    }
    let _ = error.print();
    1
}
