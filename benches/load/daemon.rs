//! Starts what is measured, a daemon or the relay, with a configuration of its own in a temporary
//! folder, and ends it when the run is over.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::floor::Floor;
use crate::scenario::Skipped;
use crate::secure;
use crate::transport::{Transport, Way};
use crate::variant::{Program, Variant};
use crate::wire::{DC_HASH, VERSION};

/// The parent of all objects.
pub const WORLD: u32 = 5_000;
/// The UberDOG that clients may talk to.
pub const GATE: u32 = 4_000;
/// Control channel of the state server.
pub const STATE_SERVER: u64 = 402_000;
/// Control channel of the database server.
pub const DATABASE: u64 = 403_000;
/// First doId of the objects that scenarios create.
pub const FIRST_OBJECT: u32 = 10_000_000;
const DATABASE_IDS: (u32, u32) = (100_000_000, 199_999_999);
const CLIENT_CHANNELS: (u64, u64) = (1_000_000_000, 1_099_999_999);

/// The end of the log that a daemon left in its folder, for reports of failures.
pub fn log_tail(folder: &Path) -> String {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// The roles that a scenario needs beside the message director.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    pub state_server: bool,
    pub client_agent: Option<ClientAgent>,
    pub database: bool,
    /// What clients speak.
    pub dialect: Dialect,
}

/// A protocol of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    #[default]
    Astron,
    /// That of stock Panda3D clients.
    Panda3d,
}

impl Dialect {
    /// The classes that are spoken of.
    const fn classes(self) -> &'static str {
        match self {
            Dialect::Astron => include_str!("load.dc"),
            Dialect::Panda3d => include_str!("panda3d/panda3d.dc"),
        }
    }

    /// Its name on the command line.
    const fn argument(self) -> &'static str {
        match self {
            Dialect::Astron => "astron",
            Dialect::Panda3d => "panda3d",
        }
    }
}

/// Settings of the client agent that differ from the defaults.
#[derive(Debug, Clone, Default)]
pub struct ClientAgent {
    pub interest_timeout_ms: Option<u32>,
    pub write_buffer_bytes: Option<u64>,
    /// Whether clients may send as much as they like.
    pub is_unlimited: bool,
    /// Fields of which a client that is behind gets the last value only.
    pub merge: &'static [&'static str],
    /// Whether owners of objects are not asked for them when a stock client arrives.
    pub asks_no_owners: bool,
}

impl Roles {
    /// A state server alone.
    pub fn state_server() -> Roles {
        Roles { state_server: true, ..Roles::default() }
    }

    /// A state server and a client agent with defaults.
    pub fn clients() -> Roles {
        Roles { client_agent: Some(ClientAgent::default()), ..Roles::state_server() }
    }

    /// The same for stock clients, with these settings.
    pub fn stock_clients(client_agent: ClientAgent) -> Roles {
        let client_agent = Some(client_agent);
        Roles { dialect: Dialect::Panda3d, client_agent, ..Roles::state_server() }
    }
}

/// A running daemon.
pub struct Daemon {
    child: Child,
    pub director: SocketAddr,
    pub client_agent: SocketAddr,
    /// How clients connect.
    pub way: Way,
}

impl Daemon {
    /// Starts a daemon, or a floor in the place of one, and waits until it accepts connections.
    pub fn start(variant: &Variant, roles: &Roles, folder: &Path) -> Result<Daemon> {
        let program = match &variant.program {
            Program::Daemon(program) => program,
            Program::Floor(floor) => {
                return Daemon::start_floor(*floor, variant, roles.dialect, folder);
            }
            Program::StockServer(python) => {
                return Daemon::start_stock_server(python.as_deref(), variant, roles, folder);
            }
            _ => bail!("{} has no roles", variant.name),
        };
        let (director, client_agent) = (free_address()?, free_address()?);
        fs::write(folder.join("load.dc"), roles.dialect.classes())?;
        fs::create_dir(folder.join("objects"))?;
        let config = configuration(variant, roles, director, client_agent)?;
        fs::write(folder.join("load.yml"), config)?;
        let mut command = command(program, variant.cpus.as_deref());
        command.arg(folder.join("load.yml"));
        let transport = variant.transport;
        let tls = transport.is_encrypted().then(|| secure::prepare(folder)).transpose()?;
        let mut daemon = Daemon::spawn(command, director, client_agent, folder)?;
        daemon.way = Way { tls, is_websocket: transport.is_websocket() };
        daemon.await_listener(director)?;
        if roles.client_agent.is_some() {
            daemon.await_listener(client_agent)?;
        }
        Ok(daemon)
    }

    fn start_stock_server(
        python: Option<&Path>,
        variant: &Variant,
        roles: &Roles,
        folder: &Path,
    ) -> Result<Daemon> {
        let Some(python) = python else {
            bail!(Skipped("no --stock-server names a Python that has Panda3D".to_owned()));
        };
        let address = free_address()?;
        fs::write(folder.join("load.dc"), roles.dialect.classes())?;
        fs::write(folder.join("server.py"), include_str!("panda3d/server.py"))?;
        let mut command = command(python, variant.cpus.as_deref());
        command.args(["server.py", &address.port().to_string(), "load.dc"]);
        let mut daemon = Daemon::spawn(command, address, address, folder)?;
        daemon.await_listener(address)?;
        Ok(daemon)
    }

