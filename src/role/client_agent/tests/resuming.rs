//! Clients that lose their connections, and come back on others.

mod slowly;
mod together;
mod tokens;

use super::*;
use crate::wire::Reader;
use crate::wire::websocket::{Flaw, Parting};

const ROOM: Location = Location { parent: DoId(500), zone: ZoneId(7) };
const HALL: Location = Location { parent: DoId(500), zone: ZoneId(8) };
const NOWHERE: Location = Location { parent: DoId(999), zone: ZoneId(1) };
const RESUME_MS: u32 = 60_000;

fn agent() -> Agent {
    agent_with(|_| {})
}

fn agent_with(change: impl FnOnce(&mut ClientAgentConfig)) -> Agent {
    let mut agent = Agent::with(|config| {
        config.client.resume_ms = RESUME_MS;
        change(config);
    });
    agent.core.make_tokens([7; 32]);
    agent
}

/// What a client has been told of the token, and of all else.
fn token_of(told: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(told);
    let number = reader.u16().expect("a number");
    match Client::decode(number, &mut reader).expect("a message") {
        Client::ResumeToken { token, resume_ms } => {
            let is_none = token.0.is_empty();
            assert_eq!(resume_ms, if is_none { 0 } else { RESUME_MS });
            (!is_none).then(|| token.0.to_vec())
        }
        Client::ResumeResp { resumed: true, token, .. } => Some(token.0.to_vec()),
        other => panic!("{other:?} instead of a token"),
    }
}

impl Agent {
    /// A client that may come back, and its token.
    fn resumable(&mut self) -> (TestClient, Vec<u8>) {
        let client = self.established();
        let token = self.ask(client).expect("a token");
        (client, token)
    }

    fn ask(&mut self, client: TestClient) -> Option<Vec<u8>> {
        self.send(client, &Client::ResumeAsk {});
        let told = self.told(client);
        assert_eq!(told.len(), 1, "{told:?}");
        token_of(&told[0])
    }

    /// Somebody new says this token. The session that it is back in, if it is.
    fn say(&mut self, token: &[u8]) -> (TestClient, Option<SessionKey>) {
        let newcomer = self.connect();
        self.send(newcomer, &Client::Resume { token: Secret(token) });
        let resumed = self.resumed.take();
        (newcomer, resumed)
    }

    /// A client is back; its next token. What it is told beyond that stays.
    #[track_caller]
    fn come_back(&mut self, client: TestClient, token: &[u8]) -> Vec<u8> {
        self.told(client);
        let (newcomer, resumed) = self.say(token);
        assert_eq!(resumed, Some(client.key));
        self.hung_up.remove(&client.key);
        assert_eq!(self.told(newcomer), Vec::<Vec<u8>>::new(), "its connection is the other's");
        let mut told = self.told(client);
        let next = token_of(&told.remove(0)).expect("a token for the next time");
        let rest = self.told.entry(client.key).or_default();
        for datagram in told {
            write_frame(rest, |writer| writer.raw(&datagram)).expect("fits");
        }
        next
    }

    fn is_away(&self, client: TestClient) -> bool {
        self.core.is_away(client.key) && self.hung_up.contains_key(&client.key)
    }

    fn is_there(&self, client: TestClient) -> bool {
        let page = self.core.inspect(&Query::Sessions, Cursor(client.key.index as usize), 1);
        matches!(page.items[..], [Item::Session { allocated, .. }] if allocated == client.channel)
    }

    fn kinds(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(kind).collect()
    }

    #[track_caller]
    fn expect_refused(&mut self, token: &[u8]) -> TestClient {
        let (newcomer, resumed) = self.say(token);
        assert_eq!(resumed, None);
        let token = Secret(&[]);
        self.expect_told(newcomer, &[Client::ResumeResp { resumed: false, token, resume_ms: 0 }]);
        newcomer
    }
}

fn kind(event: &Event) -> String {
    let shown = format!("{event:?}");
    let from = shown.find("(\"type\", \"").expect("a type") + 10;
    shown[from..].split('"').next().expect("its end").to_owned()
}

