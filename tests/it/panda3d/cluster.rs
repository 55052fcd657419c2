//! Clients of Panda3D's own kind in one world with Astron's, with AIs on the bus, and on several agents.

use super::stage::*;
use super::*;

const AI: Channel = Channel(88_000);
const HERE: Location = Location::new(ROOT, ZoneId(5));

/// A thing that an AI has made, as clients see it.
fn made_by_ai(link: &mut Link, do_id: DoId) {
    let values = Values::new().string("n").u8(9);
    let values = Rest(values.bytes());
    let object = ObjectState { do_id, location: HERE, class_id: THING, values };
    link.send(CONTROL, AI, &StateServer::CreateObjectWithRequired { object });
    link.send(do_id, AI, &StateServer::ObjectSetAi { ai: AI });
    // It is shown what it has got.
    link.expect(AI, do_id, &StateServer::ObjectEnterAiWithRequired { object });
}

#[test]
fn an_ai_on_the_bus_sees_what_clients_make_and_clients_what_it_makes() {
    let daemon = start(", regenerate: server");
    let mut link = daemon.link();
    link.subscribe([HERE.channel(), AI]);
    link.sync();
    let mut ann = Stock::at(&daemon, &[5]);
    let seen = ann.make(1, 5, &hp(3));
    let values = Values::new().string("n").u16(1).field(field::HP).u16(3);
    let values = Rest(values.bytes());
    let object = ObjectState { do_id: seen.do_id, location: HERE, class_id: THING, values };
    let entrance = StateServer::ObjectEnterLocationWithRequiredOther { object };
    link.expect(HERE.channel(), seen.do_id, &entrance);
    // The sender is the channel of an avatar with the client's id.
    ann.update(seen.do_id, field::X, &Values::new().i16(5));
    let value = Values::new().i16(5);
    let value = Rest(value.bytes());
    let moved = StateServer::ObjectSetField { do_id: seen.do_id, field: field::X, value };
    link.expect(HERE.channel(), ann.channel(), &moved);
    link.send(seen.do_id, AI, &StateServer::ObjectGetOwner { context: Context(1) });
    let owner = ann.channel();
    let answer = StateServer::ObjectGetOwnerResp { context: Context(1), do_id: seen.do_id, owner };
    link.expect(AI, seen.do_id, &answer);

    let theirs = DoId(500_000);
    link.unsubscribe(HERE.channel());
    made_by_ai(&mut link, theirs);
    ann.expect_seen(&Seen { sender: DoId(0), zone: 5, do_id: theirs, name: "n", other: nothing() });
    // What nobody owns its AI answers for.
    let question = Values::new().u16(1).string("who?");
    ann.update(theirs, field::ASK, &question);
    let value = Rest(question.bytes());
    let asked = StateServer::ObjectSetField { do_id: theirs, field: field::ASK, value };
    link.expect(AI, ann.channel(), &asked);
    link.send(ann.channel(), AI, &asked);
    ann.expect_update(DoId(0), theirs, field::ASK, &question);
    ann.update(theirs, field::REPORT, &Values::new().u8(1));
    let value = Rest(&[1]);
    let report = StateServer::ObjectSetField { do_id: theirs, field: field::REPORT, value };
    link.expect(AI, ann.channel(), &report);
    // Several fields at once are told one by one.
    let both = Values::new().field(field::X).i16(1).field(field::Y).i16(2);
    let fields = FieldValues { count: 2, bytes: both.bytes() };
    link.send(theirs, AI, &StateServer::ObjectSetFields { do_id: theirs, fields });
    ann.expect_update(DoId(0), theirs, field::X, &Values::new().i16(1));
    ann.expect_update(DoId(0), theirs, field::Y, &Values::new().i16(2));
    link.send(theirs, AI, &StateServer::ObjectDeleteRam { do_id: theirs });
    ann.expect(&Panda3d::Delete { do_id: theirs });
    // Also what a client has made others may delete: it goes on.
    link.send(seen.do_id, AI, &StateServer::ObjectDeleteRam { do_id: seen.do_id });
    ann.expect(&Panda3d::Delete { do_id: seen.do_id });
    let again = ann.make(1, 5, &nothing());
    ann.expect_silence(again.do_id);
}

