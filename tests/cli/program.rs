//! The program under test, in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder in which the program is run.
pub struct Folder(TempDir);

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    /// A folder that leads through none that everybody may write to, if there can be one.
    pub fn in_safe_place() -> Option<Self> {
        tempfile::tempdir_in("/run").ok().map(Folder)
    }

    /// A folder with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of the files, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }

    /// The program, to be started in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_donet"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        // The control sockets of daemons that are killed stay.
        command.env("XDG_RUNTIME_DIR", self.0.path());
        command
    }

    /// Starts the program and waits for its end, which it is expected to come to by itself.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).wait()
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Self::start_command(self.command(arguments))
    }

    /// Starts the program such that no file of it may grow beyond so many blocks of 512 bytes.
    pub fn start_with_file_limit(&self, blocks: u32, arguments: &[&str]) -> Running {
        let mut command = Command::new("sh");
        let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_donet")]).args(arguments);
        command.current_dir(&self.0).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", self.0.path());
        Self::start_command(command)
    }

    /// Starts what [`Folder::command`] has made.
    pub fn start_command(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program is built");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        Running { child, stdout, stderr, said: Vec::new() }
    }
}

/// What the program says, line by line, as it says it.
fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The program while it runs. It is killed when dropped.
pub struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    /// Waits for a line on stdout that contains `text`, and returns it.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in {:#?}", self.said),
                Err(RecvTimeoutError::Disconnected) => {
                    let stderr: Vec<String> = self.stderr.iter().collect();
                    panic!("no {text:?} in {:#?}, {stderr:#?}", self.said)
                }
            }
        }
    }

    /// Waits until it runs.
    pub fn ready(mut self) -> Self {
        self.wait_for("INFO: daemon: ready");
        self
    }

    /// Waits until it runs, or has ended because it cannot.
    pub fn runs(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line);
                    if self.said.last().is_some_and(|line| line.contains("INFO: daemon: ready")) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it neither runs nor ends: {:#?}", self.said)
                }
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Sends a signal: `TERM`, `INT`, `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let mut stdout = std::mem::take(&mut self.said);
        let deadline = Instant::now() + PATIENCE;
        let drain = |from: &Receiver<String>, into: &mut Vec<String>| {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match from.recv_timeout(left) {
                    Ok(line) => into.push(line),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => panic!("it does not end: {into:#?}"),
                }
            }
        };
        let mut stderr = Vec::new();
        drain(&self.stdout, &mut stdout);
        drain(&self.stderr, &mut stderr);
        let text = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect();
        Ended {
            code: self.child.wait().expect("a child").code(),
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    /// Checks that stdout contains each of `texts`.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }

    /// Checks that stderr contains each of `texts`.
    #[track_caller]
    pub fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
    assert!(made.success());
}
