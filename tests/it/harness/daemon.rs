//! The daemon under test.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::probe::Probe;
use super::{Client, FrameStream, Link, recording, wait_until};

const WORLD_DC: &str = include_str!("../world.dc");
const CONFIG_FILE: &str = "donet.yml";
const LOG_FILE: &str = "output";
/// How often a daemon is started whose ports somebody else was faster to take.
const START_ATTEMPTS: usize = 4;

/// A configuration in the making. `$NAME` in it is an address of this machine with a free port; `$MD`
/// is that of the message director.
#[derive(Clone)]
pub struct Setup {
    daemon: Vec<String>,
    general: Vec<String>,
    director: Vec<String>,
    /// What the section `web` says besides where: figures are told at `$WEB` if there is one.
    web: Option<String>,
    uberdogs: Vec<String>,
    roles: Vec<String>,
    dc: String,
    /// Further files in the folder of the configuration.
    files: Vec<(&'static str, String)>,
    /// Where its message director listens, if not at any free address.
    address: Option<SocketAddr>,
    run: Run,
}

/// How the process is started.
#[derive(Clone, Default)]
struct Run {
    arguments: Vec<String>,
    /// Whether its standard output is a pipe that nobody reads.
    output_is_unread: bool,
    /// How many files it may have open, if not as many as this process.
    files: Option<u32>,
    /// Whether links to it have lengths of four bytes.
    is_wide: bool,
}

impl Setup {
    /// A message director and no role.
    pub fn new() -> Self {
        Setup {
            daemon: Vec::new(),
            general: vec!["dc_files: [world.dc]".to_owned()],
            director: vec!["bind: $MD".to_owned(), "threaded: false".to_owned()],
            web: None,
            uberdogs: Vec::new(),
            roles: Vec::new(),
            dc: WORLD_DC.to_owned(),
            files: Vec::new(),
            address: None,
            run: Run::default(),
        }
    }

