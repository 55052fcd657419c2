//! The items of `roles`: the keys of each type of role.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::address::{Address, Host};
use super::field_rules;
use super::intercepts;
use super::interest_rules::{self, InterestPermission};
use super::merge;
use super::model::*;
use super::networks::{Networks, ProxyHeaders};
use super::offences::{self, OffencesConfig};
use super::otp::{self, Era, OtpConfig};
use super::panda3d::{self, Panda3dConfig};
use super::parenting;
use super::path::tidy;
use super::read::{EVENT_LOGGER_PORT, KEEPALIVE};
use super::read_backend;
use super::script;
use super::section::{Section, list_of};
use super::tls;
use super::value;
use super::websocket::{self, WebSocketConfig};
use crate::ids::{ChannelRange, DoId, DoIdRepr};

/// The port of a client agent.
const CLIENT_AGENT_PORT: u16 = 7198;
/// The same, with TLS.
const CLIENT_AGENT_TLS_PORT: u16 = 7195;
const INTEREST_TIMEOUT_MS: u32 = 500;
const HANDSHAKE_TIMEOUT_MS: u32 = 10_000;
const HISTORICAL_OBJECTS_MAX: usize = 10_000;
const RIGHTS_GRACE_MS: u32 = 5_000;
const CHANNEL_REST_MS: u32 = 30_000;
const FLUSH_MS: u32 = 5;
const FLUSH_MS_MAX: u32 = 100;
const CLIENT_WRITE_BUFFER_BYTES_MAX: u64 = 256 << 10;
const CLIENT_WRITE_TIMEOUT_MS: u32 = 5_000;
const DATABASE_TIMEOUT_MS: u32 = 30_000;
const DO_ID_MIN: DoId = DoId(1000);
const CONTROL: &str = "the channel of this role";

#[derive(Copy, Clone)]
pub(super) enum RoleType {
    ClientAgent,
    StateServer,
    Database,
    DbStateServer,
    EventLogger,
}

pub(super) const ROLE_TYPES: [(&str, RoleType); 5] = [
    ("clientagent", RoleType::ClientAgent),
    ("stateserver", RoleType::StateServer),
    ("database", RoleType::Database),
    ("dbss", RoleType::DbStateServer),
    ("eventlogger", RoleType::EventLogger),
];

/// Reads one item of `roles`.
pub(super) fn role(mut section: Section<'_>, base_dir: &Path) -> Option<RoleConfig> {
    let role_type = value::choice(&ROLE_TYPES);
    // Which other keys there are depends on the type, so that without it nothing more can be said.
    match section.required("type", &type_of(&section), role_type)? {
        RoleType::ClientAgent => client_agent(section, base_dir).map(RoleConfig::ClientAgent),
        RoleType::StateServer => state_server(section).map(RoleConfig::StateServer),
        RoleType::Database => database(section, base_dir).map(RoleConfig::Database),
        RoleType::DbStateServer => db_state_server(section).map(RoleConfig::DbStateServer),
        RoleType::EventLogger => Some(RoleConfig::EventLogger(event_logger(section))),
    }
}

/// What is missing where there is no type. Some make it a key.
fn type_of(section: &Section<'_>) -> String {
    let names: Vec<&str> = ROLE_TYPES.iter().map(|(name, _)| *name).collect();
    let what = format!("the type of the role: one of {}", list_of(&names));
    match names.iter().find(|name| section.has(name)) {
        Some(name) => format!("{what}; write `type: {name}`, and the other keys below it"),
        None => what,
    }
}

fn any_host(port: u16) -> Address {
    Address { host: Host::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port }
}

