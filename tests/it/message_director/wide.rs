//! Links whose lengths have four bytes: `tcp_header_size: 4`.

use super::*;

fn long(number: u8) -> Vec<u8> {
    let bytes = vec![number; 60_000];
    datagram_of(A, B, &ClientAgent::SendDatagram { datagram: Blob(&bytes) })
}

#[test]
fn a_link_says_and_hears_with_four_bytes() {
    let daemon = Setup::new().wide().start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe([A, B]);
    for number in 0..3 {
        two.send([A, C], B, &note(number));
        one.expect([A, C], B, &note(number));
    }
    // More than fits a socket at once.
    for number in 0..200 {
        two.stream().send(&long(number));
    }
    for number in 0..200 {
        assert!(one.stream().receive() == Received::Datagram(long(number)), "{number}");
    }
    // What is left behind is said.
    let datagram = datagram_of(A, C, &note(9));
    two.control(&Control::AddPostRemove { sender: C, datagram: Blob(&datagram) });
    two.sync();
    drop(two);
    one.expect(A, C, &note(9));
}

#[test]
fn so_does_the_link_upstream_beside_links_with_two() {
    let above = Setup::new().wide().start();
    let below = Setup::new()
        .director(format!("connect: {}", above.address("MD")))
        .director("upstream_tcp_header_size: 4")
        .start();
    let (mut high, mut low) = (above.link(), below.link());
    high.subscribe(A);
    low.subscribe(B);
    // Its subscription is known above when its word is.
    low.send(A, C, &note(1));
    high.expect(A, C, &note(1));
    high.send(B, C, &note(2));
    low.expect(B, C, &note(2));
}

#[test]
fn whoever_has_other_lengths_is_told_from_whoever_is_defective() {
    let daemon = Setup::new().start();
    let mut wide = FrameStream::connect(daemon.address("MD")).wide(true);
    wide.send(&control_datagram(&Control::AddChannel { channel: A }));
    assert_eq!(wide.receive(), Received::Closed);
    wait_until("that is said", || {
        daemon.log().contains("a link whose lengths have 4 bytes (tcp-header-size)").then_some(())
    });
    let daemon = Setup::new().wide().start();
    let mut narrow = FrameStream::connect(daemon.address("MD"));
    narrow.send(&control_datagram(&Control::AddChannel { channel: A }));
    assert_eq!(narrow.receive(), Received::Closed);
    wait_until("that is said", || {
        daemon.log().contains("its lengths may have 2 bytes instead of 4").then_some(())
    });
}
