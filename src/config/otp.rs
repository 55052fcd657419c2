//! `client.type: otp` and `toontown2003`: what a client agent for clients of the OTP era is told beyond what all types are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dclass::{Class, DcFile, Field, Layout};

use super::Loaded;
use super::model::{ClientConfig, ClientKind, RoleConfig, UberDogConfig};
use super::path::tidy;
use super::section::{Found, Section};
use super::value;
use super::visible_zones::VisibleZones;
use crate::finding::{Finding, Severity};
use crate::ids::{DoId, ZoneId};
use crate::message::{Family, OTP_LOGINS};

/// The parent of all that the games had in common.
const ROOT: DoId = DoId(4618);
const QUIET: ZoneId = ZoneId(1);
const UBER: ZoneId = ZoneId(2);
/// For how long a client may take to notice that an object has gone.
pub(super) const HISTORICAL_TTL: Duration = Duration::from_secs(300);

/// What clients of this type are served with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtpConfig {
    /// Of which time they are.
    pub era: Era,
    /// The parent below which whoever has connected may open interests.
    pub root: DoId,
    /// How a client is told what it owns.
    pub owner_view: OwnerView,
    /// The messages that are passed on as they are, ascending.
    pub login: Box<[u16]>,
    /// To whom.
    pub login_to: Option<LoginTo>,
    /// Which zones are seen from which; `None` if each is seen alone.
    pub visible: Option<Arc<VisibleZones>>,
    /// The zone in which a client sees nothing.
    pub quiet: ZoneId,
    /// The zone that a client of 2003 sees wherever it is.
    pub uber: ZoneId,
    /// For how long updates of an object that has just gone are no offence.
    pub historical_ttl: Duration,
}

/// Of which time clients are.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Era {
    /// 2005 to 2013: parents, zones and interests.
    Otp,
    /// One shard and one zone.
    Toontown2003,
}

/// How a client is told what it owns.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum OwnerView {
    /// As its avatar, by message 15. It has no other view of it.
    Avatar,
    /// By message 36, beside what it sees of it.
    Object,
}

/// The UberDOG that log-in messages go to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginTo {
    /// Its id.
    pub do_id: DoId,
    /// Its class; `None` if the configuration does not have it.
    pub class: Option<String>,
}

impl Era {
    /// The word for it in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Era::Otp => "otp",
            Era::Toontown2003 => "toontown2003",
        }
    }

    /// The messages of its clients that are about objects.
    const fn family(self) -> Family {
        match self {
            Era::Otp => Family::Otp,
            Era::Toontown2003 => Family::Toontown2003,
        }
    }
}

impl OtpConfig {
    /// What holds where nothing is said.
    pub fn of(era: Era) -> Self {
        let owner_view = match era {
            Era::Otp => OwnerView::Object,
            Era::Toontown2003 => OwnerView::Avatar,
        };
        OtpConfig {
            era,
            root: ROOT,
            owner_view,
            login: OTP_LOGINS.into(),
            login_to: None,
            visible: None,
            quiet: QUIET,
            uber: UBER,
            historical_ttl: HISTORICAL_TTL,
        }
    }

    /// Whether a message is passed on as it is.
    pub fn is_login(&self, number: u16) -> bool {
        self.login.binary_search(&number).is_ok()
    }
}

impl ClientKind {
    /// What clients of the OTP era are served with, if this is that.
    pub fn otp(&self) -> Option<&Arc<OtpConfig>> {
        match self {
            ClientKind::Otp(config) => Some(config),
            ClientKind::LibAstron | ClientKind::Panda3d(_) => None,
        }
    }
}

impl ClientConfig {
    /// For how long updates of an object that has just gone are no offence.
    pub fn historical_ttl(&self) -> Duration {
        self.kind.otp().map_or(HISTORICAL_TTL, |otp| otp.historical_ttl)
    }
}

/// The keys that only these types have, beside `root`.
const KEYS: [&str; 6] =
    ["owner_view", "heartbeat_ms", "login", "login_to", "historical_ttl", "zones"];

/// What there is to say of its keys where the type is another, or none is said.
pub(super) fn say_that_they_are_of_it(section: &mut Section<'_>) {
    for key in KEYS {
        let message = "only agents with `client.type: otp` or `toontown2003` have this key";
        section.foreign(key, message);
    }
}

/// Reads the keys of these types, and after how many milliseconds a client without a heartbeat is put out.
pub(super) fn otp(
    section: &mut Section<'_>,
    era: Era,
    base_dir: &Path,
) -> (OtpConfig, Option<u32>) {
    let mut config = OtpConfig::of(era);
    if let Some(root) = section.optional("root", value::do_id) {
        config.root = root;
    }
    if let Some(view) = section.optional("owner_view", |node| owner_view(node, era)) {
        config.owner_view = view;
    }
    let logins = section.one_or_more("login", |node| login(node, era));
    if let Some(mut logins) = logins {
        logins.sort_unstable();
        config.login = logins.into();
    }
    let login_to = section.optional("login_to", value::do_id);
    config.login_to = login_to.map(|do_id| LoginTo { do_id, class: None });
    if let Some(ms) = section.optional("historical_ttl", value::milliseconds) {
        config.historical_ttl = Duration::from_millis(ms.into());
    }
    if let Some(zones) = section.section("zones") {
        read_zones(zones, &mut config, base_dir);
    }
    let heartbeat = section.optional("heartbeat_ms", value::milliseconds);
    if section.has("heartbeat_ms") && section.has("heartbeat_timeout") {
        let message = "this is the same as `heartbeat_timeout`; give one of them";
        section.error_beside("heartbeat_ms", message, "heartbeat_timeout", "the other one");
    }
    for key in ["resume_ms", "send_hash", "send_version"] {
        if section.has(key) {
            let message = "it does nothing: clients of this type have no messages for it";
            section.warning(key, message);
        }
    }
    (config, heartbeat)
}

