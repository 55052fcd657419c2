//! What is logged of peers, and that logs hold nobody up.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use donet::wire::{CONTROL_HEAD, write_frame};

use crate::client_agent::*;
use crate::harness::world::{DC_HASH, VERSION};
use crate::harness::*;

/// More lines than a pipe and a queue take, of some 80 bytes each.
const MANY: usize = 20_000;
const LINE: &str = "deletion of an unknown object";

/// Has the daemon log, at level `debug`, more than its outputs can keep. Needs a client.
fn have_it_log(daemon: &Daemon, client: Channel) {
    let mut talkative = daemon.link();
    for _ in 0..MANY {
        talkative.send(client, SERVER, &StateServer::ObjectDeleteRam { do_id: DoId(1) });
    }
    talkative.sync();
}

/// A daemon that tells details, and a client of it.
fn start(setup: Setup) -> (Daemon, Client, Channel) {
    let daemon = setup.argument("--loglevel=debug").start();
    let mut client = daemon.client();
    client.hello();
    let channel = channel_of(&daemon, &client);
    (daemon, client, channel)
}

/// Clients are turned away, and datagrams are routed.
fn expect_it_works(daemon: &mut Daemon) {
    for _ in 0..300 {
        let mut stranger = daemon.client();
        stranger.send(&ClientMessage::Heartbeat {});
        stranger.expect_eject(EjectReason::NoHello);
    }
    let mut link = daemon.link();
    link.subscribe(SERVER);
    link.sync();
    daemon.expect_alive();
}

#[test]
fn an_output_that_nobody_reads_holds_nobody_up() {
    let (mut daemon, _client, channel) = start(setup("").unread());
    expect_it_works(&mut daemon);
    have_it_log(&daemon, channel);
    expect_it_works(&mut daemon);
    assert_eq!(daemon.terminate("TERM").code(), Some(0));
}

#[test]
fn what_an_output_did_not_take_is_counted_when_it_does() {
    let (mut daemon, _client, channel) = start(setup("").argument("--log=file").unread());
    have_it_log(&daemon, channel);
    let (sender, notices) = mpsc::channel();
    let output = daemon.output();
    let reader = thread::spawn(move || {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let notice = lines.find(|line| line.contains(" lines dropped: "));
        sender.send(notice).expect("the test waits for it");
    });
    let notice = notices.recv_timeout(LIMIT).expect("it says how many lines are missing");
    let notice = notice.expect("the output has no end");
    reader.join().expect("no panic");
    let number = notice.split(' ').find_map(|word| word.parse::<u64>().ok());
    assert!(number.is_some_and(|number| number > 0), "{notice}");
    // The other output has all lines.
    let in_file = wait_until("all lines in the file", || {
        let text = fs::read_to_string(daemon.path("file")).ok()?;
        let count = text.matches(LINE).count();
        (count >= MANY).then_some(text)
    });
    assert!(!in_file.contains("lines dropped"));
    // Nobody waits for a pipe that is closed, either.
    have_it_log(&daemon, channel);
    expect_it_works(&mut daemon);
}

#[test]
fn a_log_file_that_takes_nothing_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is there");
    assert!(made.success());
    // Open, so that the daemon can open it, but not read.
    let unread = File::options().read(true).write(true).open(&fifo).expect("a FIFO");
    let log = format!("--log={}", fifo.display());
    let (mut daemon, _client, channel) = start(setup("").argument(log));
    have_it_log(&daemon, channel);
    expect_it_works(&mut daemon);
    wait_until("the other output goes on", || {
        (daemon.log().matches(LINE).count() >= MANY).then_some(())
    });
    assert_eq!(daemon.terminate("INT").code(), Some(0));
    let log = daemon.log();
    assert!(log.contains("shutting down") && !log.contains("lines dropped"));
    drop(unread);
}

#[test]
fn a_second_signal_ends_a_daemon_whose_output_nobody_reads() {
    // The client does not hang up, which keeps the daemon for a while.
    let (mut daemon, _client, channel) = start(setup("").unread());
    have_it_log(&daemon, channel);
    daemon.signal("TERM");
    let code = daemon.terminate("TERM").code();
    assert_eq!(code, Some(0));
}

