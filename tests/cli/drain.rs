//! `donet drain`, and SIGTERM with `daemon.drain`: clients are given time, and told why they have to go.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::program::{Ended, Folder, Running};

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// CLIENT_EJECT with code 160 and this text, framed.
fn ejected(text: &str) -> Vec<u8> {
    let mut frame = (text.len() as u16 + 6).to_le_bytes().to_vec();
    frame.extend(4u16.to_le_bytes());
    frame.extend(160u16.to_le_bytes());
    frame.extend((text.len() as u16).to_le_bytes());
    frame.extend(text.as_bytes());
    frame
}

struct Stage {
    folder: Folder,
    daemon: Running,
    doors: Vec<SocketAddr>,
}

impl Stage {
    /// A daemon with so many client agents.
    fn new(agents: usize, daemon: &str) -> Self {
        let mut text = format!(
            "daemon: {{control: c{daemon}}}\nroles:\n- {{type: stateserver, control: 4002}}\n"
        );
        for n in 1..=agents {
            text += &format!(
                "- {{type: clientagent, bind: '127.0.0.1:0', channels: {{min: {n}0000, max: {n}9999}}}}\n"
            );
        }
        let folder = Folder::with(&[("game.yml", &text)]);
        let mut daemon = folder.start(&["game.yml"]);
        let mut door = || {
            let line = daemon.wait_for("client agent is listening");
            let address = line.split("address=").nth(1).expect("an address");
            address.split(' ').next().expect("a word").parse().expect("an address")
        };
        let doors = (0..agents).map(|_| door()).collect();
        Stage { folder, daemon: daemon.ready(), doors }
    }

    /// Clients of the agents in turn, as soon as they have sessions.
    fn clients(&mut self, count: usize) -> Vec<TcpStream> {
        let clients = (0..count).map(|n| connect(self.doors[n % self.doors.len()])).collect();
        for _ in 0..count {
            self.daemon.wait_for("client connected");
        }
        clients
    }

    fn drain(&self, arguments: &[&str]) -> Running {
        self.folder.start(&[&["drain", "--config", "game.yml"], arguments].concat())
    }
}

fn connect(door: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(door).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

/// What a client is told until it is hung up on.
fn last_words(mut client: TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    client.read_to_end(&mut words).expect("it is closed in order");
    words
}

fn is_open(client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).expect("an option");
    let nothing = client.read(&mut [0]).expect_err("nobody says anything");
    client.set_nonblocking(false).expect("an option");
    nothing.kind() == std::io::ErrorKind::WouldBlock
}

const RESTARTS: &str = "The server restarts.";

#[test]
fn those_who_are_there_play_on_and_nobody_else_is_let_in() {
    let mut stage = Stage::new(2, ", loglevel: debug");
    let mut clients = stage.clients(3);
    let mut drain = stage.drain(&["--grace", "12h"]);
    assert_eq!(drain.wait_for("d"), "draining: 3 clients may stay for 12h at most");
    let line = stage.daemon.wait_for("draining: nobody is let in any more");
    assert!(line.ends_with("by=\"a command\" grace=12h clients=3"), "{line}");
    for door in &stage.doors {
        // It may have been accepted before the door was closed.
        while let Ok(client) = TcpStream::connect(door) {
            // Nobody has the port any more, and whoever connects may get it for his own end.
            if client.local_addr().ok() == client.peer_addr().ok() {
                break;
            }
            assert_eq!(last_words(client), ejected(RESTARTS));
        }
    }
    assert!(clients.iter_mut().all(is_open));
    // Who has only connected is not in yet: its hello comes too late.
    let mut late = clients.pop().expect("one of them");
    late.write_all(&[7, 0, 1, 0, 0, 0, 0, 0, 0]).expect("it is read");
    assert_eq!(last_words(late), ejected(RESTARTS));
    // Others are heard meanwhile.
    stage.folder.run(&["reload", "--config", "game.yml"]).code(0);
    let said = stage.drain(&["--no-wait", "--grace", "24h"]).wait().code(0).stdout;
    assert_eq!(said, "draining already: 2 clients may stay for 12h at most\n");
    drop(clients);
    stage.daemon.wait_for("drained: no clients are left");
    let said = drain.wait().code(0).stdout;
    assert!(said.ends_with("no clients are left: the daemon stops\n"), "{said}");
    let ended: Ended = stage.daemon.wait().code(0);
    assert!(ended.stdout.contains("INFO: daemon: shutting down\n"), "{ended:#?}");
    assert_eq!(stage.folder.files(), ["game.yml"]);
}