    /// Has the message director listen at this address.
    pub const fn listening_at(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Has links to it have lengths of four bytes.
    pub fn wide(mut self) -> Self {
        self.run.is_wide = true;
        self.director("tcp_header_size: 4")
    }

    /// How many files the program may have open.
    pub const fn files(mut self, count: u32) -> Self {
        self.run.files = Some(count);
        self
    }

    /// One more argument of the program.
    pub fn argument(mut self, text: impl Into<String>) -> Self {
        self.run.arguments.push(text.into());
        self
    }

    /// Has the program's standard output be a pipe that nobody reads, until [`Daemon::output`] does.
    pub fn unread(mut self) -> Self {
        self.run.output_is_unread = true;
        self
    }

    /// The keys of the section `daemon`.
    pub fn daemon(mut self, keys: impl Into<String>) -> Self {
        self.daemon.push(keys.into());
        self
    }

    /// One more key of the section `general`.
    pub fn general(mut self, key: impl Into<String>) -> Self {
        self.general.push(key.into());
        self
    }

    /// One more key of the section `messagedirector`.
    pub fn director(mut self, key: impl Into<String>) -> Self {
        self.director.push(key.into());
        self
    }

    /// Has the daemon tell figures at `$WEB`, where everybody may look.
    pub fn web(self) -> Self {
        self.web_with("")
    }

    /// The same, with more keys of the section.
    pub fn web_with(mut self, keys: &str) -> Self {
        self.web = Some(keys.to_owned());
        self
    }

    /// One more item of `uberdogs`.
    pub fn uberdog(mut self, keys: impl Into<String>) -> Self {
        self.uberdogs.push(keys.into());
        self
    }

    /// One more item of `roles`.
    pub fn role(mut self, keys: impl Into<String>) -> Self {
        self.roles.push(keys.into());
        self
    }

    /// Another DC file instead of the world's.
    pub fn dc(mut self, text: impl Into<String>) -> Self {
        self.dc = text.into();
        self
    }

    /// A file beside the configuration.
    pub fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    /// Starts a daemon with this configuration.
    pub fn start(self) -> Daemon {
        let mut outcome = Err(String::new());
        for _ in 0..START_ATTEMPTS {
            outcome = Daemon::start(&self);
            if outcome.is_ok() {
                break;
            }
        }
        outcome.unwrap_or_else(|log| panic!("the daemon does not start:\n{log}"))
    }

    fn yaml(&self, addresses: &mut BTreeMap<String, SocketAddr>) -> String {
        let mut yaml = format!(
            "general: {{{}}}\nmessagedirector: {{{}}}\n",
            self.general.join(", "),
            self.director.join(", ")
        );
        if !self.daemon.is_empty() {
            yaml += &format!("daemon: {{{}}}\n", self.daemon.join(", "));
        }
        // Hashes have `$` in them, which would be taken for addresses here.
        let web = self.web.as_ref().map(|keys| format!("{keys}}}\n"));
        for (section, items) in [("uberdogs", &self.uberdogs), ("roles", &self.roles)] {
            if !items.is_empty() {
                yaml += &format!("{section}:\n");
            }
            for item in items {
                yaml += &format!("- {{{item}}}\n");
            }
        }
        let mut yaml = with_addresses(&yaml, addresses);
        if let Some(keys) = web {
            yaml += &with_addresses("web: {bind: $WEB, ", addresses);
            yaml += &keys;
        }
        yaml
    }
}

/// `text` with every `$NAME` replaced by its address.
fn with_addresses(text: &str, addresses: &mut BTreeMap<String, SocketAddr>) -> String {
    let mut parts = text.split('$');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let address = addresses.entry(name.to_owned()).or_insert_with(free_address);
        result += &format!("{address}{rest}");
    }
    result
}

/// An address that nobody listens at, neither over TCP nor UDP, and that was not given out before.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    wait_until("a port is free", || {
        let listener = TcpListener::bind("127.0.0.1:0").ok()?;
        let address = listener.local_addr().ok()?;
        UdpSocket::bind(address).ok()?;
        let mut given = GIVEN.lock().ok()?;
        given.get_or_insert_default().insert(address.port()).then_some(address)
    })
}

/// A running daemon; it is killed in the end. What it logged is printed if the test fails.
pub struct Daemon {
    process: Option<Child>,
    folder: TempDir,
    addresses: BTreeMap<String, SocketAddr>,
    probe: Option<Arc<Probe>>,
    run: Run,
}

impl Daemon {
    fn start(setup: &Setup) -> Result<Daemon, String> {
        let folder = TempDir::new().expect("a folder for temporary files");
        let mut addresses: BTreeMap<_, _> =
            setup.address.map(|address| ("MD".to_owned(), address)).into_iter().collect();
        let yaml = setup.yaml(&mut addresses);
        fs::write(folder.path().join(CONFIG_FILE), yaml).expect("the folder is ours");
        fs::write(folder.path().join("world.dc"), &setup.dc).expect("the folder is ours");
        for (name, text) in &setup.files {
            fs::write(folder.path().join(name), text).expect("the folder is ours");
        }
        let run = setup.run.clone();
        let mut daemon = Daemon { process: None, folder, addresses, probe: None, run };
        daemon.run()?;
        Ok(daemon)
    }

    fn command(&self) -> Command {
        let Some(files) = self.run.files else { return Command::new(binary()) };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(binary());
        command
    }

