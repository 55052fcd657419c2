//! Clients' sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use donet::config::{
    ClientAgentConfig, ClientConfig, ClientKind, ClientLimitsConfig, DoIdRange, Era,
    InterestPermission, Offence, OffencesConfig, OtpConfig, OwnerView, Panda3dConfig,
    ParentingRules, ProxyHeaders, Reaction, Regenerate, RightsGrace,
};
use donet::hash::Seed;
use donet::ids::{Channel, ChannelRange, ClassId, DoId, ZoneId};
use donet::message::{Blob, Client, ClientAgent, Message, Otp, Panda3d, Row, Secret, Toontown2003};
use donet::net::proxy_protocol::Endpoint;
use donet::role::client_agent::dialect::foreign;
use donet::role::client_agent::{
    Core, Output, Peer, SessionKey, Stop, Transport, UberDog, UberDogs,
};
use donet::router::{Origin, Role};
use donet::wire::{Envelope, Frames, Reader, Writer, write_frame};

use super::cluster::{Outside, channels, datagram, schema};
use super::input::Input;

const FIRST_CHANNEL: u64 = 1000;
const CHANNELS: u64 = 4;
const VERSION: &str = "v1";
/// DoIds of a client of Panda3D's own repository.
const PER_CLIENT: u32 = 8;

/// What clients and the cluster send to the sessions of a client agent, and time. Whatever it is,
/// clients get whole frames, a connection is closed once, and sessions leave nothing behind in the router.
pub fn client_agent(input: &[u8]) {
    play(input, config);
}

/// The same, of clients of Panda3D's own repository. What they send begins with a byte that says which message it is.
pub fn panda3d(input: &[u8]) {
    play(input, |options| {
        let panda3d = Panda3dConfig {
            do_ids: DoIdRange { min: DoId(1), max: DoId(PER_CLIENT * CHANNELS as u32 + 1) },
            per_client: PER_CLIENT,
            root: DoId(3),
            state_server: Some(Channel(77)),
            time_manager: Some(ZoneId(1)),
            regenerate: if options & 64 == 0 { Regenerate::Owner } else { Regenerate::Server },
            ..Panda3dConfig::default()
        };
        let mut config = config(options);
        (config.channels, config.channel_step) = panda3d.channels();
        config.client.kind = ClientKind::Panda3d(panda3d.into());
        config
    });
}

/// The same, of clients of the OTP era, of either generation. What they send begins with such a byte, too.
pub fn otp(input: &[u8]) {
    play(input, |options| {
        let era = if options & 64 == 0 { Era::Otp } else { Era::Toontown2003 };
        let mut otp = OtpConfig::of(era);
        otp.root = DoId(3);
        if options & 32 == 0 {
            otp.owner_view = OwnerView::Avatar;
        }
        let mut config = config(options);
        config.client.kind = ClientKind::Otp(otp.into());
        config
    });
}

fn play(input: &[u8], config: impl FnOnce(u8) -> ClientAgentConfig) {
    let mut input = Input::new(input);
    let options = input.byte().unwrap_or_default();
    let config = config(options);
    let nth = |n| Channel(config.channels.low().0 + n * config.channel_step);
    let sessions: Vec<Channel> = (0..CHANNELS).map(nth).collect();
    let channels = channels(&sessions);
    let mut agent = Agent::new(&config);
    while let Some(action) = input.byte() {
        match action % 8 {
            0 => agent.connect(action >= 128),
            1 => agent.lose(usize::from(action / 8)),
            2 => agent.pass(Duration::from_millis(u64::from(action) * 20)),
            3..=5 => {
                let place = usize::from(action / 8);
                agent.input(place, input.piece());
            }
            _ => {
                let Some(datagram) = datagram(&mut input, &channels) else { break };
                let Agent { core, outside, now, .. } = &mut agent;
                outside.deliver(core, *now, &datagram);
            }
        }
        agent.settle();
    }
    while agent.core.shut_down(agent.now, 2, Stop::default(), &mut agent.outside.effects) {}
    agent.settle();
    assert!(agent.open.is_empty() && agent.away.is_empty());
    assert_eq!(agent.core.session_count(), 0);
    if agent.is_stock {
        agent.outside.subscriptions.remove(&Channel::OBSERVERS);
    }
    assert!(agent.outside.subscriptions.is_empty(), "{:?}", agent.outside.subscriptions);
    assert!(agent.outside.post_removes.is_empty(), "{:?}", agent.outside.post_removes);
}

struct Agent {
    core: Core,
    outside: Outside,
    now: Instant,
    /// Its clients are of Panda3D's own repository.
    is_stock: bool,
    /// What clients say begins with a byte that says which of these it is; nothing, if it is Astron's.
    table: &'static [Row],
    /// The connections that have not been closed, and the bytes they got.
    open: BTreeMap<SessionKey, Vec<u8>>,
    /// Sessions that wait for their clients to come back.
    away: BTreeSet<SessionKey>,
    /// With what clients can come back, and could.
    tokens: Vec<Vec<u8>>,
}

