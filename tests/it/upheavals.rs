//! What the simulation judges (`tests/sim`), with real processes and sockets: few runs, and slow ones.
//!
//! A root, a daemon with state server and database, and one with clients, whose connections go through cables that are
//! cut and held; and processes are killed. A client loses its connection and comes back at any moment, as often as not in the middle
//! of being told all anew. When all are there again, it sees what a newcomer does, what the
//! database has acknowledged is there, and last words have been heard once.

use std::collections::{BTreeMap, BTreeSet};

use donet::message::Secret;
use donet::wire::Reader;

use crate::client_agent::{self, HERE, PARENT, THERE};
use crate::harness::world::{room, vault};
use crate::harness::*;

#[path = "../sim/chance.rs"]
#[allow(dead_code, reason = "digests are the simulation's")]
mod chance;

use chance::Chance;

const STATE_SERVER: Channel = Channel(4_000);
const DATABASE: Channel = Channel(4_003);
const AI: Channel = Channel(5_100);
const WITNESS: Channel = Channel(5_200);
/// The last to be made: whoever sees it has been told all that was made before.
const LAST: DoId = DoId(10_900);
const STEPS: usize = 25;

/// Objects that a client sees: where they are, and their titles.
type View = BTreeMap<DoId, (Location, Vec<u8>)>;

/// A client, and what it has been told.
struct Watcher {
    client: Client,
    view: View,
    is_done: bool,
    /// With what it can come back.
    token: Vec<u8>,
    /// What it has not been told again since it is back, until that is over.
    doubted: Option<BTreeSet<DoId>>,
}

impl Watcher {
    fn new(stage: &mut client_agent::Stage) -> Self {
        let (mut client, _) = stage.established();
        let zones = [HERE.zone, THERE.zone];
        let (context, interest) = (Context(1), InterestId(5));
        let (parent, zones) = (PARENT, List::new(&zones));
        client.send(&ClientMessage::AddInterestMultiple { context, interest, parent, zones });
        client.send(&ClientMessage::ResumeAsk {});
        let (view, token) = (View::new(), Vec::new());
        Watcher { client, view, is_done: false, token, doubted: None }
    }

    /// Loses its connection, whatever has come and what comes, and is back.
    fn come_back(&mut self, stage: &client_agent::Stage) {
        wait_until("it has a token", || {
            self.look();
            (!self.token.is_empty()).then_some(())
        });
        self.client = stage.daemon.client();
        let token = std::mem::take(&mut self.token);
        self.client.send(&ClientMessage::Resume { token: Secret(&token) });
        self.doubted = Some(self.view.keys().copied().collect());
        wait_until("it is back", || {
            self.look();
            (!self.token.is_empty()).then_some(())
        });
    }

    /// It is told that it does not see an object any more, or was not told that it still does.
    fn lose(&mut self, do_id: DoId) -> bool {
        if let Some(doubted) = &mut self.doubted {
            doubted.remove(&do_id);
        }
        self.view.remove(&do_id).is_some()
    }

    /// Takes what has come.
    fn look(&mut self) {
        while let Received::Datagram(datagram) =
            self.client.stream().receive_within(std::time::Duration::from_millis(5))
        {
            self.hear(&datagram);
        }
    }

    fn hear(&mut self, datagram: &[u8]) {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().expect("a message");
        match ClientMessage::decode(number, &mut reader).expect("a message") {
            ClientMessage::EnterObjectRequired { object } => {
                let title = object.values.0.to_vec();
                let is_again =
                    self.doubted.as_mut().is_some_and(|doubted| doubted.remove(&object.do_id));
                let before = self.view.insert(object.do_id, (object.location, title));
                assert_eq!(before.is_some(), is_again, "{} enters twice", object.do_id);
            }
            ClientMessage::ObjectLeaving { do_id } => {
                assert!(self.lose(do_id), "{do_id} leaves unseen");
            }
            ClientMessage::ObjectLocation { do_id, location } => {
                self.view.get_mut(&do_id).expect("it is seen").0 = location;
            }
            ClientMessage::ObjectSetField { do_id, value, .. } => {
                self.view.get_mut(&do_id).expect("it is seen").1 = value.0.to_vec();
            }
            ClientMessage::DoneInterestResp { .. } => self.is_done = true,
            ClientMessage::ResumeToken { token, .. }
            | ClientMessage::ResumeResp { resumed: true, token, .. } => {
                self.token = token.0.to_vec();
            }
            ClientMessage::AddInterestMultiple { .. } => assert!(self.doubted.is_some()),
            ClientMessage::ResumeDone {} => {
                for do_id in self.doubted.take().expect("it has come back") {
                    self.lose(do_id);
                }
            }
            other => panic!("{other:?} is not expected"),
        }
    }
}

/// The daemons, and who plays with them.
struct Play {
    root: Daemon,
    game: Daemon,
    leaf: client_agent::Stage,
    cables: [Cable; 2],
    ai: Link,
    /// What the database has acknowledged.
    stored: Vec<DoId>,
    chance: Chance,
    next: u32,
}

