//! Rights that a client has lost, and uses once more since it has not heard of that.

use super::*;

const GRACE_MS: u64 = 5_000;

/// How a client comes to lose a right, and a request that is still under way then.
type Case = (&'static str, fn(&mut Agent) -> TestClient, Client<'static>, EjectReason);

fn visible() -> Agent {
    Agent::with(|config| config.client.add_interest = InterestPermission::Visible)
}

fn lose_owner(agent: &mut Agent, client: TestClient, do_id: u32) {
    let message =
        StateServer::ObjectChangingOwner { do_id: DoId(do_id), new: AI, old: client.channel };
    agent.cluster(client.channel, &message);
}

fn owned_once(agent: &mut Agent) -> TestClient {
    let client = agent.established();
    agent.own(client, 50, at(1, 2));
    lose_owner(agent, client, 50);
    client
}

fn owned_once_and_seen(agent: &mut Agent) -> TestClient {
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[50]);
    agent.own(client, 50, at(1, 2));
    lose_owner(agent, client, 50);
    client
}

fn set_back(agent: &mut Agent, state: u16) -> TestClient {
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[50]);
    agent.own(client, 50, at(1, 2));
    agent.cluster(client.channel, &ClientAgent::SetState { state });
    client
}

fn anonymous_again(agent: &mut Agent) -> TestClient {
    set_back(agent, 1)
}

fn new_again(agent: &mut Agent) -> TestClient {
    set_back(agent, 0)
}

fn interest_closed(agent: &mut Agent) -> TestClient {
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[]);
    agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest: InterestId(1) });
    client
}

const LOST: &[Case] = &[
    ("owner, unseen", owned_once, SAY, EjectReason::MissingObject),
    ("owner, unseen", owned_once, MOVE, EjectReason::MissingObject),
    ("owner, seen", owned_once_and_seen, MOVE, EjectReason::ForbiddenRelocate),
    ("anonymous again", anonymous_again, SAY, EjectReason::AnonymousViolation),
    ("anonymous again", anonymous_again, MOVE, EjectReason::InvalidMsgtype),
    ("anonymous again", anonymous_again, OPEN, EjectReason::InvalidMsgtype),
    ("anonymous again", anonymous_again, CLOSE, EjectReason::InvalidMsgtype),
    ("new again", new_again, SAY, EjectReason::NoHello),
    ("new again", new_again, MOVE, EjectReason::NoHello),
    ("new again", new_again, OPEN, EjectReason::NoHello),
    ("interest closed", interest_closed, CLOSE, EjectReason::Generic),
];

/// `say` is the owner's.
const SAY: Client<'static> =
    Client::ObjectSetField { do_id: DoId(50), field: FieldId(3), value: Rest(b"\x02\0hi") };
const MOVE: Client<'static> =
    Client::ObjectLocation { do_id: DoId(50), location: Location::new(DoId(3), ZoneId(4)) };
const OPEN: Client<'static> = Client::AddInterest {
    context: Context(9),
    interest: InterestId(9),
    location: Location::new(DoId(1), ZoneId(9)),
};
const CLOSE: Client<'static> =
    Client::RemoveInterest { context: Context(9), interest: InterestId(1) };

#[test]
fn what_is_under_way_when_its_right_is_lost_is_dropped_and_not_its_client() {
    assert_eq!(field("say"), FieldId(3), "what the cases name");
    for (name, lose, request, reason) in LOST {
        let mut agent = Agent::new();
        let client = lose(&mut agent);
        agent.told(client);
        agent.routed();
        agent.pass(GRACE_MS - 1);
        agent.send(client, request);
        assert!(agent.is_open(client), "{name}: {request:?}");
        assert_eq!(agent.routed(), [], "{name}: {request:?}");
        agent.told(client);
        agent.pass(1);
        agent.send(client, request);
        agent.expect_ejected(client, *reason);
        assert_eq!(agent.routed(), [], "{name}: {request:?}");
    }
}

#[test]
fn without_a_grace_it_is_an_offence_at_once() {
    for (name, lose, request, reason) in LOST {
        let mut agent = Agent::with(|config| config.rights_grace_ms = 0);
        let client = lose(&mut agent);
        agent.send(client, request);
        assert!(!agent.is_open(client), "{name}: {request:?}");
        agent.expect_ejected(client, *reason);
    }
}

