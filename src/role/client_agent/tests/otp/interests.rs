//! Interests by numbers of the client's own.

use super::*;

fn of_class(do_id: u32, class: u16) -> ObjectState<'static> {
    ObjectState {
        do_id: DoId(do_id),
        location: at(100, 5),
        class_id: ClassId(class),
        values: Rest(b"v"),
    }
}

fn created(do_id: u32, class: u16) -> Bytes {
    dg(34).u32(100).u32(5).u16(class).u32(do_id).raw(b"v")
}

#[test]
fn objects_are_held_and_told_by_class_when_all_are_there() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let context = agent.asks_for(client, 3, 100, &[5], &[5]);
    let objects = [(1005, 2), (1004, 0), (1003, 5), (1002, 2), (1001, 0)];
    agent.answer_count(client, context, 5);
    for &(do_id, class) in &objects[..4] {
        agent.answer_object(client, context, of_class(do_id, class));
        agent.hears(client, &[]);
    }
    // What happens meanwhile comes after all of that.
    agent.cluster(at(100, 5).channel(), &set_field(1003, "level", b"\x01"));
    agent.cluster(
        at(100, 5).channel(),
        &StateServer::ObjectEnterLocationWithRequired { object: of_class(1000, 0) },
    );
    agent.cluster(at(100, 5).channel(), &deleting(1004));
    agent.hears(client, &[]);
    agent.answer_object(client, context, of_class(1001, 0));
    let expected = [
        created(1001, 0),
        created(1004, 0),
        created(1002, 2),
        created(1005, 2),
        created(1003, 5),
        done(3, 73),
        update(1003, "level", b"\x01"),
        created(1000, 0),
        disable(1004),
    ];
    agent.hears(client, &expected);
}

fn found(agent: &mut Agent, client: TestClient, context: Context, objects: &[ObjectState<'_>]) {
    agent.answer_count(client, context, objects.len() as u32);
    for &object in objects {
        agent.answer_object(client, context, object);
    }
}

/// An object of a class in zone 6.
fn next_door(do_id: u32, class: u16) -> ObjectState<'static> {
    ObjectState { location: at(100, 6), ..of_class(do_id, class) }
}

fn created_next_door(do_id: u32, class: u16) -> Bytes {
    dg(34).u32(100).u32(6).u16(class).u32(do_id).raw(b"v")
}

/// Interest 3 is altered before it has been answered, so that two questions are open for it.
fn altered_meanwhile() -> (Agent, TestClient, [Context; 2]) {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let first = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.says(client, add_interest(3, 9, 100, &[5, 6]));
    agent.hears(client, &[done(3, 73)]);
    let second = agent.query(client.channel, DoId(100), &[6]);
    (agent, client, [first, second])
}

#[test]
fn all_that_an_interest_waits_for_is_told_in_one_order() {
    for turned in [false, true] {
        let (mut agent, client, [first, second]) = altered_meanwhile();
        let here = [of_class(1001, 5), of_class(1002, 2)];
        let there = [next_door(1003, 0), next_door(1004, 2)];
        let mut questions = [(first, here), (second, there)];
        if turned {
            questions.reverse();
        }
        found(&mut agent, client, questions[0].0, &questions[0].1);
        // What happens to it waits, too.
        agent.cluster(at(100, 5).channel(), &set_field(1001, "level", b"\x01"));
        agent.hears(client, &[]);
        found(&mut agent, client, questions[1].0, &questions[1].1);
        let mut expected = vec![
            created_next_door(1003, 0),
            created(1002, 2),
            created_next_door(1004, 2),
            created(1001, 5),
            done(3, 9),
        ];
        if !turned {
            expected.push(update(1001, "level", b"\x01"));
        }
        agent.hears(client, &expected);
        assert_eq!(agent.core.deadline_count(), 3, "two of questions, one of the hello");
    }
}

#[test]
fn what_is_no_longer_waited_for_is_told() {
    // The other zone is wanted no longer.
    let (mut agent, client, [first, _]) = altered_meanwhile();
    found(&mut agent, client, first, &[of_class(1001, 5), of_class(1002, 2)]);
    agent.hears(client, &[]);
    agent.says(client, add_interest(3, 10, 100, &[5]));
    agent.hears(client, &[done(3, 9), created(1002, 2), created(1001, 5), done(3, 10)]);
    // Nor is anything.
    let (mut agent, client, [first, second]) = altered_meanwhile();
    found(&mut agent, client, first, &[of_class(1001, 5)]);
    agent.says(client, remove_interest(3, 10));
    agent.hears(client, &[done(3, 9), done(3, 10)]);
    found(&mut agent, client, second, &[next_door(1003, 0)]);
    agent.hears(client, &[]);
    // The other question is never answered.
    let (mut agent, client, [first, _]) = altered_meanwhile();
    found(&mut agent, client, first, &[of_class(1001, 5)]);
    for _ in 0..4 {
        agent.pass(400);
    }
    agent.hears(client, &[created(1001, 5), done(3, 9)]);
}

