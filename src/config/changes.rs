//! What is another in a newer reading of the same configuration, and which of that a daemon that runs takes over.
//!
//! The files themselves are compared, key by key: a key that nobody has thought of here is one that needs a restart, and is
//! named as such.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{ClientAgentConfig, Config, RoleConfig};
use super::{Complete, Loaded};
use crate::yaml::{Node, Value};

/// Keys that are taken over without a restart; `[]` is any item.
const APPLIED: [&str; 45] = [
    "daemon.loglevel",
    "daemon.drain",
    "daemon.drain_wave",
    "roles[].limits.messages_per_second",
    "roles[].limits.bytes_per_second",
    "roles[].limits.entries_per_second",
    "roles[].limits.interests",
    "roles[].limits.zones_per_interest",
    "roles[].limits.zones",
    "roles[].limits.entry_bytes",
    "roles[].limits.visible_objects",
    "roles[].limits.datagram_bytes",
    "roles[].limits.connections",
    "roles[].limits.connections_per_address",
    "roles[].limits.connects_per_second",
    "roles[].limits.router_percent",
    "roles[].limits.patience_ms",
    "roles[].offences.permission",
    "roles[].offences.object",
    "roles[].offences.value",
    "roles[].offences.rule",
    "roles[].offences.interest",
    "roles[].offences.message",
    "roles[].offences.malformed",
    "roles[].offences.hello",
    "roles[].offences.version",
    "roles[].offences.limit",
    "roles[].offences.ban_for",
    "roles[].client.add_interest",
    "roles[].client.write_buffer_size",
    "roles[].client.merge[]",
    "roles[].client.script",
    "roles[].client.create",
    "roles[].client.create[]",
    "roles[].client.heartbeat_timeout",
    "roles[].client.heartbeat_ms",
    "roles[].client.resume_ms",
    "roles[].tuning.interest_timeout",
    "roles[].tuning.handshake_timeout",
    "roles[].tuning.anonymous_timeout",
    "roles[].tuning.historical_objects",
    "roles[].tuning.rights_grace",
    "roles[].tuning.rights_grace_for",
    "roles[].tuning.flush_ms",
    "roles[].websocket.ping_ms",
];

/// What stands behind a key for what is said by the file that it names.
const IN_IT: &str = " (what is in it)";

/// Lists of which no item means anything without the others: they are a single value.
const WHOLE: [&str; 1] = ["roles[].client.add_interest"];

/// Sections of a role that are taken over with all that stands in them: names are keys there.
const WHOLE_SECTIONS: [&str; 1] = ["roles[].client.fields"];

impl ClientAgentConfig {
    /// Takes over what `APPLIED` says.
    pub fn take_over(&mut self, newer: &Self) {
        self.limits = newer.limits.clone();
        self.offences = newer.offences.clone();
        self.client.add_interest.clone_from(&newer.client.add_interest);
        self.client.write_buffer_bytes_max = newer.client.write_buffer_bytes_max;
        self.client.merge.clone_from(&newer.client.merge);
        self.client.fields.clone_from(&newer.client.fields);
        self.client.script.clone_from(&newer.client.script);
        self.client.kind.take_over(&newer.client.kind);
        self.client.heartbeat_timeout_ms = newer.client.heartbeat_timeout_ms;
        self.client.resume_ms = newer.client.resume_ms;
        self.interest_timeout_ms = newer.interest_timeout_ms;
        self.handshake_timeout_ms = newer.handshake_timeout_ms;
        self.anonymous_timeout_ms = newer.anonymous_timeout_ms;
        self.historical_objects_max = newer.historical_objects_max;
        self.rights_grace_ms = newer.rights_grace_ms;
        self.rights_grace_for = newer.rights_grace_for;
        self.flush = newer.flush;
        if let (Some(websocket), Some(newer)) = (&mut self.websocket, &newer.websocket) {
            websocket.ping = newer.ping;
        }
    }
}

