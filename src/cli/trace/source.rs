//! Where datagrams come from: a daemon that runs, or a file.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dclass::DcFile;
use parking_lot::Mutex;

use super::Trace;
use super::sink::{Ends, Sink};
use crate::cli::out::complain;
use crate::cli::running::{self, Daemon};
use crate::control::{Answer, Request};
use crate::trace::file::Head;
use crate::trace::{Filter, Names, Schema, Wanted, record};

/// A daemon that has been found, or a file that has been read.
pub(super) enum Source {
    Daemon { daemon: Daemon, seconds: Option<u64> },
    File { bytes: Vec<u8>, names: Arc<Names> },
}

impl Source {
    /// Finds it, and the DC files by which its datagrams are read.
    pub fn open(trace: &Trace) -> Result<(Self, Arc<Names>), String> {
        match &trace.file {
            Some(path) => Self::of_file(trace, path.clone()),
            None => Self::of_daemon(trace),
        }
    }

    fn of_file(trace: &Trace, path: PathBuf) -> Result<(Self, Arc<Names>), String> {
        let shown = path.display();
        let bytes = std::fs::read(&path).map_err(|error| format!("{shown}: {error}"))?;
        let (head, _) = Head::of_file(&bytes).map_err(|error| format!("{shown}: {error}"))?;
        let dc = match (&trace.dc[..], head.dc()) {
            ([], Some(dc)) => dc,
            ([], None) => {
                return Err(format!(
                    "{shown}: it has not the DC files with the hash {:#010x}, by which its datagrams are read; name them with --dc",
                    head.schema.hash
                ));
            }
            (files, _) => checked(read(files)?, &head.schema, "the file was written")?,
        };
        let names = Arc::new(Names::new(Arc::new(dc)));
        Ok((Source::File { bytes, names: names.clone() }, names))
    }

    fn of_daemon(trace: &Trace) -> Result<(Self, Arc<Names>), String> {
        let daemon = Daemon::meant(&trace.daemon);
        let mut schema = None;
        let asked = daemon.ask(&Request::Schema, |answer| {
            match answer {
                Answer::Schema(found) => schema = Some(found),
                answer => running::say(answer),
            }
            ControlFlow::Continue(())
        });
        let schema = match (asked, schema) {
            (Ok(_), Some(schema)) => schema,
            (Ok(_), None) => return Err("the daemon does not say which DC files it has".to_owned()),
            (Err(error), _) => return Err(error),
        };
        let files = if trace.dc.is_empty() { &schema.files } else { &trace.dc };
        let dc = checked(read(files)?, &schema, "the daemon has read")?;
        let names = Arc::new(Names::new(Arc::new(dc)));
        Ok((Source::Daemon { daemon, seconds: trace.seconds }, names))
    }

    /// Hands over all of it, and returns the exit code.
    pub fn hand_to(self, wanted: Wanted, sink: Sink) -> u8 {
        match self {
            Source::File { bytes, names } => from_file(&bytes, &Filter::new(wanted, names), sink),
            Source::Daemon { daemon, seconds } => from_daemon(&daemon, wanted, sink, seconds),
        }
    }
}

fn read(files: &[PathBuf]) -> Result<DcFile, String> {
    dclass::read(files).map_err(|diagnostics| diagnostics.to_string())
}

/// The DC files, if they are the ones.
fn checked(dc: DcFile, schema: &Schema, who: &str) -> Result<DcFile, String> {
    if dc.hash() == schema.hash {
        return Ok(dc);
    }
    Err(format!(
        "the DC files have the hash {:#010x}, and {who} {:#010x}: values would be shown as what they are not. Name the right ones with --dc",
        dc.hash(),
        schema.hash
    ))
}

fn from_file(bytes: &[u8], filter: &Filter, mut sink: Sink) -> u8 {
    let Ok((_, mut rest)) = Head::of_file(bytes) else { return 1 };
    while let Some(record) = record::next(&mut rest) {
        if passes(filter, &record)
            && let ControlFlow::Break(()) = sink.take(&record)
        {
            return sink.end(true);
        }
    }
    let code = sink.end(true);
    if !rest.is_empty() {
        complain!("the file is cut short: {} bytes at its end are no whole datagram", rest.len());
        return 1;
    }
    code
}

fn passes(filter: &Filter, record: &record::Record<'_>) -> bool {
    match record {
        record::Record::Lost { .. } => true,
        record::Record::Datagram { path, bytes, .. } => match path.client() {
            None => filter.passes(bytes),
            Some(client) => filter.passes_client(client, path.speech(), bytes),
        },
    }
}

fn from_daemon(daemon: &Daemon, wanted: Wanted, sink: Sink, seconds: Option<u64>) -> u8 {
    let request = Request::Trace { wanted };
    if request.is_too_long() {
        complain!("too much is wanted: the daemon has no room for such a filter");
        return 1;
    }
    let sink = Arc::new(Mutex::new(sink));
    if let Err(error) = Ends::watch(&sink, seconds) {
        complain!("cannot take signals: {error}");
        return 1;
    }
    let asked = daemon.ask(&request, |answer| match answer {
        Answer::Records(text) => hand_over(&text, &mut sink.lock()),
        Answer::Schema(_) => {
            sink.lock().has_begun();
            ControlFlow::Continue(())
        }
        answer => {
            running::say(answer);
            ControlFlow::Continue(())
        }
    });
    let mut sink = sink.lock();
    match asked {
        Ok(0) => sink.end(true),
        Ok(code) => code,
        Err(error) => {
            sink.end(true);
            complain!("{error}");
            1
        }
    }
}

fn hand_over(text: &str, sink: &mut Sink) -> ControlFlow<u8> {
    let Ok(bytes) = STANDARD.decode(text) else {
        complain!("the daemon has handed over what is no datagram");
        return ControlFlow::Break(1);
    };
    let mut rest = &bytes[..];
    while let Some(record) = record::next(&mut rest) {
        if let ControlFlow::Break(()) = sink.take(&record) {
            return ControlFlow::Break(0);
        }
    }
    sink.flush();
    ControlFlow::Continue(())
}
