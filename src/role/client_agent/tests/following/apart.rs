//! When the client, or the cluster, has been away.

use super::*;
use crate::router::Gap;

#[test]
fn a_client_that_is_back_is_told_anew_what_it_sees_and_of_no_interest() {
    let mut agent = Agent::with(|config| {
        config.parenting_rules = ParentingRules::All;
        config.client.resume_ms = 60_000;
    });
    agent.core.make_tokens([7; 32]);
    let client = agent.owner_below("Follow", "", 7);
    agent.opened(client, &[7]);
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.told(client);
    agent.send(client, &Client::ResumeAsk {});
    let told = agent.told(client);
    let mut reader = crate::wire::Reader::new(&told[0][2..]);
    let token = reader.blob().expect("a token").to_vec();
    agent.lose(client);
    // It is moved meanwhile.
    agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
    agent.opened(client, &[8]);
    let newcomer = agent.connect();
    agent.send(newcomer, &Client::Resume { token: Secret(&token) });
    assert_eq!(agent.resumed, Some(client.key));
    let told = agent.told(client);
    assert_eq!(told.len(), 1, "{told:?}");
    let routed = agent.routed();
    let questions: Vec<_> =
        routed.iter().filter(|(to, ..)| to[..] == [DoId(MAP).channel()]).collect();
    let [(_, _, query)] = questions[..] else { panic!("{routed:?}") };
    let context = Context(u32::from_le_bytes(query[2..6].try_into().expect("four bytes")));
    let zones = StateServer::ObjectGetZonesObjects {
        context,
        parent: DoId(MAP),
        zones: List::new(&[ZoneId(8)]),
    };
    assert_eq!(*query, encode(&zones));
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(62, at(MAP, 8)));
    agent.expect_told(client, &[enter(62, at(MAP, 8))]);
}

#[test]
fn after_a_gap_its_zones_are_compared_and_an_object_that_has_moved_is_followed() {
    let mut agent = following();
    let client = agent.owner_below("Follow", "", 7);
    agent.opened(client, &[7]);
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.told(client);
    agent.core.gap(agent.now, Gap { same_epoch: true }, &mut agent.out);
    while agent.core.resume(agent.now, 10, &mut agent.out) {}
    agent.drain();
    let asker = agent.core.asker();
    let routed = agent.routed();
    let of = |to: DoId| {
        let is_its = |(recipients, ..): &&Routed| recipients[..] == [to.channel()];
        routed.iter().filter(is_its).map(|(_, _, message)| message.clone()).collect::<Vec<_>>()
    };
    let context =
        |message: &[u8]| Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
    let [zones] = &of(DoId(MAP))[..] else { panic!("{routed:?}") };
    let question = StateServer::ObjectGetZonesObjects {
        context: context(zones),
        parent: DoId(MAP),
        zones: List::new(&[ZoneId(7)]),
    };
    assert_eq!(*zones, encode(&question));
    let asked = of(DoId(50));
    assert_eq!(asked.len(), 3, "where it is, whose it is, and all");
    let (context, do_id, location) = (context(&asked[0]), DoId(50), at(MAP, 8));
    let owner = client.channel;
    let object = ObjectState { values: Rest(b"\x03\0ann\x09\0\0"), ..avatar(50, location) };
    for answer in [
        StateServer::ObjectGetOwnerResp { context, do_id, owner },
        StateServer::ObjectGetLocationResp { context, do_id, location },
        StateServer::ObjectGetAllResp { context, object },
    ] {
        agent.cluster_from(Channel(50), &[asker], &answer);
    }
    assert!(agent.told(client).contains(&encode(&leaving(61))), "it is out of sight");
    agent.query(client.channel, DoId(MAP), &[8]);
}

#[test]
fn a_session_object_that_leaves_sight_by_it_ends_the_session() {
    let mut agent = following();
    let client = agent.owner_below("Follow", "", 7);
    agent.opened(client, &[7]);
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(61) });
    agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
    agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
}
