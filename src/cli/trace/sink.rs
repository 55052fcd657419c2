//! Where what is seen goes, and when that is enough.

use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Stdout, Write as _};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::looks::Looks;
use super::pcap::Pcap;
use super::script::Script;
use super::{Color, Trace, summary};
use crate::cli::out::complain;
use crate::platform::Signal;
use crate::platform::signals::take;
use crate::trace::record::Record;
use crate::trace::{Names, decode, json};

/// What is made of records.
enum Form {
    People(Looks),
    Json,
    Pcap(Box<Pcap>),
    Test(Script),
}

/// Takes records until there have been enough.
pub(super) struct Sink {
    form: Form,
    names: Arc<Names>,
    out: BufWriter<Stdout>,
    left: Option<u64>,
    seen: u64,
    lost: u64,
    has_ended: bool,
}

impl Sink {
    /// As the command line says.
    pub fn new(trace: &Trace, names: Arc<Names>) -> Result<Self, String> {
        let form = match &trace.pcap {
            Some(path) => Form::Pcap(Box::new(
                Pcap::create(path).map_err(|error| format!("{}: {error}", path.display()))?,
            )),
            None if trace.test => Form::Test(Script::default()),
            None if trace.json => Form::Json,
            None => Form::People(Looks::new(is_coloured(trace.color), trace.full)),
        };
        let out = BufWriter::new(io::stdout());
        Ok(Sink { form, names, out, left: trace.count, seen: 0, lost: 0, has_ended: false })
    }

    /// The daemon has begun to hand over what is routed.
    pub fn has_begun(&self) {
        complain!("looking at what is routed; Ctrl-C ends it");
    }

    /// Takes a record. `Break` if that was the last.
    pub fn take(&mut self, record: &Record<'_>) -> ControlFlow<()> {
        let written = self.write(record);
        self.check(written);
        match record {
            Record::Lost { count, .. } => self.lost += count,
            Record::Datagram { .. } => {
                self.seen += 1;
                if let Some(left) = &mut self.left {
                    *left -= 1;
                    if *left == 0 {
                        return ControlFlow::Break(());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let decoded = |bytes: &[u8], speech| decode(&self.names, speech, bytes);
        match (&mut self.form, record) {
            (Form::Pcap(pcap), record) => pcap.write(record),
            (Form::Test(script), record) => {
                script.take(record, &self.names);
                Ok(())
            }
            (Form::People(looks), Record::Datagram { path, bytes, .. }) => {
                let line = looks.line(record, &decoded(bytes, path.speech()));
                writeln!(self.out, "{line}")
            }
            (Form::People(looks), Record::Lost { count, .. }) => {
                writeln!(self.out, "{}", looks.lost(*count))
            }
            (Form::Json, Record::Datagram { path, bytes, .. }) => {
                let line = json(record, Some(&decoded(bytes, path.speech())));
                writeln!(self.out, "{line}")
            }
            (Form::Json, Record::Lost { .. }) => {
                writeln!(self.out, "{}", json(record, None))
            }
        }
    }

    /// What has been taken is to be seen.
    pub fn flush(&mut self) {
        let flushed = match &mut self.form {
            Form::Pcap(pcap) => pcap.flush(),
            Form::People(_) | Form::Json | Form::Test(_) => self.out.flush(),
        };
        self.check(flushed);
    }

    /// Who reads has read enough, as `head` has: that is the end. Anything else is a failure.
    fn check(&self, written: io::Result<()>) {
        let Err(error) = written else { return };
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        complain!("cannot write: {error}");
        std::process::exit(1);
    }

    /// That was all; says what there was, if `is_said`. The exit code.
    pub fn end(&mut self, is_said: bool) -> u8 {
        if std::mem::replace(&mut self.has_ended, true) {
            return 0;
        }
        if let Form::Test(script) = &self.form {
            let written = write!(self.out, "{}", script.text());
            self.check(written);
        }
        self.flush();
        if is_said {
            complain!("{}", summary(self.seen, self.lost));
        }
        0
    }
}

fn is_coloured(color: Option<Color>) -> bool {
    match color {
        Some(Color::Always) => true,
        Some(Color::Never) => false,
        Some(Color::Auto) | None => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !refused && io::stdout().is_terminal()
        }
    }
}

/// What ends a trace beside its daemon.
pub(super) struct Ends;

impl Ends {
    /// Ends the process by a signal, or when the time is over, with what has been seen.
    ///
    /// # Errors
    /// If signals cannot be taken.
    pub fn watch(sink: &Arc<Mutex<Sink>>, seconds: Option<u64>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut interrupt = {
            let _inside = runtime.enter();
            take(Signal::Interrupt)?
        };
        let sink = sink.clone();
        std::thread::Builder::new().name("end".to_owned()).spawn(move || {
            runtime.block_on(async {
                let over = async {
                    match seconds {
                        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = interrupt.next() => {}
                    () = over => {}
                }
            });
            // Nobody is in the middle of a line.
            let mut sink = sink.lock();
            let code = sink.end(true);
            std::process::exit(code.into());
        })?;
        Ok(())
    }
}
