//! After a gap: what clients know is compared with the cluster.

mod beginning;
mod meanwhile;
mod owners;
mod rules;
mod session_objects;

use super::*;
use crate::config::ClientLimitsConfig;
use crate::router::Gap;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NEXT: Location = Location::new(DoId(5), ZoneId(7));
const ELSEWHERE: Location = Location::new(DoId(5), ZoneId(99));
/// Without an answer for so long, everybody is silent.
const SILENCE_MS: u64 = 2000;

/// A question that the agent itself has asked: whom, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Asked {
    to: Channel,
    context: Context,
    what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Zones(DoId, Vec<u32>),
    Owner,
    Location,
    All,
}

impl Agent {
    /// There was a gap, and the agent does what it can without an answer. What it asks.
    fn gap(&mut self) -> Vec<Asked> {
        self.core.gap(self.now, Gap { same_epoch: true }, &mut self.out);
        self.go_on()
    }

    fn go_on(&mut self) -> Vec<Asked> {
        while self.core.resume(self.now, 10, &mut self.out) {}
        self.drain();
        self.asked()
    }

    /// What the agent has asked since the last look. Nothing else has been routed.
    fn asked(&mut self) -> Vec<Asked> {
        let routed = self.routed();
        let asker = self.core.asker();
        assert!(!config().channels.contains(asker) && !asker.is_reserved(), "{asker}");
        let read = |(to, sender, message): &Routed| {
            assert_eq!(*sender, asker, "{message:?}");
            read(to, message)
        };
        // What clients own is asked of all.
        routed.iter().filter(|(to, ..)| to[..] != [Channel::OBSERVERS]).map(read).collect()
    }

    /// An object, or the parent of one, answers.
    fn answer(&mut self, message: &StateServer<'_>) {
        let asker = self.core.asker();
        self.cluster_from(Channel(1), &[asker], message);
    }

    fn count(&mut self, context: Context, count: u32) {
        let count = DoId(count);
        self.answer(&StateServer::ObjectGetZonesCountResp { context, count });
    }

    fn found(&mut self, context: Context, object: ObjectState<'_>) {
        self.answer(&StateServer::ObjectEnterInterestWithRequired { context, object });
    }

    /// Nobody answers any more.
    fn silence(&mut self) -> Vec<Asked> {
        self.pass(SILENCE_MS);
        self.go_on()
    }
}

fn read(to: &[Channel], message: &[u8]) -> Asked {
    let [to] = *to else { panic!("{to:?} are asked at once") };
    let mut reader = crate::wire::Reader::new(message);
    let number = reader.u16().expect("a number");
    let (context, what) = match StateServer::decode(number, &mut reader).expect("a message") {
        StateServer::ObjectGetZonesObjects { context, parent, zones } => {
            (context, What::Zones(parent, zones.iter().map(|zone| zone.0).collect()))
        }
        StateServer::ObjectGetOwner { context } => (context, What::Owner),
        StateServer::ObjectGetLocation { context } => (context, What::Location),
        StateServer::ObjectGetAll { context, .. } => (context, What::All),
        other => panic!("{other:?} is asked"),
    };
    Asked { to, context, what }
}

/// The only question of a gap, which must be for these zones.
#[track_caller]
fn zones_of(asked: &[Asked], parent: DoId, zones: &[u32]) -> Context {
    let [question] = asked else { panic!("{asked:?} instead of one question") };
    assert_eq!(question.what, What::Zones(parent, zones.to_vec()));
    assert_eq!(question.to, parent.channel());
    question.context
}

/// An avatar that has changed.
fn changed(do_id: u32, location: Location) -> ObjectState<'static> {
    ObjectState { values: Rest(b"\x02\0bo\x05"), ..avatar(do_id, location) }
}

/// That an avatar has just the values of [`avatar`], or of [`changed`].
fn values(do_id: u32, name: &'static [u8], health: &'static [u8]) -> [Client<'static>; 2] {
    [client_sets(do_id, "name", name), client_sets(do_id, "health", health)]
}

fn usual(do_id: u32) -> [Client<'static>; 2] {
    values(do_id, b"\x03\0ann", b"\x09")
}