fn client_agent(mut section: Section<'_>, base_dir: &Path) -> Option<ClientAgentConfig> {
    section.renamed("server_version", "version");
    let bind = section.optional("bind", value::address_or("none", CLIENT_AGENT_PORT));
    let versions = section.one_or_more("version", value::version);
    let haproxy = haproxy(&mut section);
    let encrypts = section.has("tls");
    let tls = section
        .section("tls")
        .and_then(|section| tls::client(section, base_dir, CLIENT_AGENT_TLS_PORT));
    let has_websocket = section.has("websocket");
    let websocket =
        section.section("websocket").and_then(|section| websocket::websocket(section, base_dir));
    if bind == Some(None) {
        check_unbound(&section, tls.as_ref(), has_websocket);
    }
    let dc_hashes = section.one_or_more("manual_dc_hash", value::dc_hash);
    let client = client_section(&mut section, base_dir);
    if client.kind.otp().is_some() {
        otp::say_what_is_not_checked(&section);
    }
    let (channels, channel_step) = match &client.kind {
        ClientKind::LibAstron | ClientKind::Otp(_) => (channels(&mut section), 1),
        ClientKind::Panda3d(config) => {
            let why = "clients of this type have the channels that follow from `client.doids`; leave it out";
            section.ignored("channels", why);
            let (channels, step) = config.channels();
            (Some(channels), step)
        }
    };
    let parenting_rules = parenting::parenting_rules(&mut section);
    let limits = limits(section.section("limits"));
    let banlist = section.optional("banlist", value::name("the path of a ban list"));
    let has_banlist = section.has("banlist");
    let usual = match &client.kind {
        ClientKind::LibAstron | ClientKind::Otp(_) => OffencesConfig::default(),
        ClientKind::Panda3d(_) => OffencesConfig::of_panda3d(),
    };
    let offences = offences::offences(section.section("offences"), usual, has_banlist);
    let tuning = tuning(section.section("tuning"));
    section.finish();
    Some(ClientAgentConfig {
        bind: bind.unwrap_or_else(|| Some(any_host(CLIENT_AGENT_PORT))),
        versions: versions.unwrap_or_else(|| vec!["dev".to_owned()]),
        haproxy,
        // Nobody should believe to be encrypted: where the section is wrong there is no agent.
        tls: if encrypts { Some(Box::new(tls?)) } else { None },
        websocket: if has_websocket { Some(Box::<WebSocketConfig>::new(websocket?)) } else { None },
        dc_hashes: dc_hashes.unwrap_or_else(|| vec![0]),
        channels: channels?,
        channel_step,
        channel_rest_ms: tuning.channel_rest_ms.into(),
        client,
        parenting_rules,
        limits,
        offences,
        banlist: banlist.map(|path| tidy(&base_dir.join(path))),
        interest_timeout_ms: tuning.interest_timeout_ms.into(),
        handshake_timeout_ms: tuning.handshake_timeout_ms.into(),
        anonymous_timeout_ms: tuning.anonymous_timeout_ms.into(),
        historical_objects_max: tuning.historical_objects_max,
        rights_grace_ms: tuning.rights_grace_ms.into(),
        rights_grace_for: tuning.rights_grace_for,
        flush: Duration::from_millis(tuning.flush_ms.into()),
    })
}

/// `bind: none` leaves clients somewhere else to connect.
fn check_unbound(section: &Section<'_>, tls: Option<&tls::ClientTlsConfig>, has_websocket: bool) {
    match tls {
        Some(tls) if tls.bind.is_none() => {
            let message = "with `bind: none` this is for nobody; give it a `bind` of its own, or encrypt `websocket.tls`";
            section.error_beside("tls", message, "bind", "there is no address here");
        }
        None if !has_websocket => {
            let message =
                "with `none` nobody can connect; it is for agents with `websocket` or `tls.bind`";
            section.error("bind", message);
        }
        _ => {}
    }
}

/// `true`, or the networks of those who are believed.
fn haproxy(role: &mut Section<'_>) -> ProxyHeaders {
    if !role.has("haproxy") || role.text("haproxy").is_some() {
        return match role.optional("haproxy", value::boolean) {
            Some(true) => ProxyHeaders::All,
            Some(false) | None => ProxyHeaders::None,
        };
    }
    let Some(mut section) = role.section("haproxy") else { return ProxyHeaders::None };
    if !section.has("from") {
        section.missing("from", "the networks of the proxies, such as `[10.0.0.0/24]`");
    }
    let from = section.one_or_more("from", value::network);
    section.finish();
    ProxyHeaders::From(Networks::new(from.unwrap_or_default()))
}

fn channels(role: &mut Section<'_>) -> Option<ChannelRange> {
    if !role.has("channels") {
        role.missing("channels", "`min` and `max` of the channels that clients are given");
    }
    let mut section = role.section("channels")?;
    let min = section.required("min", "the first channel of a client", value::channel);
    let max = section.required("max", "the last channel of a client", value::channel);
    let range = match (min, max) {
        (Some(min), Some(max)) => not_empty(&section, ChannelRange::new(min, max), min.0, max.0),
        _ => None,
    };
    section.finish();
    range
}

