//! clientagent.md §9: clients that do not read.

use std::time::{Duration, Instant};

use super::*;

/// Says as much as it takes to a client that reads nothing, until its session is gone.
#[track_caller]
fn expect_dropped(more: &str) {
    let mut stage = Stage::with(more);
    let (mut client, channel) = stage.established();
    let mut hearer = stage.hearer(SERVER);
    let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.sync(&mut client, channel);
    let (mut other, other_channel) = stage.established();
    let noise = vec![0x5a; 60_000];
    // The kernel's own buffers take some megabytes.
    for _ in 0..400 {
        stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(&noise) });
    }
    hearer.expect(SERVER, channel, &ClientAgent::Drop {});
    stage.sync(&mut other, other_channel);
}

#[test]
fn a_client_that_reads_nothing_is_dropped_when_too_much_waits_for_it() {
    expect_dropped(", client: {write_buffer_size: 100000, write_timeout_ms: 0}");
}

#[test]
fn a_client_that_reads_nothing_is_dropped_when_it_takes_too_long() {
    expect_dropped(", client: {write_buffer_size: 0, write_timeout_ms: 200}");
}

#[test]
fn a_client_that_reads_slowly_gets_everything_if_there_is_no_limit() {
    let mut stage = Stage::with(", client: {write_buffer_size: 0, write_timeout_ms: 0}");
    let (mut client, channel) = stage.established();
    let noise = vec![0x5a; 60_000];
    for _ in 0..400 {
        stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(&noise) });
    }
    stage.server.sync();
    for _ in 0..400 {
        assert_eq!(client.receive(), noise);
    }
    stage.sync(&mut client, channel);
}

#[test]
fn a_client_that_reads_nothing_does_not_slow_down_the_others() {
    let mut stage = Stage::with(", client: {write_timeout_ms: 600000}");
    let (mut deaf, channel) = stage.established();
    let noise = vec![0x5a; 10_000];
    // Until something waits in the daemon itself, and yet not so much that the client is dropped:
    // what the kernel takes is not known, so the daemon's own memory tells.
    let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.sync(&mut deaf, channel);
    let mut hearer = stage.hearer([SERVER, MAIL.channel()]);
    let witness = ClientAgent::SendDatagram { datagram: Blob(&noise) };
    let flood = |stage: &mut Stage, hearer: &mut Link| {
        let start = Instant::now();
        for _ in 0..500 {
            stage.server.send(MAIL, SERVER, &witness);
        }
        for _ in 0..500 {
            if hearer.receive() == (Datagram { bytes: gone.clone() }) {
                return None;
            }
        }
        Some(start.elapsed())
    };
    let mut slowest = Duration::ZERO;
    // Five megabytes between two others for each step in which the deaf client is told more.
    while let Some(took) = flood(&mut stage, &mut hearer) {
        slowest = slowest.max(took);
        for _ in 0..10 {
            stage.tell(channel, &witness);
        }
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