#[test]
fn when_the_grace_is_over_they_are_told_of_the_restart() {
    let mut stage = Stage::new(2, ", loglevel: debug, drain_wave: 2");
    let clients = stage.clients(3);
    let began = std::time::Instant::now();
    let said = stage.drain(&["--grace", "0"]).wait().code(0).stdout;
    assert!(began.elapsed() >= Duration::from_secs(1), "the third is of another wave");
    let expected = "draining: 3 clients may stay for 0 at most\n\
                    the grace is over: 3 clients are ejected, at most 2 a second\n\
                    no clients are left: the daemon stops\n";
    assert_eq!(said, expected);
    for client in clients {
        assert_eq!(last_words(client), ejected(RESTARTS));
    }
    stage.daemon.wait().code(0);
}

#[test]
fn sigterm_drains_if_the_configuration_says_so_and_a_second_one_shortens_it() {
    let mut stage = Stage::new(1, ", loglevel: debug, drain: 12h, drain_wave: 1");
    let clients = stage.clients(3);
    stage.daemon.signal("TERM");
    let line = stage.daemon.wait_for("draining: nobody is let in any more");
    assert!(line.ends_with("by=SIGTERM grace=12h clients=3"), "{line}");
    let mut drain = stage.drain(&["--grace", "12h"]);
    drain.wait_for("draining already: 3 clients");
    stage.daemon.signal("TERM");
    drain.wait_for("the grace is over: 3 clients are ejected, at most 1 a second");
    stage.daemon.signal("TERM");
    stage.daemon.wait_for("second signal: all clients are ejected at once");
    for client in clients {
        assert_eq!(last_words(client), ejected(RESTARTS));
    }
    drain.wait().code(0);
    let ended = stage.daemon.wait().code(0);
    assert!(ended.stdout.contains("INFO: daemon: shutting down signal=SIGTERM\n"), "{ended:#?}");
}

#[test]
fn a_second_drain_without_grace_shortens_the_first() {
    let mut stage = Stage::new(1, ", loglevel: debug");
    let clients = stage.clients(1);
    stage.drain(&["--no-wait"]).wait().code(0).says(&["1 client may stay for 10m at most"]);
    stage.drain(&["--grace", "0", "--no-wait"]).wait().code(0);
    for client in clients {
        assert_eq!(last_words(client), ejected(RESTARTS));
    }
    stage.daemon.wait().code(0);
}

#[test]
fn sigint_and_a_plain_sigterm_do_not_drain() {
    for (signal, daemon) in
        [("INT", ", loglevel: debug, drain: 12h"), ("TERM", ", loglevel: debug")]
    {
        let mut stage = Stage::new(1, daemon);
        let clients = stage.clients(1);
        stage.daemon.signal(signal);
        for client in clients {
            assert_eq!(last_words(client), ejected("The server stops."));
        }
        stage.daemon.wait().code(0);
    }
}

#[test]
fn without_client_agents_it_ends_at_once() {
    let stage = Stage::new(0, "");
    let expected = "draining: 0 clients may stay for 10m at most\n\
                    no clients are left: the daemon stops\n";
    assert_eq!(stage.drain(&[]).wait().code(0).stdout, expected);
    stage.daemon.wait().code(0);
}

#[test]
fn during_the_start_it_ends_at_once() {
    // Nobody listens at port 1.
    let text = "daemon: {control: c}\nroles: [{type: database, control: 4003, generate: {min: 1000, max: 1999}, \
                backend: {type: postgres, url: 'postgres://u@127.0.0.1:1/d'}}]";
    let folder = Folder::with(&[("game.yml", text)]);
    let mut daemon = folder.start(&["game.yml"]);
    daemon.wait_for("the store cannot be opened; trying again");
    let said = folder.run(&["drain", "--config", "game.yml"]).code(0).stdout;
    assert_eq!(said, "not everything has started yet: the daemon ends at once\n");
    daemon.wait().code(0).says(&["told to end before everything has started"]);
}

#[test]
fn what_is_no_duration_is_refused() {
    let folder = Folder::with(&[("game.yml", "daemon: {drain: 10}")]);
    folder
        .run(&["drain", "--grace", "10"])
        .code(1)
        .complains(&["a duration is `0`, or such as `90s`"]);
    folder.run(&["check", "game.yml"]).code(1).complains(&["daemon.drain: "]);
    let ended = folder.run(&["drain", "--grace", "1m", "--control", "nowhere"]).code(1);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}