fn opened(context: u32, id: u16, location: Location) -> Client<'static> {
    add_interest(context, id, location)
}

fn enter_own(do_id: u32, location: Location) -> Client<'static> {
    Client::EnterObjectRequiredOwner { object: avatar(do_id, location) }
}

/// All that an avatar says of itself: name, health.
fn all_of(do_id: u32, location: Location, values: &'static [u8]) -> ObjectState<'static> {
    ObjectState { do_id: DoId(do_id), location, class_id: AVATAR, values: Rest(values) }
}

const ALL_VALUES: &[u8] = b"\x03\0ann\x09\0\0";

#[test]
fn a_session_that_is_lost_goes_on_and_nobody_can_tell() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(900) });
    let mut words = Vec::new();
    set_field(1, "name", b"\x03\0bye").write_datagram(&mut Writer::new(&mut words), &[AI], AI);
    agent.cluster(client.channel, &ClientAgent::AddPostRemove { datagram: Blob(&words) });
    agent.open(client, 1, ROOM, &[41]);
    agent.own(client, 50, ROOM);
    agent.kinds();

    agent.lose(client);
    assert!(agent.is_away(client));
    assert_eq!(agent.routed(), [], "nobody hears of it");
    assert_eq!(agent.kinds(), ["client-away"]);
    agent.cluster(ROOM.channel(), &set_field(41, "name", b"\x03\0bob"));
    agent.cluster(client.channel, &ClientAgent::GetNetworkAddress { context: Context(1) });
    assert_eq!(agent.told(client), Vec::<Vec<u8>>::new(), "what is for its client is dropped");
    assert_eq!(agent.routed().len(), 1, "it answers");

    agent.come_back(client, &token);
    assert_eq!(agent.kinds(), ["client-connected", "client-resumed"]);
    assert!(agent.is_open(client));
    // Its rights are as they were, also before it has been told anything.
    agent.routed();
    agent.send(client, &client_sets(41, "health", b"\x07"));
    agent.send(client, &Client::ObjectLocation { do_id: DoId(50), location: HALL });
    let sent = agent.routed();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent.iter().all(|(_, from, _)| *from == client.channel));
    // And it ends as it would have.
    agent.send(client, &Client::Disconnect {});
    assert_eq!(agent.routed().len(), 2, "the session object, and the post-remove");
}

#[test]
fn it_ends_when_its_time_is_over_as_it_would_have_ended() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(900) });
    agent.lose(client);
    agent.kinds();
    agent.pass(u64::from(RESUME_MS) - 1);
    assert!(agent.is_there(client) && agent.routed().is_empty());
    agent.pass(1);
    assert!(!agent.is_there(client));
    assert_eq!(agent.routed().len(), 1, "its session object is deleted");
    assert_eq!(agent.kinds(), ["client-lost"]);
    agent.expect_refused(&token);
}

#[test]
fn only_a_loss_is_waited_for() {
    let lost = |limit| Loss { limit, ..Loss::from("lost") };
    for (loss, is_waited_for) in [
        (lost(None), true),
        (lost(Some("client.write_timeout_ms")), true),
        (lost(Some("client.write_buffer_size")), true),
        (lost(Some("limits.entry_bytes")), false),
    ] {
        let mut agent = agent();
        let (client, _) = agent.resumable();
        agent.core.disconnected(agent.now, client.key, loss.clone(), &mut agent.out);
        agent.drain();
        assert_eq!(agent.is_there(client), is_waited_for, "{loss:?}");
    }
    for (parting, is_waited_for) in [
        (Parting::Closed(None), false),
        (Parting::Closed(Some(1000)), false),
        (Parting::Closed(Some(1001)), false),
        (Parting::Closed(Some(1011)), true),
        (Parting::Closed(Some(3000)), true),
        (Parting::Flaw(Flaw::Text), false),
    ] {
        let mut agent = agent();
        let (client, _) = agent.resumable();
        agent.core.parted(agent.now, client.key, parting, &mut agent.out);
        agent.drain();
        assert_eq!(agent.is_there(client), is_waited_for, "{parting:?}");
        let closed = if is_waited_for { &agent.hung_up } else { &agent.closed };
        assert_eq!(closed.get(&client.key), Some(&CloseKind::Flushed));
    }
    // Who has not logged in has nothing to lose, and who says goodbye wants to go.
    let mut agent = agent();
    let client = agent.anonymous();
    agent.ask(client).expect("a token");
    agent.lose(client);
    assert!(!agent.is_there(client));
    let (client, _) = agent.resumable();
    agent.send(client, &Client::Disconnect {});
    assert!(!agent.is_there(client));
}