/// Has more wait for a link that reads nothing than may without slowing down who sends it.
fn flood(daemon: &Daemon, channel: Channel) -> String {
    let mut speaker = daemon.link();
    speaker.control(&Control::SetConName { name: Blob(b"speaker") });
    let value = [0x5a; 60_000];
    let noise =
        StateServer::ObjectSetField { do_id: DoId(1), field: FieldId(1), value: Rest(&value) };
    wait_until("somebody is slow", || {
        speaker.send(channel, SERVER, &noise);
        speaker.sync();
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains("does not keep up"));
        line.map(ToOwned::to_owned)
    })
}

#[test]
fn a_second_signal_hides_no_loss() {
    let mut daemon = setup("").start();
    let mut deaf = daemon.link();
    deaf.control(&Control::SetConName { name: Blob(b"deaf") });
    deaf.subscribe(SERVER);
    deaf.sync();
    let line = flood(&daemon, SERVER);
    assert!(line.contains("receiver=\"deaf (127.0.0.1:"), "{line}");
    assert!(line.contains("name=speaker peer=127.0.0.1:"), "{line}");
    daemon.signal("TERM");
    wait_until("it stops", || daemon.log().contains("shutting down").then_some(()));
    assert_eq!(daemon.terminate("TERM").code(), Some(0));
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("the last messages were lost"));
    assert!(line.is_some_and(|line| line.contains("name=deaf")), "{log}");
}

#[test]
fn what_clients_do_not_take_at_the_end_is_said() {
    let keys = ", client: {write_buffer_size: 0, write_timeout_ms: 0}";
    let (mut daemon, _deaf, channel) = start(setup(keys));
    let mut link = daemon.link();
    // More than a socket holds.
    for _ in 0..500 {
        let datagram = [0x5a; 60_000];
        link.send(channel, SERVER, &ClientAgent::SendDatagram { datagram: Blob(&datagram) });
    }
    link.sync();
    assert_eq!(daemon.terminate("TERM").code(), Some(0));
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("the last messages of clients were lost"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("clients=1 unsent_bytes=") && !line.contains("unsent_bytes=0"), "{line}");
}

/// What is logged of a connection that is ejected for what it sends.
fn logged_of(daemon: &Daemon, send: impl FnOnce(&mut Client)) -> String {
    // What it says at its start may still be on its way.
    let before = wait_until("it is ready", || {
        let log = daemon.log();
        (log.contains(": ready") && log.ends_with('\n')).then_some(log.len())
    });
    let mut client = daemon.client();
    send(&mut client);
    while client.stream().receive() != Received::Closed {}
    wait_until("its line", || {
        let log = daemon.log();
        let all = log[before..].split_inclusive('\n');
        // Links of this test come and go, too.
        let of_clients: String = all.filter(|line| !line.contains(" message_director: ")).collect();
        of_clients.ends_with('\n').then_some(of_clients)
    })
}

fn hello_of(version: &str) -> impl FnOnce(&mut Client) {
    move |client| {
        client.send(&ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(version.as_bytes()) });
    }
}

#[test]
fn a_connection_without_a_login_costs_about_a_kilobyte_of_log() {
    let daemon = setup("").start();
    for version in ["\u{1b}".repeat(60_000), "\u{202e}".repeat(20_000), "x".repeat(60_000)] {
        let log = logged_of(&daemon, hello_of(&version));
        assert!(log.len() < 1_024, "{} bytes: {log}", log.len());
        assert_eq!(log.lines().count(), 1, "{log}");
        // What is left out is said as it is, where the text ends that is there.
        let text = log.split_once("client ejected text=").expect("it is ejected").1;
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let text = values.next().expect("a text").expect("it has an end");
        let (kept, left_out) = text.rsplit_once("… and ").expect("it is cut");
        let left_out: usize = left_out.trim_end_matches(" bytes").parse().expect("a number");
        // The client is told as much as fits a datagram, and also how much more it was.
        let said = String::from_utf8_lossy(&version.as_bytes()[..1024]);
        let more = version.len() - 1024;
        let whole =
            format!("Client version mismatch: client={said}… and {more} bytes, server={VERSION}");
        assert!(whole.starts_with(kept), "{log}");
        assert_eq!(kept.len() + left_out, whole.len(), "{log}");
    }
    // Twenty messages at once are one line, too.
    let log = logged_of(&daemon, |client| {
        let messages = [0, 0].repeat(20);
        let _ = client.stream().try_send_raw(&messages);
    });
    assert!(log.len() < 1_024, "{log}");
}

