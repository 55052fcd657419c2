//! What was missed while a link between daemons was away is found, and told as if it had just happened.

use crate::client_agent::{self, HERE, PARENT, THERE, avatar_at, leaving, leaving_owner, update};
use crate::harness::world::{avatar, room};
use crate::harness::*;
use crate::state_server::{create, delete_ram, set_field, set_location, set_owner};

/// A state server's.
const CONTROL: Channel = Channel(4_000);
const ACTOR: Channel = Channel(5_100);
/// An object that answers when everything before has been done.
const WITNESS: DoId = DoId(9_999);
const DELETED: DoId = DoId(10_001);
const CHANGED: DoId = DoId(10_002);
const MOVED: DoId = DoId(10_003);
const OWNED: DoId = DoId(10_004);
const CREATED: DoId = DoId(10_005);
const GAINED: DoId = DoId(10_006);
const INTEREST: InterestId = InterestId(5);

fn root() -> Setup {
    Setup::new().director("settle_ms: 300").daemon("name: root")
}

/// A daemon below `address`, with clients.
fn leaf(address: std::net::SocketAddr) -> client_agent::Stage {
    let setup = client_agent::setup(", client: {add_interest: enabled}")
        .director(format!("connect: {address}"))
        .director("settle_ms: 300");
    client_agent::Stage::of(setup)
}

/// Whoever makes the world, and tells a state server what to do.
struct Maker {
    link: Link,
    hearer: Link,
}

impl Maker {
    /// One who speaks to a daemon, in a world with a place for avatars.
    fn at(daemon: &Daemon) -> Self {
        let mut maker = Maker { link: daemon.link(), hearer: daemon.link() };
        for do_id in [WITNESS, PARENT] {
            let values = Values::new().string("a place");
            let class_id = room::CLASS;
            let location = Location::NONE;
            let object = ObjectState { do_id, location, class_id, values: Rest(values.bytes()) };
            maker.tell(CONTROL, &create(object));
        }
        maker.settle();
        maker
    }

    fn tell(&mut self, to: impl To, message: &StateServer<'_>) {
        self.link.send(to, ACTOR, message);
    }

    fn make(&mut self, do_id: DoId, location: Location) {
        let values = client_agent::seen();
        self.tell(CONTROL, &create(avatar_at(do_id, location, &values)));
    }

    /// Waits until all that was told has been done.
    fn settle(&mut self) {
        self.hearer.expect_nothing_by(&mut self.link, WITNESS);
    }
}

/// A client that sees the avatars of both zones; `avatars` are there.
fn seeing(stage: &mut client_agent::Stage, avatars: &[DoId]) -> (Client, Channel) {
    let (mut client, session) = stage.established();
    let zones = [HERE.zone, THERE.zone];
    let (context, interest, parent) = (Context(1), INTEREST, PARENT);
    let zones = List::new(&zones);
    client.send(&ClientMessage::AddInterestMultiple { context, interest, parent, zones });
    let values = client_agent::seen();
    let enters = avatars.iter().map(|&do_id| ClientMessage::EnterObjectRequired {
        object: avatar_at(do_id, HERE, &values),
    });
    let done = ClientMessage::DoneInterestResp { context, interest };
    expect_all(&mut client, enters.chain([done]));
    (client, session)
}

/// Expects that a client is told just this next, in any order.
#[track_caller]
fn expect_all<'m>(client: &mut Client, messages: impl IntoIterator<Item = ClientMessage<'m>>) {
    let mut missing: Vec<Vec<u8>> = messages.into_iter().map(|m| client_datagram_of(&m)).collect();
    while !missing.is_empty() {
        let came = client.receive();
        let place = missing.iter().position(|expected| *expected == came);
        let place = place.unwrap_or_else(|| {
            panic!("came unexpectedly: {}\nmissing {missing:?}", came.escape_ascii())
        });
        missing.remove(place);
    }
}

fn wait_for_loss(daemon: &Daemon) {
    let is_lost = || daemon.log().contains("message director lost").then_some(());
    wait_until("the loss is noticed", is_lost);
}