fn owner_view(node: &Found<'_>, era: Era) -> Result<OwnerView, String> {
    let view = value::choice(&[("15", OwnerView::Avatar), ("36", OwnerView::Object)])(node)?;
    match (view, era) {
        (OwnerView::Object, Era::Toontown2003) => {
            Err("clients of 2003 know no message 36 for what they own; it is 15".to_owned())
        }
        _ => Ok(view),
    }
}

/// A message that is passed on.
fn login(node: &Found<'_>, era: Era) -> Result<u16, String> {
    let number = value::number(1..=u16::MAX)(node)?;
    match era.family().row(number) {
        Some(row) => {
            let name = row.name.trim_end_matches("_OTP").trim_end_matches("_2003");
            Err(format!(
                "message {number} is {name}, which is about objects: the agent handles it itself"
            ))
        }
        None => Ok(number),
    }
}

fn read_zones(mut section: Section<'_>, config: &mut OtpConfig, base_dir: &Path) {
    let visible = section.optional("visible", |node| {
        let file = value::name("the path of a file")(node)?;
        VisibleZones::read(&tidy(&base_dir.join(file)))
    });
    config.visible = visible.map(Arc::new);
    let zone = value::number(0..=u32::MAX);
    if let Some(quiet) = section.optional("quiet", &zone) {
        config.quiet = ZoneId(quiet);
    }
    if config.era == Era::Toontown2003 {
        if let Some(uber) = section.optional("uber", &zone) {
            config.uber = ZoneId(uber);
        }
        if config.uber == config.quiet {
            let message = format!("`quiet` and `uber` are the same zone, {}", config.uber);
            section.error(if section.has("uber") { "uber" } else { "quiet" }, message);
        }
    } else {
        let message = "only agents with `client.type: toontown2003` have this key: other clients ask for that zone themselves";
        section.foreign("uber", message);
    }
    section.finish();
}

/// Finds the classes of the UberDOGs to which log-ins go.
pub(super) fn settle(roles: &mut [RoleConfig], uberdogs: &[UberDogConfig]) {
    for role in roles {
        if let RoleConfig::ClientAgent(agent) = role
            && let ClientKind::Otp(config) = &mut agent.client.kind
            && let Some(to) = &mut Arc::make_mut(config).login_to
        {
            let uberdog = uberdogs.iter().find(|uberdog| uberdog.id == to.do_id);
            to.class = uberdog.map(|uberdog| uberdog.class.clone());
        }
    }
}

/// What is wrong with agents of these types, as the DC files have it.
pub(super) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has_all_uberdogs =
        !loaded.config.places.left_out.iter().any(|path| path.starts_with("uberdogs"));
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let Some(config) = agent.client.kind.otp() else { continue };
        let mut about = |severity, message: String| {
            let key = format!("roles[{i}].client.login_to");
            findings.push(loaded.about(severity, &key, message));
        };
        let Some(to) = &config.login_to else {
            if agent.client.script.is_none() {
                let message = "without this key, or `client.script`, nobody hears the log-in messages of clients, and nobody can play";
                about(Severity::Warning, message.to_owned());
            }
            continue;
        };
        match &to.class {
            Some(name) => {
                // One that is not there is said of the UberDOG.
                if let Some(class) = dc.class_by_name(name)
                    && login_field(class).is_none()
                {
                    let message = format!(
                        "class `{name}` of UberDOG {} has no field with a single blob, in which log-in messages could be passed on, \
                         such as `login(blob message);`",
                        to.do_id
                    );
                    about(Severity::Error, message);
                }
            }
            None if has_all_uberdogs => {
                let message = format!(
                    "`uberdogs` has none with the doId {}: its class says by which field it gets log-in messages",
                    to.do_id
                );
                about(Severity::Error, message);
            }
            None => {}
        }
    }
    findings
}

/// The first field of a class that takes a single blob, and how many bytes the length before it has.
pub fn login_field(class: &Class) -> Option<(&Field, u32)> {
    class.fields().iter().find_map(|field| {
        let tag = match field.layout() {
            Layout::Bytes { fixed: None, is_text: false, tag } => tag,
            Layout::Method(parts) => match &parts[..] {
                [(_, Layout::Bytes { fixed: None, is_text: false, tag })] => *tag,
                _ => return None,
            },
            _ => return None,
        };
        Some((&**field, tag))
    })
}

/// What there is to say of keys of the role that mean nothing for clients of these types.
pub(super) fn say_what_is_not_checked(role: &Section<'_>) {
    for key in ["version", "manual_dc_hash"] {
        if role.has(key) {
            let message = "it does nothing: version and hash of these clients stand in their log-in messages, which `client.login_to` judges";
            role.warning(key, message);
        }
    }
}