#[test]
fn a_client_that_is_silent_for_too_long_is_lost_and_not_silent_while_it_is_away() {
    let mut agent = agent_with(|config| config.client.heartbeat_timeout_ms = 5_000);
    let (client, token) = agent.resumable();
    let without = agent.established();
    agent.kinds();
    agent.pass(5_000);
    agent.expect_ejected(without, EjectReason::NoHeartbeat);
    assert!(agent.is_away(client));
    assert_eq!(agent.told(client), Vec::<Vec<u8>>::new(), "not ejected");
    for _ in 0..10 {
        agent.pass(5_000);
        assert!(agent.is_there(client));
    }
    agent.come_back(client, &token);
    agent.pass(4_999);
    assert!(agent.is_open(client));
    assert!(!agent.is_away(client), "it has just come");
    agent.pass(5_001);
    assert!(agent.is_away(client), "it is watched again");
}

#[test]
fn a_client_can_come_back_while_its_old_connection_is_still_there() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    let newcomer = agent.connect();
    agent.send(newcomer, &Client::Resume { token: Secret(&token) });
    assert_eq!(agent.resumed.take(), Some(client.key));
    assert!(agent.is_there(client) && !agent.is_there(newcomer));
    assert_eq!(agent.closed, HashMap::new());
    assert_eq!(agent.routed(), []);
}

#[test]
fn the_newcomer_s_place_and_channel_are_free_again() {
    let mut agent = agent();
    let (client, mut token) = agent.resumable();
    for _ in 0..50 {
        agent.lose(client);
        token = agent.come_back(client, &token);
        agent.told(client);
        assert_eq!(agent.core.session_count(), 1);
    }
}

#[test]
fn what_comes_with_the_token_in_one_read_is_the_session_s() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.open(client, 1, ROOM, &[41]);
    agent.lose(client);
    let newcomer = agent.connect();
    let mut frames = Vec::new();
    for message in [Client::Resume { token: Secret(&token) }, client_sets(41, "health", b"\x07")] {
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    let heard = agent.core.input(agent.now, newcomer.key, &frames, &mut agent.out);
    let key = agent.core.take_resumed().expect("it is back").key;
    assert!(key == client.key && heard.rest > 0);
    agent.routed();
    let rest = &frames[frames.len() - heard.rest..];
    assert_eq!(agent.core.input(agent.now, key, rest, &mut agent.out), Heard::default());
    assert_eq!(agent.routed().len(), 1);
}