#[test]
fn clients_see_what_they_have_missed() {
    let root = root().role("type: stateserver, control: 4000").start();
    let line = Line::to(root.address("MD"));
    let mut stage = leaf(line.address());
    let mut maker = Maker::at(&root);
    let before = [DELETED, CHANGED, MOVED, OWNED];
    before.into_iter().for_each(|do_id| maker.make(do_id, HERE));
    maker.make(GAINED, Location::NONE);
    maker.settle();
    let (mut client, session) = seeing(&mut stage, &before);
    let values = client_agent::seen();
    maker.tell(OWNED, &set_owner(session));
    let object = avatar_at(OWNED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequiredOwner { object });

    line.cut();
    wait_for_loss(&stage.daemon);
    maker.tell(DELETED, &delete_ram(DELETED));
    let name = Values::new().string("flop");
    maker.tell(CHANGED, &set_field(CHANGED, avatar::NAME, &name));
    maker.tell(MOVED, &set_location(THERE));
    maker.tell(OWNED, &set_owner(ACTOR));
    maker.tell(GAINED, &set_owner(session));
    maker.make(CREATED, HERE);
    maker.settle();
    line.mend();

    let old_name = Values::new().string("flip");
    let position = Values::new().i16(3).i16(-4);
    let told = |do_id, name| {
        [update(do_id, avatar::NAME, name), update(do_id, avatar::POSITION, &position)]
    };
    let object = avatar_at(CREATED, HERE, &values);
    let gained = avatar_at(GAINED, Location::NONE, &values);
    let missed = [
        ClientMessage::EnterObjectRequiredOwner { object: gained },
        leaving(DELETED),
        ClientMessage::ObjectLocation { do_id: MOVED, location: THERE },
        leaving_owner(OWNED),
        ClientMessage::EnterObjectRequired { object },
    ];
    let kept = [(CHANGED, &name), (MOVED, &old_name), (OWNED, &old_name)];
    let kept = kept.into_iter().flat_map(|(do_id, name)| told(do_id, name));
    expect_all(&mut client, missed.into_iter().chain(kept));
    // It may speak to the new one.
    let mut hearer = root.link();
    hearer.subscribe(HERE.channel());
    let words = client_agent::say("hello");
    client.send(&update(CREATED, avatar::SAY, &words));
    hearer.expect(HERE, session, &client_agent::routed(CREATED, avatar::SAY, &words));
}

