//! What the daemon is, and how it does.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::level::LevelName;
use super::links::console_of;
use super::{Failure, Routes};
use crate::config::Config;
use crate::console::roles::{RoleKind, residents};
use crate::console::sampler::{STEP, Sample, totals_of};
use crate::console::time::{rfc3339, seconds};
use crate::console::warnings::{Warning, warnings};
use crate::console::{Inside, process};
use crate::role::message_director::{Direction, LinkSeen};

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(overview)).routes(routes!(history))
}

/// The daemon
#[derive(Serialize, ToSchema)]
struct Daemon {
    /// `daemon.name`
    name: Option<String>,
    version: &'static str,
    pid: u32,
    started: String,
    uptime_seconds: f64,
    /// `starting`, `ready`, `draining` or `stopping`
    stage: &'static str,
    threads: usize,
    /// The configuration's file
    config: String,
    log_level: LevelName,
}

/// The DC files
#[derive(Serialize, ToSchema)]
struct Dc {
    files: Vec<String>,
    /// As Panda3D's clients say it
    hash: String,
    /// As Astron's say it, if that is another
    astron_hash: Option<String>,
    classes: usize,
    fields: usize,
}

/// A role of the daemon
#[derive(Serialize, ToSchema)]
struct RoleRunning {
    /// Its place in the configuration
    id: usize,
    kind: RoleKind,
    name: String,
    /// Where it listens
    address: Option<String>,
    /// By which it is spoken to
    channel: Option<String>,
    /// The protocol of its clients
    #[serde(rename = "type")]
    client_type: Option<&'static str>,
    clients: usize,
    objects: usize,
}

/// How much there is
#[derive(Serialize, ToSchema)]
struct Counts {
    clients: usize,
    objects: usize,
    links: usize,
}

/// How much there has been since the start
#[derive(Serialize, ToSchema)]
struct Totals {
    /// Datagrams given to the router
    routed: String,
    /// Copies handed to participants
    delivered: String,
}

/// Another daemon of the cluster
#[derive(Serialize, ToSchema)]
struct Neighbour {
    name: String,
    /// Its console, if it has said so
    console: Option<String>,
    /// The number of its link
    link: String,
}

/// What the daemon is, and how it does
#[derive(Serialize, ToSchema)]
pub struct Overview {
    daemon: Daemon,
    dc: Dc,
    roles: Vec<RoleRunning>,
    counts: Counts,
    totals: Totals,
    /// The last second; none at the very beginning
    now: Option<Sample>,
    /// What needs action, the worst first
    warnings: Vec<Warning>,
    /// The daemons at the other ends of links
    daemons: Vec<Neighbour>,
}

impl Overview {
    /// As it is now.
    pub fn new(inside: &Inside) -> Self {
        let roles: Vec<RoleRunning> = roles(inside);
        let links = inside.seen.roll.all();
        let counters = inside.router.counters();
        let is_daemon = |link: &&LinkSeen| {
            link.is_daemon || !link.url.is_empty() || link.direction == Direction::Out
        };
        let daemons = links.iter().filter(is_daemon).map(|link| Neighbour {
            name: match (link.direction, link.name.is_empty()) {
                (Direction::Out, _) => format!("upstream {}", link.address),
                (Direction::In, true) => link.address.clone(),
                (Direction::In, false) => link.name.clone(),
            },
            console: console_of(link),
            link: link.id.to_string(),
        });
        Overview {
            daemon: daemon(inside, &inside.config),
            dc: dc(inside),
            counts: Counts {
                clients: roles.iter().map(|role| role.clients).sum(),
                objects: roles.iter().map(|role| role.objects).sum(),
                links: links.len(),
            },
            roles,
            totals: Totals {
                routed: counters.routed().to_string(),
                delivered: counters.delivered().to_string(),
            },
            now: inside.samples.newest().map(|sample| (*sample).clone()),
            warnings: warnings(inside),
            daemons: daemons.collect(),
        }
    }
}

fn daemon(inside: &Inside, config: &Config) -> Daemon {
    let (daemon, began) = (&config.daemon, process::began());
    Daemon {
        name: daemon.is_named().then(|| daemon.name.clone()),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: rfc3339(began),
        uptime_seconds: seconds(SystemTime::now().duration_since(began).unwrap_or_default()),
        stage: inside.readiness.stage().name(),
        threads: daemon.threads,
        config: inside.file.display().to_string(),
        log_level: inside.log.level().into(),
    }
}

fn dc(inside: &Inside) -> Dc {
    let files = &inside.config.general.dc_files;
    Dc {
        files: files.iter().map(|file| file.display().to_string()).collect(),
        hash: format!("{:#010x}", inside.dc.hash()),
        astron_hash: inside.dc.astron_hash().map(|hash| format!("{hash:#010x}")),
        classes: inside.dc.classes().count(),
        fields: inside.dc.classes().map(|class| class.own_fields().len()).sum(),
    }
}

fn roles(inside: &Inside) -> Vec<RoleRunning> {
    let residents = residents(&inside.router, &inside.roles);
    let role = |role: &crate::console::roles::RoleSeen| {
        let key = residents.iter().find(|(_, resident)| resident.id == role.id);
        let (clients, objects) = key.map_or((0, 0), |(key, _)| totals_of(&inside.router, *key));
        RoleRunning {
            id: role.id,
            kind: role.kind,
            name: role.name(),
            address: role.address.clone(),
            channel: role.channel.map(|channel| channel.to_string()),
            client_type: role.client_type,
            clients,
            objects,
        }
    };
    inside.roles.iter().map(role).collect()
}

/// What the daemon is, and how it does
#[utoipa::path(get, operation_id = "overview", path = "/overview", tag = "overview", responses(
    (status = 200, body = Overview), (status = 401, body = Failure),
))]
async fn overview(State(inside): State<Arc<Inside>>) -> Json<Overview> {
    Json(Overview::new(&inside))
}

/// What the daemon has done of late
#[derive(Serialize, ToSchema)]
struct History {
    /// How far samples are apart
    step_seconds: u32,
    /// The oldest first
    samples: Vec<Sample>,
}

/// What the daemon has done in the last ten minutes, second by second
#[utoipa::path(get, operation_id = "history", path = "/history", tag = "overview", responses(
    (status = 200, body = History), (status = 401, body = Failure),
))]
async fn history(State(inside): State<Arc<Inside>>) -> Json<History> {
    let samples = inside.samples.all().iter().map(|sample| (**sample).clone()).collect();
    Json(History { step_seconds: STEP.as_secs() as u32, samples })
}
