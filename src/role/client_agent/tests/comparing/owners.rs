//! After a gap: what a client owns.

use super::*;

#[test]
fn owned_objects_are_asked_themselves() {
    let mut agent = Agent::new();
    let client = agent.established();
    [60, 61, 62].into_iter().for_each(|id| agent.own(client, id, ZONE));
    let asked = agent.gap();
    assert_eq!(asked.len(), 9);
    let owner = |agent: &mut Agent, id: u32, owner: Channel| {
        let of = |asked: &&Asked| asked.to == DoId(id).channel();
        let context = asked.iter().find(of).expect("it is asked").context;
        let (do_id, location) = (DoId(id), NEXT);
        agent.answer(&StateServer::ObjectGetOwnerResp { context, do_id, owner });
        agent.answer(&StateServer::ObjectGetLocationResp { context, do_id, location });
        let mut all = b"\x02\0bo\x05".to_vec();
        all.extend(0u16.to_le_bytes());
        let object = ObjectState { values: Rest(&all), ..avatar(id, location) };
        agent.answer(&StateServer::ObjectGetAllResp { context, object });
    };
    owner(&mut agent, 60, client.channel);
    let [name, health] = values(60, b"\x02\0bo", b"\x05");
    agent.expect_told(client, &[moved(60, NEXT), name, health]);
    owner(&mut agent, 61, AI);
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id: DoId(61) }]);
    // The third one is no more.
    agent.silence();
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id: DoId(62) }]);
    assert!(agent.is_open(client));
}

#[test]
fn what_has_become_a_clients_own_is_asked_of_all_who_keep_objects() {
    let mut agent = Agent::new();
    let (one, other) = (agent.established(), agent.established());
    agent.own(other, 60, ZONE);
    agent.pass(3000);
    let channel = Channel(5_000_000);
    agent.cluster(one.channel, &ClientAgent::SetClientId { channel });
    agent.pass(1500);
    // What it had before that does not count.
    agent.cluster(one.channel, &ClientAgent::SetClientId { channel });
    agent.routed();
    agent.core.gap(agent.now, Gap { same_epoch: true }, &mut agent.out);
    while agent.core.resume(agent.now, 10, &mut agent.out) {}
    let routed = agent.routed();
    let to_all = |(to, ..): &&Routed| to[..] == [Channel::OBSERVERS];
    let question = routed.iter().find(to_all).expect("it is asked");
    let context = Context(u32::from_le_bytes(question.2[2..6].try_into().expect("four bytes")));
    let owners = [(channel, 1500), (other.channel, 4500)];
    let expected = StateServer::GetOwned { context, owners: List::new(&owners) };
    assert_eq!(question.2, encode(&expected));
    let owned = |owner, do_id, has_other| {
        let values = if has_other { &b"\x03\0ann\x09\0\0"[..] } else { b"\x03\0ann\x09" };
        let object = ObjectState { values: Rest(values), ..avatar(do_id, ZONE) };
        (StateServer::Owned { context, owner, has_other, object }, object)
    };
    let (message, object) = owned(channel, 70, false);
    agent.answer(&message);
    agent.expect_told(one, &[Client::EnterObjectRequiredOwner { object }]);
    let (message, object) = owned(channel, 71, true);
    agent.answer(&message);
    agent.expect_told(one, &[Client::EnterObjectRequiredOtherOwner { object }]);
    // What it has been told is not told again, and what is a stranger's not at all.
    agent.answer(&owned(channel, 70, false).0);
    agent.answer(&owned(other.channel, 60, false).0);
    agent.answer(&owned(one.channel, 72, false).0);
    agent.expect_told(one, &[]);
    agent.expect_told(other, &[]);
    // It may move its own.
    let location = NEXT;
    agent.send(one, &Client::ObjectLocation { do_id: DoId(70), location });
    agent.expect_routed(channel, &[(Channel(70), &StateServer::ObjectSetLocation { location })]);
}

#[test]
fn an_owner_who_gets_what_he_has_had_is_told_that_he_had_lost_it() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.own(client, 60, ZONE);
    let lost = Client::ObjectLeavingOwner { do_id: DoId(60) };
    agent.gap();
    let object = avatar(60, ZONE);
    let gained = StateServer::ObjectEnterOwnerWithRequired { object };
    agent.cluster(client.channel, &gained);
    agent.expect_told(client, &[lost.clone(), Client::EnterObjectRequiredOwner { object }]);
    agent.silence();
    agent.expect_told(client, &[]);
    // What comes to where his has been is not his.
    let zones = add_interest(1, 1, ZONE);
    agent.send(client, &zones);
    let own = agent.query(client.channel, ZONE.parent, &[6]);
    agent.answer_count(client, own, 0);
    agent.told(client);
    agent.gap();
    agent.cluster_from(Channel(60), &[ZONE.channel()], &entering(60, ZONE));
    agent.silence();
    agent.silence();
    agent.expect_told(client, &[enter(60, ZONE), lost]);
}

#[test]
fn who_is_told_late_who_owns_an_object_is_told_all_the_same() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.own(client, 60, ZONE);
    let context = agent.gap()[0].context;
    agent.silence();
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id: DoId(60) }]);
    let (do_id, owner) = (DoId(60), client.channel);
    agent.answer(&StateServer::ObjectGetOwnerResp { context, do_id, owner });
    let owners = [(client.channel, SILENCE_MS as u32)];
    let again =
        StateServer::GetOwned { context: Context(context.0 + 1), owners: List::new(&owners) };
    assert_eq!(agent.routed()[0].2, encode(&again));
}
