//! Several clients open the same zones in the same turn.

use proptest::prelude::*;

use super::*;
use crate::role::client_agent::Stop;
use crate::role::client_agent::agent::Manners;
use crate::wire::Framing;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NEXT: Location = Location::new(DoId(5), ZoneId(7));

impl Agent {
    /// These clients open the zone in one turn.
    fn open_in_a_turn(&mut self, clients: &[TestClient], zone: Location) {
        self.turn_goes_on = true;
        for &client in clients {
            self.send(client, &add_interest(1, 1, zone));
        }
    }

    fn end_turn(&mut self) {
        self.turn_goes_on = false;
        self.drain();
    }

    /// Who has asked for a zone since the last look, and by which context.
    #[track_caller]
    fn askers(&mut self, zone: Location) -> Vec<(Channel, Context)> {
        let asked = self.routed().into_iter().map(|(recipients, sender, message)| {
            assert_eq!(recipients, [zone.parent.channel()]);
            let context = u32::from_le_bytes(message[2..6].try_into().expect("four bytes"));
            let (context, parent, zones) = (Context(context), zone.parent, [zone.zone]);
            let zones = List::new(&zones);
            let question = StateServer::ObjectGetZonesObjects { context, parent, zones };
            assert_eq!(message, encode(&question));
            (sender, context)
        });
        asked.collect()
    }

    /// The first of the clients has asked by itself, and the agent for the others: both contexts.
    #[track_caller]
    fn asked_together(&mut self, first: TestClient, zone: Location) -> (Context, Context) {
        let asked = self.askers(zone);
        let [(one, alone), (agent, together)] = asked[..] else { panic!("{asked:?}") };
        assert_eq!((one, agent), (first.channel, self.core.asker()));
        (alone, together)
    }

    fn say_count(&mut self, to: Channel, context: Context, count: u32) {
        let count = DoId(count);
        self.cluster(to, &StateServer::ObjectGetZonesCountResp { context, count });
    }

    fn find(&mut self, to: Channel, context: Context, object: ObjectState<'_>) {
        let message = StateServer::ObjectEnterInterestWithRequired { context, object };
        self.cluster(to, &message);
    }
}

fn three() -> (Agent, [TestClient; 3]) {
    let mut agent = Agent::new();
    let clients = [(); 3].map(|()| agent.established());
    (agent, clients)
}

/// Three that have asked: by what the first, and by what the others.
fn asking() -> (Agent, [TestClient; 3], Context, Context) {
    let (mut agent, clients) = three();
    agent.open_in_a_turn(&clients, ZONE);
    agent.end_turn();
    let (alone, together) = agent.asked_together(clients[0], ZONE);
    (agent, clients, alone, together)
}

#[test]
fn the_first_asks_at_once_and_one_who_waits_alone_asks_himself() {
    let (mut agent, [first, second, other]) = three();
    agent.open_in_a_turn(&[first, second], ZONE);
    let asked = agent.askers(ZONE);
    assert!(matches!(asked[..], [(asker, _)] if asker == first.channel), "{asked:?}");
    agent.send(other, &add_interest(1, 1, NEXT));
    let query = agent.query(other.channel, NEXT.parent, &[7]);
    agent.answer_count(other, query, 0);
    agent.expect_told(other, &[done(1, 1)]);
    agent.end_turn();
    let query = agent.query(second.channel, ZONE.parent, &[6]);
    agent.answer_count(second, query, 0);
    agent.expect_told(second, &[done(1, 1)]);
    // That is another turn.
    agent.send(other, &add_interest(2, 2, ZONE));
    agent.query(other.channel, ZONE.parent, &[6]);
    assert_eq!(agent.core.questions_for_several(), 0);
}

