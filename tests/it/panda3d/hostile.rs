//! What kills Panda3D's own server costs its sender the connection, and nobody else anything.

use super::stage::*;
use super::*;

/// Three that see one another; the first says something that is no message, or none that it may send.
fn costs_only_its_sender(datagram: &[u8]) {
    let daemon = start(", regenerate: server");
    let mut witnesses = [Stock::at(&daemon, &[5]), Stock::at(&daemon, &[5])];
    let seen = witnesses[0].make(1, 5, &nothing());
    witnesses[1].expect_seen(&seen);
    let mut offender = Stock::at(&daemon, &[5]);
    offender.expect_seen(&seen);
    let its = offender.make(1, 5, &nothing());
    witnesses.iter_mut().for_each(|one| one.expect_seen(&its));
    offender.stream.send(datagram);
    for one in &mut witnesses {
        one.expect(&Panda3d::Delete { do_id: its.do_id });
    }
    offender.expect_closed();
    witnesses[0].update(seen.do_id, field::SAY, &Values::new().string("well?"));
    let base = witnesses[0].base;
    witnesses[1].expect_update(base, seen.do_id, field::SAY, &Values::new().string("well?"));
}

fn with(number: u16, body: &[u8]) -> Vec<u8> {
    [&number.to_le_bytes(), body].concat()
}

#[test]
fn a_truncated_message() {
    costs_only_its_sender(&with(Panda3d::OBJECT_SET_ZONE_CMU, &[1]));
    costs_only_its_sender(&with(Panda3d::CLIENT_SET_INTEREST_CMU, &[1, 2, 3, 4, 5]));
    costs_only_its_sender(&with(Panda3d::CLIENT_OBJECT_UPDATE_FIELD_TARGETED_CMU, &[1, 2, 3]));
}

#[test]
fn a_message_with_too_much() {
    costs_only_its_sender(&with(Panda3d::OBJECT_DELETE_CMU, &[1, 2, 3, 4, 5]));
    costs_only_its_sender(&with(Panda3d::CLIENT_DISCONNECT_CMU, &[1]));
}

#[test]
fn an_empty_frame() {
    costs_only_its_sender(&[]);
}

#[test]
fn an_unknown_class() {
    let mut body = Values::new().u32(5).u16(999).u32(1);
    body = body.string("n").u8(1).u16(0);
    costs_only_its_sender(&with(Panda3d::CLIENT_OBJECT_GENERATE_CMU, body.bytes()));
}

#[test]
fn messages_that_are_none_or_not_for_clients() {
    costs_only_its_sender(&with(1, &[]));
    costs_only_its_sender(&with(Panda3d::OBJECT_DISABLE_CMU, &[]));
}

/// It has made an object with a value that is none, or says one.
#[test]
fn values_that_are_none() {
    let daemon = start(", regenerate: server");
    let mut ann = Stock::at(&daemon, &[5]);
    let cases: [&[u8]; 5] = [
        // The name is cut short.
        Values::new().u16(9).raw(b"n").bytes(),
        // The other fields are.
        Values::new().string("n").u8(1).u16(1).bytes(),
        Values::new().string("n").u8(1).u16(1).field(FieldId(999)).u8(1).bytes(),
        Values::new().string("n").u8(1).u16(1).field(field::HP).u8(1).bytes(),
        // There is more than that.
        Values::new().string("n").u8(1).u16(0).u8(1).bytes(),
    ]
    .map(|bytes| &*bytes.to_vec().leak());
    for values in cases {
        let mut bad = Stock::at(&daemon, &[5]);
        let (zone, do_id) = (ZoneId(5), bad.id(1));
        let values = Rest(values);
        bad.send(&Panda3d::ClientGenerate { zone, class_id: THING, do_id, values });
        bad.expect_closed();
    }
    let seen = ann.make(1, 5, &nothing());
    let mut bad = Stock::at(&daemon, &[5]);
    bad.expect_seen(&seen);
    bad.update(seen.do_id, field::SAY, &Values::new().u16(40).raw(b"cut short"));
    bad.expect_closed();
    ann.expect_silence(seen.do_id);
}

