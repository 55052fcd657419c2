//! Rules for the zones that clients ask for, and zones that follow what they have made.

use super::stage::*;
use crate::harness::*;
use crate::state_server::{create, create_other};

const AI: Channel = Channel(5_000);

#[test]
fn rules_say_which_zones_clients_may_ask_for() {
    let rules = format!("[{{deny: {{zones: 7}}}}, {{allow: {{parent: {ROOT}}}}}]");
    let daemon = start(&format!(", add_interest: {rules}"));
    let mut ann = Stock::at(&daemon, &[5]);
    // It sees where it puts something all the same.
    let thing = ann.make(2, 7, &nothing());
    ann.expect(&disable(&[]));
    let mut bob = Stock::at(&daemon, &[5]);
    ann.expect_silence(thing.do_id);
    bob.see(&[5, 7]);
    bob.expect_closed();
    wait_until("that is said", || daemon.log().contains("zone 7 of parent").then_some(()));
    ann.expect_silence(thing.do_id);
}

#[test]
fn what_the_cluster_puts_on_a_grid_shows_its_maker_what_is_around_it() {
    const GRID: DoId = DoId(90_001);
    const OTHER: DoId = DoId(90_002);
    let dc = format!(
        "{DC} dclass Grid {{ setParentingRules(string type, string rule) required broadcast; }};"
    );
    let daemon = setup_with("", ", parenting_rules: [Thing]").dc(dc).start();
    wait_for_root(&daemon);
    let mut link = daemon.link();
    let rule = Values::new().string("Cartesian").string("100:4:1");
    let location = Location::new(ROOT, ZoneId(1));
    let class_id = ClassId(5);
    let grid = ObjectState { do_id: GRID, class_id, location, values: Rest(rule.bytes()) };
    link.send(CONTROL, AI, &create(grid));
    let values = Values::new().string("n").u8(9).raw(nothing().bytes());
    let location = Location::new(GRID, ZoneId(110));
    let thing =
        ObjectState { do_id: OTHER, class_id: THING, location, values: Rest(values.bytes()) };
    link.send(CONTROL, AI, &create_other(thing));
    let mut ann = Stock::connect(&daemon);
    let made = ann.make(2, 5, &nothing());
    ann.expect(&disable(&[]));
    ann.expect_silence(made.do_id);
    let location = Location::new(GRID, ZoneId(105));
    link.send(made.do_id, AI, &StateServer::ObjectSetLocation { location });
    let zone = Values::new().u32(0).u32(105);
    ann.expect_update(ann.base, made.do_id, field::LOCATION, &zone);
    let other = Seen { sender: DoId(0), zone: 110, do_id: OTHER, name: "n", other: nothing() };
    ann.expect_seen(&other);
    // From the first column that is out of sight.
    let location = Location::new(GRID, ZoneId(104));
    link.send(made.do_id, AI, &StateServer::ObjectSetLocation { location });
    let zone = Values::new().u32(0).u32(104);
    ann.expect_update(ann.base, made.do_id, field::LOCATION, &zone);
    ann.expect(&disable(&[OTHER]));
    ann.expect_silence(made.do_id);
}
