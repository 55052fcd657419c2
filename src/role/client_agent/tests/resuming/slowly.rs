//! Clients that come back again and again.

use super::*;

/// Objects a second that a client is shown.
const RATE: u64 = 10;
const OBJECTS: usize = 30;

/// A client that sees some objects, and its token.
fn client_that_sees(agent: &mut Agent) -> (TestClient, Vec<u8>) {
    let (client, token) = agent.resumable();
    let objects: Vec<u32> = (0..OBJECTS as u32).map(|index| 41 + index).collect();
    agent.open(client, 1, ROOM, &objects);
    agent.routed();
    (client, token)
}

/// The contexts of what the cluster has been asked for.
fn queries(agent: &mut Agent) -> Vec<Context> {
    let is_query = |message: &[u8]| {
        message[..2] == StateServer::STATESERVER_OBJECT_GET_ZONES_OBJECTS.to_le_bytes()
    };
    let context =
        |message: &[u8]| Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
    let routed = agent.routed();
    let messages = routed.iter().map(|(_, _, message)| &message[..]);
    messages.filter(|message| is_query(message)).map(context).collect()
}

fn answer(agent: &mut Agent, client: TestClient, context: Context) {
    agent.answer_count(client, context, OBJECTS as u32);
    for index in 0..OBJECTS as u32 {
        agent.answer_object(client, context, avatar(41 + index, ROOM));
    }
}

#[test]
fn who_is_lost_again_and_again_is_told_no_faster_than_others() {
    const SECONDS: u64 = 60;
    // It waits until it has been told all, or it does not.
    for waits in [true, false] {
        let mut agent = agent_with(|config| config.limits.entries_per_second = RATE);
        let (client, mut token) = client_that_sees(&mut agent);
        let mut asked = 0;
        for _ in 0..SECONDS * 10 {
            agent.lose(client);
            token = agent.come_back(client, &token);
            for context in queries(&mut agent) {
                asked += 1;
                if waits {
                    answer(&mut agent, client, context);
                }
            }
            agent.pass(100);
            for context in queries(&mut agent) {
                asked += 1;
                if waits {
                    answer(&mut agent, client, context);
                }
            }
        }
        // What it may be ahead, and one more each time.
        let most = (SECONDS + 20) * RATE / OBJECTS as u64 + 2;
        assert!((most / 2..=most).contains(&asked), "asked for {asked} times, at most {most}");
    }
}

#[test]
fn who_owes_is_told_all_later_and_what_happens_meanwhile() {
    let mut agent = agent_with(|config| config.limits.entries_per_second = RATE);
    let (client, mut token) = client_that_sees(&mut agent);
    agent.own(client, 50, NOWHERE);
    loop {
        agent.lose(client);
        agent.routed();
        token = agent.come_back(client, &token);
        let Some(&context) = queries(&mut agent).first() else { break };
        answer(&mut agent, client, context);
    }
    agent.told(client);
    agent.cluster(ROOM.channel(), &deleting(41));
    agent.cluster(ROOM.channel(), &entering(99, ROOM));
    agent.expect_told(client, &[]);
    let mut waited = 0;
    let context = loop {
        agent.pass(100);
        waited += 1;
        if let Some(&context) = queries(&mut agent).first() {
            break context;
        }
        agent.expect_told(client, &[]);
        assert!(waited < 200, "nobody waits for longer than 20 seconds");
    };
    agent.expect_told(client, &[]);
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(99, ROOM));
    agent.expect_told(client, &[enter(99, ROOM)]);
    // And what it owns is waited for from then on.
    agent.pass(1_900);
    agent.expect_told(client, &[]);
    agent.pass(200);
    agent.expect_told(client, &[Client::ResumeDone {}]);
    drop(token);
}

#[test]
fn who_has_asked_later_waits_until_those_before_it_have_been_answered() {
    for is_first in [true, false] {
        let mut agent = agent();
        let (first, token_of_first) = agent.resumable();
        let (second, token_of_second) = agent.resumable();
        let (parent, zone) = (ROOM.parent, 7);
        for client in [first, second] {
            agent.open(client, 1, ROOM, &[41, 42]);
            agent.lose(client);
        }
        agent.routed();
        agent.come_back(first, &token_of_first);
        let of_first = agent.query(first.channel, parent, &[zone]);
        agent.pass(1);
        agent.come_back(second, &token_of_second);
        let of_second = agent.query(second.channel, parent, &[zone]);
        agent.told(first);
        agent.told(second);
        let (slow, asked, others, theirs) = match is_first {
            true => (first, of_first, second, of_second),
            false => (second, of_second, first, of_first),
        };
        // One object answers at once, the other when there is time.
        agent.answer_count(slow, asked, 2);
        agent.answer_object(slow, asked, avatar(41, ROOM));
        agent.answer_count(others, theirs, 100);
        for index in 0..50 {
            agent.pass(100);
            agent.answer_object(others, theirs, avatar(1_000 + index, ROOM));
        }
        if is_first {
            // All others have been asked later: what is missing will not come.
            agent.expect_told(slow, &[enter(41, ROOM), Client::ResumeDone {}]);
            continue;
        }
        agent.expect_told(slow, &[]);
        agent.answer_object(slow, asked, avatar(42, ROOM));
        agent.expect_told(slow, &[enter(41, ROOM), enter(42, ROOM), Client::ResumeDone {}]);
    }
}

#[test]
fn who_is_not_answered_waits_no_longer_because_others_are() {
    // A parent that does not answer, or an object.
    for is_parent in [true, false] {
        let mut agent = agent();
        let (client, token) = agent.resumable();
        if is_parent {
            agent.open(client, 1, ROOM, &[41]);
        } else {
            agent.own(client, 50, NOWHERE);
        }
        let other = agent.established();
        agent.lose(client);
        agent.routed();
        agent.come_back(client, &token);
        agent.routed();
        let done = encode(&Client::ResumeDone {});
        let mut waited: u16 = 0;
        while !agent.told(client).contains(&done) {
            waited += 100;
            assert!(waited <= 10_000, "twenty times half a second");
            let zone = Location { zone: ZoneId(1_000 + u32::from(waited)), ..HALL };
            agent.open(other, 1_000 + waited, zone, &[]);
            agent.routed();
            agent.pass(100);
        }
        assert!(waited >= 2_000, "four times half a second");
    }
}