impl Agent {
    fn new(config: &ClientAgentConfig) -> Self {
        let dc = schema();
        let uberdogs: UberDogs =
            [(DoId(5), UberDog { class_id: ClassId(2), anonymous: true })].into_iter().collect();
        let mut core = Core::new(config, uberdogs.into(), dc, Seed::fixed(0));
        core.make_tokens([0; 32]);
        let mut outside = Outside { is_courier: true, ..Outside::default() };
        let (now, is_stock) = (Instant::now(), config.client.kind.panda3d().is_some());
        if is_stock {
            core.set_clock(now, Duration::ZERO);
            core.start(now, &mut outside.effects);
        }
        let table = match &config.client.kind {
            ClientKind::LibAstron => &[],
            ClientKind::Panda3d(_) => Panda3d::TABLE,
            ClientKind::Otp(otp) if otp.era == Era::Otp => Otp::TABLE,
            ClientKind::Otp(_) => Toontown2003::TABLE,
        };
        let (open, away, tokens) = Default::default();
        Agent { core, outside, now, is_stock, table, open, away, tokens }
    }

    /// A new connection, which says hello if it is to be `welcome`. If it is not, it comes back, if anybody can.
    fn connect(&mut self, welcome: bool) {
        let endpoint = |port| Endpoint { ip: "203.0.113.5".into(), port };
        let peer = Peer {
            remote: endpoint(54321),
            local: endpoint(7198),
            tlvs: Box::default(),
            transport: Transport::Tcp,
            is_local: false,
            is_trusted: false,
        };
        match self.core.connect(self.now, peer, &mut self.outside.effects) {
            Ok(key) => {
                assert!(self.open.insert(key, Vec::new()).is_none(), "a key given twice");
                if self.is_stock {
                } else if !self.table.is_empty() {
                    if welcome {
                        self.let_all_play();
                    }
                } else if !welcome {
                    if let Some(token) = self.tokens.pop() {
                        self.say(key, &Client::Resume { token: Secret(&token) });
                    }
                } else {
                    let mut hello = Vec::new();
                    let dc_hash = schema().hash();
                    let message = Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) };
                    write_frame(&mut hello, |writer| message.write(writer)).expect("small");
                    let heard = self.core.input(self.now, key, &hello, &mut self.outside.effects);
                    assert_eq!(heard.rest, 0, "the first message is within all limits");
                    self.say(key, &Client::ResumeAsk {});
                }
            }
            Err(bytes) => {
                let count = self.open.len() + self.away.len();
                assert_eq!(count as u64, CHANNELS, "{bytes:?}");
            }
        }
    }

    fn say(&mut self, key: SessionKey, message: &Client<'_>) {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| message.write(writer)).expect("small");
        self.hear(key, &frame);
    }

    fn hear(&mut self, key: SessionKey, frame: &[u8]) {
        // What it may not say yet it does not say again.
        let heard = self.core.input(self.now, key, frame, &mut self.outside.effects);
        assert!(heard.rest == 0 || heard.held_until.is_some_and(|at| at > self.now));
        if let Some(resumed) = self.core.take_resumed() {
            self.open.remove(&key).expect("it had just come");
            self.open.insert(resumed.key, Vec::new());
            self.away.remove(&resumed.key);
            note_tokens(&resumed.answer, &mut self.tokens);
        }
    }

    /// Whoever is there may do all that its fields allow.
    fn let_all_play(&mut self) {
        let mut bytes = Vec::new();
        let state = ClientAgent::SetState { state: 2 };
        state.write_datagram(&mut Writer::new(&mut bytes), &[Channel::CLIENTS], Channel(77));
        let envelope = Envelope::read(&bytes).expect("it is whole");
        self.core.handle(self.now, Origin::Outside, &envelope, &mut self.outside.effects);
    }

    fn key(&self, place: usize) -> Option<SessionKey> {
        self.open.keys().nth(place % self.open.len().max(1)).copied()
    }

    /// Something that a client sends, which its shell has looked at.
    fn input(&mut self, place: usize, datagram: &[u8]) {
        let Some(key) = self.key(place) else { return };
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| match datagram {
            [number, rest @ ..] if !self.table.is_empty() => {
                let row = self.table[usize::from(*number) % self.table.len()];
                writer.u16(row.number);
                writer.raw(rest);
            }
            _ => writer.raw(datagram),
        })
        .expect("small");
        if !self.table.is_empty() {
            return self.hear(key, &frame);
        }
        match foreign::recognise(&frame) {
            Some(other) => self.core.foreign(self.now, key, other, &mut self.outside.effects),
            None => self.hear(key, &frame),
        }
    }

    fn lose(&mut self, place: usize) {
        if let Some(key) = self.key(place) {
            self.core.disconnected(self.now, key, "end of file".into(), &mut self.outside.effects);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.core.on_deadline(self.now, &mut self.outside.effects);
        let silent: Vec<_> = self.core.drain_silent().collect();
        for (at, who) in silent.into_iter().enumerate() {
            // Of some of them something lies unread.
            self.core.judge(self.now, who, at % 2 == 1, &mut self.outside.effects);
        }
        assert!(self.core.next_deadline().is_none_or(|deadline| deadline > self.now));
    }

    fn settle(&mut self) {
        while self.core.resume(self.now, 100, &mut self.outside.effects) {}
        self.outside.give_back(&mut self.core, self.now);
        let Agent { core, open, away, tokens, .. } = self;
        let mut note = |told: &mut Vec<u8>, output: &mut Output<'_>| {
            assert!(output.burst <= output.bytes.len());
            told.append(output.bytes);
            assert_eq!(Frames::whole_bytes(told), told.len(), "whole frames only");
            note_tokens(told, tokens);
            told.clear();
        };
        core.drain_output(usize::MAX, |key, mut output| {
            let told = open.get_mut(&key).expect("nothing comes for a closed connection");
            note(told, &mut output);
        });
        core.drain_ended(|key, mut output| {
            assert!(output.close.is_some());
            if away.remove(&key) {
                return;
            }
            let mut told = open.remove(&key).expect("nothing comes for a closed connection");
            note(&mut told, &mut output);
            if output.is_away {
                away.insert(key);
            }
        });
        assert_eq!(core.session_count(), open.len() + away.len());
        core.drain_events().for_each(drop);
    }
}

