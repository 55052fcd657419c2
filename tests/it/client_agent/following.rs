//! Interests that follow what a client owns, as its parent says.

use super::*;
use crate::state_server::{create, set_owner};

const CONTROL: Channel = Channel(4_000);
const THIRD: DoId = DoId(10_003);
/// Behind the classes of the world.
const GRID: ClassId = ClassId(8);

fn cell(zone: u32) -> Location {
    Location::new(PARENT, ZoneId(zone))
}

#[test]
fn a_client_sees_what_is_around_its_object_and_asks_for_nothing() {
    let dc = concat!(
        include_str!("../world.dc"),
        "dclass Grid { setParentingRules(string type, string rule) required broadcast; };"
    );
    let keys = ", client: {relocate: true, add_interest: disabled}, parenting_rules: [Avatar]";
    let setup = setup(keys).dc(dc).role(format!("type: stateserver, control: {CONTROL}"));
    let mut stage = Stage::of(setup);
    let (mut client, session) = stage.established();
    let rule = Values::new().string("Cartesian").string("100:4:1");
    let location = Location::NONE;
    let map = ObjectState { do_id: PARENT, class_id: GRID, location, values: Rest(rule.bytes()) };
    stage.tell(CONTROL, &create(map));
    let values = seen();
    let object = |do_id, zone| avatar_at(do_id, cell(zone), &values);
    for (do_id, zone) in [(OBJECT, 105), (OTHER, 110), (THIRD, 103)] {
        stage.tell(CONTROL, &create(object(do_id, zone)));
    }
    stage.tell(OBJECT, &set_owner(session));
    let enters = |do_id, zone| ClientMessage::EnterObjectRequired { object: object(do_id, zone) };
    client.expect(&ClientMessage::EnterObjectRequiredOwner { object: object(OBJECT, 105) });
    client.expect_any_order([enters(OBJECT, 105), enters(OTHER, 110)]);
    stage.sync(&mut client, session);
    // The next column comes into sight.
    client.send(&ClientMessage::ObjectLocation { do_id: OBJECT, location: cell(106) });
    client.expect(&enters(THIRD, 103));
    stage.sync(&mut client, session);
    // Moved off the grid by the cluster, it sees nothing of it any more, nor itself.
    stage.tell(OBJECT, &StateServer::ObjectSetLocation { location: cell(5) });
    client.expect_any_order([OBJECT, OTHER, THIRD].map(leaving));
    stage.sync(&mut client, session);
}
