//! A script that is asked what clients of Panda3D's own repository make and say.

use super::stage::*;
use super::*;

const LUA: &str = r#"
    donet.on_create(function(client, object, parent, zone)
      if zone == 66 then return donet.DROP end
    end)
    donet.on_move(function(client, object, parent, zone)
      if zone == 67 then return donet.DROP end
    end)
    donet.on_field("Thing.setHp", function(client, object, points)
      if points > 100 then return donet.change(100) end
    end)
    donet.on_field("Thing.say", function(client, object, text)
      if text:find("darn", 1, true) then return donet.DROP end
    end)
    donet.on_field("Thing.setName", function(client, object, name)
      return donet.change(name:upper())
    end)
"#;

fn daemon() -> Daemon {
    let daemon = setup(", regenerate: server, script: game.lua").file("game.lua", LUA).start();
    wait_for_root(&daemon);
    daemon
}

#[test]
fn what_is_made_and_said_is_what_the_script_makes_of_it() {
    let daemon = daemon();
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5, 66, 67]);
    // Nothing comes of this one.
    ann.make(2, 66, &nothing());
    let mut thing = ann.make(1, 5, &hp(500));
    thing.name = "N";
    thing.other = hp(100);
    bob.expect_seen(&thing);
    ann.update(thing.do_id, field::SAY, &Values::new().string("darn it"));
    ann.update(thing.do_id, field::SAY, &Values::new().string("well"));
    bob.expect_update(ann.base, thing.do_id, field::SAY, &Values::new().string("well"));
    ann.update(thing.do_id, field::HP, &Values::new().u16(700));
    bob.expect_update(ann.base, thing.do_id, field::HP, &Values::new().u16(100));
    ann.send(&Panda3d::SetZone { do_id: thing.do_id, zone: ZoneId(67) });
    ann.update(thing.do_id, field::SAY, &Values::new().string("still here"));
    bob.expect_update(ann.base, thing.do_id, field::SAY, &Values::new().string("still here"));
}
