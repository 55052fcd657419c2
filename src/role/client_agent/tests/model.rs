//! Random worlds: what a client has been told must be what it may see.
//!
//! A naive state server keeps the truth; naive clients believe what they are told. Between them are
//! two queues that are emptied at random times, so that everything can overtake everything that it can
//! overtake in a real cluster, but nothing else.

mod believer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use self::believer::Believer;
use super::*;
use crate::role::client_agent::agent::Manners;
use crate::wire::Reader;

const ROOT: u32 = 100;
const OBJECTS: std::ops::RangeInclusive<u32> = 101..=106;
const ZONES: std::ops::RangeInclusive<u32> = 1..=3;
const CLIENTS: usize = 4;
/// A parent that nobody knows: where objects are out of everyone's sight.
const NOWHERE: u32 = 999;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// An object is created there, or moved there if it exists.
    Place {
        do_id: u32,
        parent: u32,
        zone: u32,
    },
    Delete {
        do_id: u32,
    },
    Update {
        do_id: u32,
    },
    Own {
        do_id: u32,
        owner: Option<usize>,
    },
    /// A client, or the cluster for it, opens or alters an interest.
    Open {
        client: usize,
        id: u16,
        parent: u32,
        zones: Vec<u32>,
        by_cluster: bool,
    },
    Close {
        client: usize,
        id: u16,
        by_cluster: bool,
    },
    /// From now on all that clients do is done in one turn, until it is over: whoever opens the same zones is asked for together.
    Turn {
        goes_on: bool,
    },
    /// All clients open or alter an interest, one after the other.
    OpenAll {
        id: u16,
        parent: u32,
        zones: Vec<u32>,
    },
    /// Some of what waits is delivered: at the state server, at its slow objects, at the client agent.
    Pump {
        server: usize,
        late: usize,
        agent: usize,
    },
    /// Time passes.
    Wait,
    /// A client's connection is lost, and what was for it.
    Lose {
        client: usize,
    },
    /// It comes back on another one, also if the old one seems to be there.
    Return {
        client: usize,
    },
    /// Everything is delivered and answered.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let known = || prop_oneof![3 => Just(ROOT), 4 => OBJECTS];
    let parent = prop_oneof![7 => known(), 1 => Just(NOWHERE)];
    let zones = || prop::collection::vec(ZONES, 0..4);
    prop_oneof![
        6 => (OBJECTS, parent, ZONES)
            .prop_map(|(do_id, parent, zone)| Step::Place { do_id, parent, zone }),
        2 => OBJECTS.prop_map(|do_id| Step::Delete { do_id }),
        3 => OBJECTS.prop_map(|do_id| Step::Update { do_id }),
        1 => (OBJECTS, prop::option::of(0..CLIENTS))
            .prop_map(|(do_id, owner)| Step::Own { do_id, owner }),
        6 => (0..CLIENTS, 1u16..4, known(), zones(), any::<bool>()).prop_map(
            |(client, id, parent, zones, by_cluster)| {
                Step::Open { client, id, parent, zones, by_cluster }
            }
        ),
        3 => (0..CLIENTS, 1u16..4, any::<bool>())
            .prop_map(|(client, id, by_cluster)| Step::Close { client, id, by_cluster }),
        3 => any::<bool>().prop_map(|goes_on| Step::Turn { goes_on }),
        3 => (1u16..4, known(), zones())
            .prop_map(|(id, parent, zones)| Step::OpenAll { id, parent, zones }),
        8 => (0usize..3, 0usize..3, 0usize..5)
            .prop_map(|(server, late, agent)| Step::Pump { server, late, agent }),
        1 => (0..CLIENTS).prop_map(|client| Step::Lose { client }),
        1 => (0..CLIENTS).prop_map(|client| Step::Return { client }),
        1 => Just(Step::Wait),
        2 => Just(Step::Settle),
    ]
}

#[derive(Clone, Debug)]
struct Object {
    location: Location,
    owner: Option<usize>,
    version: u32,
}

/// A query of which one object has not answered yet.
struct LateAnswer {
    do_id: u32,
    context: Context,
    asker: Channel,
}