/// Keeps what clients can come back with.
fn note_tokens(told: &[u8], tokens: &mut Vec<Vec<u8>>) {
    for frame in Frames::new(told) {
        let mut reader = Reader::new(frame.datagram());
        let number = reader.u16().unwrap_or_default();
        if let Ok(Client::ResumeToken { token, .. } | Client::ResumeResp { token, .. }) =
            Client::decode(number, &mut reader)
        {
            tokens.extend((!token.0.is_empty()).then(|| token.0.to_vec()));
        }
    }
}

/// Limits that are met soon.
const STRICT: ClientLimitsConfig = ClientLimitsConfig {
    messages_per_second: 1,
    bytes_per_second: 64,
    entries_per_second: 1,
    interests: 2,
    zones_per_interest: 3,
    zones: 5,
    entry_bytes_max: 1,
    visible_objects: 4,
    datagram_bytes: 500,
    connections: 0,
    connections_per_address: 0,
    connects_per_second: 0,
    router_percent: 1,
    patience: Some(Duration::from_secs(20)),
};

fn config(options: u8) -> ClientAgentConfig {
    let last = Channel(FIRST_CHANNEL + CHANNELS - 1);
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
            relocate: options & 1 == 0,
            add_interest: match options >> 1 & 3 {
                0 | 1 => InterestPermission::Enabled,
                2 => InterestPermission::Visible,
                _ => InterestPermission::Disabled,
            },
            send_hash: true,
            send_version: true,
            write_buffer_bytes_max: 262_144,
            write_timeout_ms: 5000,
            merge: Vec::new(),
            fields: Vec::new(),
            intercept: Vec::new(),
            script: None,
            heartbeat_timeout_ms: if options & 8 == 0 { 0 } else { 3000 },
            keepalive: None,
            resume_ms: if options & 16 == 0 { 0 } else { 3000 },
        },
        parenting_rules: ParentingRules::Off,
        limits: if options & 16 == 0 { ClientLimitsConfig::NONE } else { STRICT },
        interest_timeout_ms: 500,
        handshake_timeout_ms: 10_000,
        anonymous_timeout_ms: if options & 8 == 0 { 0 } else { 4000 },
        historical_objects_max: 3,
        rights_grace_ms: 1000,
        flush: Duration::from_millis(5),
        rights_grace_for: if options & 16 == 0 { RightsGrace::Lost } else { RightsGrace::All },
        offences: offences(options & 32 != 0),
        banlist: None,
        channel_rest_ms: 30_000,
    }
}

/// What has clients put out, or not.
fn offences(are_spared: bool) -> OffencesConfig {
    let mut offences = OffencesConfig::default();
    if are_spared {
        for (offence, reaction) in [
            (Offence::Permission, Reaction::Ignore),
            (Offence::Object, Reaction::Warn),
            (Offence::Value, Reaction::Ignore),
            (Offence::Interest, Reaction::Warn),
            (Offence::Message, Reaction::Ignore),
        ] {
            offences.set(offence, reaction);
        }
    }
    offences
}
