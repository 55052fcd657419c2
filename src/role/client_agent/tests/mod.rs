//! Messages in; effects, and bytes for clients, out.

mod absent;
mod bounds;
mod closed;
mod cluster;
mod comparing;
mod diverting;
mod end;
mod following;
mod framing;
mod gap_model;
mod grace;
mod hello;
mod hostile;
mod inspect;
mod interests;
mod limits;
mod line;
mod model;
mod objects;
mod offences;
mod otp;
mod permission;
mod places;
mod queries;
mod requests;
mod resuming;
mod rules;
#[cfg(feature = "lua")]
mod scripting;
mod slices;
mod together;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::{DcFile, Source};

use super::dialect as client_type;
use super::*;
use crate::config::{
    ClientAgentConfig, ClientConfig, ClientKind, ClientLimitsConfig, InterestPermission,
    OffencesConfig, ParentingRules, ProxyHeaders, RightsGrace,
};
use crate::event::Event;
use crate::hash::Seed;
use crate::ids::*;
use crate::message::*;
use crate::net::proxy_protocol::Endpoint;
use crate::role::{Effect, Effects};
use crate::router::{Alone, Cursor, Item, Origin, Query, Role};
use crate::wire::{Envelope, Frames, Writer, write_frame};

const DC: &str = "
    dclass Plaza { };
    dclass Login { request(string name) clsend; };
    dclass Avatar {
        string name required broadcast;
        uint8(0-100) health required clsend ownsend broadcast;
        say(string text) ownsend broadcast;
        level(uint8) broadcast;
        x(int16) ownsend;
        y(int16(0-9)) ownsend;
        xy : x, y;
        blob data clsend;
        hidden(uint8);
    };
    dclass Grid { setParentingRules(string type, string rule) required broadcast; };
    dclass Hall { setParentingRules(string type = \"Follow\", string rule = \"\") broadcast; };
    dclass Hero : Avatar {};
    dclass Walker {
        setXY(int16/10 x, int16/10 y) required ownsend broadcast ram;
        turn(float32) required ownsend broadcast ram;
        setAll : turn, setXY;
        setTwice : setXY, setXY;
        fly(float32) ownsend;
        push(int16/10 x, int16/10 y) clsend broadcast;
    };
    dclass Stroller : Walker {};
    dclass Runner : Walker {};
    dclass Sprinter : Runner {};
    dclass Skater : Walker { setXY(int16/10 x, int16/10 y) required ownsend broadcast ram; };
    dclass Filter {
        other(uint32, blob) clsend;
        intercepted(uint32 doId, uint16 field, blob value);
    };
    dclass Pushed { push(int16/10 x, int16/10 y) required clsend broadcast; };
";
const PLAZA: ClassId = ClassId(0);
const AVATAR: ClassId = ClassId(2);
const UNKNOWN_CLASS: ClassId = ClassId(99);
const LOGIN_UBERDOG: DoId = DoId(1234);
const PLAZA_UBERDOG: DoId = DoId(1235);
const AVATAR_UBERDOG: DoId = DoId(1236);
const FILTER_UBERDOG: DoId = DoId(1237);
const FIRST_CHANNEL: Channel = Channel(100_000);
const AI: Channel = Channel(777);
const VERSION: &str = "v1";

pub(in crate::role::client_agent) fn dc() -> Arc<DcFile> {
    Arc::new(dclass::parse(&[Source::new("test.dc", DC)]).expect("a correct file"))
}

fn field(name: &str) -> FieldId {
    let dc = dc();
    dc.classes().find_map(|class| class.field_by_name(name)).expect("a field of the file").id()
}

fn config() -> ClientAgentConfig {
    ClientAgentConfig {
        bind: Some("127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()),
        versions: vec![VERSION.into()],
        haproxy: ProxyHeaders::None,
        tls: None,
        websocket: None,
        dc_hashes: vec![0],
        channels: ChannelRange::new(FIRST_CHANNEL, Channel(FIRST_CHANNEL.0 + 9)).expect("a range"),
        channel_step: 1,
        client: ClientConfig {
            kind: ClientKind::LibAstron,
            are_lengths_wide: false,
            relocate: true,
            add_interest: InterestPermission::Enabled,
            send_hash: true,
            send_version: true,
            write_buffer_bytes_max: 262_144,
            write_timeout_ms: 5000,
            merge: Vec::new(),
            fields: Vec::new(),
            intercept: Vec::new(),
            script: None,
            heartbeat_timeout_ms: 0,
            keepalive: None,
            resume_ms: 0,
        },
        parenting_rules: ParentingRules::Off,
        limits: ClientLimitsConfig::default(),
        offences: OffencesConfig::default(),
        interest_timeout_ms: 500,
        handshake_timeout_ms: 10_000,
        anonymous_timeout_ms: 0,
        historical_objects_max: 100,
        rights_grace_ms: 5_000,
        rights_grace_for: RightsGrace::Lost,
        banlist: None,
        channel_rest_ms: 30_000,
        flush: Duration::from_millis(5),
    }
}

/// A client as the tests know it.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
struct TestClient {
    key: SessionKey,
    channel: Channel,
}

/// A core with everything that came out of it and has not been looked at.
struct Agent {
    core: Core,
    out: Effects,
    alone: Alone,
    now: Instant,
    told: HashMap<SessionKey, Vec<u8>>,
    closed: HashMap<SessionKey, CloseKind>,
    /// Sessions whose connections were closed while they go on.
    hung_up: HashMap<SessionKey, CloseKind>,
    events: Vec<Event>,
    /// Which session a client has come back to.
    resumed: Option<SessionKey>,
    /// Others speak in the same turn: until then nobody is asked for together with others.
    turn_goes_on: bool,
}

/// What the router does with a datagram for sessions: one that it cannot read, it gives to nobody.
trait Datagrams {
    fn datagram(&mut self, now: Instant, datagram: &[u8], out: &mut Effects);
}

impl Datagrams for Core {
    fn datagram(&mut self, now: Instant, datagram: &[u8], out: &mut Effects) {
        if let Ok(envelope) = Envelope::read(datagram) {
            self.handle(now, Origin::Outside, &envelope, out);
        }
    }
}

/// A datagram that a session routed: recipients, sender, message.
type Routed = (Vec<Channel>, Channel, Vec<u8>);

impl Agent {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ClientAgentConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        let uberdogs = [
            (LOGIN_UBERDOG, ClassId(1), true),
            (PLAZA_UBERDOG, PLAZA, false),
            (AVATAR_UBERDOG, AVATAR, false),
            (FILTER_UBERDOG, dc().class_by_name("Filter").expect("a class").id(), false),
        ]
        .map(|(id, class_id, anonymous)| (id, UberDog { class_id, anonymous }));
        Agent {
            core: Core::new(
                &config,
                Arc::new(uberdogs.into_iter().collect()),
                dc(),
                Seed::fixed(0),
            ),
            out: Effects::new(),
            alone: Alone::default(),
            now: Instant::now(),
            told: HashMap::new(),
            closed: HashMap::new(),
            hung_up: HashMap::new(),
            events: Vec::new(),
            resumed: None,
            turn_goes_on: false,
        }
    }

    fn peer() -> Peer {
        Peer {
            remote: Endpoint { ip: "203.0.113.5".into(), port: 54321 },
            local: Endpoint { ip: "198.51.100.77".into(), port: 7198 },
            tlvs: Box::default(),
            transport: Transport::Tcp,
            is_local: false,
            is_trusted: false,
        }
    }

    /// A connection that has said nothing.
    fn connect(&mut self) -> TestClient {
        let key = self.core.connect(self.now, Self::peer(), &mut self.out).expect("a channel");
        self.drain();
        self.client(key)
    }

    /// The client with this session.
    fn client(&self, key: SessionKey) -> TestClient {
        let page = self.core.inspect(&Query::Sessions, Cursor(key.index as usize), 1);
        match page.items[..] {
            [Item::Session { allocated: channel, .. }] => TestClient { key, channel },
            _ => panic!("{page:?} instead of a session"),
        }
    }

    /// A client that has said hello.
    fn anonymous(&mut self) -> TestClient {
        let client = self.connect();
        let dc_hash = dc().hash();
        self.send(client, &Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) });
        self.expect_told(client, &[Client::HelloResp {}]);
        client
    }

    /// A client that may do all that its fields allow.
    fn established(&mut self) -> TestClient {
        let client = self.anonymous();
        self.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        self.routed();
        client
    }

    fn send(&mut self, client: TestClient, message: &Client<'_>) {
        let mut bytes = Vec::new();
        message.write(&mut Writer::new(&mut bytes));
        self.send_datagram(client, &bytes);
    }

    fn send_datagram(&mut self, client: TestClient, datagram: &[u8]) {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("fits");
        let heard = self.core.input(self.now, client.key, &frame, &mut self.out);
        assert_eq!(heard, Heard::default(), "within all limits");
        self.drain();
    }

    /// The AI sends a message to a channel.
    fn cluster(&mut self, recipient: Channel, message: &impl Message) {
        self.cluster_from(AI, &[recipient], message);
    }

    fn cluster_from(&mut self, sender: Channel, recipients: &[Channel], message: &impl Message) {
        let mut bytes = Vec::new();
        message.write_datagram(&mut Writer::new(&mut bytes), recipients, sender);
        self.core.datagram(self.now, &bytes, &mut self.out);
        self.drain();
    }

    fn lose(&mut self, client: TestClient) {
        self.core.disconnected(self.now, client.key, "end of file".into(), &mut self.out);
        self.drain();
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.core.on_deadline(self.now, &mut self.out);
        // Nothing that clients send lies unread here.
        let silent: Vec<_> = self.core.drain_silent().collect();
        silent.into_iter().for_each(|who| self.core.judge(self.now, who, false, &mut self.out));
        self.drain();
    }

    fn drain(&mut self) {
        if !self.turn_goes_on {
            let mut budget = usize::MAX;
            while self.core.end_turn(self.now, &mut budget, &mut self.out) {}
        }
        self.alone.give_back(&mut self.core, self.now, &mut self.out);
        if let Some(mut resumed) = self.core.take_resumed() {
            self.told.entry(resumed.key).or_default().append(&mut resumed.answer);
            self.resumed = Some(resumed.key);
        }
        self.core.drain_output(usize::MAX, |key, output| {
            self.told.entry(key).or_default().append(output.bytes);
        });
        self.core.drain_ended(|key, output| {
            self.told.entry(key).or_default().append(output.bytes);
            let close = output.close.expect("it has ended");
            let closed = if output.is_away { &mut self.hung_up } else { &mut self.closed };
            let before = closed.insert(key, close);
            assert!(before.is_none() || output.is_away, "closed twice");
        });
        self.events.extend(self.core.drain_events());
    }

    /// The datagrams that the client has been sent since the last look.
    fn told(&mut self, client: TestClient) -> Vec<Vec<u8>> {
        let bytes = self.told.remove(&client.key).unwrap_or_default();
        assert_eq!(Frames::whole_bytes(&bytes), bytes.len(), "whole frames only");
        Frames::new(&bytes).map(|frame| frame.datagram().to_vec()).collect()
    }

    #[track_caller]
    fn expect_told(&mut self, client: TestClient, expected: &[Client<'_>]) {
        let told = self.told(client);
        let expected: Vec<Vec<u8>> = expected.iter().map(encode).collect();
        let show = |datagrams: &[Vec<u8>]| -> Vec<String> {
            datagrams.iter().map(|datagram| show_client(datagram)).collect()
        };
        assert!(told == expected, "told {:#?}\nexpected {:#?}", show(&told), show(&expected));
    }

    /// What has been routed since the last look; other effects are forgotten.
    fn routed(&mut self) -> Vec<Routed> {
        let routed = self
            .out
            .iter()
            .filter_map(|effect| match effect {
                Effect::Route(frame) => {
                    // Post-removes may be anything.
                    let envelope = Envelope::read(frame.datagram()).ok()?;
                    let mut message = envelope.message_type.to_le_bytes().to_vec();
                    message.extend(envelope.body);
                    Some((envelope.recipients.iter().collect(), envelope.sender, message))
                }
                _ => None,
            })
            .collect();
        self.out.clear();
        self.alone.cleared();
        routed
    }

    #[track_caller]
    fn expect_routed(&mut self, client: Channel, expected: &[(Channel, &dyn Encode)]) {
        let routed = self.routed();
        let expected: Vec<Routed> = expected
            .iter()
            .map(|(recipient, message)| (vec![*recipient], client, message.bytes()))
            .collect();
        assert!(routed == expected, "routed {routed:?}\nexpected {expected:?}");
    }

    /// That the client has been ejected with this reason, as the last that it was told.
    #[track_caller]
    fn expect_ejected(&mut self, client: TestClient, reason: EjectReason) -> String {
        let told = self.told(client);
        let last = told.last().expect("an eject");
        let mut reader = crate::wire::Reader::new(last);
        let number = reader.u16().expect("a number");
        let message = Client::decode(number, &mut reader).expect("a message");
        let Client::Eject { reason: code, text } = message else {
            panic!("{message:?} instead of an eject");
        };
        assert_eq!(code, reason as u16, "{text:?}");
        assert!(!text.0.is_empty() && reader.is_empty());
        assert_eq!(self.closed.get(&client.key), Some(&CloseKind::Flushed));
        let ejects = told.iter().filter(|datagram| datagram[..2] == [4, 0]).count();
        assert_eq!(ejects, 1, "told more than once");
        String::from_utf8(text.0.to_vec()).expect("text")
    }

    fn is_open(&self, client: TestClient) -> bool {
        !self.closed.contains_key(&client.key)
    }

    // The other half of an interest: what a state server would do.

    /// The context of the query that was routed last, which must be for these zones.
    #[track_caller]
    fn query(&mut self, client: Channel, parent: DoId, zones: &[u32]) -> Context {
        let routed = self.routed();
        let [(recipients, sender, message)] = &routed[..] else {
            panic!("{routed:?} instead of one query");
        };
        assert_eq!((&recipients[..], *sender), (&[parent.channel()][..], client));
        let context = Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
        let zones: Vec<ZoneId> = zones.iter().map(|&zone| ZoneId(zone)).collect();
        let expected =
            StateServer::ObjectGetZonesObjects { context, parent, zones: List::new(&zones) };
        assert_eq!(*message, encode(&expected));
        context
    }

    fn answer_count(&mut self, client: TestClient, context: Context, count: u32) {
        let count = DoId(count);
        self.cluster(client.channel, &StateServer::ObjectGetZonesCountResp { context, count });
    }

    fn answer_object(&mut self, client: TestClient, context: Context, object: ObjectState<'_>) {
        let message = StateServer::ObjectEnterInterestWithRequired { context, object };
        self.cluster(client.channel, &message);
    }

    /// Opens an interest and has it answered with these objects.
    fn open(&mut self, client: TestClient, id: u16, location: Location, objects: &[u32]) {
        let context = Context(u32::from(id));
        let interest = InterestId(id);
        self.send(client, &Client::AddInterest { context, interest, location });
        let query = self.query(client.channel, location.parent, &[location.zone.0]);
        self.answer_count(client, query, objects.len() as u32);
        for &do_id in objects {
            self.answer_object(client, query, avatar(do_id, location));
        }
        let mut expected: Vec<Client<'_>> = objects
            .iter()
            .map(|&id| Client::EnterObjectRequired { object: avatar(id, location) })
            .collect();
        expected.push(Client::DoneInterestResp { context, interest });
        self.expect_told(client, &expected);
        self.routed();
    }

    /// Gives the client an object.
    fn own(&mut self, client: TestClient, do_id: u32, location: Location) {
        let object = avatar(do_id, location);
        self.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
        self.expect_told(client, &[Client::EnterObjectRequiredOwner { object }]);
    }
}

/// Any message's bytes, to compare.
trait Encode {
    fn bytes(&self) -> Vec<u8>;
}

impl<M: Message> Encode for M {
    fn bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

fn encode(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

fn show_client(datagram: &[u8]) -> String {
    let mut reader = crate::wire::Reader::new(datagram);
    match reader.u16().map(|number| Client::decode(number, &mut reader)) {
        Ok(Ok(message)) => format!("{message:?}"),
        _ => format!("{}", datagram.escape_ascii()),
    }
}

/// An avatar called "ann" with health 9.
fn avatar(do_id: u32, location: Location) -> ObjectState<'static> {
    ObjectState { do_id: DoId(do_id), location, class_id: AVATAR, values: Rest(b"\x03\0ann\x09") }
}

fn at(parent: u32, zone: u32) -> Location {
    Location::new(DoId(parent), ZoneId(zone))
}

fn set_field(do_id: u32, name: &str, value: &'static [u8]) -> StateServer<'static> {
    StateServer::ObjectSetField { do_id: DoId(do_id), field: field(name), value: Rest(value) }
}

fn client_sets(do_id: u32, name: &str, value: &'static [u8]) -> Client<'static> {
    Client::ObjectSetField { do_id: DoId(do_id), field: field(name), value: Rest(value) }
}

fn done(context: u32, interest: u16) -> Client<'static> {
    Client::DoneInterestResp { context: Context(context), interest: InterestId(interest) }
}

fn enter(do_id: u32, location: Location) -> Client<'static> {
    Client::EnterObjectRequired { object: avatar(do_id, location) }
}

fn leaving(do_id: u32) -> Client<'static> {
    Client::ObjectLeaving { do_id: DoId(do_id) }
}

fn moved(do_id: u32, location: Location) -> Client<'static> {
    Client::ObjectLocation { do_id: DoId(do_id), location }
}

fn changing(do_id: u32, new: Location, old: Location) -> StateServer<'static> {
    StateServer::ObjectChangingLocation { do_id: DoId(do_id), new, old }
}

fn entering(do_id: u32, location: Location) -> StateServer<'static> {
    StateServer::ObjectEnterLocationWithRequired { object: avatar(do_id, location) }
}

fn deleting(do_id: u32) -> StateServer<'static> {
    StateServer::ObjectDeleteRam { do_id: DoId(do_id) }
}

fn add_interest(context: u32, id: u16, location: Location) -> Client<'static> {
    Client::AddInterest { context: Context(context), interest: InterestId(id), location }
}

fn remove_interest(context: u32, id: u16) -> Client<'static> {
    Client::RemoveInterest { context: Context(context), interest: InterestId(id) }
}
