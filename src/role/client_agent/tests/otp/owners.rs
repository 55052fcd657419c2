//! What a client owns, as message 15 or as message 36 tells it.

use super::*;

fn agent_of(view: OwnerView) -> (Agent, TestClient) {
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.owner_view = view, |_| {});
    let client = agent.playing();
    (agent, client)
}

fn gives(agent: &mut Agent, client: TestClient, do_id: u32, at: Location) {
    let object = avatar(do_id, at);
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
}

fn takes(agent: &mut Agent, client: TestClient, do_id: u32) {
    let (do_id, new, old) = (DoId(do_id), Channel(5), client.channel);
    agent.cluster(client.channel, &StateServer::ObjectChangingOwner { do_id, new, old });
}

fn details(do_id: u32) -> Bytes {
    dg(15).u32(do_id).u8(0).text("ann").u8(9)
}

fn owner_view(do_id: u32, at: Location) -> Bytes {
    dg(36).u16(2).u32(do_id).u32(at.parent.0).u32(at.zone.0).text("ann").u8(9).u16(0)
}

const HERE: Location = Location::new(DoId(100), ZoneId(5));
const THERE: Location = Location::new(DoId(100), ZoneId(6));
const AWAY: Location = Location::new(DoId(200), ZoneId(7));

#[test]
fn an_avatar_is_told_by_its_required_fields_and_then_the_others() {
    let (mut agent, client) = agent_of(OwnerView::Avatar);
    let level = field("level").0.to_le_bytes();
    let values = [&b"\x03\0ann\x09\x02\0"[..], &level, b"\x04", &level, b"\x05"].concat();
    let object =
        ObjectState { do_id: DoId(1001), location: HERE, class_id: AVATAR, values: Rest(&values) };
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequiredOther { object });
    let expected = [details(1001), update(1001, "level", b"\x04"), update(1001, "level", b"\x05")];
    agent.hears(client, &expected);
    // As message 36 it has all of them.
    let (mut agent, client) = agent_of(OwnerView::Object);
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequiredOther { object });
    agent.hears(client, &[dg(36).u16(2).u32(1001).u32(100).u32(5).raw(&values)]);
}

#[test]
fn an_avatar_is_nothing_of_an_interest() {
    let (mut agent, client) = agent_of(OwnerView::Avatar);
    gives(&mut agent, client, 1001, HERE);
    agent.hears(client, &[details(1001)]);
    // It is found, and comes, and is told neither.
    let context = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(1001, HERE));
    agent.cluster(HERE.channel(), &set_field(1001, "level", b"\x07"));
    agent.answer_object(client, context, avatar(1002, HERE));
    agent.hears(client, &[update(1001, "level", b"\x07"), create(1002, HERE), done(3, 73)]);
    agent.cluster(HERE.channel(), &entering(1001, HERE));
    agent.hears(client, &[]);
    // It leaves the interest, and is told where it is, and stays known when that is closed.
    agent.cluster_from(AI, &[client.channel], &changing(1001, AWAY, HERE));
    agent.cluster_from(AI, &[client.channel], &changing(1001, HERE, AWAY));
    agent.hears(client, &[location(1001, AWAY), location(1001, HERE)]);
    agent.says(client, remove_interest(3, 9));
    agent.hears(client, &[disable(1002), done(3, 9)]);
    agent.cluster(client.channel, &set_field(1001, "level", b"\x08"));
    agent.hears(client, &[update(1001, "level", b"\x08")]);
    agent.cluster(client.channel, &deleting(1001));
    agent.hears(client, &[disable(1001)]);
}

#[test]
fn what_it_sees_becomes_its_avatar_and_no_longer_is() {
    let (mut agent, client) = agent_of(OwnerView::Avatar);
    agent.opens(client, 3, HERE, &[1001]);
    gives(&mut agent, client, 1001, HERE);
    agent.hears(client, &[details(1001)]);
    // The zone goes, and the avatar does not.
    agent.says(client, add_interest(3, 9, 100, &[]));
    agent.hears(client, &[done(3, 9)]);
    let context = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.answer_count(client, context, 0);
    agent.hears(client, &[done(3, 73)]);
    // Where it sees it, it goes on seeing it as another's.
    takes(&mut agent, client, 1001);
    agent.hears(client, &[location(1001, HERE)]);
    agent.cluster(HERE.channel(), &changing(1001, AWAY, HERE));
    agent.hears(client, &[disable(1001)]);
    // Elsewhere it is gone at once.
    gives(&mut agent, client, 1003, AWAY);
    takes(&mut agent, client, 1003);
    agent.hears(client, &[details(1003), disable(1003)]);
}

#[test]
fn one_that_is_being_asked_for_becomes_its_avatar() {
    let (mut agent, client) = agent_of(OwnerView::Avatar);
    let context = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(1001, HERE));
    agent.cluster(HERE.channel(), &set_field(1001, "level", b"\x06"));
    gives(&mut agent, client, 1001, HERE);
    agent.hears(client, &[details(1001)]);
    agent.answer_object(client, context, avatar(1002, HERE));
    agent.hears(client, &[create(1002, HERE), done(3, 73)]);
}

#[test]
fn as_an_object_it_has_two_views() {
    let (mut agent, client) = agent_of(OwnerView::Object);
    gives(&mut agent, client, 1001, HERE);
    agent.hears(client, &[owner_view(1001, HERE)]);
    let context = agent.asks_for(client, 3, 100, &[5, 6], &[5, 6]);
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(1001, HERE));
    agent.hears(client, &[create(1001, HERE), done(3, 73)]);
    agent.cluster(client.channel, &changing(1001, THERE, HERE));
    agent.hears(client, &[location(1001, THERE)]);
    // It is told where it goes, also out of sight; the owner's view stays.
    agent.cluster(client.channel, &changing(1001, AWAY, THERE));
    agent.hears(client, &[location(1001, AWAY), disable(1001)]);
    agent.cluster(client.channel, &changing(1001, HERE, AWAY));
    agent.cluster(HERE.channel(), &entering(1001, HERE));
    agent.hears(client, &[location(1001, HERE), create(1001, HERE)]);
    agent.says(client, remove_interest(3, 9));
    agent.hears(client, &[disable(1001), done(3, 9)]);
    agent.cluster(client.channel, &set_field(1001, "level", b"\x08"));
    agent.cluster(client.channel, &deleting(1001));
    agent.hears(client, &[update(1001, "level", b"\x08"), dg(26).u32(1001)]);
}

#[test]
fn where_it_has_put_its_avatar_itself_it_is_not_told() {
    let (mut agent, client) = agent_of(OwnerView::Avatar);
    gives(&mut agent, client, 1001, HERE);
    agent.hears(client, &[details(1001)]);
    agent.routed();
    agent.says(client, location(1001, AWAY));
    let moved = StateServer::ObjectSetLocation { location: AWAY };
    agent.expect_routed(client.channel, &[(Channel(1001), &moved)]);
    agent.cluster_from(client.channel, &[client.channel], &changing(1001, AWAY, HERE));
    agent.hears(client, &[]);
    // Others' objects it moves no more than others do.
    agent.opens(client, 3, HERE, &[1002]);
    agent.says(client, location(1002, AWAY));
    agent.gets_lost(client, 119);
}
