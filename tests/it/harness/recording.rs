//! What daemons send, kept in files: two builds that say the same write the same files.
//!
//! `DONET_RECORD=FOLDER` turns it on. Each socket that a test opens gets a file, named by the test and
//! by how many sockets it had opened before; each datagram gets a line. Marks are left out, since how
//! many there are depends on time, and so are ports.
//!
//! A test reads what it is about, and ends. What else was under way would be there or not, as chance
//! has it, so before a recorded socket is closed and before a daemon is killed the daemons of the test
//! [`settle`].

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Weak};
use std::thread;

use super::probe::{Probe, is_hello, is_of_harness};

/// Of a longer datagram, the recording has the beginning and a hash.
const SHOWN_BYTES: usize = 1000;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os("DONET_RECORD")?);
    fs::create_dir_all(&folder).expect("recordings can be kept");
    Some(folder)
});

thread_local! {
    /// Sockets that this thread's test has opened.
    static OPENED: Cell<usize> = const { Cell::new(0) };
    /// The daemons of this thread's test, with those that have ended.
    static DAEMONS: RefCell<Vec<Weak<Probe>>> = const { RefCell::new(Vec::new()) };
}

/// The file of one socket.
pub struct Recording {
    file: BufWriter<File>,
}

impl Recording {
    /// Begins the file of the test's next socket, if anything is recorded.
    pub fn begin() -> Option<Self> {
        let folder = FOLDER.as_ref()?;
        let thread = thread::current();
        let test = thread.name().filter(|name| *name != "main");
        let test = test.expect("a thread for each test, so two test threads at least");
        let number = OPENED.replace(OPENED.get() + 1);
        let path = folder.join(format!("{}.{number}", test.replace("::", ".")));
        let file = File::create(path).expect("recordings can be kept");
        Some(Recording { file: BufWriter::new(file) })
    }

    /// A whole datagram came.
    pub fn datagram(&mut self, datagram: &[u8]) {
        if !is_of_harness(datagram) && !is_hello(datagram) {
            self.line("", datagram);
        }
    }

    /// A packet came.
    pub fn packet(&mut self, packet: &[u8]) {
        self.line("", packet);
    }

    /// This came at the end, and is no datagram.
    pub fn rest(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.line("rest ", bytes);
        }
    }

    fn line(&mut self, prefix: &str, bytes: &[u8]) {
        let line = match bytes.split_at_checked(SHOWN_BYTES) {
            None => format!("{prefix}\"{}\"", without_ports(&bytes.escape_ascii().to_string())),
            Some((shown, _)) => {
                let mut hasher = DefaultHasher::new();
                hasher.write(bytes);
                let (shown, length, hash) = (shown.escape_ascii(), bytes.len(), hasher.finish());
                format!("{prefix}{length} bytes with hash {hash:016x}: \"{shown}\"…")
            }
        };
        writeln!(self.file, "{line}").expect("recordings can be kept");
    }
}

/// Ports are free ones, and others at each run.
fn without_ports(line: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = line.split(HOST);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result += HOST;
        result += "PORT";
        result += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    result
}

/// From now on, [`settle`] waits for this daemon too.
pub fn daemon_started(probe: &Arc<Probe>) {
    if FOLDER.is_some() {
        DAEMONS.with_borrow_mut(|daemons| daemons.push(Arc::downgrade(probe)));
    }
}

/// Waits until all that the daemons of this test were told has had its effects, as far as those need
/// no more than the daemons themselves. Does nothing unless there are recordings.
pub fn settle() {
    if FOLDER.is_none() || thread::panicking() {
        return;
    }
    let daemons: Vec<_> =
        DAEMONS.with_borrow(|daemons| daemons.iter().filter_map(Weak::upgrade).collect());
    for daemon in daemons {
        daemon.settle();
    }
}