/// The truth.
#[derive(Default)]
struct Server {
    objects: BTreeMap<u32, Object>,
    queries: VecDeque<(Context, Channel, DoId, Vec<ZoneId>)>,
    late: VecDeque<LateAnswer>,
    /// Numbers each entrance, so that a client's can be traced to it.
    entrances: u32,
    versions: u32,
}

struct World {
    agent: Agent,
    clients: [TestClient; CLIENTS],
    believers: [Believer; CLIENTS],
    server: Server,
    /// What the router would have delivered to the client agent.
    arriving: VecDeque<Vec<u8>>,
    /// What is sent to the client agent.
    subscribed: BTreeSet<Channel>,
    /// What it no longer listens to, but is still sent. A zone that is closed and opened again before all
    /// has arrived that was sent meanwhile could not be told from one that was never closed.
    fading: BTreeSet<Channel>,
    /// When each entrance arrived, by its number.
    arrived_at: BTreeMap<u32, usize>,
    clock: usize,
    /// One that is part of an object's state.
    field: FieldId,
    contexts: u32,
    callers_awaited: usize,
}

impl World {
    fn new(sorts_found: bool) -> Self {
        let mut agent = Agent::with(|config| config.client.resume_ms = u32::MAX);
        agent.core.set_manners(Manners { sorts_found, ..Manners::default() });
        agent.core.make_tokens([7; 32]);
        let clients = [(); CLIENTS].map(|()| agent.established());
        clients.iter().for_each(|client| agent.send(*client, &Client::ResumeAsk {}));
        let subscribed = clients.iter().map(|client| client.channel).collect();
        let mut world = World {
            agent,
            clients,
            believers: Default::default(),
            server: Server::default(),
            arriving: VecDeque::new(),
            subscribed,
            fading: BTreeSet::new(),
            arrived_at: BTreeMap::new(),
            clock: 0,
            field: field("name"),
            contexts: 1_000_000,
            callers_awaited: 0,
        };
        // The tokens.
        world.listen();
        world
    }

    // The state server.

    fn send(&mut self, sender: u32, recipients: &[Channel], message: &StateServer<'_>) {
        if recipients.iter().any(|recipient| self.subscribed.contains(recipient)) {
            let mut bytes = Vec::new();
            message.write_datagram(
                &mut Writer::new(&mut bytes),
                recipients,
                Channel(sender.into()),
            );
            self.arriving.push_back(bytes);
        }
    }

    fn owner_channel(&self, do_id: u32) -> Option<Channel> {
        let owner = self.server.objects.get(&do_id)?.owner?;
        Some(self.clients[owner].channel)
    }

