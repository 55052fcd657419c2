//! Configurations of servers that are related to Astron and have other files.

use super::report::Report;
use crate::finding::{Finding, Severity};
use crate::yaml::{Node, Value};

/// Sections that only Ardos has. All of them would be unknown keys.
const OF_ARDOS: [&str; 6] = [
    "message-director",
    "client-agent",
    "state-server",
    "database-server",
    "db-state-server",
    "dc-files",
];
/// What all of Ardos' switches begin with.
const SWITCHES_OF_ARDOS: &str = "want-";
/// Sections that all servers in Astron's way have.
const OF_ASTRON: [&str; 3] = ["messagedirector", "roles", "general"];

const ARDOS_HELP: [&str; 3] = [
    "`message-director: {host, port}` is `messagedirector: {bind: host:port}` here, `dc-files` is `general.dc_files`, and \
     `client-agent`, `state-server`, `database-server` and `db-state-server` are items of `roles`; `interest` of a client agent is its \
     `client.add_interest`",
    "daemons connect to each other (`messagedirector.connect`) instead of a RabbitMQ; objects in MongoDB are moved with \
     `donet db import`; clients speak Astron's protocol, not Disney's",
    "docs/configuration.md, section \"Files of other servers\", has both forms side by side",
];

const OTPGO_HELP: [&str; 3] = [
    "clients have to speak Astron's protocol: there is no `lua_file`, and what roles of `type: lua` do belongs into an AI or \
     UberDOG server; stored and initial `objects` are theirs, too",
    "`dc_hash` is `manual_dc_hash` here, `proxy` is `haproxy`, `ranges` of a `dbss` is a list, `heartbeat_timeout` is in \
     milliseconds; objects in MongoDB are moved with `donet db import`",
    "docs/configuration.md, section \"Files of other servers\", has both forms side by side",
];

/// Says whose file it is, if it is another server's: what donet has to say of each of its keys would help nobody.
pub(super) fn recognise(root: &Node, report: &Report) -> Option<Finding> {
    let (server, key, help) = match (key_of_ardos(root), key_of_otpgo(root)) {
        (Some(key), _) => ("Ardos", key, ARDOS_HELP),
        (None, Some(key)) => ("OtpGo", key, OTPGO_HELP),
        (None, None) => return None,
    };
    let message =
        format!("this is a configuration of {server}, which has another format than Astron's");
    let finding = report.about(Severity::Error, key, "", message);
    Some(Finding { help: help.map(str::to_owned).to_vec(), ..finding })
}

fn key_of_ardos(root: &Node) -> Option<&Node> {
    if OF_ASTRON.iter().any(|section| value(root, section).is_some()) {
        return None;
    }
    keys(root).find(|key| {
        key.text().is_some_and(|key| OF_ARDOS.contains(&key) || key.starts_with(SWITCHES_OF_ARDOS))
    })
}

fn key_of_otpgo(root: &Node) -> Option<&Node> {
    let is_switch = |key: &&Node| key.text().is_some_and(|key| key.starts_with("dc_disable_"));
    let general = value(root, "general").and_then(|general| keys(general).find(is_switch));
    let debug = value(root, "debug").and_then(|debug| key(debug, "pprof"));
    let Some(Value::List(roles)) = value(root, "roles").map(|roles| &roles.value) else {
        return general.or(debug);
    };
    let of_role = roles.iter().find_map(|role| {
        let lua = value(role, "type").filter(|word| word.text() == Some("lua"));
        let own = ["lua_file", "do_preallocation_amount"].iter().find_map(|name| key(role, name));
        let client = value(role, "client").and_then(|client| key(client, "legacy_handle_object"));
        lua.or(own).or(client)
    });
    general.or(debug).or(of_role)
}

fn keys(node: &Node) -> impl Iterator<Item = &Node> {
    entries(node).map(|(key, _)| key)
}

fn key<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    keys(node).find(|key| key.text() == Some(name))
}

fn value<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(node).find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
}

fn entries(node: &Node) -> impl Iterator<Item = (&Node, &Node)> {
    let entries = match &node.value {
        Value::Map(entries) => &entries[..],
        Value::List(_) | Value::Scalar { .. } => &[],
    };
    entries.iter().map(|(key, value)| (&**key, &**value))
}
