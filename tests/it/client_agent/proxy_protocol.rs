//! clientagent.md §8: clients behind a proxy.

use super::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn start() -> Stage {
    Stage::with(", haproxy: true")
}

/// A version 2 header. `command` is 0 for LOCAL, 1 for PROXY; `family` as the byte has it.
fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, body].concat()
}

/// Addresses and ports of a version 2 header for IPv4, 10.1.2.3:4000 to 10.3.2.1:80.
const IPV4: &[u8] = &[10, 1, 2, 3, 10, 3, 2, 1, 0x0f, 0xa0, 0, 80];

/// Sends a header, says hello, and expects the session to know these addresses and TLVs.
fn expect_accepted(header: &[u8], remote: (&str, u16), local: (&str, u16), tlvs: &[u8]) {
    let mut stage = start();
    let mut client = stage.daemon.client();
    client.stream().send_raw(header);
    client.hello();
    expect_addresses(&mut stage, remote, local, tlvs);
}

fn expect_addresses(stage: &mut Stage, remote: (&str, u16), local: (&str, u16), tlvs: &[u8]) {
    let mut asker = stage.hearer(SERVER);
    let context = Context(9);
    let channel = channel_of_port(&stage.daemon, remote.1);
    stage.tell(channel, &ClientAgent::GetNetworkAddress { context });
    let (remote_ip, local_ip) = (Blob(remote.0.as_bytes()), Blob(local.0.as_bytes()));
    let (remote_port, local_port) = (remote.1, local.1);
    asker.expect(
        SERVER,
        channel,
        &ClientAgent::GetNetworkAddressResp {
            context,
            remote_ip,
            remote_port,
            local_ip,
            local_port,
        },
    );
    stage.tell(channel, &ClientAgent::GetTlvs { context });
    asker.expect(SERVER, channel, &ClientAgent::GetTlvsResp { context, tlvs: Blob(tlvs) });
}

/// Sends bytes for which the client has to be closed without a word.
fn expect_refused(bytes: &[u8]) {
    let stage = start();
    let mut client = stage.daemon.client();
    // The daemon may be faster to close than the test to send.
    let _ = client.stream().try_send_raw(bytes);
    client.expect_closed();
}

#[test]
fn a_version_1_header_tells_the_addresses() {
    let header = b"PROXY TCP4 10.1.2.3 10.3.2.1 4000 80\r\n";
    expect_accepted(header, ("10.1.2.3", 4000), ("10.3.2.1", 80), b"");
}

#[test]
fn a_version_1_header_may_be_of_ipv6() {
    let header = b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 80\r\n";
    expect_accepted(header, ("2001:db8::1", 4000), ("2001:db8::2", 80), b"");
}

#[test]
fn a_version_2_header_tells_the_addresses() {
    let header = version_2(1, 0x11, IPV4);
    expect_accepted(&header, ("10.1.2.3", 4000), ("10.3.2.1", 80), b"");
}

#[test]
fn a_version_2_header_may_be_of_ipv6() {
    let mut body = b"\x20\x01\x0d\xb8\xde\xad\xbe\xef\0\0\0\0\xfe\xed\0\x01".to_vec();
    body.extend(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02");
    body.extend([0x0f, 0xa0, 0, 80]);
    let header = version_2(1, 0x21, &body);
    let remote = ("2001:db8:dead:beef::feed:1", 4000);
    expect_accepted(&header, remote, ("2001:db8::2", 80), b"");
}

#[test]
fn tlvs_are_kept_as_they_came() {
    let tlvs = b"\x04\0\x03abc\xea\0\x01\0";
    let header = version_2(1, 0x11, &[IPV4, tlvs].concat());
    expect_accepted(&header, ("10.1.2.3", 4000), ("10.3.2.1", 80), tlvs);
}

#[test]
fn a_local_header_leaves_the_socket_s_addresses() {
    let mut stage = start();
    let mut client = stage.daemon.client();
    client.stream().send_raw(&version_2(0, 0x11, IPV4));
    client.hello();
    let (remote, local) = (client.address(), stage.daemon.address("CA"));
    expect_addresses(&mut stage, ("127.0.0.1", remote.port()), ("127.0.0.1", local.port()), b"");
}

#[test]
fn a_header_may_come_in_pieces_and_with_more_behind_it() {
    let hello = ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) };
    let datagram = client_datagram_of(&hello);
    let hello = [&(datagram.len() as u16).to_le_bytes()[..], &datagram].concat();
    let headers = [b"PROXY TCP4 10.1.2.3 10.3.2.1 4000 80\r\n".to_vec(), version_2(1, 0x11, IPV4)];
    for header in headers {
        let all = [&header[..], &hello].concat();
        for pieces in [vec![&all[..]], all.chunks(1).collect(), all.chunks(17).collect()] {
            let stage = start();
            let mut client = stage.daemon.client();
            for piece in pieces {
                client.stream().send_raw(piece);
            }
            client.expect(&ClientMessage::HelloResp {});
        }
    }
}

#[test]
fn what_is_no_header_is_refused() {
    expect_refused(b"\x0f\0\x01\0\xcd\xab\x23\x01\x07\0world 1");
    expect_refused(b"GET / HTTP/1.1\r\nHost: game\r\n\r\n");
    // A line that does not end.
    expect_refused(&[&b"PROXY TCP4 "[..], &[b'1'; 120]].concat());
    expect_refused(b"PROXY TCP4 10.1.2.3 10.3.2.1 4000 80\rx");
}

#[test]
fn a_broken_version_2_header_is_refused() {
    let mut wrong_version = version_2(1, 0x11, IPV4);
    wrong_version[12] = 0x31;
    expect_refused(&wrong_version);
    expect_refused(&version_2(2, 0x11, IPV4));
    expect_refused(&version_2(1, 0x31, IPV4));
    expect_refused(&version_2(1, 0x12, IPV4));
    expect_refused(&version_2(1, 0x11, &IPV4[..11]));
    expect_refused(&version_2(1, 0x21, &[0; 35]));
}

#[test]
fn without_the_key_a_header_is_no_hello() {
    let stage = Stage::start();
    let mut client = stage.daemon.client();
    let bytes = version_2(1, 0x11, IPV4);
    // Read as a frame this is 0x0a0d bytes long; all of them come.
    let rest = vec![0; 2 + 0x0a0d - bytes.len()];
    client.stream().send_raw(&[bytes, rest].concat());
    client.expect_eject(EjectReason::NoHello);
}