    fn entrance(&mut self, do_id: u32, send: impl FnOnce(&mut Self, ObjectState<'_>)) {
        self.server.entrances += 1;
        let object = &self.server.objects[&do_id];
        let values = [self.server.entrances.to_le_bytes(), object.version.to_le_bytes()].concat();
        let location = object.location;
        let values = Rest(&values);
        send(self, ObjectState { do_id: DoId(do_id), location, class_id: AVATAR, values });
    }

    fn enter_location(&mut self, do_id: u32) {
        self.entrance(do_id, |world, object| {
            let message = StateServer::ObjectEnterLocationWithRequired { object };
            world.send(do_id, &[object.location.channel()], &message);
        });
    }

    fn is_within(&self, do_id: u32, ancestor: u32) -> bool {
        let parent = self.server.objects.get(&do_id).map(|object| object.location.parent.0);
        do_id == ancestor || parent.is_some_and(|parent| self.is_within(parent, ancestor))
    }

    fn place(&mut self, do_id: u32, location: Location) {
        let parent = location.parent.0;
        let exists =
            parent == ROOT || parent == NOWHERE || self.server.objects.contains_key(&parent);
        if !exists || self.is_within(parent, do_id) {
            return;
        }
        let Some(object) = self.server.objects.get_mut(&do_id) else {
            let version = self.server.versions;
            self.server.objects.insert(do_id, Object { location, owner: None, version });
            return self.enter_location(do_id);
        };
        let old = std::mem::replace(&mut object.location, location);
        if old != location {
            let mut recipients = vec![old.channel(), old.parent.channel()];
            recipients.extend(self.owner_channel(do_id));
            self.send(777, &recipients, &changing(do_id, location, old));
            self.enter_location(do_id);
        }
    }

    fn delete(&mut self, do_id: u32) {
        let owner = self.owner_channel(do_id);
        if let Some(object) = self.server.objects.remove(&do_id) {
            let recipients: Vec<Channel> =
                [object.location.channel()].into_iter().chain(owner).collect();
            self.send(777, &recipients, &deleting(do_id));
            let is_child = |object: &Object| object.location.parent.0 == do_id;
            let children: Vec<u32> = self
                .server
                .objects
                .iter()
                .filter(|(_, object)| is_child(object))
                .map(|(&id, _)| id)
                .collect();
            children.into_iter().for_each(|child| self.delete(child));
        }
    }

    fn update(&mut self, do_id: u32) {
        self.server.versions += 1;
        let version = self.server.versions;
        let Some(object) = self.server.objects.get_mut(&do_id) else {
            return;
        };
        object.version = version;
        let channel = object.location.channel();
        let (field, value) = (self.field, version.to_le_bytes());
        let value = Rest(&value);
        self.send(
            777,
            &[channel],
            &StateServer::ObjectSetField { do_id: DoId(do_id), field, value },
        );
    }

    fn own(&mut self, do_id: u32, owner: Option<usize>) {
        let old = self.owner_channel(do_id);
        let Some(object) = self.server.objects.get_mut(&do_id) else {
            return;
        };
        if object.owner == owner {
            return;
        }
        object.owner = owner;
        let new = self.owner_channel(do_id);
        if let Some(old) = old {
            let message = StateServer::ObjectChangingOwner {
                do_id: DoId(do_id),
                new: new.unwrap_or_default(),
                old,
            };
            self.send(777, &[old], &message);
        }
        if let Some(new) = new {
            self.entrance(do_id, |world, object| {
                let message = StateServer::ObjectEnterOwnerWithRequired { object };
                world.send(do_id, &[new], &message);
            });
        }
    }

    /// The parent counts its children; each of them answers when it comes to it.
    fn answer_query(&mut self) {
        let Some((context, asker, parent, zones)) = self.server.queries.pop_front() else {
            return;
        };
        if parent.0 != ROOT && !self.server.objects.contains_key(&parent.0) {
            return;
        }
        let is_asked_for = |object: &Object| {
            object.location.parent == parent && zones.contains(&object.location.zone)
        };
        let children: Vec<u32> = self
            .server
            .objects
            .iter()
            .filter(|(_, object)| is_asked_for(object))
            .map(|(&id, _)| id)
            .collect();
        let count = DoId(children.len() as u32);
        self.send(parent.0, &[asker], &StateServer::ObjectGetZonesCountResp { context, count });
        let late = children.into_iter().map(|do_id| LateAnswer { do_id, context, asker });
        self.server.late.extend(late);
    }

    fn answer_late(&mut self) {
        let Some(LateAnswer { do_id, context, asker }) = self.server.late.pop_front() else {
            return;
        };
        // One that has moved meanwhile has told so, and answers all the same: it was counted.
        if self.server.objects.contains_key(&do_id) {
            self.entrance(do_id, |world, object| {
                let message = StateServer::ObjectEnterInterestWithRequired { context, object };
                world.send(do_id, &[asker], &message);
            });
        }
    }

    fn tell_all_of(&mut self, do_id: u32, context: Context, asker: Channel) {
        if let Some(&Object { location, .. }) = self.server.objects.get(&do_id) {
            let values = Rest(b"\x03\0ann\x09\0\0");
            let object = ObjectState { do_id: DoId(do_id), location, class_id: AVATAR, values };
            self.send(do_id, &[asker], &StateServer::ObjectGetAllResp { context, object });
        }
    }

    // The client agent.

    fn arrive(&mut self) {
        let Some(datagram) = self.arriving.pop_front() else {
            return;
        };
        let envelope = Envelope::read(&datagram).expect("complete");
        let message = Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body));
        let Ok(Cluster::StateServer(message)) = message else { panic!("{message:?}") };
        if let StateServer::ObjectEnterLocationWithRequired { object }
        | StateServer::ObjectEnterInterestWithRequired { object, .. } = message
        {
            let number = u32::from_le_bytes(object.values.0[..4].try_into().expect("a number"));
            self.arrived_at.insert(number, self.clock);
        }
        self.agent.core.datagram(self.agent.now, &datagram, &mut self.agent.out);
        self.listen();
    }

    /// Takes what has come out of the client agent.
    fn listen(&mut self) {
        self.clock += 1;
        self.agent.drain();
        let mut asked = Vec::new();
        for effect in self.agent.out.iter() {
            match effect {
                Effect::Subscribe(channel) => {
                    let is_new = self.subscribed.insert(channel);
                    assert!(is_new || self.fading.remove(&channel));
                }
                Effect::Unsubscribe(channel) => {
                    assert!(self.subscribed.contains(&channel) && self.fading.insert(channel));
                }
                Effect::Route(frame) => {
                    let envelope = Envelope::read(frame.datagram()).expect("complete");
                    let mut body = Reader::new(envelope.body);
                    match Cluster::decode(envelope.message_type, &mut body).expect("a message") {
                        Cluster::StateServer(StateServer::ObjectGetZonesObjects {
                            context,
                            parent,
                            zones,
                        }) => {
                            let query = (context, envelope.sender, parent, zones.iter().collect());
                            self.server.queries.push_back(query);
                        }
                        Cluster::StateServer(StateServer::ObjectGetAll { context, do_id }) => {
                            asked.push((do_id.0, context, envelope.sender));
                        }
                        Cluster::ClientAgent(ClientAgent::DoneInterestResp { .. }) => {
                            self.callers_awaited -= 1;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        self.agent.out.clear();
        for (do_id, context, asker) in asked {
            self.tell_all_of(do_id, context, asker);
        }
        if self.arriving.is_empty() {
            for channel in std::mem::take(&mut self.fading) {
                self.subscribed.remove(&channel);
            }
        }
        for index in 0..CLIENTS {
            let believer = &mut self.believers[index];
            for datagram in self.agent.told(self.clients[index]) {
                believer.believe(&datagram, self.clock, &self.arrived_at);
            }
            believer.is_listing = false;
            if believer.is_away {
                continue;
            }
            believer.check_parents_came_first();
            for (do_id, (location, _)) in &believer.sees {
                assert!(
                    believer.covers(*location),
                    "{do_id} is seen at {location} by nobody's wish"
                );
            }
        }
    }

    // What happens.

    fn open(&mut self, index: usize, id: u16, parent: u32, zones: &[u32], by_cluster: bool) {
        let zone_ids: Vec<ZoneId> = zones.iter().map(|&zone| ZoneId(zone)).collect();
        let (interest, zone_ids) = (InterestId(id), List::new(&zone_ids));
        self.believers[index].interests.insert(id, (parent, zones.iter().copied().collect()));
        let parent = DoId(parent);
        if by_cluster {
            let zones = zone_ids;
            let message = ClientAgent::AddInterestMultiple { interest, parent, zones };
            return self.ask_for(index, &message);
        }
        let context = self.new_context(index);
        let zones = zone_ids;
        let message = Client::AddInterestMultiple { context, interest, parent, zones };
        self.agent.send(self.clients[index], &message);
    }

    fn close(&mut self, index: usize, id: u16, by_cluster: bool) {
        let was_open = self.believers[index].interests.remove(&id).is_some();
        let interest = InterestId(id);
        if by_cluster {
            self.ask_for(index, &ClientAgent::RemoveInterest { interest });
        } else if was_open {
            let context = self.new_context(index);
            self.agent.send(self.clients[index], &Client::RemoveInterest { context, interest });
        }
    }

    fn lose(&mut self, index: usize) {
        if !std::mem::replace(&mut self.believers[index].is_away, true) {
            self.agent.lose(self.clients[index]);
        }
    }

    fn come_back(&mut self, index: usize) {
        let newcomer = self.agent.connect();
        let token = std::mem::take(&mut self.believers[index].token);
        self.agent.send(newcomer, &Client::Resume { token: Secret(&token) });
        let resumed = self.agent.resumed.take();
        assert_eq!(resumed, Some(self.clients[index].key));
        self.listen();
    }

    fn new_context(&mut self, index: usize) -> Context {
        self.contexts += 1;
        self.believers[index].awaited.insert(self.contexts);
        Context(self.contexts)
    }

    fn ask_for(&mut self, index: usize, message: &ClientAgent<'_>) {
        self.callers_awaited += 1;
        self.agent.cluster(self.clients[index].channel, message);
    }

    fn turn(&mut self, goes_on: bool) {
        self.agent.turn_goes_on = goes_on;
        self.listen();
    }

    fn settle(&mut self) {
        self.turn(false);
        for index in 0..CLIENTS {
            if self.believers[index].is_away {
                self.come_back(index);
            }
        }
        while !(self.server.queries.is_empty()
            && self.server.late.is_empty()
            && self.arriving.is_empty())
        {
            self.answer_query();
            self.answer_late();
            self.arrive();
        }
        // For what was never answered.
        for _ in 0..4 {
            self.agent.pass(20_000);
            self.listen();
        }
        assert_eq!(self.callers_awaited, 0);
        for (index, believer) in self.believers.iter().enumerate() {
            assert!(believer.awaited.is_empty(), "never done: {:?}", believer.awaited);
            let truth = self.server.objects.iter();
            let visible: BTreeMap<u32, (Location, u32)> = truth
                .clone()
                .filter(|(_, object)| believer.covers(object.location))
                .map(|(&id, object)| (id, (object.location, object.version)))
                .collect();
            assert_eq!(believer.sees, visible, "client {index}");
            let owned: BTreeSet<u32> = truth
                .filter(|(_, object)| object.owner == Some(index))
                .map(|(&id, _)| id)
                .collect();
            assert_eq!(believer.owns, owned, "client {index}");
        }
    }

    fn happen(&mut self, step: &Step) {
        match *step {
            Step::Place { do_id, parent, zone } => self.place(do_id, at(parent, zone)),
            Step::Delete { do_id } => self.delete(do_id),
            Step::Update { do_id } => self.update(do_id),
            Step::Own { do_id, owner } => self.own(do_id, owner),
            Step::Open { client, id, parent, ref zones, by_cluster } => {
                let by_cluster = by_cluster || self.believers[client].is_away;
                self.open(client, id, parent, zones, by_cluster);
            }
            Step::OpenAll { id, parent, ref zones } => {
                for client in 0..CLIENTS {
                    self.open(client, id, parent, zones, self.believers[client].is_away);
                }
            }
            Step::Turn { goes_on } => self.turn(goes_on),
            Step::Close { client, id, by_cluster } => {
                let by_cluster = by_cluster || self.believers[client].is_away;
                self.close(client, id, by_cluster);
            }
            Step::Lose { client } => self.lose(client),
            Step::Return { client } => self.come_back(client),
            Step::Pump { server, late, agent } => {
                (0..server).for_each(|_| self.answer_query());
                (0..late).for_each(|_| self.answer_late());
                (0..agent).for_each(|_| self.arrive());
            }
            Step::Wait => {
                // A turn is over before time passes.
                self.turn(false);
                self.agent.pass(300);
            }
            Step::Settle => self.settle(),
        }
        self.listen();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn clients_are_told_what_they_may_see(sorts in any::<bool>(), steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new(sorts);
        for step in &steps {
            world.happen(step);
        }
        world.settle();
    }

    #[test]
    fn also_when_all_is_quiet_between_two_steps(sorts in any::<bool>(), steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new(sorts);
        for step in &steps {
            world.happen(step);
            world.settle();
        }
    }
}
