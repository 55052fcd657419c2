//! `donet trace`: what is routed, as names and values.
//!
//! The daemon, or a file that its flight recorder has left, hands over datagrams as they are. What is in them is found out here, by the DC
//! files.

mod looks;
mod pcap;
mod script;
mod sink;
mod source;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::out::{complain, number_of};
use super::running;
use crate::message::{row_named, whole_table};
use crate::trace::{Names, Wanted};
use sink::Sink;
use source::Source;

/// What to show, of which daemon, and how.
#[derive(Args, Debug)]
pub(super) struct Trace {
    /// Only what one of these channels sends or is sent: a channel, or two as FROM-TO
    #[arg(long, value_name = "CHANNEL", value_parser = channels)]
    channel: Vec<(u64, u64)>,

    /// Only what concerns one of these objects: it sends or gets it, or is named in it
    #[arg(long, value_name = "DOID")]
    doid: Vec<u32>,

    /// Only what one of these clients sends or is sent, also in its own protocol
    #[arg(long, value_name = "CHANNEL")]
    client: Vec<u64>,

    /// Only what names one of these classes, or one derived from it, or has one of its fields
    #[arg(long, value_name = "CLASS")]
    class: Vec<String>,

    /// Only what has one of these fields, such as Avatar.setXY
    #[arg(long, value_name = "FIELD")]
    field: Vec<String>,

    /// Only messages of these names, or numbers
    #[arg(long, value_name = "MESSAGE")]
    message: Vec<String>,

    /// A JSON object a line, for programs
    #[arg(long, conflicts_with_all = ["test", "full", "color"])]
    json: bool,

    /// Write what is shown to FILE for Wireshark, and show nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "test"])]
    pcap: Option<PathBuf>,

    /// Print it as a test that can be put into tests/it; with --file
    #[arg(long, requires = "file")]
    test: bool,

    /// Do not cut long lines
    #[arg(long)]
    full: bool,

    /// When to colour [default: auto, which goes by the terminal and NO_COLOR]
    #[arg(long, value_name = "WHEN")]
    color: Option<Color>,

    /// End after so many datagrams
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// End after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    seconds: Option<u64>,

    /// Show what a flight recorder has written to FILE, instead of asking a daemon
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "control"])]
    file: Option<PathBuf>,

    /// The DC files by which datagrams are read [default: those of the daemon or of the file]
    #[arg(long, value_name = "FILE")]
    dc: Vec<PathBuf>,

    #[command(flatten)]
    daemon: running::Arguments,
}

/// When to colour.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// A channel, or the first and the last of some.
fn channels(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| {
        text.parse::<u64>().map_err(|_| format!("`{text}` is not a channel, nor FROM-TO"))
    };
    let (low, high) = match text.split_once('-') {
        Some((low, high)) => (number(low)?, number(high)?),
        None => (number(text)?, number(text)?),
    };
    match low <= high {
        true => Ok((low, high)),
        false => Err(format!("{low} is more than {high}")),
    }
}

/// Carries out the command; returns the exit code.
pub(super) fn run(trace: &Trace) -> u8 {
    if trace.would_overwrite() {
        complain!("--pcap names the file that is read");
        return 1;
    }
    let (source, names) = match Source::open(trace) {
        Ok(opened) => opened,
        Err(error) => {
            complain!("{error}");
            return 1;
        }
    };
    let sink = trace.wanted(&names).and_then(|wanted| Ok((wanted, Sink::new(trace, names)?)));
    match sink {
        Ok((wanted, sink)) => source.hand_to(wanted, sink),
        Err(error) => {
            complain!("{error}");
            1
        }
    }
}

impl Trace {
    /// Whether what is read is also what is written.
    fn would_overwrite(&self) -> bool {
        let path = |path: &Option<PathBuf>| path.as_ref().and_then(|path| path.canonicalize().ok());
        path(&self.file).is_some_and(|file| path(&self.pcap) == Some(file))
    }

    /// What is wanted, by number.
    fn wanted(&self, names: &Names) -> Result<Wanted, String> {
        let class = |name: &String| Ok(names.class_named(name)?.id().0);
        let field = |name: &String| Ok(names.field_named(name)?.id().0);
        Ok(Wanted {
            channels: self.channel.clone(),
            do_ids: self.doid.clone(),
            clients: self.client.clone(),
            classes: self.class.iter().map(class).collect::<Result<_, String>>()?,
            fields: self.field.iter().map(field).collect::<Result<_, String>>()?,
            messages: self.message.iter().map(|name| message(name)).collect::<Result<_, _>>()?,
        })
    }
}

/// A message by its name, or by its number as it is shown if it has none.
fn message(name: &str) -> Result<u16, String> {
    let number = name.strip_prefix("message ").unwrap_or(name);
    if let Some(number) = row_named(name).map(|row| row.number).or_else(|| number.parse().ok()) {
        return Ok(number);
    }
    let known: Vec<_> = whole_table().map(|row| row.name).collect();
    let upper = name.to_uppercase();
    // Some leave the first words out.
    let parts: Vec<_> = known.iter().filter(|known| known.ends_with(&upper)).take(3).collect();
    let hint = match (crate::finding::near(name, known.iter().copied()), &parts[..]) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => String::new(),
        (None, parts) => {
            let parts: Vec<_> = parts.iter().map(|part| format!("`{part}`")).collect();
            format!("; did you mean {}?", parts.join(" or "))
        }
    };
    Err(format!("there is no message `{name}`{hint}"))
}

/// What has been seen, as the last line.
fn summary(seen: u64, lost: u64) -> String {
    let seen = number_of(seen, "datagram", "datagrams");
    match lost {
        0 => format!("{seen} seen"),
        lost => format!("{seen} seen, {lost} missed"),
    }
}
