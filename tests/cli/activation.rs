//! Sockets that a service manager has bound and passes on: `LISTEN_FDS`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Folder, Running};

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts the daemon with a socket, as systemd would, for the process that `pid` is in a shell.
fn start(folder: &Folder, socket: impl Into<OwnedFd>, pid: &str) -> Running {
    let script = format!(
        "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_FDNAMES=game LISTEN_PID={pid} exec \"$0\" game.yml"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_donet")]);
    command.current_dir(folder.path("")).env("XDG_RUNTIME_DIR", folder.path(""));
    command.stdin(Stdio::from(socket.into()));
    Folder::start_command(command)
}

fn agent(address: SocketAddr) -> String {
    format!(
        "daemon: {{control: c, loglevel: debug}}\n\
         roles: [{{type: clientagent, bind: '{address}', channels: {{min: 10000, max: 19999}}}}]"
    )
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

fn last_words(mut client: TcpStream) -> String {
    let mut words = Vec::new();
    client.read_to_end(&mut words).expect("it is closed in order");
    String::from_utf8_lossy(&words).into_owned()
}

#[test]
fn a_restart_refuses_nobody() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    let folder = Folder::with(&[("game.yml", &agent(address))]);
    let first = connect(address);
    let mut daemon = start(&folder, socket.try_clone().expect("a file"), "$$");
    daemon.wait_for("the socket was passed on (LISTEN_FDS)");
    daemon.wait_for("client connected");
    folder.run(&["drain", "--no-wait", "--config", "game.yml"]).code(0);
    // Whoever comes during the grace is told, and whoever comes later waits for the next daemon.
    let told = last_words(connect(address));
    assert!(told.ends_with("The server restarts."), "{told:?}");
    daemon.signal("TERM");
    let told = last_words(first);
    assert!(told.ends_with("The server restarts."), "{told:?}");
    daemon.wait().code(0);
    let waits = connect(address);
    let mut daemon = start(&folder, socket, "$$");
    daemon.wait_for("client connected");
    daemon.signal("TERM");
    assert!(last_words(waits).ends_with("The server stops."));
    let ended = daemon.wait().code(0);
    assert!(!ended.stdout.contains("fits no address"), "{ended:#?}");
}

#[test]
fn events_that_come_before_the_start_are_logged() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    let text = format!("roles: [{{type: eventlogger, bind: '{address}', output: 'events.log'}}]");
    let folder = Folder::with(&[("game.yml", &text)]);
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    // {"type": "early"}
    sender.send_to(b"\x81\xa4type\xa5early", address).expect("it is bound");
    let daemon = start(&folder, socket, "$$").ready();
    daemon.signal("TERM");
    daemon.wait().code(0);
    assert!(folder.read("events.log").contains("\"early\""), "{}", folder.read("events.log"));
}

#[test]
fn who_asks_over_http_before_the_start_is_answered_after_it() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    let text = format!("daemon: {{control: c}}\nweb: {{bind: '{address}'}}");
    let folder = Folder::with(&[("game.yml", &text)]);
    let mut early = connect(address);
    early.write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n").expect("it is bound");
    let daemon = start(&folder, socket, "$$");
    let answer = last_words(early);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alive\n"), "{answer}");
    let daemon = daemon.ready();
    daemon.signal("TERM");
    let ended = daemon.wait().code(0);
    assert!(!ended.stdout.contains("fits no address"), "{ended:#?}");
}

#[test]
fn what_fits_nothing_is_named_and_closed() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let free = other.local_addr().expect("bound");
    drop(other);
    let folder = Folder::with(&[("game.yml", &agent(free))]);
    let mut daemon = start(&folder, socket, "$$");
    let line = daemon.wait_for("fits no address of the configuration, and is closed");
    assert!(line.contains(&format!("file=\"3 (game)\" socket=\"TCP {address}\"")), "{line}");
    let daemon = daemon.ready();
    TcpStream::connect(address).expect_err("it is closed");
    connect(free);
    daemon.signal("TERM");
    daemon.wait().code(0);
}

#[test]
fn what_cannot_be_listened_on_is_named_and_what_is_for_another_process_is_left_alone() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let connection = TcpStream::connect(socket.local_addr().expect("bound")).expect("it listens");
    let folder = Folder::with(&[("game.yml", "daemon: {control: c}")]);
    let mut daemon = start(&folder, connection, "$$");
    daemon.wait_for("socket=\"a connection, and not a socket that listens\"");
    let daemon = daemon.ready();
    daemon.signal("TERM");
    daemon.wait().code(0);
    for pid in ["1", ""] {
        let daemon = start(&folder, socket.try_clone().expect("a file"), pid).ready();
        daemon.signal("TERM");
        let ended = daemon.wait().code(0);
        assert!(!ended.stdout.contains("LISTEN_FDS"), "{ended:#?}");
    }
}

#[test]
fn more_sockets_than_can_be_are_an_error_at_once() {
    let folder = Folder::with(&[("game.yml", "daemon: {control: c}")]);
    let mut command = Command::new("sh");
    let script = "LISTEN_FDS=99999999 LISTEN_PID=$$ exec \"$0\" game.yml";
    command.args(["-c", script, env!("CARGO_BIN_EXE_donet")]).current_dir(folder.path(""));
    let ended = Folder::start_command(command).wait().code(1);
    let expected = "LISTEN_FDS=99999999: so many sockets cannot have been passed on\n";
    assert_eq!(ended.stderr, expected);
}
