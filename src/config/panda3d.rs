//! `client.type: panda3d`: what a client agent for Panda3D's own `ClientRepository` is told beyond what all types are.

use std::sync::Arc;

use dclass::{Class, DcFile};

use super::Loaded;
use super::address::{Address, Host};
use super::model::{ClientAgentConfig, ClientKind, DoIdRange, RoleConfig};
use super::section::{Found, Section, did_you_mean, expected};
use super::value;
use crate::finding::{Finding, Severity};
use crate::ids::{Channel, ChannelRange, DoId, ZoneId};
use crate::yaml::Value;

/// The port of `client.trusted`.
const TRUSTED_PORT: u16 = 4401;
/// Above what databases and AIs are given in the configurations that there are.
const DO_IDS: (DoId, DoId) = (DoId(2_000_000_001), DoId(4_000_000_000));
const DO_IDS_PER_CLIENT: u32 = 100_000;
const ROOT: DoId = DoId(2_000_000_000);
/// A client needs an id for itself, and one for an object.
const PER_CLIENT_MIN: u32 = 2;

/// The name of the class that clients ask for the time.
pub const TIME_MANAGER: &str = "TimeManager";

/// What clients of this type are served with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Panda3dConfig {
    /// The doIds that clients make objects with.
    pub do_ids: DoIdRange,
    /// How many of them each client gets.
    pub per_client: u32,
    /// The parent whose zones are those of clients.
    pub root: DoId,
    /// Who makes the objects; `None` if the configuration does not tell.
    pub state_server: Option<Channel>,
    /// It is in this daemon.
    pub is_here: bool,
    /// Which objects clients may make.
    pub create: Creation,
    /// Where programs connect that may make any.
    pub trusted: Option<Address>,
    /// The zone of the object that tells the time, if the agent does so itself.
    pub time_manager: Option<ZoneId>,
    /// Where the values come from that somebody is told who has just come.
    pub regenerate: Regenerate,
}

/// The classes of which clients may make objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Creation {
    /// All.
    Any,
    /// These, by their names, in the order of the file.
    Classes(Vec<String>),
}

/// Where the values come from that somebody is told who has just come.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Regenerate {
    /// From the state server, and the owners are asked whether they have newer ones.
    Owner,
    /// From the state server.
    Server,
}

impl Default for Panda3dConfig {
    fn default() -> Self {
        Panda3dConfig {
            do_ids: DoIdRange { min: DO_IDS.0, max: DO_IDS.1 },
            per_client: DO_IDS_PER_CLIENT,
            root: ROOT,
            state_server: None,
            is_here: false,
            create: Creation::Any,
            trusted: None,
            time_manager: None,
            regenerate: Regenerate::Owner,
        }
    }
}

impl Panda3dConfig {
    /// The doId of the object that tells the time, which no client gets.
    pub fn time_manager_id(&self) -> Option<DoId> {
        self.time_manager.map(|_| self.do_ids.max)
    }

    /// The first and the last channel of a client, and how far they are apart. A client's channel is that of an avatar whose id
    /// is the first doId of the client.
    pub fn channels(&self) -> (ChannelRange, u64) {
        let last = self.do_ids.max.0 - u32::from(self.time_manager.is_some());
        let count = (last.saturating_sub(self.do_ids.min.0).saturating_add(1)) / self.per_client;
        let first_of_last = self.do_ids.min.0 + count.saturating_sub(1) * self.per_client;
        let (low, high) = (self.do_ids.min.avatar(), DoId(first_of_last).avatar());
        let range = ChannelRange::new(low, high).expect("the last is not before the first");
        (range, self.per_client.into())
    }

    /// The first of the ids among which a doId is, if a client of this agent has made it.
    pub fn base_of(&self, do_id: DoId) -> Option<DoId> {
        let offset = do_id.0.checked_sub(self.do_ids.min.0)?;
        let is_inside = do_id <= self.do_ids.max && self.time_manager_id() != Some(do_id);
        is_inside.then(|| DoId(self.do_ids.min.0 + offset / self.per_client * self.per_client))
    }

    /// Whether a client may make objects of a class.
    pub fn may_create(&self, class: &Class) -> bool {
        match &self.create {
            Creation::Any => true,
            Creation::Classes(names) => names.iter().any(|name| name == class.name()),
        }
    }
}

impl ClientKind {
    /// Takes over of a newer configuration what can be.
    pub(super) fn take_over(&mut self, newer: &Self) {
        if let (ClientKind::Panda3d(config), Some(newer)) = (self, newer.panda3d()) {
            Arc::make_mut(config).create.clone_from(&newer.create);
        }
    }