/// Such a client cannot understand a field that the object's class does not have.
#[test]
fn of_an_object_without_set_location_a_client_is_not_told_that_it_has_moved() {
    let daemon = start(", regenerate: server");
    let mut link = daemon.link();
    let mut ann = Stock::at(&daemon, &[5, 6]);
    let do_id = DoId(500_001);
    let object = ObjectState { do_id, location: HERE, class_id: PLAIN, values: Rest(&[]) };
    link.send(CONTROL, AI, &StateServer::CreateObjectWithRequired { object });
    let (zone, values) = (ZoneId(5), Rest(&[0, 0]));
    ann.expect(&Panda3d::Generate { sender: DoId(0), zone, class_id: PLAIN, do_id, values });
    let location = Location::new(ROOT, ZoneId(6));
    link.send(do_id, AI, &StateServer::ObjectSetLocation { location });
    let note = StateServer::ObjectSetField { do_id, field: field::NOTE, value: Rest(&[3]) };
    link.send(do_id, AI, &note);
    ann.expect_update(DoId(0), do_id, field::NOTE, &Values::new().u8(3));
}

/// Who is about to be shown an object hears that it is deleted, and not that it is out of sight.
#[test]
fn what_ends_before_it_is_shown_is_shown_and_deleted() {
    const SERVER: Channel = Channel(999_000);
    let doids = "doids: {min: 3000000001, max: 3000100000, per_client: 1000}";
    let daemon = Setup::new()
        .dc(DC)
        .role(format!(
            "type: clientagent, bind: $CA, client: {{type: panda3d, {doids}, stateserver: {SERVER}, regenerate: server}}"
        ))
        .start();
    let mut server = daemon.link();
    server.subscribe([ROOT.channel()]);
    server.sync();
    let mut ann = Stock::at(&daemon, &[5, 6]);
    let zones = [ZoneId(5), ZoneId(6)];
    let context = Context(1);
    let question =
        StateServer::ObjectGetZonesObjects { context, parent: ROOT, zones: List::new(&zones) };
    // The agent asks whether the root is there, too.
    server.expect_at_last(ROOT, ann.channel(), &question);
    let (gone, moved, walker) = (DoId(700_000), DoId(700_001), DoId(700_002));
    let name = Values::new().string("n");
    for (do_id, class_id, values) in
        [(gone, PLAIN, &[][..]), (moved, PLAIN, &[]), (walker, THING, name.bytes())]
    {
        let object = ObjectState { do_id, location: HERE, class_id, values: Rest(values) };
        let entrance = StateServer::ObjectEnterLocationWithRequired { object };
        server.send(HERE.channel(), do_id, &entrance);
    }
    server.send(HERE.channel(), gone, &StateServer::ObjectDeleteRam { do_id: gone });
    // One leaves what she sees, and one does not.
    for (do_id, zone) in [(moved, 7), (walker, 6)] {
        let (old, new) = (HERE, Location::new(ROOT, ZoneId(zone)));
        let moves = StateServer::ObjectChangingLocation { do_id, new, old };
        server.send(HERE.channel(), do_id, &moves);
    }
    let location = Location::new(ROOT, ZoneId(6));
    let object =
        ObjectState { do_id: walker, location, class_id: THING, values: Rest(name.bytes()) };
    let entrance = StateServer::ObjectEnterLocationWithRequired { object };
    server.send(location.channel(), walker, &entrance);
    let count = StateServer::ObjectGetZonesCountResp { context, count: DoId(0) };
    server.send(ann.channel(), ROOT, &count);
    let (zone, values) = (ZoneId(5), Rest(&[0, 0]));
    let generate =
        |do_id| Panda3d::Generate { sender: DoId(0), zone, class_id: PLAIN, do_id, values };
    ann.expect(&generate(gone));
    ann.expect(&generate(moved));
    ann.expect_seen(&Seen { sender: DoId(0), zone: 5, do_id: walker, name: "n", other: nothing() });
    ann.expect(&Panda3d::Delete { do_id: gone });
    ann.expect(&disable(&[moved]));
    ann.expect_update(DoId(0), walker, field::LOCATION, &Values::new().u32(0).u32(6));
}

