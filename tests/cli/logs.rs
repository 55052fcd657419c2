//! Log files, event logs, and the signals that concern them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Folder, Running, make_fifo};

const LOGGER: &str = "roles: [{type: eventlogger, bind: '127.0.0.1:0', output: events.log}]";

/// Waits until the file called `name` has a text.
fn wait_for_file(folder: &Folder, name: &str, has: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let text = fs::read_to_string(folder.path(name)).unwrap_or_default();
        if has(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "waited in vain for {name}, which has {text}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running event logger, and a socket that is connected to it.
struct Stage {
    folder: Folder,
    running: Running,
    socket: UdpSocket,
}

impl Stage {
    fn of(folder: Folder, mut running: Running) -> Self {
        let line = running.wait_for("event_logger: listening");
        let (_, address) = line.split_once("address=").expect("an address");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.connect(address).expect("loopback");
        Stage { folder, running: running.ready(), socket }
    }

    /// Sends an event that has this text.
    fn send(&self, text: &str) {
        let length = u8::try_from(text.len()).expect("a short text");
        let packet = [b"\x81\xa1t\xd9", &[length][..], text.as_bytes()].concat();
        self.socket.send(&packet).expect("loopback");
    }

    fn wait_for(&self, name: &str, text: &str) -> String {
        wait_for_file(&self.folder, name, |file| file.contains(text) && file.ends_with('\n'))
    }
}

fn expect_json_lines(text: &str) {
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn sighup_opens_log_files_anew() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    let running = folder.start(&["-L", "own.log", "game.yml"]);
    let stage = Stage::of(folder, running);
    stage.send("one");
    stage.wait_for("events.log", "one");
    for name in ["own.log", "events.log"] {
        let old = format!("{name}.1");
        fs::rename(stage.folder.path(name), stage.folder.path(&old)).expect("there is a file");
    }
    stage.running.signal("HUP");
    stage.wait_for("own.log", "log file opened again");
    stage.wait_for("own.log", "event log opened again");
    stage.send("two");
    let new = stage.wait_for("events.log", "two");
    assert_eq!((new.lines().count(), new.matches("Log reopened.").count()), (2, 1), "{new}");
    assert!(!stage.folder.read("events.log.1").contains("two"));
    stage.running.signal("TERM");
    stage.running.wait().code(0).says(&["shutting down"]);
    assert!(stage.folder.read("own.log").contains("shutting down"));
    assert!(!stage.folder.read("own.log.1").contains("shutting down"));
}

#[test]
fn a_log_whose_folder_is_gone_goes_on_where_it_is() {
    let text = LOGGER.replace("events.log", "logs/events.log");
    let folder = Folder::with(&[("game.yml", &text), ("logs/own.log", "")]);
    let running = folder.start(&["-L", "logs/own.log", "game.yml"]);
    let stage = Stage::of(folder, running);
    stage.wait_for("logs/events.log", "log-opened");
    fs::rename(stage.folder.path("logs"), stage.folder.path("moved")).expect("a folder");
    stage.running.signal("HUP");
    stage.wait_for("moved/own.log", "the log file cannot be opened again");
    stage.wait_for("moved/own.log", "the event log cannot be opened again");
    stage.send("two");
    stage.wait_for("moved/events.log", "two");
}

#[test]
fn a_log_that_cannot_be_written_is_told_elsewhere() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    // A disk that is always full.
    std::os::unix::fs::symlink("/dev/full", folder.path("own.log")).expect("a symbolic link");
    let mut running = folder.start(&["-L", "own.log", "game.yml"]);
    let line = running.wait_for("ERROR: telemetry: the log cannot be written there");
    assert!(line.contains("own.log") && line.contains("No space left on device"), "{line}");
    fs::remove_file(folder.path("own.log")).expect("it is there");
    running.signal("HUP");
    let line = running.wait_for("the log can be written there again");
    assert!(line.contains("own.log"), "{line}");
    wait_for_file(&folder, "own.log", |text| text.contains("cannot be written there"));
}

#[test]
fn an_event_log_that_takes_nothing_is_not_begun() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    let mut running = folder.start_with_file_limit(0, &["game.yml"]);
    running.wait_for("the event log cannot be written");
    running.signal("TERM");
    running.wait().code(0).says(&["the event log stayed unwritable"]);
    assert_eq!(folder.files(), ["game.yml"]);
}