    /// Starts the process and waits until it serves its links.
    fn run(&mut self) -> Result<(), String> {
        let log = File::options().create(true).append(true).open(self.path(LOG_FILE));
        let log = log.expect("the folder is ours");
        let child = self
            .command()
            .args(&self.run.arguments)
            .arg(self.path(CONFIG_FILE))
            .current_dir(self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .stdin(Stdio::null())
            .stdout(match self.run.output_is_unread {
                true => Stdio::piped(),
                false => log.try_clone().expect("one more handle").into(),
            })
            .stderr(log)
            .spawn()
            .expect("the daemon is an executable file");
        self.process = Some(child);
        let address = self.address("MD");
        let stream = wait_until("the message director listens", || {
            if self.exited().is_some() {
                return Some(Err(self.log()));
            }
            TcpStream::connect(address).ok().map(Ok)
        })?;
        let probe = Probe::connect(FrameStream::unrecorded(stream).wide(self.run.is_wide));
        let probe = Arc::new(probe.map_err(|error| format!("{error}\n{}", self.log()))?);
        recording::daemon_started(&probe);
        self.probe = Some(probe);
        Ok(())
    }

    /// A command of the program for this daemon: the words before and those behind its configuration.
    pub fn operate(&self, command: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(binary());
        program.arg(command).arg("--config").arg(self.path(CONFIG_FILE)).args(arguments);
        program.current_dir(self.folder.path()).env("XDG_RUNTIME_DIR", self.folder.path());
        program.stdin(Stdio::null()).env_remove("NO_COLOR");
        program
    }

    /// The address that stands for `$name` in the configuration.
    pub fn address(&self, name: &str) -> SocketAddr {
        *self.addresses.get(name).unwrap_or_else(|| panic!("no ${name} in the configuration"))
    }

    /// A path in the folder of the configuration file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that the daemon has written to its output so far, but for what only says that this machine is busy, or who runs
    /// the tests.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.path(LOG_FILE)).unwrap_or_default();
        let log = String::from_utf8_lossy(&bytes);
        let of_here = ["the router was held for", "running as root"];
        log.split_inclusive('\n')
            .filter(|line| !of_here.iter().any(|text| line.contains(text)))
            .collect()
    }

    /// A new connection to the message director.
    pub fn link(&self) -> Link {
        let stream = FrameStream::connect(self.address("MD"));
        Link::new(stream.wide(self.run.is_wide), self.probe())
    }

    /// A new connection to the client agent at `$CA`.
    pub fn client(&self) -> Client {
        self.client_at("CA")
    }

    /// A new connection to the client agent at `$name`.
    pub fn client_at(&self, name: &str) -> Client {
        Client::new(FrameStream::connect(self.address(name)))
    }

    pub(super) fn probe(&self) -> Arc<Probe> {
        self.probe.clone().expect("the daemon runs")
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.try_wait().expect("the process is a child of this one")
    }

    /// Whether the process still runs and serves its links.
    pub fn expect_alive(&mut self) {
        assert_eq!(self.exited(), None, "the daemon has ended");
        drop(self.link());
    }

    /// Ends the process at once, without a chance to say goodbye.
    pub fn kill(&mut self) {
        recording::settle();
        self.probe = None;
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            process.wait().expect("the process is a child of this one");
        }
    }

    /// Starts a killed daemon again, in the same folder with the same addresses.
    pub fn start_again(&mut self) {
        wait_until("the daemon's ports are free again", || self.run().ok());
    }

    /// Asks the process to end, and waits for it.
    pub fn terminate(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        wait_until("the daemon ends", || self.exited())
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the daemon runs");
        let command = format!("kill -{signal} {}", process.id());
        let sent = Command::new("sh").args(["-c", &command]).status().expect("there is a shell");
        assert!(sent.success(), "{command}");
    }

    /// The standard output that nobody has read yet.
    pub fn output(&mut self) -> ChildStdout {
        let process = self.process.as_mut().expect("the daemon runs");
        process.stdout.take().expect("it is a pipe that nobody reads")
    }

    /// The most memory that the process has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let process = self.process.as_ref().expect("the daemon runs");
        let status = fs::read_to_string(format!("/proc/{}/status", process.id()))
            .expect("a file of every process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.expect("a number") << 10
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the daemon's output:\n{}---", self.log());
        }
    }
}

/// The daemon's executable file: another than the one just built, if `DONET_BIN` names it.
fn binary() -> PathBuf {
    std::env::var_os("DONET_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_donet")), PathBuf::from)
}