#[test]
fn the_grace_covers_nothing_but_what_was_allowed() {
    let other = |do_id| Client::ObjectSetField {
        do_id: DoId(do_id),
        field: field("say"),
        value: Rest(b"\x02\0hi"),
    };
    let never = [
        // Another object, another field, a value out of bounds, bytes too many.
        (encode(&other(51)), EjectReason::MissingObject),
        (encode(&client_sets(50, "level", b"\x05")), EjectReason::MissingObject),
        (encode(&client_sets(50, "health", b"\x65")), EjectReason::FieldConstraint),
        (encode(&client_sets(50, "say", b"\x05\0hi")), EjectReason::TruncatedDatagram),
        ([&encode(&SAY)[..], b"!"].concat(), EjectReason::OversizedDatagram),
        ([&encode(&MOVE)[..], b"!"].concat(), EjectReason::OversizedDatagram),
    ];
    for (datagram, reason) in &never {
        let mut agent = Agent::new();
        let client = owned_once(&mut agent);
        agent.told(client);
        agent.routed();
        agent.send_datagram(client, datagram);
        agent.expect_ejected(client, *reason);
        assert_eq!(agent.routed(), []);
    }
    // Nor does it let a client that was never established do what only those may.
    let mut agent = Agent::new();
    let client = agent.anonymous();
    agent.cluster(client.channel, &ClientAgent::SetState { state: 0 });
    agent.send(client, &OPEN);
    agent.expect_ejected(client, EjectReason::NoHello);
}

#[test]
fn a_right_that_is_given_again_has_its_effect_again() {
    let mut agent = Agent::new();
    let client = owned_once(&mut agent);
    agent.told(client);
    agent.own(client, 50, at(1, 2));
    agent.routed();
    agent.send(client, &SAY);
    assert_eq!(agent.routed().len(), 1);
    lose_owner(&mut agent, client, 50);
    agent.pass(GRACE_MS - 1);
    agent.send(client, &SAY);
    assert!(agent.is_open(client), "the grace begins anew");
}

#[test]
fn who_says_that_it_is_alive_when_it_is_set_back_is_forgiven_if_so_configured() {
    for (grace_for, is_forgiven) in [(RightsGrace::Lost, false), (RightsGrace::All, true)] {
        let mut agent = Agent::with(|config| config.rights_grace_for = grace_for);
        let client = new_again(&mut agent);
        agent.send(client, &Client::Heartbeat {});
        assert_eq!(agent.is_open(client), is_forgiven);
    }
}

#[test]
fn what_the_cluster_takes_back_by_name_is_forgiven_only_if_so_configured() {
    let declared = |agent: &mut Agent| {
        let client = agent.established();
        let declare = ClientAgent::DeclareObject { do_id: DoId(50), class_id: AVATAR };
        agent.cluster(client.channel, &declare);
        agent.cluster(client.channel, &ClientAgent::UndeclareObject { do_id: DoId(50) });
        (client, client_sets(50, "data", b"\0\0"), client_sets(50, "say", b"\0\0"))
    };
    let sendable = |agent: &mut Agent| {
        let client = agent.established();
        agent.open(client, 1, at(1, 2), &[50]);
        for fields in [&[field("hidden"), field("level")][..], &[field("level")]] {
            let fields = List::new(fields);
            agent.cluster(
                client.channel,
                &ClientAgent::SetFieldsSendable { do_id: DoId(50), fields },
            );
        }
        (client, client_sets(50, "hidden", b"\x01"), client_sets(50, "say", b"\0\0"))
    };
    type Take = fn(&mut Agent) -> (TestClient, Client<'static>, Client<'static>);
    let cases: [(Take, EjectReason); 2] =
        [(declared, EjectReason::MissingObject), (sendable, EjectReason::ForbiddenField)];
    for (take, reason) in cases {
        let mut agent = Agent::new();
        let (client, request, _) = take(&mut agent);
        agent.send(client, &request);
        agent.expect_ejected(client, reason);

        for late in [false, true] {
            let mut agent = Agent::with(|config| config.rights_grace_for = RightsGrace::All);
            let (client, request, never) = take(&mut agent);
            agent.routed();
            agent.send(client, &request);
            assert!(agent.is_open(client));
            assert_eq!(agent.routed(), []);
            if late {
                agent.pass(GRACE_MS);
                agent.send(client, &request);
                agent.expect_ejected(client, reason);
            } else {
                agent.send(client, &never);
                agent.expect_ejected(client, reason);
            }
        }
    }
}

