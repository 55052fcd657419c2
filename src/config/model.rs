//! What the program is configured with, checked: later code need not check again.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::field_rules::FieldRule;
use super::intercepts::Intercept;
use super::interest_rules::InterestPermission;
use super::merge::MergedField;
use super::networks::{Networks, ProxyHeaders};
use super::offences::OffencesConfig;
use super::otp::OtpConfig;
use super::panda3d::Panda3dConfig;
use super::parenting::ParentingRules;
use super::recorder::RecorderConfig;
use super::tls::{ClientTlsConfig, LinkTlsConfig};
use super::web::WebConfig;
use super::websocket::WebSocketConfig;
use dclass::DcFile;
pub use dclass::StringEncoding;

use crate::ids::{Channel, ChannelRange, DoId};
use crate::script::Source;
use crate::telemetry::Level;

/// Everything that one configuration file says, with defaults filled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// The folder of the configuration file, absolute. Relative paths in it mean this folder.
    pub base_dir: PathBuf,
    /// Section `daemon`.
    pub daemon: DaemonConfig,
    /// Section `general`.
    pub general: GeneralConfig,
    /// Section `uberdogs`.
    pub uberdogs: Vec<UberDogConfig>,
    /// Section `web`: where HTTP is answered; `None` is nowhere.
    pub web: Option<WebConfig>,
    /// Section `messagedirector`.
    pub message_director: MessageDirectorConfig,
    /// Section `roles`, in the order of the file, which is the order of starting.
    pub roles: Vec<RoleConfig>,
    pub(super) places: Places,
}

/// Where in the file the items of a configuration are: others may have mistakes, and be left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Places {
    /// Which item of the file's list each role is.
    pub role_numbers: Vec<usize>,
    /// The same of UberDOGs.
    pub uberdog_numbers: Vec<usize>,
    /// Paths of what has mistakes and is left out.
    pub left_out: Vec<String>,
    /// Whether the DC files are those that the file names, and all of them.
    pub knows_dc_files: bool,
}

impl Config {
    /// The roles, each with its number in the file.
    pub fn numbered_roles(&self) -> impl Iterator<Item = (usize, &RoleConfig)> {
        self.places.role_numbers.iter().copied().zip(&self.roles)
    }

    /// The UberDOGs, each with its number in the file.
    pub fn numbered_uberdogs(&self) -> impl Iterator<Item = (usize, &UberDogConfig)> {
        self.places.uberdog_numbers.iter().copied().zip(&self.uberdogs)
    }
}

/// Section `daemon`: what this process is called, and how much of the machine it may use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DaemonConfig {
    /// Name announced to the message director upstream.
    pub name: String,
    /// Address of a page about this daemon, announced to the message director upstream.
    pub url: String,
    /// Threads that serve sockets, at least one.
    pub threads: usize,
    /// File descriptors that clients leave to links, databases and logs.
    pub reserved_files: usize,
    /// The socket by which commands reach the daemon, absolute; `None` is the default place.
    pub control: Option<PathBuf>,
    /// What is logged, if the command line says nothing else.
    pub log_level: Option<Level>,
    /// For how long clients may stay when a SIGTERM ends the daemon.
    pub drain: Option<Duration>,
    /// How many clients a second are put out when a drain's grace is over, at most.
    pub drain_wave: u32,
    /// How much of what is routed is kept; `None` keeps nothing.
    pub recorder: Option<RecorderConfig>,
}

impl DaemonConfig {
    /// The name of a daemon that was given none, as in Astron.
    pub const UNNAMED: &'static str = "<unnamed>";

    /// Whether the configuration gives a name.
    pub fn is_named(&self) -> bool {
        self.name != Self::UNNAMED
    }
}

/// Section `general`: what all roles share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeneralConfig {
    /// The DC files in the order in which they are read, absolute.
    pub dc_files: Vec<PathBuf>,
    /// Where events are sent; `None` sends none.
    pub event_logger: Option<Address>,
    /// What a DC `string` may hold.
    pub string_encoding: StringEncoding,
}

/// One item of `uberdogs`: an object that exists because the configuration says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UberDogConfig {
    /// Its fixed id.
    pub id: DoId,
    /// Its class in the DC files.
    pub class: String,
    /// Whether a client that has not logged in may send to it.
    pub anonymous: bool,
}