/// Each would make the parent of all zones, and one does.
#[test]
fn two_agents_make_one_root() {
    let doids = "doids: {min: 3500000001, max: 3500100000, per_client: 1000}";
    let role = format!("type: clientagent, bind: $OTHER, client: {{type: panda3d, {doids}}}");
    let daemon = setup("").role(role).start();
    wait_for_root(&daemon);
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::connect_at(&daemon, "OTHER");
    bob.see(&[5]);
    bob.expect(&disable(&[]));
    let seen = ann.make(1, 5, &nothing());
    bob.expect_seen(&Seen { sender: DoId(0), ..seen });
    let log = daemon.log();
    assert_eq!(log.matches("is made: nobody").count(), 1, "{log}");
    assert!(!log.contains("exists already"), "{log}");
}

/// An AI to which the root has been given dies, and all that is below it goes along.
#[test]
fn the_root_is_made_anew_when_somebody_deletes_it() {
    let daemon = start("");
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let seen = ann.make(1, 5, &nothing());
    bob.expect_seen(&seen);
    let mut link = daemon.link();
    link.send(ROOT, AI, &StateServer::ObjectDeleteRam { do_id: ROOT });
    for one in [&mut ann, &mut bob] {
        one.expect(&Panda3d::Delete { do_id: seen.do_id });
    }
    let again = ann.make(2, 5, &nothing());
    bob.expect_seen(&again);
    let mut cid = Stock::at(&daemon, &[5]);
    cid.expect_seen(&again);
    let text = "the parent of all zones of clients has been deleted";
    wait_until(text, || daemon.log().contains(text).then_some(()));
    let log = daemon.log();
    assert!(!log.contains("not answered in time") && !log.contains("exists already"), "{log}");
}

/// What players may make can be changed while they play.
#[test]
fn the_classes_that_clients_may_make_are_taken_over() {
    let mut daemon = start(", create: [Thing]");
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let (zone, do_id, values) = (ZoneId(5), ann.id(1), Rest(&[0, 0]));
    let class_id = LOCKED;
    let make = Panda3d::ClientGenerate { zone, class_id, do_id, values };
    ann.send(&make);
    wait_until("it is refused", || daemon.log().contains("(client.create)").then_some(()));
    let file = daemon.path("donet.yml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    let newer = text.replace("create: [Thing]", "create: [Thing, Locked]");
    std::fs::write(&file, newer).expect("it is ours");
    daemon.signal("HUP");
    wait_until("it is taken over", || daemon.log().contains("client.create[1]").then_some(()));
    ann.send(&make);
    bob.expect(&Panda3d::Generate { sender: ann.base, zone, class_id, do_id, values });
    daemon.expect_alive();
}

/// Two agents of this type in two daemons, with the state server in one.
#[test]
fn two_agents_share_a_world() {
    let first = start("");
    let director = first.address("MD");
    let doids = "doids: {min: 3500000001, max: 3500100000, per_client: 1000}";
    let second = Setup::new()
        .dc(DC)
        .director(format!("connect: '{director}'"))
        .role(format!(
            "type: clientagent, bind: $CA, client: {{type: panda3d, {doids}, stateserver: {CONTROL}}}"
        ))
        .start();
    let mut ann = Stock::at(&first, &[5]);
    let seen = ann.make(1, 5, &nothing());
    let mut bob = Stock::at(&second, &[5]);
    // Its agent does not know whose doId that is.
    bob.expect_seen(&Seen { sender: DoId(0), ..seen.clone() });
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &hp(40));
    bob.expect_update(ann.base, seen.do_id, field::HP, &Values::new().u16(40));
    // The owner is found, wherever he is, and nothing that is said later comes before.
    for number in 0..20 {
        let question = Values::new().u16(number).string("?");
        bob.update(seen.do_id, field::ASK, &question);
        bob.update(seen.do_id, field::SAY, &Values::new().string("and"));
        ann.expect_update(bob.base, seen.do_id, field::ASK, &question);
        ann.expect_update(bob.base, seen.do_id, field::SAY, &Values::new().string("and"));
    }
    let reply = Values::new().u8(1);
    ann.target(bob.base, seen.do_id, field::HUSH, &reply);
    bob.expect_update(ann.base, seen.do_id, field::HUSH, &reply);
    let theirs = bob.make(1, 5, &nothing());
    ann.expect_seen(&Seen { sender: DoId(0), ..theirs.clone() });
    // The daemon is lost with its clients.
    let mut second = second;
    second.kill();
    ann.expect(&Panda3d::Delete { do_id: theirs.do_id });
}

