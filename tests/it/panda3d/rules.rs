//! Rules for what clients set fields to, of their own objects.

use super::stage::*;
use super::*;

fn at(x: i16) -> Values {
    Values::new().i16(x)
}

/// What a thing shows besides the required fields: where it is.
fn placed(x: i16) -> Values {
    Values::new().u16(1).field(field::X).raw(at(x).bytes())
}

fn daemon() -> Daemon {
    start(
        ", regenerate: owner, fields: {Thing.setX: {max_step: 5, ranges: [[-100, 100]], correct: true}}",
    )
}

#[test]
fn what_an_owner_says_of_its_object_is_judged_however_it_says_it() {
    let daemon = daemon();
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let thing = ann.make(1, 5, &placed(0));
    bob.expect_seen(&thing);
    let (base, do_id) = (ann.base, thing.do_id);
    ann.update(do_id, field::X, &at(5));
    bob.expect_update(base, do_id, field::X, &at(5));
    // Too far: it is told where it is, as it was told by its maker.
    ann.update(do_id, field::X, &at(11));
    ann.expect_update(base, do_id, field::X, &at(5));
    // In a molecular field, too.
    ann.update(do_id, field::XY, &Values::new().i16(11).i16(3));
    ann.expect_update(base, do_id, field::X, &at(5));
    ann.update(do_id, field::XY, &Values::new().i16(10).i16(3));
    bob.expect_update(base, do_id, field::XY, &Values::new().i16(10).i16(3));
    // By describing it again, which is how such clients answer who has just come.
    ann.describe(1, 5, "n", 9, &placed(90));
    ann.expect_update(base, do_id, field::X, &at(10));
    ann.describe(1, 5, "n", 9, &placed(12));
    bob.expect_update(base, do_id, field::X, &at(12));
    // Or to one alone.
    ann.target(bob.base, do_id, field::X, &at(50));
    ann.expect_update(base, do_id, field::X, &at(12));
    bob.expect_silence(do_id);
    // What is out of its range is not made at all.
    ann.describe(2, 5, "n", 9, &placed(101));
    let second = ann.make(3, 5, &placed(100));
    bob.expect_seen(&second);
    wait_until("it is logged", || {
        let log = daemon.log();
        log.contains("offence=rule").then_some(())
    });
}
