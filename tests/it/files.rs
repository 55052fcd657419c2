//! How many files may be open, and who is told what when they are.

use std::net::TcpStream;

use crate::client_agent::setup;
use crate::harness::world::{DC_HASH, VERSION};
use crate::harness::*;

const HELLO_RESP: u16 = 2;

/// The number in a line such as `… places=110`.
fn number_in(line: &str, name: &str) -> usize {
    let (_, value) = line.split_once(&format!(" {name}=")).expect("it has the field");
    value.split_whitespace().next().expect("a value").parse().expect("a number")
}

#[test]
fn as_many_clients_get_in_as_the_log_says() {
    for (files, reserved) in [(64, 128), (200, 128), (100, 10)] {
        let setup = setup("").daemon(format!("reserved_files: {reserved}")).files(files);
        let daemon = setup.start();
        let log = wait_until("it is ready", || {
            Some(daemon.log()).filter(|log| log.contains("daemon: ready"))
        });
        let line = log.lines().find(|line| line.contains("channels for more clients than files"));
        let line = line.unwrap_or_else(|| panic!("{log}"));
        assert_eq!(number_in(line, "clients"), 1_000, "{line}");
        let places = number_in(line, "places");
        // At least half of what the daemon has not opened itself.
        assert!(
            (16..files as usize - reserved.min(files as usize / 2)).contains(&places),
            "{line}"
        );
        let clients: Vec<Client> = (0..places)
            .map(|_| {
                let mut client = daemon.client();
                client.hello();
                client
            })
            .collect();
        let mut another = daemon.client();
        another.expect_eject(EjectReason::Generic);
        drop(clients);
    }
}

#[test]
fn a_client_is_told_that_links_have_taken_all_files() {
    let mut daemon = setup("").files(64).start();
    let links: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(daemon.address("MD")).expect("the system takes it"))
        .collect();
    wait_until("no file is left", || {
        daemon.log().contains("no link can be accepted").then_some(())
    });
    for _ in 0..20 {
        daemon.client().expect_eject(EjectReason::Generic);
    }
    let log = wait_until("all is said", || {
        let log = daemon.log();
        let is_said = |text: &str| log.contains(text);
        let is_all =
            is_said("no client can be accepted") && is_said("client refused: too many files");
        is_all.then_some(log)
    });
    for (what, name) in [("link", "MD"), ("client", "CA")] {
        let line = format!(
            "ERROR: net: no {what} can be accepted; raise the limit (LimitNOFILE) address={} \
             error=\"too many open files\"",
            daemon.address(name)
        );
        // A link that ends makes room for a moment. A line of a kind comes five times at most.
        let count = log.matches(&line).count();
        assert!((1..=5).contains(&count), "{count}: {log}");
    }
    assert!(log.contains("client refused: too many files are open"), "{log}");
    drop(links);
    // Those that waited to be accepted have to be, before they are found gone.
    wait_until("there is room again", || {
        let mut client = daemon.client();
        client.send(&ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
        (client.receive() == HELLO_RESP.to_le_bytes()).then_some(())
    });
    let again = "a client can be accepted again";
    wait_until("it is said", || daemon.log().contains(again).then_some(()));
    daemon.expect_alive();
}