/// A director, with the state server and an agent below it.
#[test]
fn what_is_said_at_once_to_what_has_just_been_made_is_heard_far_away() {
    let director = Setup::new().dc(DC).start();
    let address = director.address("MD");
    let below = || Setup::new().dc(DC).director(format!("connect: '{address}'"));
    let servers = below().role(format!("type: stateserver, control: {CONTROL}")).start();
    let agent = below()
        .role(format!(
            "type: clientagent, bind: $CA, client: {{type: panda3d, stateserver: {CONTROL}, regenerate: server, \
             doids: {{min: 3000000001, max: 3000100000, per_client: {PER_CLIENT}}}}}"
        ))
        .start();
    for daemon in [&servers, &agent] {
        let text = "connected to the upstream";
        wait_until("they are connected", || daemon.log().contains(text).then_some(()));
    }
    wait_for_root(&agent);
    let mut bob = Stock::at(&agent, &[5, 6]);
    let mut ann = Stock::at(&agent, &[5, 6]);
    for number in 1..30 {
        let do_id = ann.id(number);
        let values = Values::new().string("n").u8(9).u16(0);
        let (class_id, values, x) = (THING, Rest(values.bytes()), Values::new().i16(7));
        let moved = Values::new().u32(0).u32(6);
        let question = Values::new().u16(1).string("mine?");
        let said = [
            Panda3d::ClientGenerate { zone: ZoneId(5), class_id, do_id, values },
            Panda3d::UpdateField { do_id, field: field::X, value: Rest(x.bytes()) },
            Panda3d::SetZone { do_id, zone: ZoneId(6) },
            Panda3d::UpdateField { do_id, field: field::WAVE, value: Rest(&[3]) },
            Panda3d::Delete { do_id },
        ];
        let frames = said.iter().map(encode).collect::<Vec<_>>().concat_frames();
        ann.stream.send_raw(&frames);
        let seen = Seen { sender: ann.base, zone: 5, do_id, name: "n", other: nothing() };
        bob.expect_seen(&seen);
        bob.expect_update(ann.base, do_id, field::X, &x);
        bob.expect_update(ann.base, do_id, field::LOCATION, &moved);
        bob.expect_update(ann.base, do_id, field::WAVE, &Values::new().u8(3));
        bob.expect(&Panda3d::Delete { do_id });
        // Of its own it hears what comes back, and nothing else.
        ann.expect_update(ann.base, do_id, field::WAVE, &Values::new().u8(3));
        ann.expect(&Panda3d::Delete { do_id });
        // And it is its owner at once.
        let seen = ann.make(number, 5, &nothing());
        bob.expect_seen(&seen);
        bob.update(do_id, field::ASK, &question);
        ann.expect_update(bob.base, do_id, field::ASK, &question);
        ann.send(&Panda3d::Delete { do_id });
        bob.expect(&Panda3d::Delete { do_id });
        ann.expect(&Panda3d::Delete { do_id });
    }
    // One that goes at once leaves nothing.
    let mut cid = Stock::connect(&agent);
    let seen = cid.make(1, 5, &nothing());
    drop(cid);
    bob.expect_seen(&seen);
    bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    drop(servers);
}

/// The daemon with the state server is killed and comes back: clients say again what they have.
#[test]
fn objects_come_back_with_their_state_server() {
    let director = free_address();
    let server = || {
        Setup::new()
            .dc(DC)
            .listening_at(director)
            .role(format!("type: stateserver, control: {CONTROL}"))
            .start()
    };
    let mut servers = server();
    let agent = Setup::new()
        .dc(DC)
        .director(format!("connect: '{director}'"))
        .role(format!(
            "type: clientagent, bind: $CA, client: {{type: panda3d, stateserver: {CONTROL}, \
             doids: {{min: 3000000001, max: 3000100000, per_client: {PER_CLIENT}}}}}"
        ))
        .start();
    wait_for_root(&agent);
    let mut ann = Stock::at(&agent, &[5]);
    let mut bob = Stock::at(&agent, &[5]);
    let seen = ann.make(1, 5, &nothing());
    bob.expect_seen(&seen);
    servers.kill();
    servers.start_again();
    bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &hp(2));
    bob.expect_seen(&Seen { other: hp(2), ..seen.clone() });
    ann.update(seen.do_id, field::SAY, &Values::new().string("back"));
    bob.expect_update(ann.base, seen.do_id, field::SAY, &Values::new().string("back"));
    // Who comes now sees it: its parent is there again.
    let mut cid = Stock::at(&agent, &[5]);
    cid.expect_seen(&Seen { other: hp(2), ..seen.clone() });
    // And has its maker asked again, as does the next loss.
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &hp(2));
    ann.update(seen.do_id, field::SAY, &Values::new().string("told"));
    bob.expect_update(ann.base, seen.do_id, field::SAY, &Values::new().string("told"));
    servers.kill();
    servers.start_again();
    bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &hp(3));
    bob.expect_seen(&Seen { other: hp(3), ..seen });
}