    /// What clients of Panda3D's type are served with, if this is that.
    pub fn panda3d(&self) -> Option<&Arc<Panda3dConfig>> {
        match self {
            ClientKind::LibAstron | ClientKind::Otp(_) => None,
            ClientKind::Panda3d(config) => Some(config),
        }
    }

    /// Where programs of the operator's connect, which may do what players may not.
    pub fn trusted(&self) -> Option<&Address> {
        self.panda3d()?.trusted.as_ref()
    }
}

/// The keys that only this type has, beside `root`.
const KEYS: [&str; 6] = ["doids", "stateserver", "create", "trusted", "time_manager", "regenerate"];

/// What there is to say of its keys where the type is another, or none is said.
pub(super) fn say_that_they_are_of_it(section: &mut Section<'_>) {
    for key in KEYS {
        section.foreign(key, "only agents with `client.type: panda3d` have this key");
    }
}

/// Reads the keys of this type.
pub(super) fn panda3d(section: &mut Section<'_>) -> Panda3dConfig {
    let mut config = Panda3dConfig::default();
    if let Some(do_ids) = section.section("doids") {
        read_do_ids(do_ids, &mut config);
    }
    let root = |node: &Found<'_>| {
        let root = value::do_id(node)?;
        match root.has_channels_of_players() {
            true => Err(format!(
                "the channels of the zones of {root} mean something else; take another doId"
            )),
            false => Ok(root),
        }
    };
    if let Some(root) = section.optional("root", root) {
        config.root = root;
    }
    if config.do_ids.contains(config.root) {
        let (root, do_ids) = (config.root, config.do_ids);
        let message = format!(
            "a client would make an object with the doId of the parent of all zones, {root}; take one outside of {do_ids}"
        );
        let key = if section.has("root") { "root" } else { "doids" };
        section.error(key, message);
    }
    config.state_server = section.optional("stateserver", value::channel);
    if let Some(create) = creation(section) {
        config.create = create;
    }
    if let Some(mut trusted) = section.section("trusted") {
        let what = "the address where trusted programs connect, such as `127.0.0.1:4401`";
        config.trusted = trusted.required("bind", what, value::address(TRUSTED_PORT));
        trusted.finish();
    }
    if let Some(mut manager) = section.section("time_manager") {
        let what = "the zone where clients find the TimeManager";
        let zone = manager.required("zone", what, value::number(0..=u32::MAX));
        config.time_manager = zone.map(ZoneId);
        manager.finish();
    }
    let regenerate = value::choice(&[("owner", Regenerate::Owner), ("server", Regenerate::Server)]);
    if let Some(regenerate) = section.optional("regenerate", regenerate) {
        config.regenerate = regenerate;
    }
    config
}

fn read_do_ids(mut section: Section<'_>, config: &mut Panda3dConfig) {
    if let Some(min) = section.optional("min", value::do_id) {
        config.do_ids.min = min;
    }
    if let Some(max) = section.optional("max", value::do_id) {
        config.do_ids.max = max;
    }
    let DoIdRange { min, max } = config.do_ids;
    if let Some(count) = section.optional("per_client", value::number(PER_CLIENT_MIN..=u32::MAX)) {
        config.per_client = count;
    }
    // One more, for the TimeManager.
    let has_room = max.0.checked_sub(min.0).is_some_and(|last| last >= config.per_client);
    if !has_room {
        let per_client = config.per_client;
        let message = format!("{min}-{max} are too few for a client, which gets {per_client}");
        let key = ["max", "min", "per_client"].into_iter().find(|key| section.has(key));
        section.error(key.unwrap_or("max"), message);
        *config = Panda3dConfig { do_ids: Panda3dConfig::default().do_ids, ..config.clone() };
        config.per_client = DO_IDS_PER_CLIENT;
    }
    section.finish();
}

/// `"*"`, or the names of classes.
fn creation(section: &mut Section<'_>) -> Option<Creation> {
    const WHAT: &str =
        "the names of the classes of which clients may make objects, or \"*\" for all";
    section.optional("create", |node| match &node.value {
        Value::List(items) => {
            let names = items.iter().map(|item| match item.text() {
                Some(name) if !name.is_empty() => Ok(name.to_owned()),
                _ => Err(expected(item, "the name of a class")),
            });
            Ok(Creation::Classes(names.collect::<Result<_, String>>()?))
        }
        _ => match node.text() {
            Some("*") => Ok(Creation::Any),
            _ => Err(expected(node, WHAT)),
        },
    })
}