#[test]
fn zones_are_asked_for_in_the_order_of_who_asks() {
    let (mut agent, clients) = three();
    let zones = [ZoneId(9), ZoneId(7), ZoneId(8)];
    agent.turn_goes_on = true;
    for client in [clients[0], clients[1]] {
        let (context, interest, parent) = (Context(1), InterestId(1), DoId(5));
        let zones = List::new(&zones);
        agent.send(client, &Client::AddInterestMultiple { context, interest, parent, zones });
        agent.end_turn();
        agent.query(client.channel, DoId(5), &[9, 7, 8]);
        agent.turn_goes_on = false;
    }
}

#[test]
fn several_ask_once_and_each_is_told_all() {
    let (mut agent, [first, second, third], alone, together) = asking();
    let asker = agent.core.asker();
    agent.say_count(asker, together, 2);
    agent.find(asker, together, avatar(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
    agent.cluster(ZONE.channel(), &entering(51, ZONE));
    agent.find(asker, together, avatar(52, ZONE));
    for client in [second, third] {
        agent.expect_told(
            client,
            &[
                enter(50, ZONE),
                enter(52, ZONE),
                done(1, 1),
                client_sets(50, "level", b"\x01"),
                enter(51, ZONE),
            ],
        );
    }
    agent.expect_told(first, &[]);
    agent.answer_count(first, alone, 0);
    agent.expect_told(first, &[done(1, 1), enter(51, ZONE)]);
    assert_eq!(agent.core.questions_for_several(), 0);
}

#[test]
fn what_comes_in_a_row_comes_before_whatever_else_happens() {
    let (mut agent, [_, second, third], _, together) = asking();
    let asker = agent.core.asker();
    agent.turn_goes_on = true;
    agent.find(asker, together, avatar(50, ZONE));
    agent.find(asker, together, avatar(51, ZONE));
    agent.cluster(ZONE.channel(), &deleting(50));
    agent.find(asker, together, avatar(52, ZONE));
    // Another interest of the client, done at once, is behind what it has not been told of this one.
    agent.send(third, &remove_interest(2, 1));
    agent.say_count(asker, together, 3);
    agent.expect_told(
        second,
        &[enter(50, ZONE), enter(51, ZONE), enter(52, ZONE), done(1, 1), leaving(50)],
    );
    agent.expect_told(third, &[done(1, 1), done(2, 1)]);
}

#[test]
fn objects_may_come_before_their_number_and_none_may_come() {
    let (mut agent, [_, second, third], _, together) = asking();
    let asker = agent.core.asker();
    agent.find(asker, together, avatar(50, ZONE));
    agent.say_count(asker, together, 1);
    for client in [second, third] {
        agent.expect_told(client, &[enter(50, ZONE), done(1, 1)]);
    }
    // It is over.
    agent.find(asker, together, avatar(51, ZONE));
    agent.say_count(asker, together, 1);
    agent.expect_told(second, &[]);

    let (mut agent, [_, second, third], _, together) = asking();
    agent.say_count(agent.core.asker(), together, 0);
    for client in [second, third] {
        agent.expect_told(client, &[done(1, 1)]);
    }
}

#[test]
fn who_has_gone_or_has_closed_the_zone_is_not_asked_for() {
    let (mut agent, [first, second, third]) = three();
    let fourth = agent.established();
    agent.open_in_a_turn(&[first, second, third, fourth], ZONE);
    agent.send(second, &remove_interest(2, 1));
    agent.lose(third);
    agent.askers(ZONE);
    agent.end_turn();
    let query = agent.query(fourth.channel, ZONE.parent, &[6]);
    agent.answer_count(fourth, query, 1);
    agent.answer_object(fourth, query, avatar(50, ZONE));
    agent.expect_told(fourth, &[enter(50, ZONE), done(1, 1)]);
    agent.expect_told(second, &[done(1, 1), done(2, 1)]);
}

#[test]
fn who_opens_a_zone_again_waits_for_the_later_question() {
    let (mut agent, [first, second, third]) = three();
    agent.open_in_a_turn(&[first, second, third], ZONE);
    agent.send(second, &remove_interest(2, 1));
    agent.send(second, &add_interest(3, 1, ZONE));
    agent.end_turn();
    let (_, together) = agent.asked_together(first, ZONE);
    agent.say_count(agent.core.asker(), together, 1);
    agent.find(agent.core.asker(), together, avatar(50, ZONE));
    agent.expect_told(third, &[enter(50, ZONE), done(1, 1)]);
    agent.expect_told(second, &[done(1, 1), done(2, 1), enter(50, ZONE), done(3, 1)]);
}

#[test]
fn who_leaves_while_answers_come_leaves_the_others_alone() {
    let (mut agent, [_, second, third], _, together) = asking();
    let asker = agent.core.asker();
    agent.say_count(asker, together, 2);
    agent.find(asker, together, avatar(50, ZONE));
    agent.lose(second);
    agent.find(asker, together, avatar(51, ZONE));
    agent.expect_told(third, &[enter(50, ZONE), enter(51, ZONE), done(1, 1)]);
}

#[test]
fn who_asks_when_others_have_been_asked_for_asks_himself() {
    let (mut agent, [first, second, third]) = three();
    let late = agent.established();
    agent.open_in_a_turn(&[first, second, third], ZONE);
    agent.end_turn();
    agent.asked_together(first, ZONE);
    agent.send(late, &add_interest(1, 1, ZONE));
    agent.query(late.channel, ZONE.parent, &[6]);
}

#[test]
fn other_zones_are_another_question() {
    let (mut agent, clients) = three();
    let more = [(); 3].map(|()| agent.established());
    agent.open_in_a_turn(&clients, ZONE);
    agent.open_in_a_turn(&more, NEXT);
    agent.routed();
    agent.end_turn();
    let asker = agent.core.asker();
    let routed = agent.routed();
    let senders: Vec<Channel> = routed.iter().map(|(_, sender, _)| *sender).collect();
    assert_eq!(senders, [asker, asker]);
    assert_eq!(agent.core.questions_for_several(), 2);
}

#[test]
fn an_announced_count_that_is_never_reached_is_waited_for_no_longer_than_alone() {
    let (mut agent, [_, second, third], _, together) = asking();
    let asker = agent.core.asker();
    agent.say_count(asker, together, 2);
    agent.find(asker, together, avatar(50, ZONE));
    for client in [second, third] {
        agent.expect_told(client, &[]);
    }
    agent.pass(501);
    for client in [second, third] {
        agent.expect_told(client, &[enter(50, ZONE), done(1, 1)]);
    }
    // However late it is.
    agent.find(asker, together, avatar(51, ZONE));
    for client in [second, third] {
        agent.expect_told(client, &[enter(51, ZONE)]);
    }
    assert_eq!(agent.core.questions_for_several(), 0);
}

#[test]
fn a_parent_that_is_not_there_is_waited_for() {
    let (mut agent, [first, second, third], ..) = asking();
    agent.pass(501);
    for client in [first, second, third] {
        agent.expect_told(client, &[done(1, 1)]);
    }
    agent.routed();
    while agent.core.resume(agent.now, 10, &mut agent.out) {}
    let asked = agent.askers(ZONE);
    let [(asker, context)] = asked[..] else { panic!("{asked:?}") };
    agent.say_count(asker, context, 1);
    agent.find(asker, context, avatar(50, ZONE));
    for client in [first, second, third] {
        agent.expect_told(client, &[enter(50, ZONE)]);
    }
    assert_eq!(agent.core.absent_count(), 0);
}

#[test]
fn a_child_that_is_not_counted_yet_is_told_to_those_who_wait() {
    let (mut agent, [first, second, third], alone, together) = asking();
    let asker = agent.core.asker();
    agent.answer_count(first, alone, 0);
    agent.expect_told(first, &[done(1, 1)]);
    agent.cluster_from(Channel(50), &[asker], &entering(50, ZONE));
    agent.say_count(asker, together, 0);
    for client in [second, third] {
        agent.expect_told(client, &[done(1, 1), enter(50, ZONE)]);
    }
}

#[test]
fn each_gets_it_in_its_own_framing() {
    let mut agent = Agent::new();
    let clients = [(); 3].map(|()| agent.established());
    let framed = [Framing::Message, Framing::Frames].map(|framing| {
        let peer = Box::new(Agent::peer());
        let key = agent.core.connect_framed(agent.now, peer, framing, &mut agent.out);
        let client = agent.client(key.expect("a channel"));
        agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        let (interest, location) = (InterestId(1), ZONE);
        (client, framing, ClientAgent::AddInterest { interest, location })
    });
    agent.open_in_a_turn(&clients, ZONE);
    for (client, _, opening) in &framed {
        agent.cluster(client.channel, opening);
    }
    agent.end_turn();
    let (_, together) = agent.asked_together(clients[0], ZONE);
    agent.told.clear();
    let asker = agent.core.asker();
    agent.turn_goes_on = true;
    agent.say_count(asker, together, 2);
    agent.find(asker, together, avatar(50, ZONE));
    agent.find(asker, together, avatar(51, ZONE));
    let expected = [enter(50, ZONE), enter(51, ZONE)];
    agent.expect_told(clients[1], &[enter(50, ZONE), enter(51, ZONE), done(1, 1)]);
    for (client, framing, _) in &framed {
        let mut bytes = Vec::new();
        framing.begin(&mut bytes);
        for message in &expected {
            framing.write(&mut bytes, |writer| message.write(writer)).expect("short");
        }
        let told = agent.told.remove(&client.key).unwrap_or_default();
        let payload = |bytes: &[u8]| bytes[bytes.len().min(4)..].to_vec();
        let (told, bytes) = (payload(&told), payload(&bytes));
        assert!(bytes.len() > 40);
        assert!(told.windows(bytes.len() - 4).any(|part| part == &bytes[4..]), "{framing:?}");
    }
}

#[test]
fn only_whoever_is_told_too_much_is_put_out() {
    let mut agent = Agent::with(|config| config.limits.visible_objects = 3);
    let clients = [(); 3].map(|()| agent.established());
    agent.open(clients[1], 7, NEXT, &[70, 71]);
    agent.open_in_a_turn(&clients, ZONE);
    agent.end_turn();
    let (_, together) = agent.asked_together(clients[0], ZONE);
    let asker = agent.core.asker();
    agent.say_count(asker, together, 2);
    agent.find(asker, together, avatar(50, ZONE));
    agent.find(asker, together, avatar(51, ZONE));
    agent.expect_told(clients[2], &[enter(50, ZONE), enter(51, ZONE), done(1, 1)]);
    assert!(!agent.is_open(clients[1]) && agent.is_open(clients[2]));
}

#[test]
fn very_many_are_asked_for_in_parts_and_in_slices() {
    let mut agent = Agent::with(|config| {
        config.channels =
            ChannelRange::new(FIRST_CHANNEL, Channel(FIRST_CHANNEL.0 + 999)).expect("a range");
    });
    let clients: Vec<TestClient> = (0..300).map(|_| agent.established()).collect();
    agent.open_in_a_turn(&clients, ZONE);
    agent.routed();
    let mut slices = Vec::new();
    loop {
        let has_more = agent.core.resume(agent.now, 100, &mut agent.out);
        slices.push(agent.askers(ZONE).len());
        if !has_more {
            break;
        }
    }
    // 299 who wait, at most 128 at a time.
    assert_eq!(slices.iter().sum::<usize>(), 3);
    assert!(slices.iter().all(|&asked| asked <= 1), "{slices:?}");
}

#[test]
fn nobody_asks_when_the_agent_ends() {
    let (mut agent, clients) = three();
    agent.open_in_a_turn(&clients, ZONE);
    agent.routed();
    assert!(agent.core.shut_down(agent.now, 1, Stop::ForGood, &mut agent.out));
    agent.end_turn();
    assert_eq!(agent.askers(ZONE), []);
}

#[test]
fn what_is_not_answered_is_forgotten_with_those_who_asked() {
    let mut agent = Agent::with(|config| config.limits = ClientLimitsConfig::NONE);
    let clients = [(); 3].map(|()| agent.established());
    for round in 0..200 {
        agent.open_in_a_turn(&clients, at(5, round));
        agent.end_turn();
        agent.out.clear();
        agent.alone.cleared();
        // Those of the zone before are late from now on, and nobody waits for what is late for a zone that is closed.
        agent.pass(501);
    }
    let left = agent.core.questions_for_several();
    assert!((1..=80).contains(&left), "{left}");
}

#[test]
fn what_has_moved_meanwhile_is_where_it_is_now() {
    let (mut agent, clients) = three();
    clients.iter().for_each(|&client| agent.open(client, 7, NEXT, &[]));
    agent.open_in_a_turn(&clients, ZONE);
    agent.end_turn();
    let (alone, together) = agent.asked_together(clients[0], ZONE);
    for (to, query) in [(clients[0].channel, alone), (agent.core.asker(), together)] {
        agent.say_count(to, query, 3);
        [50, 51].into_iter().for_each(|id| agent.find(to, query, avatar(id, ZONE)));
    }
    agent.cluster(ZONE.channel(), &changing(50, NEXT, ZONE));
    for (to, query) in [(clients[0].channel, alone), (agent.core.asker(), together)] {
        agent.find(to, query, avatar(52, ZONE));
    }
    for client in clients {
        let entrances = [enter(50, ZONE), enter(51, ZONE), enter(52, ZONE)];
        let [first, second, third] = entrances;
        agent.expect_told(client, &[first, second, third, done(1, 1), moved(50, NEXT)]);
        agent.send(client, &remove_interest(2, 1));
        agent.expect_told(client, &[leaving(51), leaving(52), done(2, 1)]);
    }
}

#[test]
fn what_has_gone_before_it_is_told_with_what_others_found_is_taken_back() {
    let mut agent = Agent::new();
    agent.core.set_manners(Manners { sorts_found: true, ..Manners::default() });
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, ZONE));
    let first = agent.query(client.channel, ZONE.parent, &[6]);
    let zones = [ZONE.zone, NEXT.zone];
    let (context, interest, parent) = (Context(2), InterestId(1), ZONE.parent);
    let zones = List::new(&zones);
    agent.send(client, &Client::AddInterestMultiple { context, interest, parent, zones });
    let second = agent.query(client.channel, NEXT.parent, &[7]);
    agent.answer_object(client, second, avatar(60, NEXT));
    agent.cluster(NEXT.channel(), &deleting(60));
    agent.answer_object(client, first, avatar(50, ZONE));
    agent.told(client);
    agent.answer_count(client, first, 1);
    agent.answer_count(client, second, 1);
    let entrances = [enter(50, ZONE), enter(60, NEXT)];
    let [one, other] = entrances;
    agent.expect_told(client, &[one, other, done(2, 1), leaving(60)]);
}