/// Section `messagedirector`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageDirectorConfig {
    /// Where other daemons, AIs and UberDOGs connect; `None` does not listen.
    pub bind: Option<Address>,
    /// The message director upstream; `None` is the root of the tree.
    pub connect: Option<Address>,
    /// What to do when the link upstream is refused or lost.
    pub upstream_loss: UpstreamLoss,
    /// How many bytes are kept for the message director upstream while it is away.
    pub upstream_buffer_bytes_max: usize,
    /// How many unsent bytes a link may have before it is disconnected as too slow.
    pub link_buffer_bytes_max: usize,
    /// How long a link may take none of its unsent bytes before it is disconnected; `None` is for ever.
    pub link_write_timeout: Option<Duration>,
    /// After how long without traffic a link is asked whether it still lives; `None` is never.
    pub keepalive: Option<Duration>,
    /// How long daemons wait for one another after a loss, before they send what they have kept.
    pub settle: Duration,
    /// How long the message director upstream may take to answer; `None` is up to the system.
    pub connect_timeout: Option<Duration>,
    /// From where others may connect; everywhere if there are none.
    pub allow: Networks,
    /// How links are encrypted.
    pub tls: Option<LinkTlsConfig>,
    /// Whether the lengths of those who connect have four bytes.
    pub are_lengths_wide: bool,
    /// Whether those of the message director upstream do.
    pub are_upstream_lengths_wide: bool,
}

/// What to do when the link upstream is refused or lost.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum UpstreamLoss {
    /// Serve on locally, try again, and catch up.
    #[default]
    Reconnect,
    /// End the process with exit code 1, as Astron does.
    Exit,
}

/// One item of `roles`.
#[expect(clippy::large_enum_variant, reason = "a daemon has few roles, and they are seldom moved")]
#[derive(Clone, PartialEq, Debug)]
pub enum RoleConfig {
    /// `type: clientagent`
    ClientAgent(ClientAgentConfig),
    /// `type: stateserver`
    StateServer(StateServerConfig),
    /// `type: database`
    Database(DatabaseConfig),
    /// `type: dbss`
    DbStateServer(DbStateServerConfig),
    /// `type: eventlogger`
    EventLogger(EventLoggerConfig),
}

/// A role of type `clientagent`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientAgentConfig {
    /// Where clients connect over TCP; `None` is nowhere.
    pub bind: Option<Address>,
    /// The versions of which a client must name one.
    pub versions: Vec<String>,
    /// Who begins connections with a PROXY protocol header.
    pub haproxy: ProxyHeaders,
    /// How connections are encrypted.
    pub tls: Option<Box<ClientTlsConfig>>,
    /// Where and how clients connect over WebSocket.
    pub websocket: Option<Box<WebSocketConfig>>,
    /// The DC hashes of which a client must name one; 0 stands for those of the DC files.
    pub dc_hashes: Vec<u32>,
    /// The channels given to sessions.
    pub channels: ChannelRange,
    /// How far they are apart.
    pub channel_step: u64,
    /// For how long a channel should be nobody's before the next session gets it.
    pub channel_rest_ms: u64,
    /// What clients may do, and how they are treated.
    pub client: ClientConfig,
    /// Whose interests follow the rules of parents.
    pub parenting_rules: ParentingRules,
    /// How much of the agent's work one client may ask for.
    pub limits: ClientLimitsConfig,
    /// What becomes of clients that break a rule.
    pub offences: OffencesConfig,
    /// The file that says who may not come in.
    pub banlist: Option<PathBuf>,
    /// How long an interest waits for its objects.
    pub interest_timeout_ms: u64,
    /// How long a connection may take for its PROXY header and hello; 0 is for ever.
    pub handshake_timeout_ms: u64,
    /// How long a client that has not logged in may say nothing; 0 is for ever.
    pub anonymous_timeout_ms: u64,
    /// How many objects that a client no longer sees, and how many rights that it has lost, its session
    /// remembers.
    pub historical_objects_max: usize,
    /// For how long a client is forgiven that it uses a right that it has lost; 0 is not at all.
    pub rights_grace_ms: u64,
    /// Which rights that is for.
    pub rights_grace_for: RightsGrace,
    /// How long what clients are told may wait for more of it.
    pub flush: Duration,
}

impl ClientAgentConfig {
    /// The DC hashes with 0 replaced by those of the DC files: Panda3D's, and Astron's if that is another.
    pub fn accepted_hashes(&self, dc: &DcFile) -> Vec<u32> {
        let of_files = || [dc.hash()].into_iter().chain(dc.astron_hash());
        let mut hashes = Vec::with_capacity(self.dc_hashes.len() + 1);
        for hash in &self.dc_hashes {
            match hash {
                0 => hashes.extend(of_files()),
                hash => hashes.push(*hash),
            }
        }
        hashes
    }

