//! Over real sockets, with a router and a participant that stands for the cluster.

mod websocket;

use std::time::Duration;

use dclass::Source;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::*;
use crate::config::{
    Address, ClientConfig, ClientKind, ClientLimitsConfig, InterestPermission, OffencesConfig,
    ParentingRules, ProxyHeaders, RightsGrace,
};
use crate::ids::*;
use crate::message::*;
use crate::net::Tcp;
use crate::recent::Recent;
use crate::role::client_agent::UberDog;
use crate::router::{Cursor, Inbox, Item, Participant, Query};
use crate::wire::{Envelope, Frames, Writer, write_frame};

const DC: &str =
    "dclass Login { request(string name) clsend; }; dclass Rock { blob data broadcast; };";
const LOGIN: DoId = DoId(1234);
const ROCK: ClassId = ClassId(1);
const FIRST: Channel = Channel(1000);
const CLUSTER: Channel = Channel(77);
/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

fn config() -> ClientAgentConfig {
    ClientAgentConfig {
        bind: Some(loopback()),
        versions: vec!["v1".into()],
        haproxy: ProxyHeaders::None,
        tls: None,
        websocket: None,
        dc_hashes: vec![7],
        channels: ChannelRange::new(FIRST, Channel(1001)).expect("a range"),
        channel_step: 1,
        client: ClientConfig {
            kind: ClientKind::LibAstron,
            are_lengths_wide: false,
            relocate: false,
            add_interest: InterestPermission::Enabled,
            send_hash: true,
            send_version: true,
            write_buffer_bytes_max: 262_144,
            write_timeout_ms: 0,
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
        interest_timeout_ms: 20_000,
        handshake_timeout_ms: 10_000,
        anonymous_timeout_ms: 0,
        historical_objects_max: 100,
        rights_grace_ms: 5_000,
        rights_grace_for: RightsGrace::Lost,
        offences: OffencesConfig::default(),
        banlist: None,
        channel_rest_ms: 30_000,
        flush: Duration::from_millis(5),
    }
}

fn loopback() -> Address {
    SocketAddr::from(([127, 0, 0, 1], 0)).into()
}

fn machine(places: usize) -> Machine {
    let places = Arc::new(Semaphore::new(places));
    let reload = watch::channel(()).1;
    let closed = Arc::new(Recent::new(0));
    Machine {
        network: Arc::new(Tcp),
        places,
        seed: Seed::random(),
        secret: [1; 32],
        reload,
        closed,
    }
}

/// A client agent, and the rest of the cluster.
struct Cluster {
    address: SocketAddr,
    router: Router,
    participant: Participant,
    /// The channel of the last one that [`Cluster::client`] has brought.
    client: Channel,
    inbox: Arc<Inbox>,
    arrived: Vec<u8>,
    events: UdpSocket,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Cluster {
    async fn start(change: impl FnOnce(&mut ClientAgentConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        let events = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = Address::from(events.local_addr().expect("bound"));
        let (sender, courier) = EventSender::open(&address).await.expect("an address");
        let dc = Arc::new(dclass::parse(&[Source::new("test.dc", DC)]).expect("correct"));
        let uberdogs: UberDogs =
            [(LOGIN, UberDog { class_id: ClassId(0), anonymous: true })].into_iter().collect();
        let router = Router::new();
        let inbox = Inbox::new("test", 1 << 20, usize::MAX);
        let participant = router.join("cluster", inbox.clone());
        participant.batch().subscribe(CLUSTER);
        participant.batch().subscribe(LOGIN.channel());
        let bound = Bound::new(&config, machine(100)).await.expect("a free port");
        let address = bound.addresses().next().expect("bound").0;
        let shutdown = CancellationToken::new();
        let (_, task) = bound.serve(Arc::new(uberdogs), dc, &router, sender, shutdown.clone());
        tokio::spawn(courier.run(shutdown.clone()));
        let (client, arrived) = (Channel::NONE, Vec::new());
        Cluster { address, router, participant, client, inbox, arrived, events, shutdown, task }
    }

    /// The next datagram that reaches the cluster: its sender and message.
    async fn receive(&mut self) -> (Channel, u16, Vec<u8>) {
        let waited = tokio::time::timeout(PATIENCE, async {
            if self.arrived.is_empty() {
                self.inbox.recv(&mut self.arrived).await;
            }
        });
        waited.await.expect("a datagram in time");
        let frame = Frames::new(&self.arrived).next().expect("a frame");
        let envelope = Envelope::read(frame.datagram()).expect("complete");
        let message = (envelope.sender, envelope.message_type, envelope.body.to_vec());
        let length = frame.bytes().len();
        self.arrived.drain(..length);
        message
    }

    fn send(&self, recipient: Channel, message: &impl Message) {
        let mut frame = Vec::new();
        write_frame(&mut frame, |w| message.write_datagram(w, &[recipient], CLUSTER))
            .expect("fits");
        let frame = Frames::new(&frame).next().expect("one");
        self.participant.batch().route(frame);
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("listening")
    }

    /// A client that has said hello and is established.
    async fn client(&mut self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(&hello()).await.expect("open");
        assert_eq!(read_frame(&mut stream).await, Some(vec![2, 0]));
        self.client = self.channel_of(&stream);
        self.send(self.client, &ClientAgent::SetState { state: 2 });
        stream
    }

    /// The channel of the session that a client has.
    fn channel_of(&self, stream: &TcpStream) -> Channel {
        let [(agent, _)] = self.router.roles()[..] else { panic!("one role") };
        let page = self.router.inspect(agent, &Query::Sessions, Cursor::default(), 100);
        let address = stream.local_addr().expect("connected").to_string();
        let channel = page.expect("it lives").items.into_iter().find_map(|item| match item {
            Item::Session { allocated, remote, .. } => (remote == address).then_some(allocated),
            _ => None,
        });
        channel.expect("it has a session")
    }

    /// Has the cluster told when the client's session ends.
    fn tell_end(&self) {
        let mut datagram = Vec::new();
        let message = StateServer::ObjectDeleteRam { do_id: DoId(5) };
        message.write_datagram(&mut Writer::new(&mut datagram), &[CLUSTER], self.client);
        self.send(self.client, &ClientAgent::AddPostRemove { datagram: Blob(&datagram) });
    }

    async fn expect_end(&mut self) {
        assert_eq!(self.receive().await.1, StateServer::STATESERVER_OBJECT_DELETE_RAM);
    }

    /// The reason of the next client-lost event.
    async fn lost_reason(&self) -> String {
        let mut packet = [0; 2048];
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv(&mut packet)).await;
            let length = event.expect("an event in time").expect("an event");
            let text = String::from_utf8_lossy(&packet[..length]).into_owned();
            if text.contains("client-lost") {
                let (_, reason) = text.split_once("reason").expect("a reason");
                // Before and behind it are lengths, which are no text.
                let mut parts = reason.split('\u{fffd}').filter(|part| !part.is_empty());
                return parts.next().expect("a reason").to_owned();
            }
        }
    }
}

fn frame(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| message.write(writer)).expect("fits");
    bytes
}