#[test]
fn the_world_of_a_root_that_was_started_anew_leaves() {
    let mut root = root().role("type: stateserver, control: 4000").start();
    let mut stage = leaf(root.address("MD"));
    let mut maker = Maker::at(&root);
    maker.make(OWNED, HERE);
    maker.make(CHANGED, HERE);
    maker.settle();
    let (mut client, session) = seeing(&mut stage, &[OWNED, CHANGED]);
    maker.tell(OWNED, &set_owner(session));
    let values = client_agent::seen();
    let object = avatar_at(OWNED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequiredOwner { object });
    root.kill();
    root.start_again();
    expect_all(&mut client, [leaving(OWNED), leaving_owner(OWNED), leaving(CHANGED)]);
    // What is made now is seen as always.
    let mut maker = Maker::at(&root);
    maker.make(CREATED, HERE);
    let object = avatar_at(CREATED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    stage.sync(&mut client, session);
}

#[test]
fn an_ai_whose_post_removes_were_routed_is_disconnected_and_others_stay() {
    const AI: Channel = Channel(6_000);
    let root = root().role("type: stateserver, control: 4000").start();
    let line = Line::to(root.address("MD"));
    let leaf = Setup::new()
        .director(format!("connect: {}", line.address()))
        .director("settle_ms: 300")
        .daemon("name: leaf")
        .start();
    let mut maker = Maker::at(&root);
    maker.make(CHANGED, HERE);
    maker.tell(CHANGED, &crate::state_server::set_ai(AI));
    maker.settle();
    let (mut ai, mut other) = (leaf.link(), leaf.link());
    let last_words = datagram_of(CONTROL, AI, &StateServer::DeleteAiObjects { ai: AI });
    let kept = Control::AddPostRemove { sender: AI, datagram: Blob(&last_words) };
    ai.control(&kept);
    ai.sync_up_to(&root);
    let mut hearer = root.link();
    hearer.subscribe(HERE.channel());
    line.cut();
    hearer.expect([HERE.channel(), AI], AI, &delete_ram(CHANGED));
    wait_for_loss(&leaf);
    // One that comes meanwhile has not been spoken for.
    let mut newcomer = leaf.link();
    newcomer.control(&Control::AddPostRemove { sender: ACTOR, datagram: Blob(&last_words) });
    newcomer.sync();
    line.mend();
    ai.expect_closed();
    newcomer.sync_up_to(&root);
    other.sync_up_to(&root);
    let says_so = || leaf.log().contains("link closed, so that it starts anew").then_some(());
    wait_until("the log says why", says_so);
}

/// A daemon below `address`, with a state server.
fn server(address: std::net::SocketAddr) -> Setup {
    Setup::new()
        .director(format!("connect: {address}"))
        .director("settle_ms: 300")
        .daemon("name: world")
        .role("type: stateserver, control: 4000")
}

#[test]
fn objects_leave_with_the_daemon_of_their_state_server() {
    let root = root().start();
    let mut world = server(root.address("MD")).start();
    let mut stage = leaf(root.address("MD"));
    let mut maker = Maker::at(&world);
    maker.make(CHANGED, HERE);
    maker.settle();
    maker.link.sync_up_to(&root);
    let (mut client, session) = seeing(&mut stage, &[CHANGED]);
    world.kill();
    client.expect(&leaving(CHANGED));
    world.start_again();
    let mut maker = Maker::at(&world);
    maker.make(CHANGED, HERE);
    let values = client_agent::seen();
    let object = avatar_at(CHANGED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    stage.sync(&mut client, session);
}

#[test]
fn objects_of_a_state_server_that_was_taken_for_lost_come_back_with_it() {
    let root = root().start();
    let line = Line::to(root.address("MD"));
    let world = server(line.address()).start();
    let mut stage = leaf(root.address("MD"));
    let mut maker = Maker::at(&world);
    maker.make(CHANGED, HERE);
    maker.settle();
    maker.link.sync_up_to(&root);
    let (mut client, session) = seeing(&mut stage, &[CHANGED]);
    line.cut();
    client.expect(&leaving(CHANGED));
    let name = Values::new().string("flop");
    maker.tell(CHANGED, &set_field(CHANGED, avatar::NAME, &name));
    maker.settle();
    line.mend();
    let values = name.i16(3).i16(-4);
    let object = avatar_at(CHANGED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    stage.sync(&mut client, session);
}

#[test]
fn what_stands_there_already_is_seen_when_a_parent_has_come_that_was_gone() {
    let root = root().role("type: stateserver, control: 4001").start();
    let mut world = server(root.address("MD")).start();
    let mut stage = leaf(root.address("MD"));
    let mut maker = Maker::at(&world);
    maker.link.sync_up_to(&root);
    let values = client_agent::seen();
    let mut other = root.link();
    other.send(Channel(4_001), ACTOR, &create(avatar_at(CHANGED, HERE, &values)));
    world.kill();
    let (mut client, session) = seeing(&mut stage, &[]);
    world.start_again();
    let mut maker = Maker::at(&world);
    maker.settle();
    let object = avatar_at(CHANGED, HERE, &values);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    stage.sync(&mut client, session);
}

#[test]
fn a_parent_counts_no_children_of_a_state_server_that_is_lost() {
    const ASKER: Channel = Channel(8_000);
    let root = root().role("type: stateserver, control: 4001").start();
    let mut world = server(root.address("MD")).start();
    let mut asker = root.link();
    asker.subscribe(ASKER);
    let values = client_agent::seen();
    let object = |do_id, location| create(avatar_at(do_id, location, &values));
    asker.send(Channel(4_001), ACTOR, &object(PARENT, Location::NONE));
    let mut link = world.link();
    link.send(CONTROL, ACTOR, &object(CHANGED, HERE));
    link.sync_up_to(&root);
    let mut count = || {
        let zone = HERE.zone;
        asker.send(PARENT, ASKER, &StateServer::ObjectGetZoneCount { context: Context(1), zone });
        let answer = asker.receive();
        let Cluster::StateServer(StateServer::ObjectGetZoneCountResp { count, .. }) =
            answer.message()
        else {
            panic!("{answer:?} instead of a count");
        };
        count.0
    };
    wait_until("it is counted", || (count() == 1).then_some(()));
    world.kill();
    wait_until("it is not counted", || (count() == 0).then_some(()));
}