impl Play {
    fn start(seed: u64) -> Self {
        let root = Setup::new().director("settle_ms: 300").daemon("name: root").start();
        let cables = [(); 2].map(|()| Cable::to(root.address("MD")));
        let below = |setup: Setup, cable: &Cable| {
            let address = cable.address();
            setup.director(format!("connect: {address}")).director("settle_ms: 300")
        };
        let game = below(Setup::new(), &cables[0])
            .role(format!("type: stateserver, control: {STATE_SERVER}"))
            .role(format!(
                "type: database, control: {DATABASE}, generate: {{min: 200000, max: 200999}}, \
                 backend: {{type: sqlite, file: world.sqlite}}"
            ))
            .start();
        let setup = client_agent::setup(", client: {add_interest: enabled, resume_ms: 60000}");
        let leaf = client_agent::Stage::of(below(setup, &cables[1]));
        let ai = game.link();
        let (stored, chance) = (Vec::new(), Chance::new(seed));
        let mut play = Play { root, game, leaf, cables, ai, stored, chance, next: 0 };
        play.make(PARENT, Location::NONE);
        play.ai.subscribe(AI);
        play
    }

    fn make(&mut self, do_id: DoId, location: Location) {
        self.next += 1;
        let values = Values::new().string(&format!("number {}", self.next));
        let object =
            ObjectState { do_id, location, class_id: room::CLASS, values: Rest(values.bytes()) };
        self.ai.send(STATE_SERVER, AI, &StateServer::CreateObjectWithRequired { object });
    }

    fn step(&mut self) {
        let do_id = DoId(10_100 + self.chance.below(5) as u32);
        let location = if self.chance.one_in(2) { HERE } else { THERE };
        match self.chance.below(17) {
            0..=3 => self.make(do_id, location),
            4..=6 => {
                self.next += 1;
                let value = Values::new().string(&format!("number {}", self.next));
                let (field, value) = (room::TITLE, Rest(value.bytes()));
                self.ai.send(do_id, AI, &StateServer::ObjectSetField { do_id, field, value });
            }
            7..=8 => self.ai.send(do_id, AI, &StateServer::ObjectSetLocation { location }),
            9..=10 => self.ai.send(do_id, AI, &StateServer::ObjectDeleteRam { do_id }),
            11..=12 => self.store(),
            13 => self.cables[self.chance.below(2)].cut(),
            14 => {
                let is_held = self.chance.one_in(2);
                self.cables[self.chance.below(2)].hold(is_held);
            }
            15 => {
                self.game.kill();
                self.game.start_again();
                self.ai = self.game.link();
                self.ai.subscribe(AI);
                self.make(PARENT, Location::NONE);
            }
            _ => {
                self.root.kill();
                self.root.start_again();
            }
        }
    }

    /// Has an object stored, and waits until that is acknowledged.
    fn store(&mut self) {
        let context = Context(7);
        let (class_id, fields) = (vault::CLASS, FieldValues::default());
        self.ai.send(DATABASE, AI, &Database::CreateObject { context, class_id, fields });
        let answer = self.ai.receive();
        let Cluster::Database(Database::CreateObjectResp { do_id, .. }) = answer.message() else {
            panic!("{answer:?} instead of an object");
        };
        assert!(do_id != DoId::NONE && !self.stored.contains(&do_id), "{do_id} is given out twice");
        self.stored.push(do_id);
    }

    /// All that was acknowledged is there.
    fn expect_stored(&mut self) {
        for do_id in self.stored.clone() {
            let (context, field) = (Context(8), vault::GOLD);
            self.ai.send(DATABASE, AI, &Database::ObjectGetField { context, do_id, field });
            let answer = self.ai.receive();
            let Cluster::Database(Database::ObjectGetFieldResp { value, .. }) = answer.message()
            else {
                panic!("{answer:?} instead of a value");
            };
            assert!(value.is_some(), "{do_id} was acknowledged, and is not there");
        }
    }

    /// In the end `watcher` sees what a newcomer does.
    fn expect_same_view(&mut self, watcher: &mut Watcher) {
        self.make(LAST, HERE);
        wait_until("the client sees the last object", || {
            watcher.look();
            watcher.view.contains_key(&LAST).then_some(())
        });
        let mut newcomer = View::new();
        let mut tries = 0;
        wait_until("the client sees what a newcomer does", || {
            let mut other = Watcher::new(&mut self.leaf);
            wait_until("the newcomer has seen all", || {
                other.look();
                other.is_done.then_some(())
            });
            watcher.look();
            newcomer = other.view;
            tries += 1;
            if watcher.view != newcomer && tries == 20 {
                eprintln!("it sees {:?}\n  and a newcomer {newcomer:?}", watcher.view);
            }
            (watcher.view == newcomer).then_some(())
        });
    }
}

fn run(seed: u64) {
    let mut play = Play::start(seed);
    let mut witness = play.leaf.daemon.link();
    witness.subscribe(WITNESS);
    let mut mortal = play.leaf.daemon.link();
    let last_words = datagram_of(WITNESS, AI, &StateServer::DeleteAiObjects { ai: AI });
    mortal.control(&Control::AddPostRemove { sender: AI, datagram: Blob(&last_words) });
    mortal.sync();
    let mut watcher = Watcher::new(&mut play.leaf);
    for _ in 0..STEPS {
        play.step();
        watcher.look();
        if play.chance.one_in(4) {
            watcher.come_back(&play.leaf);
        }
    }
    play.cables.iter().for_each(|cable| cable.hold(false));
    play.expect_same_view(&mut watcher);
    play.expect_stored();
    mortal.close();
    // Once: a mark that is sent when it has come, comes next.
    let message = StateServer::DeleteAiObjects { ai: AI };
    witness.expect(WITNESS, AI, &message);
    witness.expect_nothing_from(&mut play.leaf.daemon.link());
}

#[test]
fn after_an_upheaval_all_is_as_it_must_be() {
    for seed in 1..=5 {
        eprintln!("seed {seed}");
        run(seed);
    }
}
