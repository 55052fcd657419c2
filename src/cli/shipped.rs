//! `donet man` and `donet completions`: what packages put beside the program. They are made of the command line itself, so that they
//! say what it takes.

use std::io;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::out;

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

/// Prints what makes a shell complete commands and options.
pub(super) fn completions(arguments: &Completions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut known(), "donet", &mut script);
    print(&script)
}

/// Prints the page of the manual. Commands have a part of it, and no pages of their own: whoever packages it has one file.
pub(super) fn man() -> u8 {
    print(&page().expect("a Vec takes everything"))
}

fn print(bytes: &[u8]) -> u8 {
    let text = std::str::from_utf8(bytes).expect("made of texts");
    out::write(format_args!("{text}"));
    0
}

/// The command line without what is not told in its help.
fn known() -> Command {
    let all = super::Arguments::command();
    let shown: Vec<Command> =
        all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    // Commands cannot be taken out of one.
    let mut known = Command::new("donet")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .args(all.get_arguments());
    known = known.args_conflicts_with_subcommands(true).subcommands(shown);
    if let Some(about) = all.get_about() {
        known = known.about(about.clone());
    }
    known.disable_help_subcommand(true)
}

fn page() -> io::Result<Vec<u8>> {
    let mut root = known();
    root.build();
    let man = Man::new(root.clone());
    // Its own title would leave out the quotes of an empty date.
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(".TH DONET 1 \"\" \"donet {version}\" \"User Commands\"\n").into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend(b".SH COMMANDS\n");
    for command in root.get_subcommands() {
        part(command, &mut page)?;
    }
    page.extend(ENDING.as_bytes());
    Ok(page)
}

/// What the command line does not say of itself.
const ENDING: &str = "\
.SH SIGNALS\n\
SIGINT and SIGTERM end the daemon in order. SIGHUP has it open its logs anew, and read its configuration and certificates again.\n\
.SH \"EXIT STATUS\"\n\
0 if all went well, 1 if not. Standard error says why, or the log.\n\
.SH FILES\n\
.TP\n\
\\fIastrond.yml\\fR\n\
The configuration that is run if none is named.\n\
.TP\n\
\\fI/run/donet\\fR\n\
Where commands look for the socket of a daemon that runs as a service.\n";

/// The part of a command, or of each that it has.
fn part(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    if command.get_subcommands().next().is_some() {
        return command.get_subcommands().try_for_each(|inner| part(inner, page));
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    page.extend(format!(".SS \"{name}\"\n").bytes());
    let man = Man::new(command.clone());
    for render in [
        Man::render_synopsis_section as fn(&Man, &mut dyn io::Write) -> io::Result<()>,
        Man::render_description_section,
        Man::render_options_section,
    ] {
        let mut section = Vec::new();
        render(&man, &mut section)?;
        page.extend(without_headings(&section));
        page.extend(b".PP\n");
    }
    Ok(())
}

/// A section as a paragraph: without its heading, and what is written before that.
fn without_headings(section: &[u8]) -> Vec<u8> {
    let heading = section.windows(4).position(|bytes| bytes == b".SH ").unwrap_or(section.len());
    section[heading..].split_inclusive(|byte| *byte == b'\n').skip(1).flatten().copied().collect()
}