/// What a configuration says, to be compared with what it says later. There may be passwords in it.
pub struct Reading {
    /// The configuration.
    pub config: Config,
    /// What is written, by its key.
    values: BTreeMap<String, String>,
    dc_hashes: (u32, Option<u32>),
}

impl From<&Complete> for Reading {
    fn from(complete: &Complete) -> Self {
        let Loaded { config, root, .. } = &complete.loaded;
        let mut values = BTreeMap::new();
        collect("", root, &mut values);
        for (i, role) in config.numbered_roles() {
            let RoleConfig::ClientAgent(agent) = role else { continue };
            let Some(script) = &agent.client.script else { continue };
            let said = String::from_utf8_lossy(&script.text).into_owned();
            values.insert(format!("roles[{i}].client.script{IN_IT}"), said);
        }
        let dc_hashes = (complete.dc.hash(), complete.dc.astron_hash());
        Reading { config: config.clone(), values, dc_hashes }
    }
}

impl Reading {
    /// The keys whose values are others in `newer`, and that need a restart.
    pub fn need_restart(&self, newer: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.values.keys().chain(newer.values.keys()).collect();
        let is_other = |key: &&String| self.values.get(*key) != newer.values.get(*key);
        let keeps_console = self.keeps_console(newer);
        let is_applied = |key: &str| is_applied(key) && (keeps_console || !is_of_access(key));
        let mut others: Vec<String> =
            keys.into_iter().filter(is_other).filter(|key| !is_applied(key)).cloned().collect();
        let has_web = |reading: &Self| reading.config.web.is_some();
        // All its keys may be left out.
        if has_web(self) != has_web(newer) && !others.iter().any(|key| key.starts_with("web.")) {
            others.push("web (the section)".to_owned());
        }
        if self.dc_hashes != newer.dc_hashes
            && self.values_of_dc_files().eq(newer.values_of_dc_files())
        {
            others.push("general.dc_files (what is in them)".to_owned());
        }
        self.zones_need_restart(newer, &mut others);
        // What a file with a password says does not stand in this one.
        for (i, (old, new)) in self.config.roles.iter().zip(&newer.config.roles).enumerate() {
            let (RoleConfig::Database(old), RoleConfig::Database(new)) = (old, new) else {
                continue;
            };
            let backend = format!("roles[{i}].backend.");
            if old.backend != new.backend && !others.iter().any(|key| key.starts_with(&backend)) {
                others.push(format!("{backend}password_file{IN_IT}"));
            }
        }
        others
    }

    /// The same of what a file of zones says, which does not stand in this one either.
    fn zones_need_restart(&self, newer: &Self, others: &mut Vec<String>) {
        for (i, (old, new)) in self.config.roles.iter().zip(&newer.config.roles).enumerate() {
            let (RoleConfig::ClientAgent(old), RoleConfig::ClientAgent(new)) = (old, new) else {
                continue;
            };
            let [old, new] = [old, new].map(|agent| agent.client.kind.otp().map(|it| &it.visible));
            let key = format!("roles[{i}].client.zones.visible{IN_IT}");
            if old != new
                && !others.iter().any(|other| other.starts_with(&format!("roles[{i}].client.")))
            {
                others.push(key);
            }
        }
    }

