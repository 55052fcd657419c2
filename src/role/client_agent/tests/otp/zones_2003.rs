//! Clients of 2003: one shard, one zone.

use super::*;

const SHARD: u32 = 200;
const UBER: u32 = 2;

fn agent_2003(change: impl FnOnce(&mut OtpConfig)) -> (Agent, TestClient) {
    let mut agent = Agent::otp_with(Era::Toontown2003, change, |_| {});
    let client = agent.playing();
    (agent, client)
}

fn shard() -> Bytes {
    dg(31).u32(SHARD)
}

fn zone(zone: u32) -> Bytes {
    dg(29).u32(zone)
}

fn zone_done(zone: u16) -> Bytes {
    dg(48).u16(zone)
}

fn here(zone: u32) -> Location {
    at(SHARD, zone)
}

fn created(do_id: u32) -> Bytes {
    dg(34).u16(2).u32(do_id).text("ann").u8(9)
}

/// The client goes to the shard, where these are in the uber zone.
fn goes_to_shard(agent: &mut Agent, client: TestClient, objects: &[u32]) {
    agent.says(client, shard());
    let context = agent.query(client.channel, DoId(SHARD), &[UBER]);
    agent.answer_count(client, context, objects.len() as u32);
    for &do_id in objects {
        agent.answer_object(client, context, avatar(do_id, here(UBER)));
    }
    let mut expected: Vec<Bytes> = objects.iter().map(|&do_id| created(do_id)).collect();
    expected.push(dg(47));
    agent.hears(client, &expected);
}

#[test]
fn a_shard_and_then_a_zone() {
    let (mut agent, client) = agent_2003(|_| {});
    goes_to_shard(&mut agent, client, &[1001]);
    agent.says(client, zone(2000));
    let context = agent.query(client.channel, DoId(SHARD), &[2000]);
    agent.answer_count(client, context, 2);
    let level = field("level").0.to_le_bytes();
    let values = [&b"\x03\0ann\x09\x01\0"[..], &level, b"\x04"].concat();
    let object = ObjectState {
        do_id: DoId(1003),
        location: here(2000),
        class_id: AVATAR,
        values: Rest(&values),
    };
    let message = StateServer::ObjectEnterInterestWithRequiredOther { context, object };
    agent.cluster(client.channel, &message);
    agent.answer_object(client, context, avatar(1002, here(2000)));
    let other = dg(35).u16(2).u32(1003).raw(&values);
    agent.hears(client, &[created(1002), other, zone_done(2000)]);
    // What moves within what it sees it is not told; what leaves is disabled, and what ends is deleted.
    agent.cluster(here(2000).channel(), &changing(1002, here(UBER), here(2000)));
    agent.cluster(here(UBER).channel(), &entering(1002, here(UBER)));
    agent.hears(client, &[]);
    agent.cluster(here(2000).channel(), &changing(1003, here(2001), here(2000)));
    agent.cluster(here(UBER).channel(), &deleting(1002));
    agent.hears(client, &[disable(1003), dg(27).u32(1002)]);
    agent.cluster(here(UBER).channel(), &set_field(1001, "level", b"\x07"));
    agent.hears(client, &[update(1001, "level", b"\x07")]);
    agent.routed();
    agent.says(client, update(1001, "data", b"\x01\0x"));
    agent.expect_routed(client.channel, &[(Channel(1001), &set_field(1001, "data", b"\x01\0x"))]);
}

#[test]
fn another_zone_leaves_the_uber_zone_as_it_is_and_another_shard_nothing() {
    let (mut agent, client) = agent_2003(|_| {});
    goes_to_shard(&mut agent, client, &[1001]);
    agent.says(client, zone(2000));
    let context = agent.query(client.channel, DoId(SHARD), &[2000]);
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(1002, here(2000)));
    agent.hears(client, &[created(1002), zone_done(2000)]);
    // The quiet zone: what it leaves goes, and it is there at once.
    agent.says(client, zone(1));
    agent.hears(client, &[disable(1002), zone_done(1)]);
    agent.routed();
    agent.says(client, dg(31).u32(300));
    agent.hears(client, &[disable(1001)]);
    let context = agent.query(client.channel, DoId(300), &[UBER]);
    agent.answer_count(client, context, 0);
    agent.hears(client, &[dg(47)]);
}