#[test]
fn all_is_told_anew_and_what_is_not_there_any_more_is_not() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.open(client, 1, ROOM, &[41, 42, 43]);
    agent.own(client, 50, NOWHERE);
    agent.lose(client);
    agent.routed();
    agent.cluster(ROOM.channel(), &deleting(42));
    agent.cluster(ROOM.channel(), &changing(43, NOWHERE, ROOM));
    agent.cluster(ROOM.channel(), &entering(44, ROOM));
    agent.come_back(client, &token);
    agent.expect_told(client, &[opened(2, 1, ROOM)]);
    let routed = agent.routed();
    let [(_, _, query), (to, _, question)] = &routed[..] else { panic!("{routed:?}") };
    let context = Context(u32::from_le_bytes(query[2..6].try_into().expect("four bytes")));
    assert_eq!(to[..], [DoId(50).channel()]);
    let itself = Context(u32::from_le_bytes(question[2..6].try_into().expect("four bytes")));
    // Nothing is told of what it may not know, nor of what goes.
    agent.cluster(ROOM.channel(), &set_field(44, "name", b"\x03\0bob"));
    agent.expect_told(client, &[]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(41, ROOM));
    agent.answer_object(client, context, avatar(44, ROOM));
    agent.expect_told(client, &[enter(41, ROOM), enter(44, ROOM)]);
    let object = all_of(50, NOWHERE, ALL_VALUES);
    agent.cluster(client.channel, &StateServer::ObjectGetAllResp { context: itself, object });
    agent.expect_told(client, &[enter_own(50, NOWHERE), Client::ResumeDone {}]);
    // From now on all is as it was.
    agent.cluster(ROOM.channel(), &set_field(44, "name", b"\x03\0bob"));
    agent.expect_told(client, &[client_sets(44, "name", b"\x03\0bob")]);
}

#[test]
fn who_does_not_answer_is_gone_when_the_time_is_over() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.open(client, 1, ROOM, &[41]);
    agent.own(client, 50, NOWHERE);
    agent.lose(client);
    agent.come_back(client, &token);
    agent.told(client);
    agent.pass(1_900);
    agent.expect_told(client, &[]);
    agent.pass(200);
    agent.expect_told(client, &[Client::ResumeDone {}]);
    // What it says of them before it has heard that is no offence.
    agent.routed();
    agent.send(client, &client_sets(41, "health", b"\x07"));
    assert_eq!(agent.routed(), []);
    assert!(agent.is_open(client));
}

/// A daemon in between stands still for longer than it is waited for.
#[test]
fn what_a_client_owns_is_its_own_however_late_that_is_answered() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.own(client, 50, NOWHERE);
    agent.own(client, 51, NOWHERE);
    agent.lose(client);
    let mut token = agent.come_back(client, &token);
    agent.told(client);
    agent.pass(2_100);
    agent.expect_told(client, &[Client::ResumeDone {}]);
    // What the client said before it heard that is no offence.
    agent.send(client, &client_sets(50, "health", b"\x07"));
    assert!(agent.is_open(client));
    // One answers now, the other when the client has come back once more.
    let answer = |agent: &mut Agent, itself, do_id| {
        let object = all_of(do_id, NOWHERE, ALL_VALUES);
        agent.cluster(client.channel, &StateServer::ObjectGetAllResp { context: itself, object });
    };
    let asked = |agent: &mut Agent| {
        let routed = agent.routed();
        let to_it = routed.iter().find(|(to, ..)| to[..] == [DoId(51).channel()]);
        let (_, _, question) = to_it.expect("they are asked for themselves");
        Context(u32::from_le_bytes(question[2..6].try_into().expect("four bytes")))
    };
    let itself = asked(&mut agent);
    answer(&mut agent, itself, 50);
    agent.expect_told(client, &[enter_own(50, NOWHERE)]);
    agent.lose(client);
    token = agent.come_back(client, &token);
    let itself = asked(&mut agent);
    answer(&mut agent, itself, 51);
    answer(&mut agent, itself, 50);
    let expected = [enter_own(51, NOWHERE), enter_own(50, NOWHERE), Client::ResumeDone {}];
    agent.expect_told(client, &expected);
    // From now on nothing is waited for.
    answer(&mut agent, itself, 51);
    agent.expect_told(client, &[]);
    drop(token);
}