#[test]
fn what_comes_one_at_a_time_is_told_in_the_order_in_which_it_came() {
    let (mut agent, [_, second, third], _, together) = asking();
    let asker = agent.core.asker();
    let ids = 100..200;
    for id in ids.clone() {
        agent.find(asker, together, avatar(id, ZONE));
        agent.cluster(ZONE.channel(), &set_field(100, "level", b"\x01"));
    }
    agent.say_count(asker, together, 100);
    let mut expected: Vec<_> = ids.map(|id| enter(id, ZONE)).collect();
    expected.push(done(1, 1));
    expected.extend((0..100).map(|_| client_sets(100, "level", b"\x01")));
    for client in [second, third] {
        agent.expect_told(client, &expected);
    }
}

#[test]
fn what_was_found_twice_is_left_out_once_and_for_all() {
    let (mut agent, [_, second, _], _, together) = asking();
    let asker = agent.core.asker();
    agent.say_count(asker, together, 4);
    agent.turn_goes_on = true;
    agent.find(asker, together, avatar(50, ZONE));
    agent.find(asker, together, avatar(50, ZONE));
    agent.end_turn();
    agent.find(asker, together, avatar(50, ZONE));
    agent.own(second, 50, ZONE);
    agent.told(second);
    agent.cluster(second.channel, &deleting(50));
    agent.told(second);
    agent.find(asker, together, avatar(51, ZONE));
    agent.expect_told(second, &[enter(51, ZONE), done(1, 1)]);
}