fn hello() -> Vec<u8> {
    frame(&Client::Hello { dc_hash: 7, version: Blob(b"v1") })
}

fn request(name: &[u8]) -> Vec<u8> {
    let mut value = (name.len() as u16).to_le_bytes().to_vec();
    value.extend(name);
    frame(&Client::ObjectSetField { do_id: LOGIN, field: FieldId(0), value: Rest(&value) })
}

/// The next datagram; `None` at the end of the stream.
async fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let read = async {
        let mut tag = [0; 2];
        match stream.read(&mut tag[..1]).await.expect("no reset") {
            0 => return None,
            _ => stream.read_exact(&mut tag[1..]).await.expect("a whole tag"),
        };
        let mut datagram = vec![0; u16::from_le_bytes(tag).into()];
        stream.read_exact(&mut datagram).await.expect("a whole frame");
        Some(datagram)
    };
    tokio::time::timeout(PATIENCE, read).await.expect("a frame in time")
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    tokio::time::timeout(PATIENCE, read).await.expect("an end in time").expect("no reset");
    bytes
}

#[tokio::test]
async fn a_client_and_the_cluster_talk() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut client = cluster.client().await;
    client.write_all(&request(b"me")).await.expect("open");
    let (sender, number, body) = cluster.receive().await;
    assert_eq!((sender, number), (cluster.client, StateServer::STATESERVER_OBJECT_SET_FIELD));
    assert_eq!(body, b"\xd2\x04\0\0\0\0\x02\0me");
    cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
    assert_eq!(read_frame(&mut client).await.as_deref(), Some(&b"hi"[..]));
    cluster.tell_end();
    drop(client);
    cluster.expect_end().await;
    assert_eq!(cluster.lost_reason().await, "end of file");
}