    /// What of `newer` is taken over without a restart: the values by their keys.
    pub fn taken_over(&self, newer: &Self) -> BTreeMap<String, String> {
        let has_below = |section: &str| {
            let mut behind = self.values.range(section.to_owned()..);
            behind.next().is_some_and(|(key, _)| key.starts_with(section))
        };
        // Of a section that was not there nothing is.
        let is_there = |key: &str| match key.strip_suffix("websocket.ping_ms") {
            Some(role) => has_below(&format!("{role}websocket.")),
            None => !is_of_access(key) || self.keeps_console(newer),
        };
        let taken = newer.values.iter().filter(|(key, _)| is_applied(key) && is_there(key));
        taken.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Whether there is a console before and after: who may see it is taken over.
    pub fn keeps_console(&self, newer: &Self) -> bool {
        let has_console =
            |reading: &Self| reading.config.web.as_ref().is_some_and(|web| web.has_console);
        has_console(self) && has_console(newer)
    }

    /// Whether each role of `newer` is one that runs already: what it says is not for another one that stood in its place.
    pub fn has_same_roles(&self, newer: &Self) -> bool {
        let (old, new) = (&self.config.roles, &newer.config.roles);
        let is_same = |(old, new): (&RoleConfig, &RoleConfig)| match (old, new) {
            (RoleConfig::ClientAgent(old), RoleConfig::ClientAgent(new)) => {
                (&old.bind, old.channels) == (&new.bind, new.channels)
            }
            (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
        };
        old.len() == new.len() && old.iter().zip(new).all(is_same)
    }

    fn values_of_dc_files(&self) -> impl Iterator<Item = (&String, &String)> {
        self.values.iter().filter(|(key, _)| key.starts_with("general."))
    }
}

fn collect(path: &str, node: &Node, into: &mut BTreeMap<String, String>) {
    match &node.value {
        Value::Scalar { text, .. } => drop(into.insert(path.to_owned(), text.clone())),
        Value::List(_) if WHOLE.contains(&&*pattern_of(path)) => {
            drop(into.insert(path.to_owned(), said(node)));
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(&format!("{path}[{i}]"), item, into);
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let Value::Scalar { text, .. } = &key.value else { continue };
                collect(&super::section::join(path, text), value, into);
            }
        }
    }
}

/// All that a value says, whatever it is.
fn said(node: &Node) -> String {
    let all = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Scalar { text, .. } => format!("{text:?}"),
        Value::List(items) => format!("[{}]", all(items.iter().map(|item| said(item)).collect())),
        Value::Map(entries) => {
            let entries = entries.iter();
            let said = entries.map(|(key, value)| format!("{}: {}", said(key), said(value)));
            format!("{{{}}}", all(said.collect()))
        }
    }
}

