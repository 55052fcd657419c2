//! The client agent's core: one broadcast for many sessions, and what an interest costs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::Criterion;
use dclass::DcFile;
use donet::config::{
    ClientAgentConfig, ClientConfig, ClientKind, ClientLimitsConfig, InterestPermission,
    OffencesConfig, ParentingRules, ProxyHeaders, RightsGrace,
};
use donet::hash::Seed;
use donet::ids::{Channel, ChannelRange, ClassId, Context, DoId, FieldId, InterestId};
use donet::ids::{Location, ZoneId};
use donet::message::{Blob, Client, ClientAgent, Message, ObjectState, Rest, StateServer};
use donet::net::proxy_protocol::Endpoint;
use donet::role::client_agent::{Core, Peer, SessionKey, Transport, UberDogs};
use donet::router::{Effect, Effects, Origin, Role};
use donet::script::Source;
use donet::wire::{Envelope, Framing, Reader, Writer, write_frame};

use super::bench;

const FIRST_CHANNEL: u64 = 1_000_000;
const SESSIONS_MAX: u64 = 1000;
const VERSION: &str = "bench";
const SERVER: Channel = Channel(4000);
const PLAZA: Location = Location::new(DoId(100_000), ZoneId(5));
const IN_THE_ZONE: u32 = 20;
const INTEREST: InterestId = InterestId(1);

/// As the router hands over a datagram.
fn receive(core: &mut Core, now: Instant, datagram: &[u8], effects: &mut Effects) {
    let envelope = Envelope::read(datagram).expect("complete");
    core.handle(now, Origin::Outside, &envelope, effects);
}

struct Agent {
    core: Core,
    effects: Effects,
    now: Instant,
    dc_hash: u32,
    sessions: Vec<(SessionKey, Channel)>,
    // Memory that is used again for each message.
    bytes: Vec<u8>,
}

impl Agent {
    fn new(sessions: u64) -> Self {
        Self::framed(sessions, Framing::Tag16)
    }

    fn framed(sessions: u64, framing: Framing) -> Self {
        Self::with(sessions, framing, &config())
    }

    fn with(sessions: u64, framing: Framing, config: &ClientAgentConfig) -> Self {
        let source = dclass::Source::new(
            "bench.dc",
            "dclass Avatar { setXY(int16, int16) broadcast ownsend; turn(int16) ownsend; };",
        );
        let dc: Arc<DcFile> = dclass::parse(&[source]).expect("a correct file").into();
        let dc_hash = dc.hash();
        let mut agent = Agent {
            core: Core::new(config, Arc::new(UberDogs::default()), dc, Seed::fixed(0)),
            effects: Effects::new(),
            now: Instant::now(),
            dc_hash,
            sessions: Vec::new(),
            bytes: Vec::new(),
        };
        agent.core.start(agent.now, &mut agent.effects);
        agent.effects.clear();
        (0..sessions).for_each(|_| agent.log_in(framing));
        agent
    }

    fn log_in(&mut self, framing: Framing) {
        let endpoint = || Endpoint { ip: "203.0.113.5".into(), port: 7198 };
        let (remote, local) = (endpoint(), endpoint());
        let peer = Peer {
            remote,
            local,
            tlvs: Box::default(),
            transport: Transport::Tcp,
            is_local: false,
            is_trusted: false,
        };
        let (peer, effects) = (Box::new(peer), &mut self.effects);
        let key = self.core.connect_framed(self.now, peer, framing, effects);
        let key = key.expect("a channel is free");
        // It listens to its own channel first.
        let channel = self.effects.iter().find_map(|effect| match effect {
            Effect::Subscribe(channel) => Some(channel),
            _ => None,
        });
        let channel = channel.expect("a session listens");
        let hello = Client::Hello { dc_hash: self.dc_hash, version: Blob(VERSION.as_bytes()) };
        self.client(key, &hello);
        self.cluster(channel, &ClientAgent::SetState { state: 2 });
        self.sessions.push((key, channel));
        self.drain();
    }

    fn client(&mut self, key: SessionKey, message: &Client<'_>) {
        self.bytes.clear();
        write_frame(&mut self.bytes, |writer| message.write(writer)).expect("small");
        let heard = self.core.input(self.now, key, &self.bytes, &mut self.effects);
        assert_eq!(heard.rest, 0, "there are no limits");
    }

    fn cluster(&mut self, recipient: Channel, message: &impl Message) {
        self.bytes.clear();
        message.write_datagram(&mut Writer::new(&mut self.bytes), &[recipient], SERVER);
        receive(&mut self.core, self.now, &self.bytes, &mut self.effects);
    }

    /// Takes what there is for clients, and how many bytes that is.
    fn drain(&mut self) -> usize {
        let mut told = 0;
        self.core.drain_output(usize::MAX, |_, output| {
            assert_eq!(output.close, None, "no client is ejected");
            told += output.bytes.len();
        });
        self.effects.clear();
        self.core.drain_events().for_each(drop);
        told
    }

    /// Opens an interest in the zone, which a state server answers with its objects.
    fn open_interest(&mut self, session: usize) {
        let (key, channel) = self.sessions[session];
        let (context, interest) = (Context(9), INTEREST);
        self.client(key, &Client::AddInterest { context, interest, location: PLAZA });
        let context = self.query_context();
        let count = DoId(IN_THE_ZONE);
        self.cluster(channel, &StateServer::ObjectGetZonesCountResp { context, count });
        for number in 0..IN_THE_ZONE {
            let object = avatar(number);
            self.cluster(
                channel,
                &StateServer::ObjectEnterInterestWithRequired { context, object },
            );
        }
    }