#[tokio::test]
async fn frames_of_all_sizes_in_all_pieces() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut client = cluster.client().await;
    let names: Vec<Vec<u8>> = (0..60).map(|i: usize| vec![b'a'; (i * i * 18) % 64_000]).collect();
    let bytes: Vec<u8> = names.iter().flat_map(|name| request(name)).collect();
    let expected: Vec<usize> = names.iter().map(|name| 4 + 2 + 2 + name.len()).collect();
    let write = async move {
        for (index, piece) in bytes.chunks(7919).enumerate() {
            client.write_all(piece).await.expect("open");
            if index % 5 == 0 {
                tokio::task::yield_now().await;
            }
        }
        client
    };
    let read = async {
        let mut sizes = Vec::new();
        while sizes.len() < expected.len() {
            sizes.push(cluster.receive().await.2.len());
        }
        sizes
    };
    let (_client, sizes) = tokio::join!(write, read);
    assert_eq!(sizes, expected);
}

#[tokio::test]
async fn a_client_that_says_too_much_is_heard_later_and_in_order() {
    let mut cluster = Cluster::start(|config| {
        config.limits.messages_per_second = 200;
        config.limits.bytes_per_second = 0;
    })
    .await;
    let mut client = cluster.client().await;
    // Ten seconds' worth comes at once.
    let count = 2_030;
    let bytes: Vec<u8> = (0..count).flat_map(|n| request(format!("{n:04}").as_bytes())).collect();
    let write = async move {
        client.write_all(&bytes).await.expect("open");
        client
    };
    let read = async {
        for expected in 0..count {
            let body = cluster.receive().await.2;
            assert_eq!(body[8..], *format!("{expected:04}").as_bytes());
        }
    };
    let (mut client, ()) = tokio::join!(write, read);
    client.write_all(&frame(&Client::Heartbeat {})).await.expect("open");
    cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
    assert_eq!(read_frame(&mut client).await.as_deref(), Some(&b"hi"[..]));
}

#[tokio::test]
async fn what_a_client_has_said_before_it_went_is_heard() {
    let mut cluster = Cluster::start(|config| {
        config.limits.messages_per_second = 200;
        config.limits.bytes_per_second = 0;
    })
    .await;
    let mut client = cluster.client().await;
    cluster.tell_end();
    // More than what is looked at at once.
    let count = 300;
    let bytes: Vec<u8> = (0..count).flat_map(|n| request(format!("{n:04}").as_bytes())).collect();
    client.write_all(&bytes).await.expect("open");
    assert_eq!(cluster.receive().await.2[8..], *b"0000");
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("open");
    drop(client);
    // Whoever writes to it learns that it has gone.
    cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
    for expected in 1..count {
        let body = cluster.receive().await.2;
        assert_eq!(body.get(8..), Some(format!("{expected:04}").as_bytes()));
    }
    cluster.expect_end().await;
}

#[tokio::test]
async fn the_reason_of_an_eject_always_arrives() {
    let cluster = Cluster::start(|_| {}).await;
    for _ in 0..20 {
        let mut client = cluster.connect().await;
        let mut bytes = frame(&Client::Heartbeat {});
        // Input that is not read would have the kernel reset the connection.
        bytes.resize(bytes.len() + 200_000, 0);
        client.write_all(&bytes).await.expect("open");
        let eject = read_frame(&mut client).await.expect("an eject");
        assert_eq!(eject[..4], [4, 0, EjectReason::NoHello as u8, 0]);
        assert_eq!(read_frame(&mut client).await, None);
    }
}

#[tokio::test]
async fn a_full_agent_says_so() {
    let mut cluster = Cluster::start(|config| {
        config.channels = ChannelRange::new(FIRST, FIRST).expect("one channel");
    })
    .await;
    let first = cluster.client().await;
    let mut second = cluster.connect().await;
    second.write_all(&hello()).await.expect("open");
    let text = Blob(b"Client capacity reached");
    assert_eq!(read_to_end(&mut second).await, frame(&Client::Eject { reason: 1, text }));
    cluster.tell_end();
    drop(first);
    cluster.expect_end().await;
    cluster.client().await;
}