#[test]
fn an_interest_that_was_not_done_is_done_as_usual() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.send(client, &add_interest(31, 1, ROOM));
    agent.query(client.channel, ROOM.parent, &[7]);
    let location = HALL;
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest: InterestId(2), location });
    let before = agent.query(client.channel, HALL.parent, &[8]);
    agent.answer_count(client, before, 1);
    agent.lose(client);
    assert_eq!(agent.routed(), []);
    agent.come_back(client, &token);
    // What was answered is asked again, with the rest.
    let context = agent.query(client.channel, ROOM.parent, &[7, 8]);
    agent.told(client);
    agent.answer_object(client, before, avatar(48, HALL));
    agent.expect_told(client, &[]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(47, ROOM));
    agent.answer_object(client, context, avatar(48, HALL));
    let expected =
        [enter(47, ROOM), enter(48, HALL), done(31, 1), done(2, 2), Client::ResumeDone {}];
    agent.expect_told(client, &expected);
    let (interest, channel) = (InterestId(2), client.channel);
    let done = ClientAgent::DoneInterestResp { client: channel, interest };
    agent.expect_routed(client.channel, &[(AI, &done)]);
}

#[test]
fn what_happens_while_it_is_being_told_is_told_as_well() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.open(client, 1, ROOM, &[41, 42, 43]);
    agent.lose(client);
    agent.come_back(client, &token);
    let context = agent.query(client.channel, ROOM.parent, &[7]);
    agent.told(client);
    agent.answer_count(client, context, 3);
    for do_id in [41, 42, 43] {
        agent.answer_object(client, context, avatar(do_id, ROOM));
        if do_id == 42 {
            agent.cluster(ROOM.channel(), &deleting(41));
            agent.cluster(ROOM.channel(), &changing(42, NOWHERE, ROOM));
            agent.expect_told(client, &[]);
        }
    }
    let expected = [
        enter(41, ROOM),
        enter(42, ROOM),
        enter(43, ROOM),
        leaving(41),
        leaving(42),
        Client::ResumeDone {},
    ];
    agent.expect_told(client, &expected);
}

#[test]
fn it_can_be_lost_again_in_the_middle_of_being_told() {
    let mut agent = agent();
    let (client, mut token) = agent.resumable();
    agent.open(client, 1, ROOM, &[41, 42]);
    for _ in 0..3 {
        agent.lose(client);
        agent.routed();
        token = agent.come_back(client, &token);
        let context = agent.query(client.channel, ROOM.parent, &[7]);
        agent.answer_count(client, context, 2);
        agent.answer_object(client, context, avatar(41, ROOM));
    }
    agent.told(client);
    let page = agent.core.inspect(&Query::Sessions, Cursor(client.key.index as usize), 1);
    assert!(matches!(page.items[..], [Item::Session { objects: 2, .. }]), "{page:?}");
}

#[test]
fn a_session_object_that_goes_meanwhile_ends_it_all_the_same() {
    for (is_back, goes) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
        let mut agent = agent();
        let (client, token) = agent.resumable();
        agent.open(client, 1, ROOM, &[41]);
        agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(41) });
        agent.lose(client);
        if is_back {
            agent.come_back(client, &token);
        }
        match goes {
            0 => agent.cluster(ROOM.channel(), &deleting(41)),
            _ => agent.cluster(ROOM.channel(), &changing(41, NOWHERE, ROOM)),
        }
        assert!(!agent.is_there(client));
        if is_back {
            agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
        }
    }
}

#[test]
fn the_cluster_can_put_an_absent_client_out() {
    for message in [ClientAgent::Eject { reason: 7, text: Blob(b"go") }, ClientAgent::Drop {}] {
        let mut agent = agent();
        let (client, token) = agent.resumable();
        agent.lose(client);
        agent.cluster(client.channel, &message);
        assert!(!agent.is_there(client));
        agent.expect_refused(&token);
    }
}

#[test]
fn nobody_comes_back_when_the_doors_are_closed() {
    let mut agent = agent();
    let (away, token) = agent.resumable();
    let (client, _) = agent.resumable();
    agent.lose(away);
    agent.core.close_doors(&mut agent.out);
    let mut budget = 10_000;
    while agent.core.resume(agent.now, budget, &mut agent.out) {
        budget += 1;
    }
    agent.drain();
    assert!(!agent.is_there(away) && agent.is_there(client));
    agent.expect_refused(&token);
    assert_eq!(agent.ask(client), None);
    agent.lose(client);
    assert!(!agent.is_there(client));
}
