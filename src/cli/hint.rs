//! What somebody may have meant who writes a command that there is not.

use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory};

use super::{Arguments, DEFAULT_CONFIG};
use crate::finding::near;

/// What to say of a name that is no file, and is meant as a command.
pub(super) fn mistyped(arguments: &Arguments) -> Option<String> {
    let name = arguments.files.first().filter(|file| !file.exists())?.to_str()?;
    let root = commands();
    if names(&root).any(|command| command == name) {
        return Some(format!(
            "error: options before a command are the daemon's: write `donet {name}` first, and its own options behind it\n\n\
             To run a configuration of this name: donet --config {name}\nFor more information, try 'donet {name} --help'."
        ));
    }
    let meant = meant(&root, &root, name);
    // A path has one or the other.
    if meant.is_empty() && name.contains(['.', '/']) {
        return None;
    }
    let hint = match &meant[..] {
        [] => String::new(),
        meant => format!("; did you mean {}?", meant.join(" or ")),
    };
    let run = match meant.is_empty() {
        true => "To run the daemon: donet CONFIG".to_owned(),
        false => format!("To run a configuration of this name: donet --config {name}"),
    };
    Some(format!(
        "error: there is no command and no file `{name}`{hint}\n\n{run}\nFor more information, try '--help'."
    ))
}

/// What to say to whoever writes the program's name alone, where there is nothing to be run.
pub(super) fn nothing_to_run(arguments: &Arguments) -> Option<String> {
    let is_named = arguments.config.is_some() || !arguments.files.is_empty();
    // What cannot be looked at is the daemon's to tell.
    if is_named || Path::new(DEFAULT_CONFIG).try_exists().unwrap_or(true) {
        return None;
    }
    let demo = match cfg!(feature = "demo") {
        true => "\nTo see what it can do: donet demo",
        false => "",
    };
    Some(format!(
        "error: no configuration is named, and there is no {DEFAULT_CONFIG} here\n\n\
         To run the daemon: donet CONFIG\nTo begin a new game: donet init NAME{demo}\n\
         For more information, try 'donet --help'."
    ))
}

/// What to say of a command that another one does not have; `None` if it is something else that is wrong.
pub(super) fn unknown(error: &clap::Error, words: &[String]) -> Option<String> {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let root = commands();
    let mut at = &root;
    for word in words.iter().skip(1).take_while(|word| *word != name) {
        // Whoever asks for help writes the command behind it.
        at = at.find_subcommand(word).filter(|found| found.get_name() != "help").unwrap_or(at);
    }
    let meant = meant(&root, at, name);
    let hint = match &meant[..] {
        [] if at.get_subcommands().next().is_none() => ", nor any other".to_owned(),
        [] => {
            let shown = at.get_subcommands().filter(|command| !command.is_hide_set());
            let shown: Vec<&str> = shown.map(Command::get_name).collect();
            format!("; there are {}", shown.join(", "))
        }
        meant => format!("; did you mean {}?", meant.join(" or ")),
    };
    let path = at.get_bin_name().unwrap_or_else(|| at.get_name());
    Some(format!(
        "error: `{path}` has no command `{name}`{hint}\n\nUsage: {path} <COMMAND>\n\nFor more information, try '--help'."
    ))
}

/// Commands like a name as they are written: those of `at`, or of any other.
fn meant(root: &Command, at: &Command, name: &str) -> Vec<String> {
    let shown = |command: &Command| {
        format!("`{}`", command.get_bin_name().unwrap_or_else(|| command.get_name()))
    };
    let below = || {
        let inner = root.get_subcommands().flat_map(Command::get_subcommands);
        root.get_subcommands().chain(inner)
    };
    let exact: Vec<String> = below()
        .filter(|command| command.get_name() == name && !is_help(command))
        .map(shown)
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    if let Some(found) = near(name, names(at)).and_then(|found| at.find_subcommand(found)) {
        return vec![shown(found)];
    }
    // Of so many, one is like anything.
    let is_like = |command: &&Command| {
        command.get_name().len() > 3 && strsim::damerau_levenshtein(name, command.get_name()) <= 1
    };
    below().filter(is_like).filter(|command| !is_help(command)).map(shown).collect()
}

/// `donet db help` is nothing that anybody means.
fn is_help(command: &Command) -> bool {
    command.get_bin_name().is_some_and(|path| path.contains(" help") && path != "donet help")
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    command.get_subcommands().map(Command::get_name)
}

/// All commands, `help` among them.
fn commands() -> Command {
    let mut root = Arguments::command();
    root.build();
    root
}
