//! The sections of the file: which keys there are, what each may be, and what it is if absent.

use std::path::Path;
use std::time::Duration;

use super::model::{Places, *};
use super::networks::Networks;
use super::otp;
use super::panda3d;
use super::path::tidy;
use super::read_role;
use super::recorder::recorder;
use super::report::Report;
use super::section::Section;
use super::tls;
use super::value;
use super::web::{self, WebConfig};
use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES};
use crate::telemetry::Level;
use crate::yaml::Node;

/// The port of a message director.
const MESSAGE_DIRECTOR_PORT: u16 = 7199;
/// The same, with TLS.
const MESSAGE_DIRECTOR_TLS_PORT: u16 = 7194;
/// The port of an event logger.
pub(super) const EVENT_LOGGER_PORT: u16 = 7197;

const UPSTREAM_BUFFER_BYTES_MAX: usize = 64 << 20;
const LINK_BUFFER_BYTES_MAX: usize = 32 << 20;
/// A link must be able to hold the largest frame, or it could never send it.
const LINK_BUFFER_BYTES_MIN: usize = LENGTH_TAG_BYTES + DATAGRAM_BYTES_MAX;
const LINK_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a peer may be silent before it is asked whether it lives.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
/// Who comes back to another daemon logs in there: so many at a time are no burden.
const DRAIN_WAVE: u32 = 50;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(2);
const RESERVED_FILES: usize = 128;
/// More runtime threads than this are a slip of the finger.
const THREADS_MAX: usize = 1024;

/// Reads the whole file. Roles, UberDOGs and a message director with mistakes are left out; what else is wrong has its
/// default, so that nothing can be started with the result if `report` has errors afterwards.
pub(super) fn config(report: &Report, root: &Node, base_dir: &Path) -> Option<Config> {
    let mut file = Section::root(report, root)?;
    file.foreign("globals", "this section is called `general`, and `uberdogs` stands beside it");
    file.foreign("components", "this section is called `roles`");
    file.foreign(
        "networkclient",
        "these are `write_buffer_size` and `write_timeout_ms` in section `client` of a client agent",
    );
    let mut daemon = daemon(file.section("daemon"), base_dir);
    let web = file.section("web").map(|section| web::web(section, base_dir));
    if daemon.url.is_empty() {
        daemon.url = web.as_ref().and_then(WebConfig::console_url).unwrap_or_default();
    }
    let section = file.section("general");
    let is_no_section = file.has("general") && section.is_none();
    let (general, mut knows_dc_files) = general(report, section, base_dir);
    let (uberdog_numbers, uberdogs): (Vec<_>, Vec<_>) =
        file.sections("uberdogs", uberdog).into_iter().unzip();
    let before = report.errors();
    let mut director = message_director(file.section("messagedirector"), base_dir);
    let is_director_wrong = report.errors() > before;
    if is_director_wrong {
        (director.bind, director.connect) = (None, None);
    }
    let role = |section| read_role::role(section, base_dir);
    let (role_numbers, mut roles): (Vec<_>, Vec<_>) =
        file.sections("roles", role).into_iter().unzip();
    panda3d::settle(&mut roles);
    otp::settle(&mut roles, &uberdogs);
    // A section of another name may be the one that is meant.
    knows_dc_files &= !is_no_section && (file.has("general") || !file.has_unknown());
    let mut left_out: Vec<String> = file.unknown().map(str::to_owned).collect();
    left_out.extend(is_director_wrong.then(|| "messagedirector".to_owned()));
    left_out.extend(file.others("uberdogs", &uberdog_numbers));
    left_out.extend(file.others("roles", &role_numbers));
    file.finish();
    Some(Config {
        base_dir: base_dir.to_owned(),
        daemon,
        general,
        uberdogs,
        web,
        message_director: director,
        roles,
        places: Places { role_numbers, uberdog_numbers, left_out, knows_dc_files },
    })
}