    /// All addresses where clients connect, each with its key; those with a host name may be several.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, &Address)> {
        let tls = self.tls.as_ref().and_then(|tls| tls.bind.as_ref());
        let websocket = self.websocket.as_ref().map(|websocket| &websocket.bind);
        let all = [
            ("bind", self.bind.as_ref()),
            ("tls.bind", tls),
            ("websocket.bind", websocket),
            ("client.trusted.bind", self.client.kind.trusted()),
        ];
        all.into_iter().filter_map(|(key, address)| address.map(|address| (key, address)))
    }
}

/// Which lost rights a client may go on using for a while, without effect.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum RightsGrace {
    /// Those that end with what happens, to objects, interests and sessions, but not those for which Astron's own
    /// tests have clients ejected.
    #[default]
    Lost,
    /// Also those: declarations, fields made sendable, the owner's fields of what is still in sight, UberDOGs and
    /// anything anonymous of sessions set back.
    All,
}

/// Section `client` of a client agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// The protocol that clients speak.
    pub kind: ClientKind,
    /// Whether the lengths of their datagrams have four bytes.
    pub are_lengths_wide: bool,
    /// Whether a client may move the objects that it owns.
    pub relocate: bool,
    /// Which interests a client may open itself.
    pub add_interest: InterestPermission,
    /// Whether a client with the wrong DC hash is told the right one.
    pub send_hash: bool,
    /// Whether a client with the wrong version is told the right one.
    pub send_version: bool,
    /// How many unsent bytes a client may have before it is dropped; 0 is any number.
    pub write_buffer_bytes_max: u64,
    /// How long a write to a client may take before it is dropped; 0 is for ever.
    pub write_timeout_ms: u64,
    /// Fields of which a client that does not read is told the newest values only.
    pub merge: Vec<MergedField>,
    /// Rules for what clients set fields to, by their names.
    pub fields: Vec<FieldRule>,
    /// What clients set that goes to UberDOGs before anybody hears of it.
    pub intercept: Vec<Intercept>,
    /// What is called where something happens to clients.
    pub script: Option<Arc<Source>>,
    /// How long a client may go without a heartbeat; 0 is for ever.
    pub heartbeat_timeout_ms: u64,
    /// After how long without traffic a client's host is asked whether it still lives; `None` is never.
    pub keepalive: Option<Duration>,
    /// For how long a client that has asked for it can come back to its session when its connection is lost; 0 is not at
    /// all.
    pub resume_ms: u32,
}

/// Section `limits` of a client agent: what one client may ask for. 0 is any number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientLimitsConfig {
    /// Messages that are looked at in a second.
    pub messages_per_second: u64,
    /// Bytes of them.
    pub bytes_per_second: u64,
    /// Objects that are shown in a second because the client has opened their zones.
    pub entries_per_second: u64,
    /// Interests that are open at a time.
    pub interests: usize,
    /// Zones of one interest.
    pub zones_per_interest: usize,
    /// Zones of all interests.
    pub zones: usize,
    /// Bytes of objects in opened zones that the client has not read.
    pub entry_bytes_max: u64,
    /// Objects that the client sees or owns at a time.
    pub visible_objects: usize,
    /// Bytes of a message.
    pub datagram_bytes: usize,
    /// Connections to the agent.
    pub connections: usize,
    /// Connections from one address.
    pub connections_per_address: usize,
    /// How many may come from one address in a second.
    pub connects_per_second: u32,
    /// Of the time, for how much what a client sends may hold the router.
    pub router_percent: u32,
    /// How long a client may be above a rate; `None` is for ever.
    pub patience: Option<Duration>,
}

impl Default for ClientLimitsConfig {
    /// What no ordinary game meets.
    fn default() -> Self {
        ClientLimitsConfig {
            messages_per_second: 1_000,
            bytes_per_second: 128 << 10,
            entries_per_second: 2_000,
            interests: 250,
            zones_per_interest: 1_000,
            zones: 5_000,
            entry_bytes_max: 16 << 20,
            visible_objects: 50_000,
            datagram_bytes: u16::MAX as usize,
            connections: 0,
            connections_per_address: 1_000,
            connects_per_second: 100,
            router_percent: 10,
            patience: Some(Duration::from_secs(60)),
        }
    }
}

impl ClientLimitsConfig {
    /// No limits.
    pub const NONE: ClientLimitsConfig = ClientLimitsConfig {
        messages_per_second: 0,
        bytes_per_second: 0,
        entries_per_second: 0,
        interests: 0,
        zones_per_interest: 0,
        zones: 0,
        entry_bytes_max: 0,
        visible_objects: 0,
        datagram_bytes: 0,
        connections: 0,
        connections_per_address: 0,
        connects_per_second: 0,
        router_percent: 0,
        patience: None,
    };
}

