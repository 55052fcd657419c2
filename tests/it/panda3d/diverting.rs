//! What clients say that an UberDOG hears first.

use donet::ids::Channel;
use donet::message::StateServer;

use super::stage::*;
use super::*;

const FILTER: DoId = DoId(4700);
const INTERCEPTED: FieldId = FieldId(16);

fn daemon() -> Daemon {
    let more = ", regenerate: server, intercept: {Thing.say: 4700}";
    let dc =
        format!("{DC} dclass Filter {{ intercepted(uint32 doId, uint16 field, blob value); }};");
    let setup = setup_with(more, ", offences: {permission: warn}").dc(dc);
    let daemon = setup.uberdog(format!("id: {FILTER}, class: Filter, anonymous: false")).start();
    wait_for_root(&daemon);
    daemon
}

fn say(text: &str) -> Values {
    Values::new().string(text)
}

/// That the filter has been told of this by a client.
#[track_caller]
fn expect_heard(filter: &mut Link, sender: Channel, do_id: DoId, value: &Values) {
    let length = value.bytes().len() as u16;
    let told = Values::new().u32(do_id.0).field(field::SAY).u16(length).raw(value.bytes());
    let value = Rest(told.bytes());
    let update = StateServer::ObjectSetField { do_id: FILTER, field: INTERCEPTED, value };
    filter.expect(FILTER, sender, &update);
}

#[test]
fn an_uberdog_lets_through_what_all_hear_the_sender_too() {
    let daemon = daemon();
    let mut filter = daemon.link();
    filter.subscribe(FILTER.channel());
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let thing = ann.make(1, 5, &nothing());
    bob.expect_seen(&thing);
    let do_id = thing.do_id;
    ann.update(do_id, field::SAY, &say("darn"));
    expect_heard(&mut filter, ann.channel(), do_id, &say("darn"));
    bob.expect_silence(do_id);
    let value = say("****");
    let update =
        StateServer::ObjectSetField { do_id, field: field::SAY, value: Rest(value.bytes()) };
    filter.send(do_id.channel(), Channel(5_000), &update);
    bob.expect_update(DoId(0), do_id, field::SAY, &value);
    ann.expect_update(DoId(0), do_id, field::SAY, &value);
    // Bob may say something of it, too, since the field is clsend.
    bob.update(do_id, field::SAY, &say("yes"));
    expect_heard(&mut filter, bob.channel(), do_id, &say("yes"));
}

#[test]
fn there_is_no_way_round_it() {
    let daemon = daemon();
    let mut filter = daemon.link();
    filter.subscribe(FILTER.channel());
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let thing = ann.make(1, 5, &nothing());
    bob.expect_seen(&thing);
    // To one alone, with a description, or to the UberDOG as if the agent said it.
    ann.target(bob.base, thing.do_id, field::SAY, &say("psst"));
    let said = Values::new().u16(1).field(field::SAY).raw(say("here").bytes());
    ann.describe(1, 5, "n", 9, &said);
    ann.describe(2, 5, "n", 9, &said);
    let told = Values::new().u32(thing.do_id.0).field(field::SAY).u16(0);
    ann.update(FILTER, INTERCEPTED, &told);
    ann.update(thing.do_id, field::SAY, &say("at last"));
    expect_heard(&mut filter, ann.channel(), thing.do_id, &say("at last"));
    bob.expect_silence(thing.do_id);
    wait_until("all four are logged", || {
        let log = daemon.log();
        (log.matches("offence=permission").count() == 4).then_some(())
    });
}