/// As on the command line.
const LEVELS: [(&str, Level); 8] = [
    ("packet", Level::Packet),
    ("trace", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("warning", Level::Warning),
    ("security", Level::Security),
    ("error", Level::Error),
    ("fatal", Level::Fatal),
];

fn daemon(section: Option<Section<'_>>, base_dir: &Path) -> DaemonConfig {
    let mut daemon = DaemonConfig {
        name: DaemonConfig::UNNAMED.to_owned(),
        url: String::new(),
        threads: 1,
        reserved_files: RESERVED_FILES,
        control: None,
        log_level: None,
        drain: None,
        drain_wave: DRAIN_WAVE,
        recorder: None,
    };
    if let Some(mut section) = section {
        if let Some(name) = section.optional("name", value::string) {
            daemon.name = name;
        }
        if let Some(url) = section.optional("url", value::string) {
            daemon.url = url;
        }
        section.ignored("id", "a daemon has no id, as in Astron; leave it out");
        if let Some(threads) = section.optional("threads", value::number(1..=THREADS_MAX)) {
            daemon.threads = threads;
        }
        if let Some(files) = section.optional("reserved_files", value::number(0..=usize::MAX)) {
            daemon.reserved_files = files;
        }
        let control = section.optional("control", value::name("the path of a socket"));
        daemon.control = control.map(|path| tidy(&base_dir.join(path)));
        daemon.log_level = section.optional("loglevel", value::choice(&LEVELS));
        daemon.drain = section.optional("drain", value::interval).flatten();
        if let Some(wave) = section.optional("drain_wave", value::number(1..=u32::MAX)) {
            daemon.drain_wave = wave;
        }
        daemon.recorder = section.section("recorder").map(|it| recorder(it, base_dir));
        section.finish();
    }
    daemon
}

/// The section, and whether it says how DC files are to be read.
fn general(
    report: &Report,
    section: Option<Section<'_>>,
    base_dir: &Path,
) -> (GeneralConfig, bool) {
    let mut knows_dc_files = true;
    let mut general = GeneralConfig {
        dc_files: Vec::new(),
        event_logger: None,
        string_encoding: StringEncoding::default(),
    };
    if let Some(mut section) = section {
        let before = report.errors();
        let dc_file = value::name("the path of a DC file");
        general.dc_files =
            section.values("dc_files", |node| Ok(tidy(&base_dir.join(dc_file(node)?))));
        let string_encoding = value::choice(&[
            ("ascii", StringEncoding::Ascii),
            ("utf8", StringEncoding::Utf8),
            ("bytes", StringEncoding::Bytes),
        ]);
        general.string_encoding =
            section.optional("string_encoding", string_encoding).unwrap_or_default();
        knows_dc_files = report.errors() == before;
        let event_logger = value::address_or("", EVENT_LOGGER_PORT);
        general.event_logger = section.optional("eventlogger", event_logger).flatten();
        // A key of another name may be the one that is meant.
        knows_dc_files &= section.has("dc_files") || !section.has_unknown();
        section.finish();
    }
    (general, knows_dc_files)
}

fn uberdog(mut section: Section<'_>) -> Option<UberDogConfig> {
    let id = section.required("id", "the doId of the UberDOG", value::do_id);
    let class = section.required(
        "class",
        "the name of its class in the DC files",
        value::name("the name of a class"),
    );
    let anonymous = section.optional("anonymous", value::strict_boolean);
    section.finish();
    Some(UberDogConfig { id: id?, class: class?, anonymous: anonymous.unwrap_or(false) })
}

fn message_director(section: Option<Section<'_>>, base_dir: &Path) -> MessageDirectorConfig {
    let mut director = MessageDirectorConfig {
        bind: None,
        connect: None,
        upstream_loss: UpstreamLoss::default(),
        upstream_buffer_bytes_max: UPSTREAM_BUFFER_BYTES_MAX,
        link_buffer_bytes_max: LINK_BUFFER_BYTES_MAX,
        link_write_timeout: Some(LINK_WRITE_TIMEOUT),
        keepalive: Some(KEEPALIVE),
        settle: SETTLE,
        connect_timeout: Some(CONNECT_TIMEOUT),
        allow: Networks::default(),
        tls: None,
        are_lengths_wide: false,
        are_upstream_lengths_wide: false,
    };
    if let Some(mut section) = section {
        let address = value::address_or("unspecified", MESSAGE_DIRECTOR_PORT);
        director.bind = section.optional("bind", &address).flatten();
        director.connect = section.optional("connect", &address).flatten();
        // Astron's switch between two ways of routing, of which this daemon has neither.
        section.optional("threaded", value::boolean);
        let upstream_loss =
            value::choice(&[("reconnect", UpstreamLoss::Reconnect), ("exit", UpstreamLoss::Exit)]);
        director.upstream_loss =
            section.optional("upstream_loss", upstream_loss).unwrap_or_default();
        let any_size = value::number(0..=usize::MAX);
        if let Some(bytes) = section.optional("upstream_buffer_size", any_size) {
            director.upstream_buffer_bytes_max = bytes;
        }
        let link_size = value::number(LINK_BUFFER_BYTES_MIN..=usize::MAX);
        if let Some(bytes) = section.optional("link_buffer_size", link_size) {
            director.link_buffer_bytes_max = bytes;
        }
        if let Some(limit) = section.optional("link_write_timeout_ms", value::time_limit) {
            director.link_write_timeout = limit;
        }
        if let Some(idle) = section.optional("keepalive_ms", value::time_limit) {
            director.keepalive = idle;
        }
        if let Some(limit) = section.optional("settle_ms", value::time_limit) {
            director.settle = limit.unwrap_or_default();
        }
        if let Some(limit) = section.optional("connect_timeout_ms", value::time_limit) {
            director.connect_timeout = limit;
        }
        if let Some(are_wide) = section.optional("tcp_header_size", value::are_lengths_wide) {
            director.are_lengths_wide = are_wide;
        }
        if let Some(are_wide) =
            section.optional("upstream_tcp_header_size", value::are_lengths_wide)
        {
            director.are_upstream_lengths_wide = are_wide;
        }
        director.allow = Networks::new(section.values("allow", value::network));
        director.tls = section
            .section("tls")
            .and_then(|section| tls::links(section, base_dir, MESSAGE_DIRECTOR_TLS_PORT));
        section.finish();
    }
    director
}