#[test]
fn an_interest_does_not_wait_for_what_only_another_one_wants() {
    for turned in [false, true] {
        let mut agent = Agent::otp();
        let client = agent.playing();
        let first = agent.asks_for(client, 3, 100, &[5], &[5]);
        let second = agent.asks_for(client, 4, 100, &[5, 6], &[6]);
        let here = |agent: &mut Agent| found(agent, client, first, &[of_class(1001, 5)]);
        let there = |agent: &mut Agent| found(agent, client, second, &[next_door(1003, 0)]);
        if turned {
            there(&mut agent);
            agent.hears(client, &[]);
            here(&mut agent);
        } else {
            here(&mut agent);
            agent.hears(client, &[created(1001, 5), done(3, 73)]);
            there(&mut agent);
        }
        let all = [created(1001, 5), done(3, 73), created_next_door(1003, 0), done(4, 74)];
        agent.hears(client, if turned { &all } else { &all[2..] });
    }
}

/// Several who ask at the same time are answered together.
#[test]
fn those_who_ask_together_hear_the_same() {
    let mut agent = Agent::otp();
    let clients = [agent.playing(), agent.playing(), agent.playing()];
    agent.turn_goes_on = true;
    for client in clients {
        agent.says(client, add_interest(3, 9, 100, &[5]));
    }
    agent.turn_goes_on = false;
    agent.drain();
    // The first has asked alone, the others by the agent.
    let asked: Vec<_> = agent.routed();
    assert_eq!(asked.len(), 2);
    for (_, sender, message) in asked {
        let context = Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
        let count = StateServer::ObjectGetZonesCountResp { context, count: DoId(2) };
        agent.cluster(sender, &count);
        for (do_id, class) in [(1001, 2), (1002, 0)] {
            let object = of_class(do_id, class);
            agent
                .cluster(sender, &StateServer::ObjectEnterInterestWithRequired { context, object });
        }
    }
    agent.drain();
    for client in clients {
        agent.hears(client, &[created(1002, 0), created(1001, 2), done(3, 9)]);
    }
}

#[test]
fn an_interest_is_altered_by_its_number() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let context = agent.asks_for(client, 3, 100, &[5, 6], &[5, 6]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(1001, at(100, 5)));
    agent.answer_object(client, context, avatar(1002, at(100, 6)));
    agent.hears(client, &[create(1001, at(100, 5)), create(1002, at(100, 6)), done(3, 73)]);
    // Only the difference: 5 leaves, 7 is asked for, 6 stays as it is.
    let context = agent.asks_for(client, 3, 100, &[6, 7], &[7]);
    agent.hears(client, &[disable(1001)]);
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(1003, at(100, 7)));
    agent.hears(client, &[create(1003, at(100, 7)), done(3, 73)]);
    // Less is done at once, and nothing is an interest, too.
    agent.routed();
    agent.says(client, add_interest(3, 8, 100, &[7]));
    agent.hears(client, &[disable(1002), done(3, 8)]);
    agent.says(client, add_interest(3, 9, 100, &[]));
    agent.hears(client, &[disable(1003), done(3, 9)]);
    agent.says(client, remove_interest(3, 10));
    agent.hears(client, &[done(3, 10)]);
    assert!(agent.routed().is_empty());
}

#[test]
fn one_that_is_altered_before_it_is_answered_is_done_twice() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let first = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.says(client, add_interest(3, 9, 100, &[6]));
    agent.hears(client, &[done(3, 73)]);
    let second = agent.query(client.channel, DoId(100), &[6]);
    agent.answer_count(client, first, 1);
    agent.answer_object(client, first, avatar(1001, at(100, 5)));
    agent.hears(client, &[]);
    agent.answer_count(client, second, 1);
    agent.answer_object(client, second, avatar(1002, at(100, 6)));
    agent.hears(client, &[create(1002, at(100, 6)), done(3, 9)]);
}

