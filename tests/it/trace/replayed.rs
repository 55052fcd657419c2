//! Made by `donet trace --test` of recorded datagrams, and kept as it came, with its role: what is printed there is a test.

use crate::harness::*;

#[track_caller]
fn expect(all: &mut Link, datagram: &[u8]) {
    match all.stream().receive() {
        Received::Datagram(came) => {
            assert_eq!(came.escape_ascii().to_string(), datagram.escape_ascii().to_string())
        }
        other => panic!("{other:?} where a datagram should come"),
    }
}

#[test]
fn what_was_recorded_happens_again() {
    let daemon = Setup::new().role("type: stateserver, control: 4002").start();
    let mut all = daemon.link();
    // Above are the channels of the harness.
    all.subscribe_range(2, 0xf00c_ffff_ffff_ffff);
    // link 127.0.0.1:34384
    let mut link_1 = daemon.link();
    // link 127.0.0.1:34388
    let mut link_2 = daemon.link();
    // 13:12:00.334871 link 127.0.0.1:34384: STATESERVER_CREATE_OBJECT_WITH_REQUIRED 4500 → 4002 do_id=700 parent=900 zone=2 class=Avatar required=[Item.setName("Bo"), Avatar.setPosition(1, 2)]
    let datagram = b"\x01\xa2\x0f\x00\x00\x00\x00\x00\x00\x94\x11\x00\x00\x00\x00\x00\x00\xd0\x07\xbc\x02\x00\x00\x84\x03\x00\x00\x02\x00\x00\x00\x04\x00\x02\x00Bo\x01\x00\x02\x00";
    link_1.stream().send(datagram);
    expect(&mut all, datagram);
    // 13:12:00.335143 StateServer(4002): STATESERVER_OBJECT_GET_AI 700 → 900 context=0
    expect(&mut all, b"\x01\x84\x03\x00\x00\x00\x00\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00\x06\x08\x00\x00\x00\x00");
    // 13:12:00.335146 StateServer(4002): STATESERVER_OBJECT_CHANGING_LOCATION 4500 → 900 do_id=700 new={parent=900 zone=2} old={parent=0 zone=0}
    expect(&mut all, b"\x01\x84\x03\x00\x00\x00\x00\x00\x00\x94\x11\x00\x00\x00\x00\x00\x00\xf9\x07\xbc\x02\x00\x00\x84\x03\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
    // 13:12:00.335150 StateServer(4002): STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED 700 → 3865470566402 do_id=700 parent=900 zone=2 class=Avatar required=[Item.setName("Bo"), Avatar.setPosition(1, 2)]
    expect(&mut all, b"\x01\x02\x00\x00\x00\x84\x03\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00\xfa\x07\xbc\x02\x00\x00\x84\x03\x00\x00\x02\x00\x00\x00\x04\x00\x02\x00Bo\x01\x00\x02\x00");
    // 13:12:00.335152 StateServer(4002): STATESERVER_OBJECT_GET_LOCATION 700 → 4294967996 context=1001
    expect(&mut all, b"\x01\xbc\x02\x00\x00\x01\x00\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00\xfc\x07\xe9\x03\x00\x00");
    // 13:12:00.335163 link 127.0.0.1:34384: STATESERVER_OBJECT_SET_FIELD 4500 → 700 do_id=700 Avatar.setPosition(7, -7)
    let datagram = b"\x01\xbc\x02\x00\x00\x00\x00\x00\x00\x94\x11\x00\x00\x00\x00\x00\x00\xe4\x07\xbc\x02\x00\x00#\x00\x07\x00\xf9\xff";
    link_1.stream().send(datagram);
    expect(&mut all, datagram);
    // 13:12:00.335209 StateServer(4002): STATESERVER_OBJECT_SET_FIELD 4500 → 3865470566402 do_id=700 Avatar.setPosition(7, -7)
    expect(&mut all, b"\x01\x02\x00\x00\x00\x84\x03\x00\x00\x94\x11\x00\x00\x00\x00\x00\x00\xe4\x07\xbc\x02\x00\x00#\x00\x07\x00\xf9\xff");
    // 13:12:00.647457 link 127.0.0.1:34388: STATESERVER_OBJECT_SET_LOCATION 4600 → 700 location={parent=900 zone=3}
    let datagram = b"\x01\xbc\x02\x00\x00\x00\x00\x00\x00\xf8\x11\x00\x00\x00\x00\x00\x00\xf8\x07\x84\x03\x00\x00\x03\x00\x00\x00";
    link_2.stream().send(datagram);
    expect(&mut all, datagram);
    // 13:12:00.647585 StateServer(4002): STATESERVER_OBJECT_CHANGING_LOCATION 4600 → 900,3865470566402 do_id=700 new={parent=900 zone=3} old={parent=900 zone=2}
    expect(&mut all, b"\x02\x84\x03\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x84\x03\x00\x00\xf8\x11\x00\x00\x00\x00\x00\x00\xf9\x07\xbc\x02\x00\x00\x84\x03\x00\x00\x03\x00\x00\x00\x84\x03\x00\x00\x02\x00\x00\x00");
    // 13:12:00.647592 StateServer(4002): STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED 700 → 3865470566403 do_id=700 parent=900 zone=3 class=Avatar required=[Item.setName("Bo"), Avatar.setPosition(7, -7)]
    expect(&mut all, b"\x01\x03\x00\x00\x00\x84\x03\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00\xfa\x07\xbc\x02\x00\x00\x84\x03\x00\x00\x03\x00\x00\x00\x04\x00\x02\x00Bo\x07\x00\xf9\xff");
    // 13:12:00.647596 link 127.0.0.1:34388: STATESERVER_OBJECT_DELETE_RAM 4600 → 700 do_id=700
    let datagram = b"\x01\xbc\x02\x00\x00\x00\x00\x00\x00\xf8\x11\x00\x00\x00\x00\x00\x00\xf0\x07\xbc\x02\x00\x00";
    link_2.stream().send(datagram);
    expect(&mut all, datagram);
    // 13:12:00.647653 StateServer(4002): STATESERVER_OBJECT_CHANGING_LOCATION 4600 → 900 do_id=700 new={parent=0 zone=0} old={parent=900 zone=3}
    expect(&mut all, b"\x01\x84\x03\x00\x00\x00\x00\x00\x00\xf8\x11\x00\x00\x00\x00\x00\x00\xf9\x07\xbc\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x84\x03\x00\x00\x03\x00\x00\x00");
    // 13:12:00.647657 StateServer(4002): STATESERVER_OBJECT_DELETE_RAM 4600 → 3865470566403 do_id=700
    expect(&mut all, b"\x01\x03\x00\x00\x00\x84\x03\x00\x00\xf8\x11\x00\x00\x00\x00\x00\x00\xf0\x07\xbc\x02\x00\x00");
}