#[test]
fn it_says_what_it_sees_or_the_file_does() {
    let visible: VisibleZones =
        serde_json::from_slice(b"{\"2000\": [2000, 2001]}").expect("a right file");
    let (mut agent, client) = agent_2003(|otp| otp.visible = Some(Arc::new(visible)));
    goes_to_shard(&mut agent, client, &[]);
    agent.says(client, zone(2000));
    agent.query(client.channel, DoId(SHARD), &[2000, 2001]);
    agent.says(client, zone(2000).u32(2001).u32(2002));
    agent.query(client.channel, DoId(SHARD), &[2002]);
    agent.told(client);
    // The first versions had two bytes for it.
    agent.says(client, dg(29).u16(2001));
    agent.hears(client, &[zone_done(2000)]);
    assert!(agent.routed().is_empty());
    // A number that has no room in the answer is told by what there is.
    agent.says(client, zone(70_000));
    agent.query(client.channel, DoId(SHARD), &[70_000]);
}

#[test]
fn its_avatar_goes_with_it() {
    let (mut agent, client) = agent_2003(|_| {});
    let channel = Channel(7 << 32 | 1001);
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel });
    let object = avatar(1001, here(UBER));
    agent.cluster(channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.hears(client, &[dg(15).u32(1001).u8(0).text("ann").u8(9)]);
    agent.routed();
    agent.says(client, shard());
    agent.routed();
    agent.says(client, zone(2000));
    let routed = agent.routed();
    let moved = encode(&StateServer::ObjectSetLocation { location: here(2000) });
    assert!(routed.contains(&(vec![Channel(1001)], channel, moved)), "{routed:?}");
    agent.told(client);
    agent.cluster(channel, &changing(1001, here(5), here(2000)));
    agent.hears(client, &[]);
    agent.cluster(channel, &deleting(1001));
    agent.hears(client, &[dg(27).u32(1001)]);
}

#[test]
fn what_it_may_not() {
    let (mut agent, client) = agent_2003(|_| {});
    agent.says(client, zone(2000));
    agent.gets_lost(client, 108);
    let mut agent = Agent::otp_with(Era::Toontown2003, |_| {}, |_| {});
    let client = agent.connect();
    agent.says(client, shard());
    agent.gets_lost(client, 108);
    // Messages of those who came later.
    for later in [97, 99, 102, 36, 26, 120] {
        let client = agent.playing();
        agent.says(client, dg(later).raw(&[0; 18]));
        agent.gets_lost(client, 108);
    }
    for short in [dg(31).u16(5), dg(29).u8(5), dg(29).u32(5).u8(1)] {
        let client = agent.playing();
        agent.says(client, shard());
        agent.says(client, short);
        agent.gets_lost(client, 109);
    }
    let client = agent.playing();
    agent.says(client, shard().u8(0));
    agent.gets_lost(client, 106);
}

#[test]
fn the_rest_is_the_same() {
    let mut agent = Agent::otp_with(Era::Toontown2003, |_| {}, |_| {});
    let client = agent.connect();
    agent.says(client, dg(52));
    agent.hears(client, &[dg(52)]);
    let login = dg(16).text("token").text("sv1").u32(7).u32(2);
    agent.says(client, login.clone());
    let [(to, from, _)] = &agent.routed()[..] else { panic!("it is passed on") };
    assert_eq!((&to[..], *from), (&[LOGIN_TO.channel()][..], client.channel));
    agent.cluster(client.channel, &ClientAgent::Eject { reason: 100, text: Blob(b"twice") });
    agent.hears(client, &[dg(4).u16(100).text("twice")]);
}
