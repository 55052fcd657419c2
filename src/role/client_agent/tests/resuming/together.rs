//! Several come back in the same turn, and one is away while others open what it has opened.

use super::*;

/// Who has asked for zones since the last look, and by which contexts.
fn questions(agent: &mut Agent) -> Vec<(Channel, Context)> {
    let question = StateServer::STATESERVER_OBJECT_GET_ZONES_OBJECTS.to_le_bytes();
    let asked = agent.routed().into_iter().filter(|(.., message)| message[..2] == question);
    let context = |message: &[u8]| u32::from_le_bytes(message[2..6].try_into().expect("bytes"));
    asked.map(|(_, sender, message)| (sender, Context(context(&message)))).collect()
}

#[test]
fn those_who_are_back_at_once_are_asked_for_together() {
    let mut agent = agent();
    let clients = [(); 3].map(|()| agent.resumable());
    for (client, _) in &clients {
        agent.open(*client, 1, ROOM, &[41]);
        agent.lose(*client);
    }
    agent.routed();
    agent.turn_goes_on = true;
    for (client, token) in &clients {
        agent.come_back(*client, token);
    }
    agent.turn_goes_on = false;
    agent.drain();
    let asked = questions(&mut agent);
    let [(one, _), (asker, context)] = asked[..] else { panic!("{asked:?}") };
    assert_eq!((one, asker), (clients[0].0.channel, agent.core.asker()));
    for (client, _) in &clients {
        agent.told(*client);
    }
    let count = DoId(2);
    agent.cluster(asker, &StateServer::ObjectGetZonesCountResp { context, count });
    for do_id in [41, 42] {
        let object = avatar(do_id, ROOM);
        agent.cluster(asker, &StateServer::ObjectEnterInterestWithRequired { context, object });
    }
    for (client, _) in &clients[1..] {
        agent.expect_told(*client, &[enter(41, ROOM), enter(42, ROOM), Client::ResumeDone {}]);
    }
    agent.expect_told(clients[0].0, &[]);
}

#[test]
fn who_is_lost_and_back_while_it_is_asked_for_asks_anew() {
    let mut agent = agent();
    let clients = [(); 3].map(|()| agent.resumable());
    agent.turn_goes_on = true;
    for (client, _) in &clients {
        agent.send(*client, &add_interest(1, 1, ROOM));
    }
    agent.turn_goes_on = false;
    agent.drain();
    let asked = questions(&mut agent);
    let [_, (asker, context)] = asked[..] else { panic!("{asked:?}") };
    let (client, token) = &clients[2];
    agent.lose(*client);
    agent.come_back(*client, token);
    let anew = questions(&mut agent);
    assert!(matches!(anew[..], [(one, _)] if one == client.channel), "{anew:?}");
    agent.told(*client);
    let count = DoId(1);
    agent.cluster(asker, &StateServer::ObjectGetZonesCountResp { context, count });
    let object = avatar(41, ROOM);
    agent.cluster(asker, &StateServer::ObjectEnterInterestWithRequired { context, object });
    agent.expect_told(*client, &[]);
    agent.expect_told(clients[1].0, &[enter(41, ROOM), done(1, 1)]);
    agent.answer_count(*client, anew[0].1, 1);
    agent.answer_object(*client, anew[0].1, avatar(41, ROOM));
    agent.expect_told(*client, &[enter(41, ROOM), done(1, 1), Client::ResumeDone {}]);
}