#[test]
fn no_zones_and_the_quiet_zone_are_answered_at_once() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    for zones in [&[][..], &[1], &[1, 1]] {
        agent.says(client, add_interest(3, 9, 100, zones));
        agent.hears(client, &[done(3, 9)]);
        assert!(agent.routed().is_empty());
    }
    // Who goes there sees nothing of where he was.
    agent.opens(client, 3, at(100, 5), &[1001]);
    agent.says(client, add_interest(3, 9, 100, &[1]));
    agent.hears(client, &[disable(1001), done(3, 9)]);
    // The zone is another game's ordinary one.
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.quiet = ZoneId(9), |_| {});
    let client = agent.playing();
    agent.opens(client, 3, at(100, 1), &[1001]);
}

#[test]
fn one_that_is_not_open_is_done_when_it_is_closed() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.says(client, remove_interest(9, 5));
    agent.says(client, dg(99).u16(9));
    agent.hears(client, &[done(9, 5), done(9, 0)]);
    agent.opens(client, 3, at(100, 5), &[1001]);
    agent.says(client, dg(99).u16(3));
    agent.hears(client, &[disable(1001), done(3, 0)]);
}

#[test]
fn what_the_cluster_opens_has_a_number_of_its_own_and_nothing_is_told_of_it() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.opens(client, 3, at(100, 5), &[1001]);
    agent.routed();
    let location = at(100, 6);
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest: InterestId(3), location });
    let context = agent.query(client.channel, DoId(100), &[6]);
    agent.answer_count(client, context, 1);
    agent.answer_object(client, context, avatar(1002, location));
    agent.hears(client, &[create(1002, location)]);
    let told = ClientAgent::DoneInterestResp { client: client.channel, interest: InterestId(3) };
    agent.expect_routed(client.channel, &[(AI, &told)]);
    // The client has not altered it, and may close it.
    agent.says(client, remove_interest(3, 7));
    agent.hears(client, &[disable(1001), done(3, 7)]);
    agent.says(client, dg(99).u16(0x8003));
    agent.hears(client, &[disable(1002)]);
    // So may the cluster.
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest: InterestId(4), location });
    agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest: InterestId(4) });
    agent.hears(client, &[]);
    // Whoever waits for it is answered.
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest: InterestId(4), location });
    agent.says(client, remove_interest(0x8004, 8));
    agent.hears(client, &[done(0x8004, 8)]);
    agent.says(client, dg(99).u16(0x8004));
    agent.hears(client, &[]);
    agent.says(client, super::add_interest(0x8004, 8, 100, &[5]));
    assert!(agent.gets_lost(client, 115).contains("the server's to open"));
}

#[test]
fn a_file_of_zones_says_what_else_is_seen() {
    let zones = b"{\"5\": [5, 6, 7], \"6\": [6, 5]}";
    let visible: VisibleZones = serde_json::from_slice(zones).expect("a right file");
    let mut agent = Agent::otp_with(
        Era::Otp,
        |otp| otp.visible = Some(Arc::new(visible)),
        |config| config.limits.zones_per_interest = 3,
    );
    let client = agent.playing();
    let context = agent.asks_for(client, 3, 100, &[5], &[5, 6, 7]);
    agent.answer_count(client, context, 0);
    agent.says(client, add_interest(3, 9, 100, &[6, 1]));
    agent.hears(client, &[done(3, 73), done(3, 9)]);
    agent.asks_for(client, 3, 100, &[8], &[8]);
    agent.says(client, add_interest(3, 9, 100, &[5, 8]));
    assert!(agent.gets_lost(client, 115).contains("more than 3 zones in one interest"));
}

#[test]
fn an_object_that_has_just_gone_is_updated_in_vain() {
    let ttl = Duration::from_secs(2);
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.historical_ttl = ttl, |_| {});
    let client = agent.playing();
    agent.opens(client, 3, at(100, 5), &[1001, 1002]);
    agent.routed();
    agent.cluster(at(100, 5).channel(), &deleting(1001));
    agent.says(client, remove_interest(3, 9));
    agent.hears(client, &[disable(1001), disable(1002), done(3, 9)]);
    agent.pass(1999);
    for do_id in [1001, 1002] {
        agent.says(client, update(do_id, "data", b"\x01\0x"));
    }
    assert!(agent.is_open(client) && agent.routed().is_empty());
    agent.pass(1);
    agent.says(client, update(1001, "data", b"\x01\0x"));
    agent.gets_lost(client, 117);
}
