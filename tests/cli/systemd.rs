//! What a service manager is told. A socket of the test stands for systemd's.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::program::{Folder, Running};

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

const AGENT: &str = "daemon: {control: c, loglevel: debug}\n\
                     roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 10000, max: 19999}}]\n";

struct Manager(UnixDatagram);

impl Manager {
    /// One that listens in the folder.
    fn at(folder: &Folder) -> (Self, String) {
        let path = folder.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        (Manager(socket), path.display().to_string())
    }

    fn hears(&self) -> String {
        let mut bytes = [0; 1024];
        let length = loop {
            match self.0.recv(&mut bytes) {
                // A signal has come, for the end of another daemon, say.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("something"),
            }
        };
        String::from_utf8(bytes[..length].to_vec()).expect("a text")
    }

    /// Waits until it hears this, and returns what it has heard.
    fn waits_for(&self, text: &str) -> String {
        loop {
            let heard = self.hears();
            if heard.contains(text) {
                return heard;
            }
        }
    }

    /// How many datagrams lie there.
    fn left(&self) -> Vec<String> {
        self.0.set_nonblocking(true).expect("an option");
        let mut bytes = [0; 1024];
        let mut left = Vec::new();
        while let Ok(length) = self.0.recv(&mut bytes) {
            left.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
        left
    }
}

fn start(folder: &Folder, environment: &[(&str, &str)]) -> Running {
    let mut command = folder.command(&["game.yml"]);
    command.envs(environment.iter().copied());
    Folder::start_command(command)
}

#[test]
fn it_is_told_of_the_start_a_reload_and_the_end() {
    let folder = Folder::with(&[("game.yml", AGENT)]);
    let (manager, path) = Manager::at(&folder);
    let daemon = start(&folder, &[("NOTIFY_SOCKET", &path)]);
    assert_eq!(manager.hears(), "READY=1\nSTATUS=ready");
    let daemon = daemon.ready();
    for text in [AGENT, "roles: nonsense"] {
        folder.write("game.yml", text);
        daemon.signal("HUP");
        let reloading = manager.hears();
        let usec = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("what it is");
        let usec = usec.strip_suffix("\nSTATUS=reading the configuration again").expect("a status");
        let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux has it");
        let seconds = uptime.split('.').next().expect("a word").parse::<u64>().expect("a number");
        let said = usec.parse::<u64>().expect("a number") / 1_000_000;
        assert!(said <= seconds && seconds - said < 120, "{said} of {seconds}");
        // Also if it was refused: it runs on.
        assert_eq!(manager.hears(), "READY=1\nSTATUS=ready");
    }
    daemon.signal("TERM");
    assert_eq!(manager.hears(), "STOPPING=1\nSTATUS=stopping");
    daemon.wait().code(0);
    assert_eq!(manager.left(), [""; 0]);
}

#[test]
fn a_drain_asks_for_more_time() {
    let folder = Folder::with(&[("game.yml", AGENT)]);
    let (manager, path) = Manager::at(&folder);
    let mut daemon = start(&folder, &[("NOTIFY_SOCKET", &path)]);
    let line = daemon.wait_for("client agent is listening");
    let address = line.split("address=").nth(1).expect("an address").split(' ').next();
    let mut client = TcpStream::connect(address.expect("a word")).expect("it listens");
    daemon.wait_for("client connected");
    manager.waits_for("READY=1");
    folder.run(&["drain", "--no-wait", "--config", "game.yml"]).code(0);
    let draining = manager.hears();
    assert_eq!(draining, "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=draining: 1 client is left");
    daemon.signal("TERM");
    assert!(client.read_to_end(&mut Vec::new()).is_ok());
    manager.waits_for("STOPPING=1");
    daemon.wait().code(0);
}

#[test]
fn it_hears_that_the_daemon_lives_by_an_abstract_name_too() {
    let folder = Folder::with(&[("game.yml", "daemon: {control: c}")]);
    let name = format!("donet-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = Manager(UnixDatagram::bind_addr(&address).expect("a socket"));
    manager.0.set_read_timeout(Some(PATIENCE)).expect("an option");
    let path = format!("@{name}");
    let daemon = start(&folder, &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "200000")]);
    assert_eq!(manager.hears(), "READY=1\nSTATUS=ready");
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    daemon.signal("STOP");
    daemon.signal("CONT");
    daemon.signal("TERM");
    manager.waits_for("STOPPING=1");
    daemon.wait().code(0);
}

#[test]
fn a_watchdog_of_another_process_hears_nothing_and_a_wrong_socket_stops_nobody() {
    let folder = Folder::with(&[("game.yml", "daemon: {control: c}")]);
    let (manager, path) = Manager::at(&folder);
    let watchdog = [("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let daemon = start(&folder, &[&[("NOTIFY_SOCKET", &*path)], &watchdog[..]].concat()).ready();
    daemon.signal("TERM");
    daemon.wait().code(0);
    assert_eq!(manager.left(), ["READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=stopping"]);
    for wrong in ["nonsense", "/nowhere/notify"] {
        let mut daemon = start(&folder, &[("NOTIFY_SOCKET", wrong)]);
        daemon.wait_for("the service manager cannot be told anything (NOTIFY_SOCKET)");
        let daemon = daemon.ready();
        daemon.signal("TERM");
        daemon.wait().code(0);
    }
}