/// A director, a state server that comes and goes, and an agent.
struct Apart {
    director: Daemon,
    servers: Daemon,
    agent: Daemon,
}

impl Apart {
    fn start() -> Self {
        let director = Setup::new().dc(DC).start();
        let address = director.address("MD");
        let below = || Setup::new().dc(DC).director(format!("connect: '{address}'"));
        let servers = below().role(format!("type: stateserver, control: {CONTROL}")).start();
        let agent = below()
            .role(format!(
                "type: clientagent, bind: $CA, client: {{type: panda3d, stateserver: {CONTROL}, \
                 doids: {{min: 3000000001, max: 3000100000, per_client: {PER_CLIENT}}}}}"
            ))
            .start();
        let apart = Apart { director, servers, agent };
        apart.wait_for("connected to the upstream", 1);
        wait_for_root(&apart.agent);
        apart
    }

    /// Ann, who makes something, and Bob.
    fn players(&self) -> (Stock, Stock, Seen) {
        let [mut ann, bob] = [(); 2].map(|()| Stock::at(&self.agent, &[5]));
        let seen = ann.make(1, 5, &nothing());
        (ann, bob, seen)
    }

    /// The agent has said something so many times.
    fn wait_for(&self, text: &str, times: usize) {
        wait_until(text, || (self.agent.log().matches(text).count() >= times).then_some(()));
    }
}

/// Ann is asked for what she has, and says it; Bob sees it, each time with other points.
fn comes_back(ann: &mut Stock, bob: &mut Stock, seen: &Seen, points: u16) {
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &hp(points));
    bob.expect_seen(&Seen { other: hp(points), ..seen.clone() });
    ann.update(seen.do_id, field::SAY, &Values::new().string("back"));
    bob.expect_update(ann.base, seen.do_id, field::SAY, &Values::new().string("back"));
}

/// Players are there, and have made something, before the first state server is.
#[test]
fn what_was_made_before_the_state_server_came_is_made_again() {
    let mut apart = Apart::start();
    apart.servers.kill();
    apart.agent.kill();
    apart.agent.start_again();
    apart.wait_for("connected to the upstream", 2);
    let (mut ann, mut bob, seen) = apart.players();
    apart.servers.start_again();
    comes_back(&mut ann, &mut bob, &seen, 1);
    let mut cid = Stock::at(&apart.agent, &[5]);
    cid.expect_seen(&Seen { other: hp(1), ..seen });
    apart.director.expect_alive();
}

/// A state server that is away for longer than it is waited for, twice: clients say what they have while it is away, and
/// once more when it is back.
#[test]
fn objects_come_back_however_long_their_state_server_was_away() {
    let mut apart = Apart::start();
    let (mut ann, mut bob, seen) = apart.players();
    bob.expect_seen(&seen);
    for points in [1, 2] {
        apart.servers.kill();
        bob.expect(&Panda3d::Delete { do_id: seen.do_id });
        ann.expect(&want(5));
        ann.describe(1, 5, "n", 9, &hp(99));
        apart.servers.start_again();
        comes_back(&mut ann, &mut bob, &seen, points);
    }
}

/// One that is back while it is still waited for, but is not asked any more whether the parent of all zones is there.
#[test]
fn objects_come_back_with_a_state_server_that_was_away_for_a_moment() {
    let mut apart = Apart::start();
    let (mut ann, mut bob, seen) = apart.players();
    bob.expect_seen(&seen);
    apart.servers.kill();
    apart.wait_for("is made: nobody", 2);
    apart.servers.start_again();
    bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    comes_back(&mut ann, &mut bob, &seen, 1);
    // Nothing is said twice, and nobody is told of what he has made himself.
    let mut cid = Stock::at(&apart.agent, &[5]);
    cid.expect_seen(&Seen { other: hp(1), ..seen.clone() });
    ann.expect(&want(5));
    ann.expect_silence(seen.do_id);
}
