//! Peers that do not read what they are sent, and peers that send more than anyone can take.

use std::sync::mpsc;
use std::time::Duration;

use crate::client_agent;
use crate::harness::world::mail;
use crate::harness::*;

const A: Channel = Channel(20_001);
const B: Channel = Channel(20_002);
const GONE: StateServer<'_> = StateServer::DeleteAiObjects { ai: A };

/// Floods a link that reads nothing until its post-remove says that it was disconnected.
#[track_caller]
fn expect_disconnected(key: &str) {
    let mut daemon = Setup::new().director(key).start();
    let (mut deaf, mut hearer, mut sender) = (daemon.link(), daemon.link(), daemon.link());
    deaf.subscribe(A);
    hearer.subscribe(B);
    let gone = datagram_of(B, A, &GONE);
    deaf.control(&Control::AddPostRemove { sender: A, datagram: Blob(&gone) });
    deaf.sync();
    let value = vec![0x5a; 60_000];
    let noise =
        StateServer::ObjectSetField { do_id: DoId(1), field: FieldId(1), value: Rest(&value) };
    // More than the kernel's own buffers take.
    for _ in 0..300 {
        sender.send(A, B, &noise);
    }
    hearer.expect(B, A, &GONE);
    daemon.expect_alive();
}

#[test]
fn bug_22_a_link_for_which_too_much_waits_is_disconnected() {
    expect_disconnected("link_buffer_size: 1000000, link_write_timeout_ms: 0");
}

#[test]
fn bug_22_a_link_that_takes_too_long_is_disconnected() {
    expect_disconnected("link_write_timeout_ms: 200");
}

#[test]
fn bug_80_what_clients_send_faster_than_it_is_taken_is_not_piled_up() {
    // The client is not to be slowed down because of what it says itself.
    let mut stage = client_agent::Stage::with(
        ", client: {add_interest: enabled}, limits: {bytes_per_second: 0, messages_per_second: 0}",
    );
    let mut uberdog = stage.hearer(client_agent::MAIL);
    let (mut client, session) = stage.established();
    let text = "x".repeat(50_000);
    let value = |number| Values::new().u32(number).string(&text);
    const MESSAGES: u32 = 1_200;
    let before = stage.daemon.peak_memory();
    let (done, is_done) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..MESSAGES {
                let value = value(number);
                client.send(&client_agent::update(client_agent::MAIL, mail::SEND, &value));
            }
            done.send(()).expect("somebody waits");
            // The connection has to last until all of it has arrived.
            client
        });
        // The UberDOG reads nothing until the client has sent everything, or is held up.
        let _ = is_done.recv_timeout(Duration::from_secs(1));
        for number in 0..MESSAGES {
            let value = value(number);
            let update = client_agent::routed(client_agent::MAIL, mail::SEND, &value);
            uberdog.expect(client_agent::MAIL, session, &update);
        }
    });
    let grown = stage.daemon.peak_memory() - before;
    assert!(grown < 24 << 20, "{grown} bytes for {MESSAGES} messages");
}

#[test]
fn however_many_clients_feed_somebody_slow_it_is_not_cut_off() {
    let setup = client_agent::setup(", limits: {bytes_per_second: 0, messages_per_second: 0}");
    let mut stage = client_agent::Stage::of(setup.director("link_buffer_size: 4000000"));
    let mut uberdog = stage.hearer(client_agent::MAIL);
    let value = Values::new().u32(0).string(&"x".repeat(5_000));
    const CLIENTS: usize = 100;
    const MESSAGES: usize = 100;
    let clients: Vec<_> = (0..CLIENTS).map(|_| stage.established().0).collect();
    std::thread::scope(|scope| {
        let value = &value;
        for mut client in clients {
            scope.spawn(move || {
                for _ in 0..MESSAGES {
                    client.send(&client_agent::update(client_agent::MAIL, mail::SEND, value));
                }
                // The connection has to last until all of it has arrived.
                client.expect_closed();
            });
        }
        let is_braked = || stage.daemon.log().contains("read more slowly").then_some(());
        wait_until("they are held up", is_braked);
        // Long enough for what is let through every 100 ms to be too much.
        std::thread::sleep(Duration::from_secs(2));
        for _ in 0..CLIENTS * MESSAGES {
            uberdog.receive();
        }
        stage.tell(Channel::CLIENTS, &ClientAgent::Drop {});
    });
    assert!(!stage.daemon.log().contains("reads too slowly"));
}