#[tokio::test]
async fn connections_that_speak_something_else() {
    let cluster = Cluster::start(|_| {}).await;
    let mut browser = cluster.connect().await;
    browser.write_all(b"GET / HTTP/1.1\r\nHost: game\r\n\r\n").await.expect("open");
    assert!(read_to_end(&mut browser).await.starts_with(b"HTTP/1.1 400 "));
    let mut old = cluster.connect().await;
    old.write_all(b"\x06\0\x6f\0abcd").await.expect("open");
    let eject = read_frame(&mut old).await.expect("an eject");
    assert!(String::from_utf8_lossy(&eject).contains("OTP"));
}

#[tokio::test]
async fn the_proxy_header_says_who_connects() {
    let mut cluster = Cluster::start(|config| config.haproxy = ProxyHeaders::All).await;
    let mut client = cluster.connect().await;
    let mut bytes = b"PROXY TCP4 203.0.113.5 198.51.100.77 54321 12345\r\n".to_vec();
    bytes.extend(hello());
    // Also if it comes byte by byte.
    for byte in bytes {
        client.write_all(&[byte]).await.expect("open");
        client.flush().await.expect("open");
    }
    assert_eq!(read_frame(&mut client).await, Some(vec![2, 0]));
    let context = Context(1);
    cluster.send(Channel::CLIENTS, &ClientAgent::GetNetworkAddress { context });
    let (_, number, body) = cluster.receive().await;
    assert_eq!(number, ClientAgent::CLIENTAGENT_GET_NETWORK_ADDRESS_RESP);
    assert_eq!(body[4..19], *b"\x0b\x00203.0.113.5\x31\xd4");

    for header in [&b"\x08\0\x01\0"[..], b"PROXY TCP4 rubbish\r\n"] {
        let mut stranger = cluster.connect().await;
        stranger.write_all(header).await.expect("open");
        assert_eq!(read_to_end(&mut stranger).await, b"");
    }
}

#[tokio::test]
async fn a_connection_without_its_proxy_header_is_closed() {
    let cluster = Cluster::start(|config| {
        config.haproxy = ProxyHeaders::All;
        config.handshake_timeout_ms = 50;
    })
    .await;
    let mut silent = cluster.connect().await;
    assert_eq!(read_to_end(&mut silent).await, b"");
}

/// Sends datagrams to the client until its session ends.
async fn flood_until_end(cluster: &mut Cluster) {
    let blob = vec![7; 50_000];
    loop {
        cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(&blob) });
        tokio::task::yield_now().await;
        if cluster.inbox.try_recv(&mut cluster.arrived) {
            return cluster.expect_end().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_when_its_buffer_is_full() {
    let mut cluster = Cluster::start(|_| {}).await;
    let _client = cluster.client().await;
    cluster.tell_end();
    let flood = flood_until_end(&mut cluster);
    tokio::time::timeout(PATIENCE, flood).await.expect("dropped in time");
    assert_eq!(cluster.lost_reason().await, "no buffer space available");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_after_a_while() {
    let mut cluster = Cluster::start(|config| {
        config.client.write_buffer_bytes_max = 0;
        config.client.write_timeout_ms = 50;
    })
    .await;
    let _client = cluster.client().await;
    cluster.tell_end();
    let blob = vec![7; 50_000];
    // More than the sockets hold.
    for _ in 0..400 {
        cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(&blob) });
    }
    cluster.expect_end().await;
    assert_eq!(cluster.lost_reason().await, "connection timed out");
}

#[tokio::test]
async fn the_objects_of_an_interest_may_exceed_the_buffer() {
    const OBJECTS: u32 = 250;
    let mut cluster = Cluster::start(|config| config.client.write_buffer_bytes_max = 20_000).await;
    let mut client = cluster.client().await;
    let location = Location::new(DoId(9), ZoneId(1));
    cluster.participant.batch().subscribe(Channel(9));
    let (context, interest) = (Context(1), InterestId(1));
    client.write_all(&frame(&Client::AddInterest { context, interest, location })).await.expect("");
    let (_, number, body) = cluster.receive().await;
    assert_eq!(number, StateServer::STATESERVER_OBJECT_GET_ZONES_OBJECTS);
    let query = Context(u32::from_le_bytes(body[..4].try_into().expect("four bytes")));
    let count = DoId(OBJECTS);
    cluster.send(cluster.client, &StateServer::ObjectGetZonesCountResp { context: query, count });
    let values = vec![7; 60_000];
    for do_id in 100..100 + OBJECTS {
        let values = Rest(&values);
        let object = ObjectState { do_id: DoId(do_id), location, class_id: ROCK, values };
        let message = StateServer::ObjectEnterInterestWithRequired { context: query, object };
        cluster.send(cluster.client, &message);
    }
    for _ in 0..OBJECTS {
        let datagram = read_frame(&mut client).await.expect("an object");
        assert_eq!(datagram[..2], Client::CLIENT_ENTER_OBJECT_REQUIRED.to_le_bytes());
    }
    let done = read_frame(&mut client).await.expect("done");
    assert_eq!(done[..2], Client::CLIENT_DONE_INTEREST_RESP.to_le_bytes());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let config = ClientAgentConfig { bind: Some(address.into()), ..config() };
    let error = Bound::new(&config, machine(1)).await.err().expect("in use");
    assert!(format!("{error:#}").contains(&address.to_string()), "{error:#}");
}