#[test]
fn text_of_a_client_steers_no_terminal() {
    let daemon = setup("").start();
    let log = logged_of(&daemon, hello_of("1\u{1b}[2J\n\u{9b}2J\u{202e}\u{7f}"));
    assert!(log.contains(r"client=1\u001b[2J\n\u009b2J\u202e\u007f"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    // Nor does it look like a field.
    let log = logged_of(&daemon, hello_of("1\" client=7"));
    assert!(log.contains(r#"client=1\" client=7, server="#), "{log}");
}

#[test]
fn events_have_what_a_client_says_cut() {
    let sink = EventSink::open();
    let daemon = setup("").general(format!("eventlogger: '{}'", sink.address())).start();
    let mut client = daemon.client();
    hello_of(&"\u{1b}".repeat(60_000))(&mut client);
    assert_eq!(sink.event()[0].1, "client-connected");
    let event = sink.event();
    assert_eq!(event[0].1, "client-ejected");
    let (key, text) = &event[3];
    assert_eq!(key, "reason_msg");
    assert!(text.starts_with("Client version mismatch") && text.len() < 512, "{}", text.len());
}

#[test]
fn lines_of_a_kind_are_summed_up() {
    let mut daemon = setup("").role("type: stateserver, control: 4002").start();
    let mut link = daemon.link();
    // The channel of an object that no message for a state server makes sense at.
    for _ in 0..100 {
        link.send(Channel(4_002), SERVER, &StateServer::ObjectDeleteRam { do_id: DoId(1) });
    }
    link.sync();
    assert_eq!(daemon.terminate("TERM").code(), Some(0));
    let log = daemon.log();
    assert_eq!(log.matches(": not for a state server's control channel").count(), 6, "{log}");
    assert!(log.contains("… and 95 more like it in "), "{log}");
}

#[test]
fn each_role_says_that_it_has_started() {
    let daemon = setup("")
        .role("type: stateserver, control: 4002")
        .role("type: dbss, database: 4003, ranges: [{min: 9000, max: 9999}, {min: 20000, max: 20001}]")
        .start();
    for line in [
        "INFO: state_server: state server ready control=4002\n",
        "INFO: db_state_server: database-state server ready database=4003 ranges=\"9000-9999, 20000-20001\"\n",
    ] {
        wait_until(line, || daemon.log().contains(line).then_some(()));
    }
}

#[test]
fn links_with_a_name_are_named_when_they_end() {
    let daemon = setup("").start();
    let ended = |end: &dyn Fn(Link), text: &str| {
        let mut link = daemon.link();
        link.control(&Control::SetConName { name: Blob(b"AI 1") });
        link.sync();
        end(link);
        wait_until("its end", || {
            let log = daemon.log();
            let is_its_own =
                |line: &&str| line.contains(text) && line.contains("name=\"AI 1\" peer=127.0.0.1:");
            Some(log.lines().find(is_its_own)?.to_owned())
        })
    };
    let line = ended(&Link::close, "link closed");
    assert!(line.contains("INFO: message_director: "), "{line}");
    assert!(line.contains("reason=\"closed by the peer\" age_s="), "{line}");
    assert!(line.contains(" received_bytes="), "{line}");
    assert!(line.contains(" unsent_bytes=0 may_be_lost_bytes=0 "), "{line}");
    // A number of recipients, and none of them.
    ended(&|mut link| link.stream().send_raw(&[1, 0, 7]), "datagram ends inside its recipients");
}

#[test]
fn what_comes_with_a_name_in_one_read_is_logged_with_it() {
    let daemon = setup("").start();
    let mut link = daemon.link();
    let name = |name| control_datagram(&Control::SetConName { name: Blob(name) });
    // Twice, and another one; a number of recipients without them, and control message 9999.
    let unknown = [&CONTROL_HEAD[..], &9999u16.to_le_bytes()].concat();
    let datagrams = [name(b"AI 1"), name(b"AI 1"), vec![2, 0, 7], name(b"AI 2"), unknown];
    let mut bytes = Vec::new();
    for datagram in &datagrams {
        write_frame(&mut bytes, |writer| writer.raw(datagram)).expect("short");
    }
    link.stream().send_raw(&bytes);
    let log = wait_until("the last line", || {
        Some(daemon.log()).filter(|log| log.contains("unknown control message"))
    });
    let of_it = |text: &str| log.lines().position(|line| line.contains(text)).expect(&log);
    let (named, defect) = (of_it("link named"), of_it("datagram ends inside its recipients"));
    let (renamed, unknown) = (of_it("link renamed"), of_it("unknown control message"));
    assert!(named < defect && defect < renamed && renamed < unknown, "{log}");
    let line = |index: usize| log.lines().nth(index).expect("it was found");
    assert!(line(defect).contains("name=\"AI 1\" peer="), "{log}");
    assert!(line(renamed).contains("old_name=\"AI 1\" name=\"AI 2\" peer="), "{log}");
    assert!(line(unknown).contains("name=\"AI 2\" peer="), "{log}");
    assert_eq!(log.matches("link named").count(), 1, "{log}");
}

#[test]
fn links_without_a_name_are_logged_with_their_address() {
    let daemon = setup("").start();
    let mut link = daemon.link();
    let address = link.stream().socket().local_addr().expect("connected");
    link.subscribe(SERVER);
    link.sync();
    link.close();
    for text in ["link opened", "link closed"] {
        let line = wait_until(text, || {
            let log = daemon.log();
            let of_it =
                |line: &&str| line.contains(text) && line.ends_with(&format!("peer={address}"));
            Some(log.lines().find(of_it)?.to_owned())
        });
        assert!(line.contains("INFO: message_director: "), "{line}");
    }
}

#[test]
fn what_is_no_link_is_named_and_answered() {
    let daemon = setup("").start();
    let http = (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "HTTP, but", &b"HTTP/1.1 400 "[..]);
    let tls = (&b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"[..], "TLS, but", &b"\x15\x03"[..]);
    let client = (&b"\x09\x00\x01\x00\x01\x02\x03\x04\x01\x00v"[..], "an Astron client", &b""[..]);
    for (bytes, named, answer) in [http, tls, client] {
        let mut stranger = TcpStream::connect(daemon.address("MD")).expect("it listens");
        stranger.write_all(bytes).expect("it is read");
        let mut answered = Vec::new();
        stranger.read_to_end(&mut answered).expect("an orderly end");
        assert!(answered.starts_with(answer), "{}", answered.escape_ascii());
        assert_eq!(answered.is_empty(), answer.is_empty());
        let line = wait_until(named, || {
            let log = daemon.log();
            Some(log.lines().find(|line| line.contains(named))?.to_owned())
        });
        assert!(line.contains("WARNING: message_director: no link; closed"), "{line}");
    }
}

#[test]
fn an_eject_is_logged_whatever_else_its_connection_has_logged() {
    let daemon = setup("").start();
    for _ in 0..20 {
        let log = logged_of(&daemon, |client| client.send(&ClientMessage::Heartbeat {}));
        assert!(log.contains("client ejected"), "{log}");
    }
}

#[test]
fn what_was_said_last_is_not_lost() {
    let mut daemon = setup("").argument("--loglevel=debug").unread().start();
    let mut output = daemon.output();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).expect("UTF-8");
        text
    });
    daemon.terminate("TERM");
    let text = reader.join().expect("no panic");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("shutting down") || text.contains("INFO: daemon: shutting down"));
}