    fn close_interest(&mut self, session: usize) {
        let (key, _) = self.sessions[session];
        self.client(key, &Client::RemoveInterest { context: Context(9), interest: INTEREST });
    }

    /// The context of the question that was routed last.
    fn query_context(&self) -> Context {
        let mut routed = self.effects.iter().filter_map(|effect| match effect {
            Effect::Route(frame) => Envelope::read(frame.datagram()).ok(),
            _ => None,
        });
        let query = routed.find_map(|envelope| {
            let mut reader = Reader::new(envelope.body);
            match StateServer::decode(envelope.message_type, &mut reader) {
                Ok(StateServer::ObjectGetZonesObjects { context, .. }) => Some(context),
                _ => None,
            }
        });
        query.expect("an interest asks for its objects")
    }
}

fn avatar(number: u32) -> ObjectState<'static> {
    ObjectState {
        do_id: DoId(200_000 + number),
        location: PLAZA,
        class_id: ClassId(0),
        values: Rest(b""),
    }
}

fn config() -> ClientAgentConfig {
    let last = Channel(FIRST_CHANNEL + SESSIONS_MAX - 1);
    ClientAgentConfig {
        bind: Some("127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()),
        versions: vec![VERSION.into()],
        haproxy: ProxyHeaders::None,
        tls: None,
        websocket: None,
        dc_hashes: vec![0],
        channels: ChannelRange::new(Channel(FIRST_CHANNEL), last).expect("a range"),
        channel_step: 1,
        client: ClientConfig {
            kind: ClientKind::LibAstron,
            are_lengths_wide: false,
            relocate: false,
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
        limits: ClientLimitsConfig::NONE,
        interest_timeout_ms: 500,
        handshake_timeout_ms: 0,
        anonymous_timeout_ms: 0,
        historical_objects_max: 10_000,
        rights_grace_ms: 5_000,
        rights_grace_for: RightsGrace::Lost,
        offences: OffencesConfig::default(),
        banlist: None,
        channel_rest_ms: 30_000,
        flush: std::time::Duration::from_millis(5),
    }
}

pub fn benches(c: &mut Criterion) {
    let message = StateServer::ObjectSetField {
        do_id: avatar(0).do_id,
        field: FieldId(0),
        value: Rest(b"\x01\0\x02\0"),
    };
    let mut update = Vec::new();
    message.write_datagram(
        &mut Writer::new(&mut update),
        &[PLAZA.channel()],
        avatar(0).do_id.channel(),
    );
    let plain = [1, 100, SESSIONS_MAX].map(|sessions| (sessions, Framing::Tag16, ""));
    let by_websocket =
        [(100, Framing::Message, ", WebSocket"), (100, Framing::Frames, ", WebSocket with tags")];
    for (sessions, framing, how) in plain.into_iter().chain(by_websocket) {
        bench(c, "broadcast to sessions", &format!("{sessions}{how}"), || {
            let mut agent = Agent::framed(sessions, framing);
            (0..sessions as usize).for_each(|session| agent.open_interest(session));
            agent.drain();
            receive(&mut agent.core, agent.now, &update, &mut agent.effects);
            let bytes = if framing == Framing::Frames { 16 } else { 14 };
            assert_eq!(agent.drain() as u64, sessions * bytes, "every client gets the update");
            let update = &update;
            move || {
                receive(&mut agent.core, agent.now, black_box(update), &mut agent.effects);
                black_box(agent.drain());
            }
        });
    }

    updates(c);
    bench(c, "interest", "opened, 20 objects, closed", || {
        let mut agent = Agent::new(100);
        move || {
            agent.open_interest(black_box(50));
            assert!(agent.drain() > 0);
            agent.close_interest(black_box(50));
            assert!(agent.drain() > 0);
        }
    });
}

/// What an owner's update costs with a script, beside none.
fn updates(c: &mut Criterion) {
    let scripts = [
        ("no script", None),
        ("a hook for another field", Some("donet.on_field('Avatar.turn', function() end)")),
        ("a hook that passes it", Some("donet.on_field('Avatar.setXY', function() end)")),
        (
            "a hook that looks at it",
            Some(
                "donet.on_field('Avatar.setXY', function(client, object, x, y)
                   local vars = client.vars
                   local dx, dy = x - (vars.x or x), y - (vars.y or y)
                   if dx * dx + dy * dy > 10000 then return donet.DROP end
                   vars.x, vars.y = x, y
                 end)",
            ),
        ),
        (
            "a hook that changes it",
            Some(
                "donet.on_field('Avatar.setXY', function(_, _, x, y) return donet.change(y, x) end)",
            ),
        ),
    ];
    for (name, lua) in scripts {
        bench(c, "update of an owner", name, || {
            let mut config = config();
            let text = |lua: &str| Source::new("bench.lua", lua);
            config.client.script = lua.map(|lua| Arc::new(text(lua)));
            let mut agent = Agent::with(1, Framing::Tag16, &config);
            let (key, channel) = agent.sessions[0];
            let object = avatar(0);
            agent.cluster(channel, &StateServer::ObjectEnterOwnerWithRequired { object });
            agent.drain();
            let value = Rest(b"\x01\0\x02\0");
            let update = Client::ObjectSetField { do_id: object.do_id, field: FieldId(0), value };
            move || {
                agent.client(key, black_box(&update));
                assert!(!agent.effects.is_empty(), "it is routed");
                agent.effects.clear();
            }
        });
    }
}