fn eject_at_the_end() -> Vec<u8> {
    let (reason, text) = (EjectReason::Restart as u16, Blob(b"The server stops."));
    frame(&Client::Eject { reason, text })
}

#[tokio::test]
async fn who_has_not_sent_its_proxy_header_yet_is_told_of_the_end_too() {
    let mut cluster = Cluster::start(|config| config.haproxy = ProxyHeaders::All).await;
    let mut client = cluster.connect().await;
    // The listener takes connections in their order: one that is refused for what it says comes after it.
    let mut other = cluster.connect().await;
    other.write_all(b"no header at all\r\n").await.expect("open");
    assert_eq!(read_to_end(&mut other).await, b"");
    cluster.shutdown.cancel();
    assert_eq!(read_to_end(&mut client).await, eject_at_the_end());
    drop((client, other));
    (&mut cluster.task).await.expect("no panic");
}

#[tokio::test]
async fn the_end_of_the_agent_is_the_end_of_its_sessions() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut client = cluster.client().await;
    let mut undecided = cluster.connect().await;
    cluster.tell_end();
    // So that the post-remove is known to have arrived.
    cluster.send(cluster.client, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
    assert_eq!(read_frame(&mut client).await.as_deref(), Some(&b"hi"[..]));
    cluster.shutdown.cancel();
    cluster.expect_end().await;
    assert_eq!(read_to_end(&mut client).await, eject_at_the_end());
    // It may not even have been accepted; then it is reset.
    let mut bytes = Vec::new();
    let read = undecided.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("an end in time");
    assert!(bytes.is_empty() || bytes == eject_at_the_end(), "{bytes:?}");
    drop((client, undecided));
    (&mut cluster.task).await.expect("no panic");
    assert!(TcpStream::connect(cluster.address).await.is_err());
}

#[tokio::test]
async fn a_failure_of_a_clients_task_costs_that_client_alone() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut first = cluster.client().await;
    cluster.tell_end();
    crate::fault::want("client");
    first.write_all(&request(b"me")).await.expect("open");
    cluster.expect_end().await;
    assert_eq!(cluster.lost_reason().await, "connection failed");
    let mut second = cluster.connect().await;
    second.write_all(&hello()).await.expect("open");
    assert_eq!(read_frame(&mut second).await, Some(vec![2, 0]));
}

#[tokio::test]
async fn an_agent_that_cannot_accept_clients_any_more_ends_its_sessions_and_fails() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut client = cluster.client().await;
    cluster.tell_end();
    crate::fault::want("accept");
    let _next = cluster.connect().await;
    cluster.expect_end().await;
    assert_eq!(read_to_end(&mut client).await, eject_at_the_end());
    drop(client);
    assert!((&mut cluster.task).await.expect_err("it fails").is_panic());
}

#[tokio::test]
async fn an_agent_that_fails_hangs_up_on_its_clients() {
    let mut cluster = Cluster::start(|_| {}).await;
    let mut client = cluster.client().await;
    let mut undecided = cluster.connect().await;
    undecided.write_all(&hello()).await.expect("open");
    assert_eq!(read_frame(&mut undecided).await, Some(vec![2, 0]));
    for (role, _) in cluster.router.roles() {
        cluster.router.fail_role(role);
    }
    cluster.router.broken().await;
    for client in [&mut client, &mut undecided] {
        assert_eq!(read_to_end(client).await, b"");
    }
    // Who comes now is sent away.
    assert_eq!(read_to_end(&mut cluster.connect().await).await, b"");
    drop((client, undecided));
    cluster.shutdown.cancel();
    (&mut cluster.task).await.expect("it ends in order");
}