/// Something that happens to an object while its zone is being asked for.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Found,
    Updated(u8),
    Moves(bool),
    Comes,
    Ends,
    TurnEnds,
    AnotherInterest,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => Just(Happens::Found),
        2 => (0..9u8).prop_map(Happens::Updated),
        1 => any::<bool>().prop_map(Happens::Moves),
        1 => Just(Happens::Comes),
        1 => Just(Happens::Ends),
        4 => Just(Happens::TurnEnds),
        1 => Just(Happens::AnotherInterest),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What each of several holds of what was found for all of them is no different from what it would hold of its own.
    #[test]
    fn whatever_happens_meanwhile_each_is_told_as_if_it_had_asked_alone(
        sees_next in any::<bool>(),
        is_short in any::<bool>(),
        steps in prop::collection::vec((0..8u32, happens()), 0..40),
    ) {
        const VALUES: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07\x08\x09";
        let (mut agent, clients) = three();
        if sees_next {
            clients.iter().for_each(|&client| agent.open(client, 7, NEXT, &[60]));
        }
        agent.open_in_a_turn(&clients, ZONE);
        agent.end_turn();
        let (alone, together) = agent.asked_together(clients[0], ZONE);
        let asker = agent.core.asker();
        agent.turn_goes_on = true;
        let mut found = 0;
        for &(id, step) in &steps {
            let id = 50 + id;
            match step {
                Happens::Found => {
                    found += 1;
                    agent.find(clients[0].channel, alone, avatar(id, ZONE));
                    agent.find(asker, together, avatar(id, ZONE));
                }
                Happens::Updated(value) => {
                    let value = &VALUES[value.into()..][..1];
                    agent.cluster(ZONE.channel(), &set_field(id, "level", value));
                }
                Happens::Moves(to_next) => {
                    let to = if to_next { NEXT } else { at(5, 8) };
                    agent.cluster(ZONE.channel(), &changing(id, to, ZONE));
                }
                Happens::Comes => agent.cluster(ZONE.channel(), &entering(id, ZONE)),
                Happens::Ends => agent.cluster(ZONE.channel(), &deleting(id)),
                Happens::TurnEnds => {
                    agent.end_turn();
                    agent.turn_goes_on = true;
                }
                Happens::AnotherInterest => for client in clients {
                    let (interest, location) = (InterestId(9), ZONE);
                    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
                }
            }
        }
        // One more has been announced than comes, as when it has gone meanwhile.
        let count = found + u32::from(is_short);
        agent.say_count(clients[0].channel, alone, count);
        agent.say_count(asker, together, count);
        agent.end_turn();
        agent.pass(501);
        // What each believes to see is shown by what it is told of that.
        for id in 50..60 {
            agent.cluster(ZONE.channel(), &set_field(id, "level", b"\x2a"));
            agent.cluster(NEXT.channel(), &changing(id, ZONE, NEXT));
            agent.cluster(ZONE.channel(), &deleting(id));
        }
        let told = clients.map(|client| agent.told(client));
        // That the interest is done, at least.
        prop_assert!(!told[0].is_empty());
        for other in &told[1..] {
            let shown = |told: &[Vec<u8>]| told.iter().map(|one| show_client(one)).collect::<Vec<_>>();
            prop_assert_eq!(shown(&told[0]), shown(other));
            prop_assert_eq!(&told[0], other);
        }
    }
}
