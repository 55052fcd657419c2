//! A database server in this process, and a peer that talks to it through the router.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dclass::{DcFile, Source};
use donet::config::{BackendConfig, DatabaseConfig, DoIdRange};
use donet::hash::Seed;
use donet::ids::{Channel, ChannelRange, ClassId, Context, DoId, FieldId};
use donet::message::{Database, FieldValues, List, Message, Rest};
use donet::role::{Effects, database};
use donet::router::{Inbox, Participant, Router};
use donet::store::Configured;
use donet::wire::{Frames, Writer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where the server takes requests.
pub const CONTROL: Channel = Channel(75_757);
/// Who asks.
pub const SENDER: Channel = Channel(20);
/// What an answer may take. It is waited for only if something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// The classes that the scenarios use.
pub const DC: &str = "
    struct Point { int16 x; int16 y; };
    dclass Thing {
        setLimit(uint8(0-100) limit) db;
        setHint(string hint) ram;
    };
    dclass Person : Thing {
        setName(string name) required db;
        setAge(uint8 age = 20) required db;
        setTitle(string(0-10) title = \"none\") db;
        setPlace(Point place) db;
        setMark() db;
        uint32 coins db;
        blob photo db;
    };
    dclass Other {
        setElse(uint16 e) db;
    };
    dclass Plain {
        setNothing(uint8 n) ram;
    };
";

/// Reads DC text.
pub fn parse_dc(text: &str) -> Arc<DcFile> {
    let sources = [Source::new("test.dc", text)];
    Arc::new(dclass::parse(&sources).unwrap_or_else(|error| panic!("{error}")))
}

/// A server and the one peer that talks to it.
pub struct Cluster {
    dc: Arc<DcFile>,
    peer: Participant,
    inbox: Arc<Inbox>,
    received: VecDeque<Vec<u8>>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    contexts: u32,
}

/// What a server is started with.
#[derive(Clone)]
pub struct Setup {
    pub backend: BackendConfig,
    pub dc: Arc<DcFile>,
    pub range: (u32, u32),
    pub broadcast: bool,
    pub timeout_ms: u64,
}

impl Setup {
    /// The usual setup: eleven ids, changes announced.
    pub fn new(backend: BackendConfig) -> Self {
        Setup {
            backend,
            dc: parse_dc(DC),
            range: (1_000_000, 1_000_010),
            broadcast: true,
            timeout_ms: 30_000,
        }
    }

    /// The configuration of such a server.
    pub fn config(&self) -> DatabaseConfig {
        let (min, max) = self.range;
        DatabaseConfig {
            control: CONTROL,
            broadcast: self.broadcast,
            generate: DoIdRange::new(DoId(min), DoId(max)).expect("a range"),
            backend: self.backend.clone(),
            operation_timeout_ms: self.timeout_ms,
        }
    }
}

impl Cluster {
    /// Starts a server.
    pub async fn try_start(setup: &Setup) -> anyhow::Result<Self> {
        let router = Router::new();
        let shutdown = CancellationToken::new();
        let config = setup.config();
        let dc = Arc::clone(&setup.dc);
        let task =
            database::start(&config, dc, (&Configured, Seed::random()), &router, shutdown.clone())
                .await?;
        let inbox = Inbox::new("test", 1 << 20, usize::MAX);
        let peer = router.join("peer", inbox.clone());
        let mut batch = peer.batch();
        batch.subscribe(SENDER);
        let (min, max) = setup.range;
        let broadcasts =
            ChannelRange::new(DoId(min).database_broadcast(), DoId(max).database_broadcast());
        batch.subscribe_range(broadcasts.expect("a range"));
        drop(batch);
        Ok(Cluster {
            dc: Arc::clone(&setup.dc),
            peer,
            inbox,
            received: VecDeque::new(),
            shutdown,
            task,
            contexts: 0,
        })
    }

    /// Starts a server that must start.
    pub async fn start(setup: &Setup) -> Self {
        Cluster::try_start(setup).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Ends the server in good order.
    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("it does not panic");
    }

    /// The class of this name.
    pub fn class(&self, name: &str) -> ClassId {
        self.dc.class_by_name(name).expect("a class of the DC file").id()
    }

    /// The field of this class and name: `Person.setName`.
    pub fn field(&self, name: &str) -> FieldId {
        let (class, field) = name.split_once('.').expect("class and field");
        let class = self.dc.class_by_name(class).expect("a class of the DC file");
        class.field_by_name(field).expect("a field of the class").id()
    }

    /// A packed value from DC text.
    pub fn pack(&self, name: &str, text: &str) -> Vec<u8> {
        let field = self.dc.field(self.field(name)).expect("a field");
        field.parse(text).unwrap_or_else(|error| panic!("{name} = {text}: {error}"))
    }

    /// `u16 field | VALUE` for each of the fields.
    pub fn entries(&self, values: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, text) in values {
            bytes.extend_from_slice(&self.field(name).0.to_le_bytes());
            bytes.extend_from_slice(&self.pack(name, text));
        }
        bytes
    }

    /// A context that no request has had.
    pub fn context(&mut self) -> Context {
        self.contexts += 1;
        Context(self.contexts)
    }

    /// Sends a request.
    pub fn send(&self, message: &Database<'_>) {
        let mut effects = Effects::new();
        effects.route(&[CONTROL], SENDER, message).expect("it fits");
        self.peer.batch().apply(&effects);
    }

    /// Sends a request whose arguments are given byte by byte.
    pub fn send_raw(&self, number: u16, arguments: &[u8]) {
        let mut effects = Effects::new();
        let content = |writer: &mut Writer<'_>| {
            writer.u16(number);
            writer.raw(arguments);
        };
        effects.route_with(&[CONTROL], SENDER, content).expect("it fits");
        self.peer.batch().apply(&effects);
    }

    /// The next datagram that arrives.
    pub async fn receive(&mut self) -> Vec<u8> {
        while self.received.is_empty() {
            let mut buffer = Vec::new();
            let receive = self.inbox.recv(&mut buffer);
            tokio::time::timeout(PATIENCE, receive).await.expect("something arrives");
            self.received.extend(Frames::new(&buffer).map(|frame| frame.datagram().to_vec()));
        }
        self.received.pop_front().expect("something has arrived")
    }

    async fn expect(&mut self, recipient: Channel, sender: Channel, message: &Database<'_>) {
        let received = self.receive().await;
        let mut expected = Vec::new();
        message.write_datagram(&mut Writer::new(&mut expected), &[recipient], sender);
        assert_eq!(Hex(&received), Hex(&expected), "expected {message:?}");
    }

    /// The next datagram is this answer.
    pub async fn expect_answer(&mut self, message: &Database<'_>) {
        self.expect(SENDER, CONTROL, message).await;
    }

    /// The next datagram is this announcement about an object.
    pub async fn expect_broadcast(&mut self, do_id: DoId, message: &Database<'_>) {
        self.expect(do_id.database_broadcast(), SENDER, message).await;
    }

    /// The next two datagrams are an answer of which `is_answer` holds, and the announcement of a change.
    pub async fn expect_in_any_order(
        &mut self,
        is_answer: impl Fn(&[u8]) -> bool,
        do_id: DoId,
        name: &str,
        value: &str,
    ) {
        let first = self.receive().await;
        if !is_answer(&first) {
            self.received.push_front(first);
            self.expect_set(do_id, name, value).await;
            let second = self.receive().await;
            assert!(is_answer(&second), "{:?}", Hex(&second));
        } else {
            self.expect_set(do_id, name, value).await;
        }
    }

    /// Nothing has been sent: the answer to a request that is sent now comes next.
    pub async fn expect_silence(&mut self) {
        let context = self.context();
        self.send(&Database::ObjectGetAll { context, do_id: DoId(1) });
        let object = None;
        self.expect_answer(&Database::ObjectGetAllResp { context, object }).await;
    }

    /// Creates an object and returns what the answer says.
    pub async fn create(&mut self, class: &str, values: &[(&str, &str)]) -> DoId {
        let entries = self.entries(values);
        self.create_raw(self.class(class), values.len(), &entries).await
    }

    /// Asks for an object.
    pub fn send_creation(&mut self, class: &str, values: &[(&str, &str)]) -> Context {
        let entries = self.entries(values);
        self.send_creation_raw(self.class(class), values.len(), &entries)
    }

    fn send_creation_raw(&mut self, class_id: ClassId, count: usize, bytes: &[u8]) -> Context {
        let context = self.context();
        let fields = FieldValues { count: count.try_into().expect("few fields"), bytes };
        self.send(&Database::CreateObject { context, class_id, fields });
        context
    }

    /// Creates an object from bytes and returns what the answer says.
    pub async fn create_raw(&mut self, class_id: ClassId, count: usize, bytes: &[u8]) -> DoId {
        let context = self.send_creation_raw(class_id, count, bytes);
        self.expect_created(context).await
    }

    /// The next datagram is the answer to a creation. Returns what it says.
    pub async fn expect_created(&mut self, context: Context) -> DoId {
        let answer = self.receive().await;
        let id = answer.last_chunk().expect("a doId");
        let do_id = DoId(u32::from_le_bytes(*id));
        let mut expected = Vec::new();
        Database::CreateObjectResp { context, do_id }.write_datagram(
            &mut Writer::new(&mut expected),
            &[SENDER],
            CONTROL,
        );
        assert_eq!(Hex(&answer), Hex(&expected));
        do_id
    }

    /// The object has this class and these values and no others.
    pub async fn expect_object(&mut self, do_id: DoId, class: &str, values: &[(&str, &str)]) {
        let context = self.context();
        self.send(&Database::ObjectGetAll { context, do_id });
        let bytes = self.entries(values);
        let count = values.len().try_into().expect("few fields");
        let object = Some((self.class(class), FieldValues { count, bytes: &bytes }));
        self.expect_answer(&Database::ObjectGetAllResp { context, object }).await;
    }

    /// There is no such object, or it cannot be read.
    pub async fn expect_no_object(&mut self, do_id: DoId) {
        let context = self.context();
        self.send(&Database::ObjectGetAll { context, do_id });
        let object = None;
        self.expect_answer(&Database::ObjectGetAllResp { context, object }).await;
    }

    /// Asks for one field; `None` is failure.
    pub async fn expect_field(&mut self, do_id: DoId, name: &str, value: Option<&str>) {
        let context = self.context();
        let field = self.field(name);
        self.send(&Database::ObjectGetField { context, do_id, field });
        let value = value.map(|value| self.pack(name, value));
        let value = value.as_ref().map(|value| (field, Rest(value)));
        self.expect_answer(&Database::ObjectGetFieldResp { context, value }).await;
    }

    /// Asks for fields; `None` is failure.
    pub async fn expect_fields(
        &mut self,
        do_id: DoId,
        fields: &[FieldId],
        values: Option<&[(&str, &str)]>,
    ) {
        let context = self.context();
        self.send(&Database::ObjectGetFields { context, do_id, fields: List::new(fields) });
        let bytes = self.entries(values.unwrap_or_default());
        let values = values.map(|values| FieldValues {
            count: values.len().try_into().expect("few fields"),
            bytes: &bytes,
        });
        self.expect_answer(&Database::ObjectGetFieldsResp { context, values }).await;
    }

    /// Sets one field. What is announced is yet to be received.
    pub fn set(&self, do_id: DoId, name: &str, value: &str) {
        let (field, value) = (self.field(name), self.pack(name, value));
        self.send(&Database::ObjectSetField { do_id, field, value: Rest(&value) });
    }

    /// Changes one number into another, if it is that. The answer, and what is announced, is yet to be received.
    pub fn change_if_equals(&mut self, do_id: DoId, from: &str, to: &str) -> Context {
        let (context, field) = (self.context(), self.field("Person.coins"));
        let values = [from, to].map(|value| self.pack("Person.coins", value)).concat();
        let values = Rest(&values);
        self.send(&Database::ObjectSetFieldIfEquals { context, do_id, field, values });
        context
    }

    /// Sets several fields. What is announced is yet to be received.
    pub fn set_all(&self, do_id: DoId, values: &[(&str, &str)]) {
        let bytes = self.entries(values);
        let count = values.len().try_into().expect("few fields");
        self.send(&Database::ObjectSetFields {
            do_id,
            fields: FieldValues { count, bytes: &bytes },
        });
    }

    /// It is announced that one field has a new value.
    pub async fn expect_set(&mut self, do_id: DoId, name: &str, value: &str) {
        let (field, value) = (self.field(name), self.pack(name, value));
        let message = Database::ObjectSetField { do_id, field, value: Rest(&value) };
        self.expect_broadcast(do_id, &message).await;
    }

    /// It is announced that several fields have new values.
    pub async fn expect_set_all(&mut self, do_id: DoId, values: &[(&str, &str)]) {
        let bytes = self.entries(values);
        let count = values.len().try_into().expect("few fields");
        let fields = FieldValues { count, bytes: &bytes };
        self.expect_broadcast(do_id, &Database::ObjectSetFields { do_id, fields }).await;
    }
}

/// Bytes that are printed so that they can be compared.
#[derive(PartialEq)]
struct Hex<'a>(&'a [u8]);

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x} "))
    }
}