    fn start_floor(
        floor: Floor,
        variant: &Variant,
        dialect: Dialect,
        folder: &Path,
    ) -> Result<Daemon> {
        let (director, client_agent) = (free_address()?, free_address()?);
        let mut command = command(&std::env::current_exe()?, variant.cpus.as_deref());
        command.args(["--serve-floor", floor.argument(), "--listen", &director.to_string()]);
        command.args(["--listen-clients", &client_agent.to_string()]);
        command.args(["--floor-flush-ms", &floor.flush.as_millis().to_string()]);
        command.args(["--dialect", dialect.argument()]);
        let mut daemon = Daemon::spawn(command, director, client_agent, folder)?;
        daemon.await_listener(director)?;
        daemon.await_listener(client_agent)?;
        Ok(daemon)
    }

    /// Starts a relay, which copies what the connection after the first `receivers` sends to those.
    pub fn start_relay(variant: &Variant, receivers: usize, folder: &Path) -> Result<Daemon> {
        let Program::Relay(kind) = variant.program else { bail!("a daemon is no relay") };
        let address = free_address()?;
        let mut command = command(&std::env::current_exe()?, variant.cpus.as_deref());
        command.args(["--relay", kind.argument(), "--listen", &address.to_string()]);
        command.args(["--receivers", &receivers.to_string()]);
        let mut daemon = Daemon::spawn(command, address, address, folder)?;
        // A connection that only tests would count as a receiver.
        daemon.await_that(|| folder.join("ready").exists())?;
        Ok(daemon)
    }

    fn spawn(
        mut command: Command,
        director: SocketAddr,
        client_agent: SocketAddr,
        folder: &Path,
    ) -> Result<Daemon> {
        let log = File::create(folder.join("log"))?;
        let child = command
            .current_dir(folder)
            // The control socket of a daemon that is killed stays.
            .env("XDG_RUNTIME_DIR", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Daemon { child, director, client_agent, way: Way::default() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn await_listener(&mut self, address: SocketAddr) -> Result<()> {
        self.await_that(|| TcpStream::connect(address).is_ok())
    }

    fn await_that(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon ended with {status}");
            }
            ensure!(Instant::now() < deadline, "the daemon does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `taskset` replaces itself by the program, so the process id stays the child's.
fn command(program: &Path, cpus: Option<&str>) -> Command {
    match cpus {
        None => Command::new(program),
        Some(cpus) => {
            let mut command = Command::new("taskset");
            command.args(["-c", cpus]).arg(program);
            command
        }
    }
}

/// A port that nothing listens on: the kernel does not give it out again soon.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn configuration(
    variant: &Variant,
    roles: &Roles,
    director: SocketAddr,
    client_agent: SocketAddr,
) -> Result<String> {
    let mut y = String::from("daemon:\n  name: load\ngeneral:\n  dc_files:\n    - load.dc\n");
    write!(y, "messagedirector:\n  bind: {director}\n")?;
    if let Some(threaded) = variant.threaded {
        writeln!(y, "  threaded: {threaded}")?;
    }
    if roles.dialect == Dialect::Astron {
        write!(y, "uberdogs:\n  - class: LoadGate\n    id: {GATE}\n    anonymous: true\n")?;
    }
    if roles.state_server || roles.database || roles.client_agent.is_some() {
        y.push_str("roles:\n");
    }
    if roles.state_server {
        write!(y, "  - type: stateserver\n    control: {STATE_SERVER}\n")?;
    }
    if roles.database {
        let (min, max) = DATABASE_IDS;
        write!(
            y,
            "  - type: database\n    control: {DATABASE}\n    generate:\n      min: {min}\n      \
             max: {max}\n    backend: {}\n",
            variant.backend
        )?;
    }
    if let Some(options) = &roles.client_agent {
        write_listener(&mut y, variant.transport, client_agent)?;
        match roles.dialect {
            Dialect::Astron => write_client_agent(&mut y, options)?,
            Dialect::Panda3d => {
                write!(y, "    client:\n      type: panda3d\n      root: {WORLD}\n")?;
                if options.asks_no_owners {
                    y.push_str("      regenerate: server\n");
                }
            }
        }
    }
    Ok(y)
}

fn write_listener(y: &mut String, transport: Transport, address: SocketAddr) -> Result<()> {
    let (certificate, key) = secure::FILES;
    let tls = format!("tls: {{certificate: {certificate}, key_file: {key}}}");
    y.push_str("  - type: clientagent\n");
    match transport {
        Transport::Tcp => writeln!(y, "    bind: {address}")?,
        Transport::Tls => write!(y, "    bind: {address}\n    {tls}\n")?,
        Transport::Ws => {
            write!(y, "    bind: none\n    websocket:\n      bind: {address}\n")?;
        }
        Transport::Wss => {
            write!(y, "    bind: none\n    websocket:\n      bind: {address}\n      {tls}\n")?;
        }
    }
    Ok(())
}

fn write_client_agent(y: &mut String, options: &ClientAgent) -> Result<()> {
    let (min, max) = CLIENT_CHANNELS;
    write!(
        y,
        "    version: {VERSION}\n    manual_dc_hash: {DC_HASH}\n    channels:\n      min: {min}\n      \
         max: {max}\n    client:\n      relocate: true\n      add_interest: enabled\n"
    )?;
    if let Some(bytes) = options.write_buffer_bytes {
        writeln!(y, "      write_buffer_size: {bytes}")?;
    }
    if !options.merge.is_empty() {
        writeln!(y, "      merge: [{}]", options.merge.join(", "))?;
    }
    if options.is_unlimited {
        y.push_str("    limits:\n      messages_per_second: 0\n      bytes_per_second: 0\n");
    }
    if let Some(ms) = options.interest_timeout_ms {
        write!(y, "    tuning:\n      interest_timeout: {ms}\n")?;
    }
    Ok(())
}