/// A client that sees the objects 50 to 52, and another zone.
fn seeing() -> (Agent, TestClient) {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, ZONE, &[50, 51, 52]);
    agent.open(client, 2, NEXT, &[]);
    (agent, client)
}

#[test]
fn what_was_missed_is_told_as_if_it_had_just_happened() {
    let (mut agent, client) = seeing();
    let asked = agent.gap();
    let query = zones_of(&asked, ZONE.parent, &[6, 7]);
    agent.expect_told(client, &[]);
    agent.count(query, 3);
    // One has changed, one has moved, one has come, and one has gone.
    agent.found(query, changed(51, ZONE));
    agent.expect_told(client, &values(51, b"\x02\0bo", b"\x05"));
    agent.found(query, avatar(52, NEXT));
    let [name, health] = usual(52);
    agent.expect_told(client, &[moved(52, NEXT), name, health]);
    agent.found(query, avatar(53, ZONE));
    agent.go_on();
    agent.expect_told(client, &[enter(53, ZONE), leaving(50)]);
    // It may send to the new one, and the other is gone.
    agent.send(client, &client_sets(53, "health", b"\x01"));
    assert_eq!(agent.routed().len(), 1);
    agent.send(client, &client_sets(50, "health", b"\x01"));
    assert_eq!(agent.routed(), []);
    assert!(agent.is_open(client));
}

#[test]
fn all_sessions_share_an_answer() {
    let (mut agent, first) = seeing();
    let second = agent.established();
    agent.open(second, 9, ZONE, &[50]);
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.count(query, 2);
    agent.found(query, avatar(50, ZONE));
    agent.found(query, avatar(51, NEXT));
    agent.go_on();
    let [[a, b], [c, d]] = [usual(50), usual(51)];
    agent.expect_told(first, &[a.clone(), b.clone(), moved(51, NEXT), c, d, leaving(52)]);
    agent.expect_told(second, &[a, b]);
}

#[test]
fn who_does_not_see_where_an_object_is_now_is_told_that_it_leaves() {
    let mut agent = Agent::new();
    let (one, other) = (agent.established(), agent.established());
    agent.open(one, 1, ZONE, &[50]);
    agent.open(other, 1, NEXT, &[]);
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.count(query, 1);
    agent.found(query, avatar(50, NEXT));
    agent.go_on();
    agent.expect_told(one, &[leaving(50)]);
    agent.expect_told(other, &[enter(50, NEXT)]);
}

#[test]
fn an_object_without_an_answer_is_asked_for_among_its_parents_children_and_then_leaves() {
    let (mut agent, client) = seeing();
    zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.pass(SILENCE_MS - 1);
    assert_eq!(agent.go_on(), []);
    let asked = agent.silence();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].to, ZONE.parent.children());
    agent.found(asked[0].context, avatar(51, ZONE));
    agent.expect_told(client, &usual(51));
    assert_eq!(agent.silence(), []);
    agent.expect_told(client, &[leaving(50), leaving(52)]);
    // It was only slow.
    agent.found(asked[0].context, avatar(52, ZONE));
    agent.expect_told(client, &[enter(52, ZONE)]);
}

#[test]
fn what_happens_meanwhile_counts() {
    let (mut agent, client) = seeing();
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.cluster(ZONE.channel(), &entering(54, ZONE));
    agent.cluster(ZONE.channel(), &deleting(50));
    agent.cluster(ZONE.channel(), &changing(51, NEXT, ZONE));
    agent.cluster(ZONE.channel(), &changing(52, ELSEWHERE, ZONE));
    agent.expect_told(client, &[enter(54, ZONE), leaving(50), moved(51, NEXT), leaving(52)]);
    agent.count(query, 0);
    agent.go_on();
    agent.expect_told(client, &[]);
    agent.cluster(NEXT.channel(), &set_field(51, "level", b"\x01"));
    agent.expect_told(client, &[client_sets(51, "level", b"\x01")]);
}