#[test]
fn other_signals_end_nothing() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    let mut running = folder.start(&["--loglevel", "debug", "game.yml"]).ready();
    for (signal, line) in [
        ("HUP", "SIGHUP: log files are opened anew"),
        ("USR1", "signal ignored signal=SIGUSR1"),
        ("USR2", "signal ignored signal=SIGUSR2"),
        ("XFSZ", "signal ignored signal=SIGXFSZ"),
    ] {
        running.signal(signal);
        running.wait_for(line);
    }
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn harmless_signals_during_the_start_do_not_end_it() {
    let folder = Folder::new();
    make_fifo(&folder.path("game.yml"));
    // It waits for its configuration.
    let mut running = folder.start(&["game.yml"]);
    running.wait_for("INFO: main: starting");
    for signal in ["HUP", "USR1", "USR2", "XFSZ"] {
        running.signal(signal);
    }
    // Not here: it would wait for ever for a daemon that has ended.
    let path = folder.path("game.yml");
    thread::spawn(move || fs::write(path, "messagedirector: {bind: '127.0.0.1:0'}"));
    let running = running.ready();
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_daemon_that_waits_for_its_database_can_be_ended() {
    let nobody = free_address();
    let text = format!(
        "roles: [{{type: database, control: 4003, generate: {{min: 1000, max: 2000}}, \
         backend: {{type: postgres, url: 'postgres://u@{nobody}/d'}}}}]"
    );
    let folder = Folder::with(&[("game.yml", &text)]);
    let mut running = folder.start(&["game.yml"]);
    running.wait_for("the store cannot be opened; trying again");
    running.signal("HUP");
    running.wait_for("SIGHUP: remembered until everything has started");
    running.signal("TERM");
    running.wait().code(0).says(&["told to end before everything has started"]);
}

/// An address that nobody listens at.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound")
}

#[test]
fn a_full_event_log_goes_on_with_a_line_of_its_own() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    let running = folder.start_with_file_limit(2, &["game.yml"]);
    let mut stage = Stage::of(folder, running);
    // Hardly more than there is room for: what is still read when there is room again would fill it.
    for n in 0..12 {
        stage.send(&format!("event {n} {}", "x".repeat(30)));
    }
    stage.running.wait_for("ERROR: event_logger: the event log cannot be written");
    // As if somebody had made room.
    let full = wait_for_file(&stage.folder, "events.log", |text| text.len() > 900);
    assert!(full.ends_with('\n'), "{full}");
    expect_json_lines(&full);
    fs::write(stage.folder.path("events.log"), full.lines().next().expect("one")).expect("ours");
    stage.send("after");
    stage.running.wait_for("the event log can be written again");
    let text = stage.wait_for("events.log", "after");
    expect_json_lines(&text);
    stage.running.signal("TERM");
    let ended = stage.running.wait().code(0);
    // It was opened once, and said to be full once.
    assert_eq!(ended.stdout.matches("event log opened").count(), 1, "{ended:#?}");
    assert_eq!(ended.stdout.matches("cannot be written").count(), 1, "{ended:#?}");
}

#[test]
fn an_event_log_that_is_a_pipe_without_a_reader_holds_nobody_up() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    make_fifo(&folder.path("events.log"));
    let mut running = folder.start(&["game.yml"]);
    let line = running.wait_for("events are lost");
    assert!(line.contains("error=\"it is a pipe that nobody reads\""), "{line}");
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn an_event_log_that_takes_nothing_does_not_keep_the_process() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    make_fifo(&folder.path("events.log"));
    // Open, so that the daemon can open it, but not read.
    let path = folder.path("events.log");
    let unread = File::options().read(true).write(true).open(path).expect("a FIFO");
    let running = folder.start(&["game.yml"]);
    let mut stage = Stage::of(folder, running);
    // More than a pipe takes, at once or in pieces.
    for n in 0..2_000 {
        stage.send(&format!("event {n} {}", "x".repeat(100)));
    }
    stage.running.signal("TERM");
    stage.running.wait_for("shutting down");
    stage.running.signal("TERM");
    stage.running.wait().code(0).says(&["second signal"]);
    drop(unread);
}

#[test]
fn a_torn_event_log_goes_on_with_a_line_of_its_own() {
    let torn = "{\"_time\": \"2024-01-31 12:00:00+0100\", \"a\": 1}\n{\"_time\": \"20";
    let folder = Folder::with(&[("game.yml", LOGGER), ("events.log", torn)]);
    let running = folder.start(&["game.yml"]);
    let stage = Stage::of(folder, running);
    stage.send("after");
    let text = stage.wait_for("events.log", "after");
    let rest = text.strip_prefix(torn).and_then(|rest| rest.strip_prefix('\n'));
    let rest = rest.expect("what was there, and an end for its last line");
    expect_json_lines(rest);
    assert_eq!(rest.lines().count(), 2, "{rest}");
}

#[test]
fn a_full_log_file_is_no_reason_to_end() {
    let folder = Folder::with(&[("game.yml", "messagedirector: {bind: '127.0.0.1:0'}")]);
    let full = ["--loglevel", "debug", "-L", "own.log", "game.yml"];
    let mut running = folder.start_with_file_limit(1, &full).ready();
    for _ in 0..20 {
        running.signal("USR1");
        running.wait_for("signal ignored signal=SIGUSR1");
    }
    wait_for_file(&folder, "own.log", |text| text.len() == 512);
    // A little room, which is not enough.
    let own = File::options().write(true).open(folder.path("own.log")).expect("it is there");
    own.set_len(100).expect("it can be cut");
    wait_for_file(&folder, "own.log", |text| text.len() == 512);
    running.signal("TERM");
    let ended = running.wait().code(0).says(&["shutting down"]);
    assert_eq!(ended.stdout.matches("cannot be written there").count(), 1, "{ended:#?}");
    assert!(!ended.stdout.contains("can be written there again"), "{ended:#?}");
}