/// Reports a range whose `max` is below its `min`.
fn not_empty<T>(
    section: &Section<'_>,
    range: Option<T>,
    min: impl Into<u64>,
    max: impl Into<u64>,
) -> Option<T> {
    if range.is_none() {
        let (min, max) = (min.into(), max.into());
        let message = format!("found `{max}`, expected no less than `min`, which is {min}");
        section.error_beside("max", message, "min", "this is more");
    }
    range
}

/// In Astron's first versions it was but the type.
fn client_section(role: &mut Section<'_>, base_dir: &Path) -> ClientConfig {
    if role.text("client").is_none() {
        return client(role.section("client"), base_dir);
    }
    let kind = role.optional("client", value::choice(&CLIENT_TYPES));
    if kind.is_some() {
        role.warning("client", "this is an old form of `client: {type: …}`");
    }
    let mut config = client(None, base_dir);
    match kind {
        Some(ClientType::Panda3d) => config.is_of_panda3d(Panda3dConfig::default()),
        Some(ClientType::Otp(era)) => config.is_of_otp(OtpConfig::of(era)),
        Some(ClientType::LibAstron) | None => {}
    }
    config
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum ClientType {
    LibAstron,
    Panda3d,
    Otp(Era),
}

const CLIENT_TYPES: [(&str, ClientType); 4] = [
    ("libastron", ClientType::LibAstron),
    ("panda3d", ClientType::Panda3d),
    (Era::Otp.name(), ClientType::Otp(Era::Otp)),
    (Era::Toontown2003.name(), ClientType::Otp(Era::Toontown2003)),
];

impl ClientConfig {
    /// Clients are of Panda3D's type: what is not said otherwise is as its own server has it.
    fn is_of_panda3d(&mut self, config: Panda3dConfig) {
        self.kind = ClientKind::Panda3d(Arc::new(config));
        self.relocate = true;
        self.add_interest = InterestPermission::Enabled;
    }

    /// Clients are of the OTP era: what they own they move themselves. In 2003 they saw no shard before they chose it.
    fn is_of_otp(&mut self, config: OtpConfig) {
        self.relocate = true;
        if config.era == Era::Toontown2003 {
            self.add_interest = InterestPermission::Enabled;
        }
        self.kind = ClientKind::Otp(Arc::new(config));
    }
}

/// Reads the keys that only some types have.
fn client_type(section: &mut Section<'_>, client: &mut ClientConfig, base_dir: &Path) {
    let kind = section.optional("type", value::choice(&CLIENT_TYPES));
    let kind = kind.unwrap_or(ClientType::LibAstron);
    if kind != ClientType::Panda3d {
        panda3d::say_that_they_are_of_it(section);
    }
    if !matches!(kind, ClientType::Otp(_)) {
        otp::say_that_they_are_of_it(section);
    }
    match kind {
        ClientType::LibAstron => section.foreign(
            "root",
            "only agents with `client.type: panda3d`, `otp` or `toontown2003` have this key",
        ),
        ClientType::Panda3d => client.is_of_panda3d(panda3d::panda3d(section)),
        ClientType::Otp(era) => {
            let (config, heartbeat_ms) = otp::otp(section, era, base_dir);
            client.is_of_otp(config);
            client.heartbeat_timeout_ms = heartbeat_ms.map_or(0, u64::from);
        }
    }
}

fn client(section: Option<Section<'_>>, base_dir: &Path) -> ClientConfig {
    let mut client = ClientConfig {
        kind: ClientKind::default(),
        are_lengths_wide: false,
        relocate: false,
        add_interest: InterestPermission::default(),
        send_hash: true,
        send_version: true,
        write_buffer_bytes_max: CLIENT_WRITE_BUFFER_BYTES_MAX,
        write_timeout_ms: CLIENT_WRITE_TIMEOUT_MS.into(),
        merge: Vec::new(),
        fields: Vec::new(),
        intercept: Vec::new(),
        script: None,
        heartbeat_timeout_ms: 0,
        keepalive: Some(KEEPALIVE),
        resume_ms: 0,
    };
    let Some(mut section) = section else {
        return client;
    };
    client_type(&mut section, &mut client, base_dir);
    if let Some(are_wide) = section.optional("tcp_header_size", value::are_lengths_wide) {
        client.are_lengths_wide = are_wide;
    }
    if let Some(relocate) = section.optional("relocate", value::strict_boolean) {
        client.relocate = relocate;
    }
    if let Some(permission) = interest_rules::add_interest(&mut section) {
        client.add_interest = permission;
    }
    if let Some(send) = section.optional("send_hash", value::boolean) {
        client.send_hash = send;
    }
    if let Some(send) = section.optional("send_version", value::boolean) {
        client.send_version = send;
    }
    if let Some(bytes) = section.optional("write_buffer_size", value::number(0..=u64::MAX)) {
        client.write_buffer_bytes_max = bytes;
    }
    if let Some(ms) = section.optional("write_timeout_ms", value::milliseconds) {
        client.write_timeout_ms = ms.into();
    }
    client.merge = merge::merge(&mut section);
    client.fields = field_rules::fields(&mut section);
    client.intercept = intercepts::intercept(&mut section);
    client.script = script::script(&mut section, base_dir);
    if let Some(ms) = section.optional("heartbeat_timeout", value::milliseconds) {
        client.heartbeat_timeout_ms = ms.into();
    }
    if let Some(idle) = section.optional("keepalive_ms", value::time_limit) {
        client.keepalive = idle;
    }
    if let Some(ms) = section.optional("resume_ms", value::milliseconds) {
        client.resume_ms = ms;
    }
    section.finish();
    client
}

fn limits(section: Option<Section<'_>>) -> ClientLimitsConfig {
    let mut limits = ClientLimitsConfig::default();
    let Some(mut section) = section else {
        return limits;
    };
    let rates_and_bytes = [
        ("messages_per_second", &mut limits.messages_per_second),
        ("bytes_per_second", &mut limits.bytes_per_second),
        ("entries_per_second", &mut limits.entries_per_second),
        ("entry_bytes", &mut limits.entry_bytes_max),
    ];
    for (key, limit) in rates_and_bytes {
        *limit = section.optional(key, value::number(0..=u64::MAX)).unwrap_or(*limit);
    }
    let counts = [
        ("interests", &mut limits.interests),
        ("zones_per_interest", &mut limits.zones_per_interest),
        ("zones", &mut limits.zones),
        ("visible_objects", &mut limits.visible_objects),
        ("datagram_bytes", &mut limits.datagram_bytes),
        ("connections", &mut limits.connections),
        ("connections_per_address", &mut limits.connections_per_address),
    ];
    for (key, limit) in counts {
        *limit = section.optional(key, value::number(0..=usize::MAX)).unwrap_or(*limit);
    }
    if let Some(rate) = section.optional("connects_per_second", value::number(0..=u32::MAX)) {
        limits.connects_per_second = rate;
    }
    if let Some(percent) = section.optional("router_percent", value::number(0..=100u32)) {
        limits.router_percent = percent;
    }
    if let Some(patience) = section.optional("patience_ms", value::time_limit) {
        limits.patience = patience;
    }
    section.finish();
    limits
}

struct Tuning {
    interest_timeout_ms: u32,
    handshake_timeout_ms: u32,
    anonymous_timeout_ms: u32,
    historical_objects_max: usize,
    rights_grace_ms: u32,
    rights_grace_for: RightsGrace,
    channel_rest_ms: u32,
    flush_ms: u32,
}

fn tuning(section: Option<Section<'_>>) -> Tuning {
    let mut tuning = Tuning {
        interest_timeout_ms: INTEREST_TIMEOUT_MS,
        handshake_timeout_ms: HANDSHAKE_TIMEOUT_MS,
        anonymous_timeout_ms: 0,
        historical_objects_max: HISTORICAL_OBJECTS_MAX,
        rights_grace_ms: RIGHTS_GRACE_MS,
        rights_grace_for: RightsGrace::default(),
        channel_rest_ms: CHANNEL_REST_MS,
        flush_ms: FLUSH_MS,
    };
    if let Some(mut section) = section {
        if let Some(ms) = section.optional("interest_timeout", value::milliseconds) {
            tuning.interest_timeout_ms = ms;
        }
        if let Some(ms) = section.optional("handshake_timeout", value::milliseconds) {
            tuning.handshake_timeout_ms = ms;
        }
        if let Some(ms) = section.optional("anonymous_timeout", value::milliseconds) {
            tuning.anonymous_timeout_ms = ms;
        }
        if let Some(count) = section.optional("historical_objects", value::number(0..=usize::MAX)) {
            tuning.historical_objects_max = count;
        }
        if let Some(ms) = section.optional("rights_grace", value::milliseconds) {
            tuning.rights_grace_ms = ms;
        }
        let rights = value::choice(&[("lost", RightsGrace::Lost), ("all", RightsGrace::All)]);
        tuning.rights_grace_for = section.optional("rights_grace_for", rights).unwrap_or_default();
        if let Some(ms) = section.optional("channel_rest", value::milliseconds) {
            tuning.channel_rest_ms = ms;
        }
        if let Some(ms) = section.optional("flush_ms", value::number(0..=FLUSH_MS_MAX)) {
            tuning.flush_ms = ms;
        }
        section.finish();
    }
    tuning
}

fn state_server(mut section: Section<'_>) -> Option<StateServerConfig> {
    let control = section.required("control", CONTROL, value::channel);
    section.finish();
    Some(StateServerConfig { control: control? })
}

fn database(mut section: Section<'_>, base_dir: &Path) -> Option<DatabaseConfig> {
    let control = section.required("control", CONTROL, value::channel);
    let broadcast = section.optional("broadcast", value::strict_boolean);
    if !section.has("generate") {
        section.missing("generate", "`min` and `max` of the doIds of new objects");
    }
    let generate = section.section("generate").and_then(generated);
    let backend = read_backend::backend(&mut section, base_dir);
    let timeout = section.optional("operation_timeout_ms", value::milliseconds);
    section.finish();
    Some(DatabaseConfig {
        control: control?,
        broadcast: broadcast.unwrap_or(true),
        generate: generate?,
        backend: backend?,
        operation_timeout_ms: timeout.unwrap_or(DATABASE_TIMEOUT_MS).into(),
    })
}

/// The doIds of new objects.
fn generated(mut section: Section<'_>) -> Option<DoIdRange> {
    let min = section.required("min", "the first doId of the range", value::do_id);
    do_id_range(section, min)
}

/// DoIds of a database-state server, and whether there is no `min`. Where Astron finds none it takes 0; the first that an
/// object can have is this.
fn loaded(mut section: Section<'_>) -> Option<(DoIdRange, bool)> {
    let min = section.optional("min", value::do_id);
    let has_min = section.has("min");
    let min = if has_min { min } else { Some(DO_ID_MIN) };
    do_id_range(section, min).map(|range| (range, !has_min))
}

fn do_id_range(mut section: Section<'_>, min: Option<DoId>) -> Option<DoIdRange> {
    let mut max = section.optional("max", value::do_id);
    if !section.has("max") {
        max = Some(DoId(DoIdRepr::MAX));
    }
    let range = match (min, max) {
        (Some(min), Some(max)) => not_empty(&section, DoIdRange::new(min, max), min.0, max.0),
        _ => None,
    };
    section.finish();
    range
}

fn db_state_server(mut section: Section<'_>) -> Option<DbStateServerConfig> {
    let what = "the control channel of the database with its objects";
    let database = section.required("database", what, value::channel);
    let ranges = section.sections("ranges", loaded);
    let timeout = section.optional("load_timeout_ms", value::milliseconds);
    // What is written otherwise is an error, of which this would come.
    if !section.has("ranges") && !section.has_unknown() {
        section.warning("ranges", "without this key the role serves no object");
    }
    if section.is_empty_list("ranges") {
        section.warning("ranges", "without a range the role serves no object");
    }
    let halves: Vec<usize> =
        ranges.iter().filter(|(_, (_, is_half))| *is_half).map(|(i, _)| *i).collect();
    if let [first, others @ ..] = &halves[..] {
        let message = "without `min` a range is all doIds up to its `max`, as in Astron; a range with both is one item of the \
                       list, `{min: …, max: …}`";
        section.warning_of_items("ranges", "min", (*first, others), message);
    }
    section.finish();
    Some(DbStateServerConfig {
        database: database?,
        ranges: ranges.into_iter().map(|(_, (range, _))| range).collect(),
        load_timeout_ms: timeout.unwrap_or(DATABASE_TIMEOUT_MS).into(),
    })
}

fn event_logger(mut section: Section<'_>) -> EventLoggerConfig {
    let bind = section.optional("bind", value::address(EVENT_LOGGER_PORT));
    let output = section.optional("output", value::name("the path of the log"));
    let rotate_interval = section.optional("rotate_interval", value::interval);
    section.finish();
    EventLoggerConfig {
        bind: bind.unwrap_or_else(|| any_host(EVENT_LOGGER_PORT)),
        output: output.unwrap_or_else(|| "events-%Y%m%d-%H%M%S.log".to_owned()),
        rotate_interval: rotate_interval.flatten(),
    }
}
