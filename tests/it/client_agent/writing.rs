//! clientagent.md §9: clients that do not read.

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
