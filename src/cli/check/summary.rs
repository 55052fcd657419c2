//! What a configuration without errors means, in a few lines.

use dclass::DcFile;
use url::Url;

use crate::cli::out::number_of;
use crate::config::{
    Address, BackendConfig, ClientAgentConfig, Config, DoIdRange, Era, LinkTlsConfig, OtpConfig,
    Panda3dConfig, RoleConfig, WebConfig,
};

pub(super) fn summary(config: &Config, dc: &DcFile) -> String {
    let files = config.general.dc_files.len();
    let classes = number_of(dc.classes().count() as u64, "class", "classes");
    let logger = match &config.general.event_logger {
        Some(address) => address.to_string(),
        None => "none".to_owned(),
    };
    let mut lines = vec![
        format!("DC hash: {}", super::super::dc::hash_text(dc)),
        format!("DC files: {files}, with {classes}"),
        format!("UberDOGs: {}", config.uberdogs.len()),
        format!("event logger: {logger}"),
        message_director(config),
    ];
    lines.extend(config.web.as_ref().map(web));
    lines.extend(config.roles.iter().map(|role| describe(role, dc)));
    lines.join("\n")
}

fn web(web: &WebConfig) -> String {
    let tls = if web.tls.is_some() { " with TLS" } else { "" };
    let (users, tokens) = (web.access.users.len() as u64, web.access.tokens.len() as u64);
    let console = match (web.has_console, users + tokens) {
        (false, _) => "figures alone".to_owned(),
        (true, 0) => "figures and a console, which everybody on this machine may view".to_owned(),
        (true, _) => format!(
            "figures, and a console for {} and {}",
            number_of(users, "user", "users"),
            number_of(tokens, "token", "tokens")
        ),
    };
    format!("web: on {}{tls}, {console}", web.bind)
}

fn message_director(config: &Config) -> String {
    let director = &config.message_director;
    let tls = director.tls.as_ref();
    let bind_tls = tls.and_then(|LinkTlsConfig { bind, .. }| bind.as_ref());
    let binds = match (&director.bind, bind_tls) {
        (None, None) => "takes no links".to_owned(),
        (Some(bind), None) => format!("listens on {bind}"),
        (None, Some(tls)) => format!("listens with TLS on {tls}"),
        (Some(bind), Some(tls)) => format!("listens on {bind} and with TLS on {tls}"),
    };
    let upstream_tls = if tls.is_some_and(|tls| tls.connects) { " with TLS" } else { "" };
    let upstream = |address: &Address| format!("upstream is {address}{upstream_tls}");
    let upstream = director.connect.as_ref().map_or("has no upstream".to_owned(), upstream);
    format!("message director: {binds}, {upstream}")
}

fn describe(role: &RoleConfig, dc: &DcFile) -> String {
    match role {
        RoleConfig::ClientAgent(role) => client_agent(role, dc),
        RoleConfig::StateServer(role) => format!("state server: channel {}", role.control),
        RoleConfig::Database(role) => {
            let (control, generate, backend) = (role.control, role.generate, store(&role.backend));
            format!("database server: channel {control}, new objects {generate}, {backend}")
        }
        RoleConfig::DbStateServer(role) => {
            let ranges: Vec<String> = role.ranges.iter().map(DoIdRange::to_string).collect();
            let (database, ranges) = (role.database, ranges.join(", "));
            format!("database-state server: database {database}, objects {ranges}")
        }
        RoleConfig::EventLogger(role) => {
            format!("event logger: listens on {}, writes {}", role.bind, role.output)
        }
    }
}

fn client_agent(role: &ClientAgentConfig, dc: &DcFile) -> String {
    let versions: Vec<String> = role.versions.iter().map(|one| format!("{one:?}")).collect();
    let hashes: Vec<String> =
        role.accepted_hashes(dc).iter().map(|hash| format!("{hash:#010x}")).collect();
    let binds: Vec<String> = role
        .addresses()
        .map(|(key, address)| match key {
            "tls.bind" => format!("with TLS on {address}"),
            "websocket.bind" => {
                let is_encrypted = role.websocket.as_ref().is_some_and(|it| it.tls.is_some());
                let tls = if is_encrypted { " with TLS" } else { "" };
                format!("for WebSocket{tls} on {address}")
            }
            "client.trusted.bind" => format!("for trusted programs on {address}"),
            _ if role.tls.as_ref().is_some_and(|tls| tls.bind.is_none()) => {
                format!("on {address} with TLS")
            }
            _ => format!("on {address}"),
        })
        .collect();
    let binds = binds.join(" and ");
    if let Some(panda3d) = role.client.kind.panda3d() {
        let Panda3dConfig { do_ids, per_client, root, .. } = **panda3d;
        let (channels, step) = panda3d.channels();
        let clients = (channels.high().0 - channels.low().0) / step + 1;
        return format!(
            "client agent: listens {binds}, for clients of Panda3D's own repository, {clients} with {per_client} doIds each of \
             {do_ids}, zones below {root}"
        );
    }
    if let Some(otp) = role.client.kind.otp() {
        let OtpConfig { era, root, ref login_to, .. } = **otp;
        let logins = login_to
            .as_ref()
            .map_or_else(|| "to nobody".to_owned(), |to| format!("to UberDOG {}", to.do_id));
        let era = match era {
            Era::Otp => "the OTP era",
            Era::Toontown2003 => "2003",
        };
        return format!(
            "client agent: listens {binds}, for clients of {era}, log-ins {logins}, root {root}, channels {}",
            role.channels
        );
    }
    format!(
        "client agent: listens {binds}, version {}, DC hash {}, channels {}",
        versions.join(" or "),
        hashes.join(" or "),
        role.channels
    )
}

/// Where objects are kept: neither a user nor a password.
fn store(backend: &BackendConfig) -> String {
    match backend {
        BackendConfig::Sqlite { file, .. } => format!("SQLite {}", file.display()),
        BackendConfig::Postgres { url, .. } => format!("PostgreSQL {}", database_at(url)),
        BackendConfig::MySql { url, .. } => format!("MySQL {}", database_at(url)),
        BackendConfig::Yaml { directory, .. } => format!("YAML {}", directory.display()),
        BackendConfig::Soci { driver, database, .. } if driver == "sqlite3" => {
            format!("SOCI {driver} {database}")
        }
        BackendConfig::Soci { driver, database, address, .. } => {
            format!("SOCI {driver} {database} at {address}")
        }
    }
}

/// "database at host:port", of a URL.
fn database_at(url: &str) -> String {
    // It was checked when it was read.
    let Ok(url) = Url::parse(url) else { return String::new() };
    let given = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
    let database = given("dbname").unwrap_or(url.path().trim_start_matches('/').into());
    let host = given("host").or_else(|| given("socket"));
    let host = host.or_else(|| given("hostaddr")).unwrap_or(url.host_str().unwrap_or("").into());
    let port = given("port").or_else(|| url.port().map(|port| port.to_string().into()));
    match port {
        Some(port) => format!("{database} at {host}:{port}"),
        None => format!("{database} at {host}"),
    }
}