#[test]
fn a_parent_that_has_just_gone() {
    let gone = |agent: &mut Agent| {
        let client = agent.established();
        agent.cluster(
            client.channel,
            &ClientAgent::AddInterest { interest: InterestId(1), location: at(1, 2) },
        );
        let query = agent.query(client.channel, DoId(1), &[2]);
        agent.answer_count(client, query, 1);
        agent.answer_object(client, query, avatar(50, at(1, 2)));
        agent.send(client, &add_interest(2, 2, at(50, 3)));
        agent.routed();
        agent.cluster(at(1, 2).channel(), &deleting(50));
        agent.told(client);
        client
    };
    // It is told that the interest is done, and nothing is asked for; what it believes to be open it may close.
    let mut agent = visible();
    let client = gone(&mut agent);
    agent.send(client, &add_interest(3, 3, at(50, 4)));
    agent.expect_told(client, &[done(3, 3)]);
    agent.send(client, &remove_interest(4, 3));
    agent.expect_told(client, &[done(4, 3)]);
    assert_eq!(agent.routed(), []);
    // One that is open is closed.
    agent.send(client, &remove_interest(5, 2));
    assert!(agent.told(client).contains(&encode(&done(5, 2))));
    agent.pass(GRACE_MS);
    agent.send(client, &add_interest(6, 6, at(50, 4)));
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);

    // A parent that it never saw is no parent that has gone.
    let mut agent = visible();
    let client = gone(&mut agent);
    agent.send(client, &add_interest(3, 3, at(51, 4)));
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);
}

#[test]
fn an_interest_that_the_client_could_not_close_is_no_right_that_it_had() {
    let mut agent = visible();
    let client = agent.established();
    let (interest, location) = (InterestId(1), at(9000, 2));
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
    agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest });
    agent.send(client, &remove_interest(9, 1));
    agent.expect_ejected(client, EjectReason::Generic);
}

#[test]
fn only_so_many_rights_are_remembered() {
    let mut agent = Agent::with(|config| config.historical_objects_max = 2);
    let client = agent.established();
    for do_id in 50..=52 {
        agent.own(client, do_id, at(1, 2));
    }
    (50..=52).for_each(|do_id| lose_owner(&mut agent, client, do_id));
    agent.told(client);
    agent.send(client, &client_sets(51, "say", b"\0\0"));
    assert!(agent.is_open(client));
    agent.send(client, &client_sets(50, "say", b"\0\0"));
    agent.expect_ejected(client, EjectReason::MissingObject);
}

#[test]
fn of_an_object_still_in_sight_its_owners_fields_are_forgiven_only_if_so_configured() {
    for grace_for in [RightsGrace::Lost, RightsGrace::All] {
        let mut agent = Agent::with(|config| config.rights_grace_for = grace_for);
        let client = owned_once_and_seen(&mut agent);
        agent.told(client);
        agent.routed();
        agent.send(client, &SAY);
        if grace_for == RightsGrace::All {
            assert!(agent.is_open(client));
            agent.pass(GRACE_MS);
            agent.send(client, &SAY);
        }
        agent.expect_ejected(client, EjectReason::ForbiddenField);
        assert_eq!(agent.routed(), []);
    }
}

#[test]
fn of_a_state_that_was_set_back_uberdogs_are_forgiven_only_if_so_configured() {
    let to_avatar = client_sets(AVATAR_UBERDOG.0, "data", b"\0\0");
    let to_login = client_sets(LOGIN_UBERDOG.0, "request", b"\0\0");
    for (state, request, reason) in
        [(1, to_avatar, EjectReason::AnonymousViolation), (0, to_login, EjectReason::NoHello)]
    {
        for grace_for in [RightsGrace::Lost, RightsGrace::All] {
            let mut agent = Agent::with(|config| config.rights_grace_for = grace_for);
            let client = if state == 1 { agent.established() } else { agent.anonymous() };
            agent.cluster(client.channel, &ClientAgent::SetState { state });
            agent.routed();
            agent.send(client, &request);
            if grace_for == RightsGrace::All {
                assert!(agent.is_open(client));
                agent.pass(GRACE_MS);
                agent.send(client, &request);
            }
            agent.expect_ejected(client, reason);
            assert_eq!(agent.routed(), []);
        }
    }
}