#[test]
fn an_interest_that_is_closed_or_opened_meanwhile() {
    let (mut agent, client) = seeing();
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.send(client, &remove_interest(3, 1));
    agent.expect_told(client, &[leaving(50), leaving(51), leaving(52), done(3, 1)]);
    agent.count(query, 1);
    agent.found(query, avatar(50, ZONE));
    agent.go_on();
    agent.expect_told(client, &[]);

    let query = zones_of(&agent.gap(), NEXT.parent, &[7]);
    agent.send(client, &add_interest(4, 1, ZONE));
    let own = agent.query(client.channel, ZONE.parent, &[6]);
    agent.answer_count(client, own, 2);
    agent.answer_object(client, own, avatar(50, ZONE));
    // That one has not been heard of by the comparison.
    agent.count(query, 0);
    agent.go_on();
    agent.expect_told(client, &[]);
    agent.answer_object(client, own, avatar(51, ZONE));
    agent.expect_told(client, &[enter(50, ZONE), enter(51, ZONE), done(4, 1)]);
}

#[test]
fn objects_that_an_interest_holds_are_compared_too() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, ZONE));
    let own = agent.query(client.channel, ZONE.parent, &[6]);
    agent.answer_count(client, own, 3);
    agent.answer_object(client, own, avatar(50, ZONE));
    agent.answer_object(client, own, avatar(51, ZONE));
    let query = zones_of(&agent.gap(), ZONE.parent, &[6]);
    agent.count(query, 1);
    agent.found(query, changed(51, ZONE));
    agent.go_on();
    agent.expect_told(client, &[]);
    // The third one has been lost.
    agent.pass(500);
    let [name, health] = values(51, b"\x02\0bo", b"\x05");
    let expected = [enter(50, ZONE), enter(51, ZONE), done(1, 1), name, health, leaving(50)];
    agent.expect_told(client, &expected);
}

#[test]
fn a_session_that_has_been_ended_for_the_cluster_ends() {
    let mut agent = Agent::new();
    let (with, without) = (agent.established(), agent.established());
    let mut last_words = Vec::new();
    deleting(50).write_datagram(&mut Writer::new(&mut last_words), &[AI], with.channel);
    let datagram = Blob(&last_words);
    agent.cluster(with.channel, &ClientAgent::AddPostRemove { datagram });
    agent.routed();
    agent.core.gap(agent.now, Gap { same_epoch: true }, &mut agent.out);
    while agent.core.resume(agent.now, 10, &mut agent.out) {}
    agent.drain();
    let text = agent.expect_ejected(with, EjectReason::Generic);
    assert!(text.contains("cluster was lost"), "{text}");
    assert!(agent.is_open(without));
}

#[test]
fn parents_are_not_asked_all_at_once() {
    let mut agent = Agent::with(|config| config.limits = ClientLimitsConfig::NONE);
    let client = agent.established();
    for parent in 0..200 {
        let id = u16::try_from(parent).expect("few");
        agent.open(client, id + 1, at(1000 + parent, 1), &[]);
    }
    let mut asked = agent.gap();
    assert_eq!(asked.len(), 64);
    // Each that is answered makes room for two.
    agent.count(asked[0].context, 0);
    assert_eq!(agent.asked().len(), 2);
    // Of the others nobody waits for the rest: who is silent is not busy.
    asked = agent.silence();
    assert_eq!(asked.len(), 200 - 66 + 65);
}

#[test]
fn a_parent_with_many_objects_lets_the_others_wait() {
    let mut agent = Agent::with(|config| config.limits = ClientLimitsConfig::NONE);
    let client = agent.established();
    for parent in 0..100 {
        let id = u16::try_from(parent).expect("few");
        agent.open(client, id + 1, at(1000 + parent, 1), &[]);
    }
    let asked = agent.gap();
    agent.count(asked[0].context, 20_000);
    agent.count(asked[1].context, 0);
    assert_eq!(agent.asked(), []);
    let What::Zones(parent, _) = asked[0].what else { panic!("{asked:?}") };
    (0..5_000).for_each(|id| agent.found(asked[0].context, avatar(id + 1, at(parent.0, 1))));
    assert_eq!(agent.asked().len(), 2);
}