fn is_applied(key: &str) -> bool {
    let pattern = pattern_of(key.strip_suffix(IN_IT).unwrap_or(key));
    let is_in = |section: &&str| {
        let rest = pattern.strip_prefix(section);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    APPLIED.contains(&&*pattern) || WHOLE_SECTIONS.iter().any(is_in) || is_of_access(key)
}

/// Whether a key says who may see the console: they have names of their own.
pub fn is_of_access(key: &str) -> bool {
    ["web.users.", "web.tokens.", "web.trusted_proxies["].iter().any(|part| key.starts_with(part))
}

/// A key with `[]` for any item.
fn pattern_of(key: &str) -> String {
    let mut pattern = String::new();
    for (i, part) in key.split('[').enumerate() {
        match part.split_once(']') {
            Some((_, rest)) if i > 0 => pattern += &format!("[]{rest}"),
            _ => pattern.push_str(part),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn reading(folder: &Path, text: &str) -> Reading {
        let file = folder.join("game.yml");
        std::fs::write(&file, text).expect("a file");
        let complete = super::super::survey(&file).complete();
        Reading::from(&complete.unwrap_or_else(|survey| panic!("{:?}", survey.findings)))
    }

    /// A client agent that says this beside what it must.
    fn agent(key: &str, value: &str) -> String {
        let role = "type: clientagent, channels: {min: 1000, max: 1999}, banlist: bans.txt";
        // The first of a list.
        let (key, value) = match key.strip_suffix("[]") {
            Some(key) => (key, format!("[{value}]")),
            None => (key, value.to_owned()),
        };
        match key.strip_prefix("roles[].").map(|key| key.split_once('.')) {
            Some(Some((section, key))) => {
                let dc = "general: {dc_files: [game.dc]}";
                // A key of just one type of clients.
                let more = match key {
                    "create" => "type: panda3d, stateserver: 5000, ",
                    "heartbeat_ms" => "type: otp, ",
                    _ => "",
                };
                format!("{dc}\nroles: [{{{role}, {section}: {{{more}{key}: {value}}}}}]")
            }
            _ => {
                let key = key.trim_start_matches("daemon.");
                format!("daemon: {{{key}: {value}}}\nroles: [{{{role}}}]")
            }
        }
    }

    #[test]
    fn what_is_said_to_be_applied_is_all_that_has_changed_and_is_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let dc = "dclass A { x(uint8 x) broadcast; y(uint8 y) broadcast; }; dclass B {};";
        std::fs::write(folder.path().join("game.dc"), dc).expect("a file");
        for script in ["a.lua", "b.lua"] {
            std::fs::write(folder.path().join(script), "local a = 1\n").expect("a file");
        }
        let is_there = |key: &&str| cfg!(feature = "lua") || !key.ends_with("script");
        for key in APPLIED.into_iter().filter(|key| is_there(key)) {
            let values = match key.rsplit('.').next().expect("a word") {
                "loglevel" => ["debug", "error"],
                "drain" | "ban_for" => ["90s", "10m"],
                _ if key.contains("offences") => ["eject", "ban"],
                "script" => ["a.lua", "b.lua"],
                "merge[]" => ["A.x", "A.y"],
                "create" => ["\"*\"", "[A]"],
                "create[]" => ["A", "B"],
                "rights_grace_for" => ["lost", "all"],
                "add_interest" => ["[{allow: {parent: 5}}]", "[{allow: {parent: 5}}, {allow: {}}]"],
                _ => ["21", "42"],
            };
            let [old, new] = values.map(|value| reading(folder.path(), &agent(key, value)));
            assert_eq!(old.need_restart(&new), [""; 0], "{key}");
            if key.starts_with("daemon") {
                continue;
            }
            let [RoleConfig::ClientAgent(old), RoleConfig::ClientAgent(new)] =
                [&old, &new].map(|reading| &reading.config.roles[0])
            else {
                panic!("{key}")
            };
            assert_ne!(old, new, "{key}");
            let mut taken = old.clone();
            taken.take_over(new);
            assert_eq!(taken, *new, "{key}");
        }
    }

    #[cfg(feature = "lua")]
    #[test]
    fn what_a_script_says_is_taken_over_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("game.dc"), "dclass A {};").expect("a file");
        let [old, new] = ["local a = 1\n", "local a = 2\n"].map(|script| {
            std::fs::write(folder.path().join("a.lua"), script).expect("a file");
            reading(folder.path(), &agent("roles[].client.script", "a.lua"))
        });
        assert_eq!(old.need_restart(&new), [""; 0]);
        let key = "roles[0].client.script (what is in it)";
        assert_eq!(new.taken_over(&new).get(key).map(String::as_str), Some("local a = 2\n"));
        assert_ne!(old.taken_over(&old), old.taken_over(&new));
    }

    #[test]
    fn rules_for_fields_are_taken_over_with_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let dc = "dclass A { x(uint8 x) clsend; y(uint8 y) clsend; };";
        std::fs::write(folder.path().join("game.dc"), dc).expect("a file");
        let read = |rules: &str| reading(folder.path(), &agent("roles[].client.fields", rules));
        let rules = ["", "A.x: {max_step: 5}", "A.y: {per_second: 1, ranges: [[1, 2]]}"];
        let rules = rules.map(|rules| read(&format!("{{{rules}}}")));
        for (old, new) in rules.iter().zip(&rules[1..]) {
            assert_eq!(old.need_restart(new), [""; 0]);
            assert_eq!(new.need_restart(old), [""; 0]);
            let [RoleConfig::ClientAgent(old), RoleConfig::ClientAgent(new)] =
                [old, new].map(|reading| &reading.config.roles[0])
            else {
                panic!()
            };
            assert_ne!(old, new);
            let mut taken = old.clone();
            taken.take_over(new);
            assert_eq!(taken, *new);
        }
        let taken = rules[0].taken_over(&rules[1]);
        assert_eq!(taken.get("roles[0].client.fields.A.x.max_step").map(String::as_str), Some("5"));
    }

    #[test]
    fn every_other_key_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = "daemon: {name: a, threads: 1}\nmessagedirector: {bind: '127.0.0.1:1'}\n\
                   roles: [{type: stateserver, control: 4002}]";
        let new = "daemon: {name: b}\nmessagedirector: {bind: '127.0.0.1:2', keepalive_ms: 5}\n\
                   roles: [{type: stateserver, control: 4003}, {type: eventlogger}]";
        let [old, new] = [old, new].map(|text| reading(folder.path(), text));
        let expected = [
            "daemon.name",
            "daemon.threads",
            "messagedirector.bind",
            "messagedirector.keepalive_ms",
            "roles[0].control",
            "roles[1].type",
        ];
        assert_eq!(old.need_restart(&new), expected);
        assert_eq!(new.need_restart(&new), [""; 0]);
    }

    #[test]
    fn who_may_see_the_console_is_taken_over_where_there_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |web: &str| reading(folder.path(), &format!("daemon: {{name: a}}\n{web}"));
        let token = |name: &str, hash: char| {
            let hash = hash.to_string().repeat(64);
            format!(
                "web: {{bind: '127.0.0.1:1', tokens: {{{name}: {{hash: '{hash}', role: view}}}}}}"
            )
        };
        let old = read(&token("a", '0'));
        for (web, hash) in
            [(token("a", '1'), "web.tokens.a.hash"), (token("b.c", '0'), "web.tokens.b.c.hash")]
        {
            let new = read(&web);
            assert_eq!(old.need_restart(&new), [""; 0], "{web}");
            assert!(old.taken_over(&new).contains_key(hash), "{web}");
        }
        let none = ["", "web: {bind: '127.0.0.1:1', console: false}"].map(read);
        for (new, expected) in none.iter().zip(["web.bind", "web.console"]) {
            for (old, new) in [(&old, new), (new, &old)] {
                let keys = old.need_restart(new);
                assert_eq!(keys, [expected, "web.tokens.a.hash", "web.tokens.a.role"]);
                assert!(old.taken_over(new).is_empty());
            }
        }
        let [section, nothing] = ["web: {}", ""].map(read);
        assert_eq!(section.need_restart(&nothing), ["web (the section)"]);
    }

    #[test]
    fn a_role_is_the_same_only_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |roles: &str| reading(folder.path(), &format!("roles: [{roles}]"));
        let agent = |port, limit| {
            format!(
                "{{type: clientagent, bind: '127.0.0.1:{port}', channels: {{min: {port}, max: {port}}}, \
                 limits: {{interests: {limit}}}}}"
            )
        };
        let (one, other, server) =
            (agent(5001, 7), agent(5002, 7), "{type: stateserver, control: 4002}");
        let running = read(&format!("{one}, {other}"));
        assert!(running.has_same_roles(&read(&format!("{}, {other}", agent(5001, 8)))));
        for roles in [
            format!("{other}, {one}"),
            format!("{server}, {one}, {other}"),
            format!("{one}, {server}"),
            one.clone(),
            format!("{one}, {}", agent(5003, 7)),
        ] {
            assert!(!running.has_same_roles(&read(&roles)), "{roles}");
        }
    }

    #[test]
    fn what_is_in_dc_files_needs_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "general: {dc_files: [game.dc]}";
        let [old, new] = ["A", "B"].map(|class| {
            let dc = format!("dclass {class} {{}};");
            std::fs::write(folder.path().join("game.dc"), dc).expect("a file");
            reading(folder.path(), text)
        });
        assert_eq!(old.need_restart(&new), ["general.dc_files (what is in them)"]);
    }
}