/// The protocol that clients speak.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ClientKind {
    /// `libastron`: Astron's own client protocol.
    #[default]
    LibAstron,
    /// `panda3d`: that of Panda3D's own `ClientRepository`.
    Panda3d(Arc<Panda3dConfig>),
    /// `otp` and `toontown2003`: those of the games of the OTP era.
    Otp(Arc<OtpConfig>),
}

impl ClientKind {
    /// Its name, as `client.type` has it.
    pub fn name(&self) -> &'static str {
        match self {
            ClientKind::LibAstron => "libastron",
            ClientKind::Panda3d(_) => "panda3d",
            ClientKind::Otp(otp) => otp.era.name(),
        }
    }
}

/// A role of type `stateserver`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateServerConfig {
    /// Where it is asked to create objects.
    pub control: Channel,
}

/// An inclusive range of doIds, never empty.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct DoIdRange {
    /// The first doId.
    pub min: DoId,
    /// The last doId.
    pub max: DoId,
}

impl DoIdRange {
    /// The range from `min` to `max`, both included; `None` if it would be empty.
    pub const fn new(min: DoId, max: DoId) -> Option<Self> {
        if min.0 <= max.0 { Some(DoIdRange { min, max }) } else { None }
    }

    /// Whether `do_id` lies in the range.
    pub const fn contains(self, do_id: DoId) -> bool {
        self.min.0 <= do_id.0 && do_id.0 <= self.max.0
    }
}

impl fmt::Display for DoIdRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.min, self.max)
    }
}

/// A role of type `database`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseConfig {
    /// Where it takes requests.
    pub control: Channel,
    /// Whether changes are announced on the channel of each object.
    pub broadcast: bool,
    /// The ids given to new objects.
    pub generate: DoIdRange,
    /// Where the objects are kept.
    pub backend: BackendConfig,
    /// How long an operation may take before it is answered with failure; 0 is for ever.
    pub operation_timeout_ms: u64,
}

/// Section `backend` of a database: where objects are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum BackendConfig {
    /// One SQLite file.
    Sqlite {
        /// The file, absolute.
        file: PathBuf,
        /// The mode of files that are made.
        file_mode: u32,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://…`, made from the separate keys if the file has those.
        url: String,
        /// Connections at most.
        pool_max: u32,
        /// Whether a connection keeps statements that were prepared: not if somebody between here and the server
        /// gives each transaction another one.
        prepared_statements: bool,
    },
    /// A MySQL or MariaDB server.
    MySql {
        /// `mysql://…`, made from the separate keys if the file has those.
        url: String,
        /// Connections at most.
        pool_max: u32,
    },
    /// Astron's folder of YAML files.
    Yaml {
        /// The folder, absolute.
        directory: PathBuf,
        /// The mode of files that are made.
        file_mode: u32,
    },
    /// Astron's SQL backend, by its own keys.
    Soci {
        /// `postgresql`, `mysql` or `sqlite3`.
        driver: String,
        /// Name of the database; for `sqlite3` a file, absolute.
        database: String,
        /// `host` or `host:port`.
        address: String,
        /// Whom to log in as.
        username: String,
        /// The password.
        password: String,
    },
}

/// A role of type `dbss`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DbStateServerConfig {
    /// The control channel of the database with its objects.
    pub database: Channel,
    /// The objects that it is responsible for.
    pub ranges: Vec<DoIdRange>,
    /// How long loading an object may take; 0 is for ever.
    pub load_timeout_ms: u64,
}

/// A role of type `eventlogger`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventLoggerConfig {
    /// Where events arrive, over UDP.
    pub bind: Address,
    /// Path of the log with strftime placeholders, relative to the configuration's folder.
    pub output: String,
    /// After how long a new log is begun; `None` is never.
    pub rotate_interval: Option<Duration>,
}

/// Leaves passwords out, since configurations are logged.
impl fmt::Debug for BackendConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackendConfig::Sqlite { file, file_mode: _ } => {
                f.debug_struct("Sqlite").field("file", file).finish_non_exhaustive()
            }
            BackendConfig::Postgres { pool_max, .. } => {
                f.debug_struct("Postgres").field("pool_max", pool_max).finish_non_exhaustive()
            }
            BackendConfig::MySql { pool_max, .. } => {
                f.debug_struct("MySql").field("pool_max", pool_max).finish_non_exhaustive()
            }
            BackendConfig::Yaml { directory, file_mode: _ } => {
                f.debug_struct("Yaml").field("directory", directory).finish_non_exhaustive()
            }
            BackendConfig::Soci { driver, database, address, username, password: _ } => f
                .debug_struct("Soci")
                .field("driver", driver)
                .field("database", database)
                .field("address", address)
                .field("username", username)
                .finish_non_exhaustive(),
        }
    }
}
