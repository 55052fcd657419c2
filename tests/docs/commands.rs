//! The page of commands against what the program says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::{book, read, rows};

fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_donet")).args(command).arg("--help").output();
    let output = output.expect("the program can be started");
    String::from_utf8(output.stdout).expect("help is text")
}

/// The lines of one part of a help, such as `Options:`.
fn part<'h>(help: &'h str, name: &str) -> Vec<&'h str> {
    let lines = help.lines().skip_while(|line| *line != name).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

/// The subcommands of a command.
fn subcommands(help: &str) -> Vec<String> {
    let lines = part(help, "Commands:").into_iter();
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Its options and arguments, as `--control` and `FILE`.
fn words(help: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for line in part(help, "Options:") {
        let text = line.trim_start();
        // What an option is for stands further to the right.
        if text.starts_with('-') && line.len() - text.len() <= 6 {
            let names = text.split("  ").next().expect("its names");
            let names = names.split([' ', ',']).filter(|word| word.starts_with('-'));
            words.extend(names.map(str::to_owned));
        }
    }
    for line in part(help, "Arguments:") {
        let text = line.trim_start();
        if line.len() - text.len() == 2 && text.starts_with(['<', '[']) {
            let name = text.split(['>', ']']).next().expect("its name");
            // Of several meanings of the last one.
            words.extend(name.trim_start_matches(['<', '[']).split('|').map(str::to_owned));
        }
    }
    words.remove("-h");
    words.remove("--help");
    words
}

/// All commands below one, with their words.
fn explore(command: &[&str], found: &mut BTreeMap<String, BTreeSet<String>>) {
    let help = help(command);
    let below = subcommands(&help);
    for name in &below {
        explore(&[command, &[name]].concat(), found);
    }
    if command.is_empty() || below.is_empty() {
        found.insert(
            ["donet"].iter().chain(command).copied().collect::<Vec<_>>().join(" "),
            words(&help),
        );
    }
}

#[test]
fn the_page_of_commands_has_every_command_and_option_and_no_other() {
    let mut found = BTreeMap::new();
    explore(&[], &mut found);
    assert!(found["donet db migrate"].contains("--apply"), "{found:#?}");

    let text = read(&book().join("commands.md"));
    let mut tables = rows(&text);
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let mut told = BTreeMap::new();
    for heading in headings.filter(|heading| heading.starts_with("donet")) {
        let rows = tables.remove(heading).unwrap_or_default();
        let cells = rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>().join(" ");
        let spans = cells.split('`').skip(1).step_by(2);
        let words = spans.flat_map(|span| span.split([' ', ',']));
        // The value of an option is no argument of the command.
        let mut named = BTreeSet::new();
        let mut is_value = false;
        for word in words.filter(|word| !word.is_empty()) {
            if word.starts_with('-') || !is_value {
                named.insert(word.trim_end_matches('…').to_owned());
            }
            is_value = word.starts_with('-');
        }
        told.insert(heading.to_owned(), named);
    }
    assert_eq!(found, told, "left: the program's, right: the page's");
}