#[test]
fn what_panda3d_drops_is_dropped() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob) = (Stock::at(&daemon, &[5]), Stock::at(&daemon, &[5]));
    let seen = ann.make(1, 5, &nothing());
    bob.expect_seen(&seen);
    // A heartbeat is none of these, and comes from honest clients.
    bob.send(&Panda3d::Targeted { update: Rest(&[]) });
    bob.update(DoId(4_000), field::SAY, &Values::new().string("nobody there"));
    bob.update(seen.do_id, FieldId(999), &Values::new());
    bob.send(&Panda3d::SetZone { do_id: seen.do_id, zone: ZoneId(6) });
    bob.send(&Panda3d::Delete { do_id: seen.do_id });
    // An object under a doId of somebody else's.
    let values = Values::new().string("n").u8(1).u16(0);
    bob.send(&Panda3d::ClientGenerate {
        zone: ZoneId(5),
        class_id: THING,
        do_id: ann.id(2),
        values: Rest(values.bytes()),
    });
    // One of its own, of another class than it is.
    ann.send(&Panda3d::ClientGenerate {
        zone: ZoneId(5),
        class_id: LOCKED,
        do_id: seen.do_id,
        values: Rest(&[0, 0]),
    });
    bob.expect_silence(seen.do_id);
    ann.expect_silence(seen.do_id);
    let dropped = ["give object", "delete object", "move object", "make object"];
    for what in dropped {
        let text = format!("Client tried to {what}");
        wait_until(&text, || daemon.log().contains(&text).then_some(()));
    }
}

#[test]
fn with_a_header_of_four_bytes_a_length_that_cannot_be_costs_its_sender_the_connection() {
    let daemon = start(", tcp_header_size: 4");
    let mut stream = std::net::TcpStream::connect(daemon.address("CA")).expect("it listens");
    let mut first = [0; 14];
    std::io::Read::read_exact(&mut stream, &mut first).expect("it speaks first");
    assert_eq!(first[..6], [10, 0, 0, 0, 0x29, 0x23]);
    std::io::Write::write_all(&mut stream, &[6, 0, 0, 0, 0x31, 0x23, 5, 0, 0, 0]).expect("open");
    let mut disable = [0; 6];
    std::io::Read::read_exact(&mut stream, &mut disable).expect("it answers");
    assert_eq!(disable, [2, 0, 0, 0, 0x2d, 0x23]);
    std::io::Write::write_all(&mut stream, &[0, 0, 1, 0, 1, 2]).expect("open");
    assert_eq!(std::io::Read::read(&mut stream, &mut first).expect("in order"), 0);
}

#[test]
fn only_trusted_programs_make_objects_of_other_classes() {
    let daemon = start(", create: [Thing], trusted: {bind: $TRUSTED}");
    let mut witness = Stock::at(&daemon, &[5]);
    let make = |stock: &mut Stock, class_id| {
        let (zone, do_id, values) = (ZoneId(5), stock.id(1), Rest(&[0, 0]));
        stock.send(&Panda3d::ClientGenerate { zone, class_id, do_id, values });
        Panda3d::Generate { sender: stock.base, zone, class_id, do_id, values }
    };
    let mut ann = Stock::connect(&daemon);
    make(&mut ann, LOCKED);
    let seen = ann.make(2, 5, &nothing());
    witness.expect_seen(&seen);
    let mut trusted = Stock::connect_at(&daemon, "TRUSTED");
    let told = make(&mut trusted, LOCKED);
    witness.expect(&told);
}

/// They come by no proxy, whatever players do.
#[test]
fn trusted_programs_say_no_proxy_header() {
    let trusted = ", trusted: {bind: $TRUSTED}";
    for haproxy in [", haproxy: true", ", haproxy: {from: [192.0.2.0/24]}"] {
        let daemon = setup_with(trusted, haproxy).start();
        let mut ai = Stock::connect_at(&daemon, "TRUSTED");
        ai.see(&[5]);
        ai.expect(&disable(&[]));
    }
}

#[test]
fn what_is_dropped_can_cost_the_connection() {
    let daemon = setup_with("", ", offences: {permission: eject}").start();
    wait_for_root(&daemon);
    let mut ann = Stock::at(&daemon, &[5]);
    ann.send(&Panda3d::Delete { do_id: DoId(7) });
    ann.expect_closed();
}