#[test]
fn thousands_of_sessions_are_looked_at_some_at_a_time() {
    const CLIENTS: usize = 10_000;
    let mut agent = Agent::with(|config| {
        let high = Channel(FIRST_CHANNEL.0 + CLIENTS as u64);
        config.channels = ChannelRange::new(FIRST_CHANNEL, high).expect("a range");
    });
    let clients: Vec<TestClient> = (0..CLIENTS).map(|_| agent.established()).collect();
    for &client in &clients {
        agent.send(client, &add_interest(1, 1, ZONE));
        agent.cluster(client.channel, &entering(50, ZONE));
    }
    agent.pass(10_000);
    while agent.core.resume(agent.now, 256, &mut agent.out) {}
    agent.drain();
    agent.told.clear();
    agent.routed();
    agent.core.gap(agent.now, Gap { same_epoch: false }, &mut agent.out);
    let mut slices = 0;
    let resume = |agent: &mut Agent| {
        let more = agent.core.resume(agent.now, 256, &mut agent.out);
        agent.drain();
        more
    };
    while resume(&mut agent) {
        slices += 1;
    }
    assert!(slices >= CLIENTS / 256, "{slices}");
    let asked = agent.asked();
    zones_of(&asked, ZONE.parent, &[6]);
    for _ in 0..2 {
        agent.pass(SILENCE_MS);
        slices = 0;
        let mut told = 0;
        while resume(&mut agent) {
            slices += 1;
            assert!(agent.told.len() - told <= 256, "{} in one slice", agent.told.len() - told);
            told = agent.told.len();
        }
    }
    assert!(slices >= CLIENTS / 256, "{slices}");
    clients.iter().for_each(|&client| agent.expect_told(client, &[leaving(50)]));
}

#[test]
fn a_state_server_that_is_lost_ends_no_session() {
    let mut agent = Agent::new();
    let client = agent.established();
    let mut last_words = Vec::new();
    deleting(50).write_datagram(&mut Writer::new(&mut last_words), &[AI], client.channel);
    let datagram = Blob(&last_words);
    agent.cluster(client.channel, &ClientAgent::AddPostRemove { datagram });
    agent.out.clear();
    let lost = StateServer::Lost { server: AI, epoch: 7 };
    agent.cluster(Channel::OBSERVERS, &lost);
    agent.pass(100);
    assert_eq!(agent.go_on(), []);
    assert!(agent.is_open(client));
    // But one that ends because of the agent's own gap ends, whatever begins meanwhile.
    agent.core.gap(agent.now, Gap { same_epoch: true }, &mut agent.out);
    agent.cluster(Channel::OBSERVERS, &lost);
    agent.pass(100);
    while agent.core.resume(agent.now, 10, &mut agent.out) {}
    agent.drain();
    agent.expect_ejected(client, EjectReason::Generic);
}

#[test]
fn what_an_object_says_itself_is_not_doubted() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, ZONE, &[50]);
    // Its answer has been lost, and nobody knows that.
    agent.send(client, &add_interest(2, 2, NEXT));
    agent.query(client.channel, NEXT.parent, &[7]);
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    agent.count(query, 1);
    agent.found(query, avatar(50, NEXT));
    agent.go_on();
    let [name, health] = usual(50);
    agent.expect_told(client, &[moved(50, NEXT), name, health]);
    agent.pass(500);
    agent.expect_told(client, &[done(2, 2)]);
}

#[test]
fn an_object_that_comes_meanwhile_where_another_was_seen_tells_its_values() {
    let (mut agent, client) = seeing();
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    let object = changed(50, NEXT);
    let entrance = StateServer::ObjectEnterLocationWithRequired { object };
    agent.cluster_from(Channel(50), &[NEXT.channel()], &entrance);
    let [name, health] = values(50, b"\x02\0bo", b"\x05");
    agent.expect_told(client, &[moved(50, NEXT), name, health]);
    agent.count(query, 0);
    agent.go_on();
    agent.expect_told(client, &[leaving(51), leaving(52)]);
    // When it is over, it is as always.
    agent.cluster_from(Channel(50), &[NEXT.channel()], &entrance);
    agent.expect_told(client, &[]);
}