/// Takes the only state server of the configuration for agents that do not name one, and notes whether it is here.
pub(super) fn settle(roles: &mut [RoleConfig]) {
    let controls: Vec<Channel> = roles
        .iter()
        .filter_map(|role| match role {
            RoleConfig::StateServer(role) => Some(role.control),
            _ => None,
        })
        .collect();
    for role in roles {
        if let RoleConfig::ClientAgent(agent) = role
            && let ClientKind::Panda3d(config) = &mut agent.client.kind
        {
            let config = Arc::make_mut(config);
            if let ([only], None) = (&controls[..], config.state_server) {
                config.state_server = Some(*only);
            }
            config.is_here = config.state_server.is_some_and(|one| controls.contains(&one));
        }
    }
}

/// What is wrong with agents of this type, and with the classes that they name.
pub(super) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        if let RoleConfig::ClientAgent(agent) = role
            && let Some(config) = agent.client.kind.panda3d()
        {
            let mut about = |severity, key: &str, message: String| {
                findings.push(loaded.about(severity, &format!("roles[{i}].client.{key}"), message));
            };
            agent_findings(config, agent, dc, &mut about);
        }
    }
    findings
}

fn agent_findings(
    config: &Panda3dConfig,
    agent: &ClientAgentConfig,
    dc: &DcFile,
    about: &mut impl FnMut(Severity, &str, String),
) {
    if config.state_server.is_none() {
        let message = "without `stateserver` there has to be just one state server in this file, which makes the objects of \
                       clients; name the control channel of one";
        about(Severity::Error, "stateserver", message.to_owned());
    }
    if let Creation::Classes(names) = &config.create {
        let unknown = |(_, name): &(usize, &String)| dc.class_by_name(name).is_none();
        for (i, name) in names.iter().enumerate().filter(unknown) {
            let hint = did_you_mean(name, dc.classes().map(Class::name)).unwrap_or_default();
            let message = format!("the DC files have no class `{name}`{hint}");
            about(Severity::Error, &format!("create[{i}]"), message);
        }
        if config.time_manager.is_some()
            && let Some(i) = names.iter().position(|name| name == TIME_MANAGER)
        {
            let message =
                "there would be a second one beside `time_manager`, with a clock of its own";
            about(Severity::Warning, &format!("create[{i}]"), message.to_owned());
        }
    } else if agent.addresses().next().is_some() {
        let message = "every client may make objects of every class, as with Panda3D's own server; name the classes that are \
                       for players, and have other programs connect to `trusted`";
        about(Severity::Warning, "create", message.to_owned());
    }
    if let Some(Address { host: Host::Ip(ip), .. }) = &config.trusted
        && ip.is_unspecified()
    {
        let message = "whoever reaches this address may make objects of all classes, and is limited in nothing; give it one that only \
                       the game's own programs reach";
        about(Severity::Warning, "trusted.bind", message.to_owned());
    }
    if config.time_manager.is_some()
        && let Err(message) = time_manager(dc)
    {
        about(Severity::Error, "time_manager", message);
    }
    if dc.classes().next().is_none() {
        let message =
            "the DC files have no class, and the root of all zones has to be an object of one";
        about(Severity::Error, "root", message.to_owned());
    }
}

/// The class of the object that tells the time, and its two fields.
///
/// # Errors
/// What the DC files lack.
pub fn time_manager(dc: &DcFile) -> Result<(&Class, [&dclass::Field; 2]), String> {
    let class = dc.class_by_name(TIME_MANAGER);
    let class = class.ok_or_else(|| {
        format!("the DC files have no class `{TIME_MANAGER}`; Panda3D's direct.dc declares it")
    })?;
    let field = |name: &str| {
        let field = class.field_by_name(name);
        field.ok_or_else(|| format!("class `{TIME_MANAGER}` has no field `{name}`"))
    };
    let fields = [field("requestServerTime")?, field("serverTime")?];
    // A context comes, and goes back with the time.
    let widths = fields.map(|field| field.fixed_size());
    match widths {
        [Some(1), Some(5)] => Ok((class, fields)),
        _ => Err(format!(
            "`{TIME_MANAGER}` is not Panda3D's: `requestServerTime(uint8 context)` and `serverTime(uint8 context, int32 timestamp)`"
        )),
    }
}
