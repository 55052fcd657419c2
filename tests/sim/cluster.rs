//! Daemons in one process, from configurations, on a simulated network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use donet::config::{self, Config};
use donet::daemon::{Anew, Outside, Parts, Seen};
use donet::router::Router;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::net::{Host, Net};
use crate::peers::world::{GROUND, PER_PLAYER, STATE_SERVER};
use crate::store::Disk;

/// The port of message directors.
const LINKS: u16 = 7199;
/// The port of client agents.
const CLIENTS: u16 = 7198;
/// The port of client agents for players.
const PLAYERS: u16 = 7197;
/// So many players can be at an agent at a time.
const PLAYERS_MAX: u32 = 12;
/// A daemon that has been told to end is given so long.
const GRACE: Duration = Duration::from_secs(15);

/// Which daemons there are. The first one is the root.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All roles in one.
    One,
    /// A root with the game's roles, and a client agent below it.
    Two,
    /// A root without roles, the game and a client agent below it.
    Three,
    /// A root without roles, the game and two client agents below it.
    Four,
}

impl Shape {
    /// How many daemons there are.
    pub const fn count(self) -> usize {
        match self {
            Shape::One => 1,
            Shape::Two => 2,
            Shape::Three => 3,
            Shape::Four => 4,
        }
    }

    /// Which one has the state server and the database.
    pub const fn game(self) -> usize {
        match self {
            Shape::One | Shape::Two => 0,
            Shape::Three | Shape::Four => 1,
        }
    }

    /// Those with client agents.
    pub const fn agents(self) -> &'static [usize] {
        match self {
            Shape::One => &[0],
            Shape::Two => &[1],
            Shape::Three => &[2],
            Shape::Four => &[2, 3],
        }
    }
}

/// A place for a daemon.
pub struct Node {
    index: usize,
    config: Config,
    running: Option<Running>,
    /// Processes that have run here.
    lives: u64,
}

struct Running {
    process: u64,
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// All of them.
pub struct Cluster {
    pub net: Net,
    pub disk: Disk,
    pub nodes: Vec<Node>,
    /// Parts that have ended although nobody asked them to.
    pub failures: Arc<Mutex<Vec<String>>>,
    seed: u64,
}

/// Where a daemon is.
pub const fn ip(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + index as u8))
}

/// Where a daemon's message director listens.
pub const fn links_of(index: usize) -> SocketAddr {
    SocketAddr::new(ip(index), LINKS)
}

/// The root, by an address for each of those below it, so that logs tell who speaks of it.
pub const fn root_for(index: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, index as u8, 1)), LINKS)
}

/// Where a daemon's client agent listens.
pub const fn clients_of(index: usize) -> SocketAddr {
    SocketAddr::new(ip(index), CLIENTS)
}

/// Where a daemon's client agent for players listens.
pub const fn players_of(index: usize) -> SocketAddr {
    SocketAddr::new(ip(index), PLAYERS)
}

/// The client agent of a daemon that is for players.
fn agent_for_players(index: usize) -> String {
    let min = 3_000_000_001 + 100_000 * index as u32;
    let max = min + PLAYERS_MAX * PER_PLAYER - 1;
    format!(
        "- {{type: clientagent, bind: '{}', client: {{type: panda3d, root: {GROUND}, stateserver: {STATE_SERVER}, \
         create: [Avatar], doids: {{min: {min}, max: {max}, per_client: {PER_PLAYER}}}, \
         write_buffer_size: 30000, write_timeout_ms: 4000}}, tuning: {{interest_timeout: 1000}}}}\n",
        players_of(index)
    )
}

/// The configuration of each daemon, written to files in `folder` and read from there.
pub fn configs(shape: Shape, folder: &Path) -> Vec<Config> {
    let text_of = |index| {
        let mut text = format!(
            "general: {{dc_files: [{}]}}\nuberdogs: [{{id: 1234, class: Login, anonymous: true}}]\n",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/world.dc")
        );
        let connect = format!("connect: '{}', ", root_for(index));
        text += &format!(
            "messagedirector: {{bind: '{}', {}settle_ms: 500, upstream_buffer_size: 30000, \
             link_buffer_size: 200000, link_write_timeout_ms: 5000, connect_timeout_ms: 2000}}\n",
            links_of(index),
            if index > 0 { &connect } else { "" }
        );
        text += "roles:\n";
        if index == shape.game() {
            text += "- {type: stateserver, control: 4002}\n\
                 - {type: database, control: 4003, generate: {min: 200000, max: 200999}, \
                 operation_timeout_ms: 3000, backend: {type: sqlite, file: none}}\n\
                 - {type: dbss, database: 4003, ranges: [{min: 200000, max: 200999}]}\n";
        }
        if shape.agents().contains(&index) {
            let low = 1_000_000 * (1 + index as u64);
            text += &format!(
                "- {{type: clientagent, bind: '{}', version: sim, manual_dc_hash: 1, \
                 channels: {{min: {low}, max: {}}}, client: {{add_interest: enabled, \
                 write_buffer_size: 30000, write_timeout_ms: 4000}}, \
                 tuning: {{interest_timeout: 1000, rights_grace_for: all}}}}\n",
                clients_of(index),
                low + 7
            );
            text += &agent_for_players(index);
        }
        text
    };
    let load = |index| {
        let path = folder.join(format!("{shape:?}-{index}.yml"));
        let text: String = text_of(index);
        std::fs::write(&path, text.strip_suffix("roles:\n").unwrap_or(&text)).expect("our folder");
        config::load(&path).unwrap_or_else(|errors| panic!("{:?}\n{text}", errors.0))
    };
    (0..shape.count()).map(load).collect()
}

impl Cluster {
    /// A cluster in which nothing runs yet.
    pub fn new(net: Net, configs: &[Config], seed: u64) -> Self {
        let nodes = configs.iter().enumerate().map(|(index, config)| Node {
            index,
            config: config.clone(),
            running: None,
            lives: 0,
        });
        Cluster {
            net,
            disk: Disk::new(seed ^ 1),
            nodes: nodes.collect(),
            failures: Arc::default(),
            seed,
        }
    }

    /// Whether a daemon runs.
    pub fn runs(&self, index: usize) -> bool {
        self.nodes[index].running.is_some()
    }

    /// Starts a daemon, unless it runs.
    pub async fn start(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.running.is_some() {
            return;
        }
        node.lives += 1;
        let process = index as u64 * 1000 + node.lives;
        let chance = Mutex::new(Chance::new(self.seed ^ (process << 32)));
        let outside = Outside {
            network: Arc::new(Host::new(self.net.clone(), ip(node.index), process)),
            random: Arc::new(move || chance.lock().next()),
            secret: Arc::new(move || [process as u8; 32]),
            stores: Arc::new(self.disk.clone()),
        };
        let router = Router::with_seed(outside.seed());
        let anew = Anew::never();
        let dc = Arc::new(node.config.read_dc().expect("a correct DC file"));
        let parts =
            Parts::start(node.config.clone(), dc, outside, router, (anew, Seen::new(false))).await;
        let parts = parts.unwrap_or_else(|error| panic!("daemon {index}: {error:#}"));
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let failures = self.failures.clone();
        tokio::spawn(supervise(index, parts, failures, stop.clone(), stopped.clone()));
        node.running = Some(Running { process, stop, stopped });
    }

    /// Has a daemon end in order.
    pub fn begin_to_stop(&mut self, index: usize) {
        if let Some(running) = &self.nodes[index].running {
            running.stop.cancel();
        }
    }

    /// Whether a daemon that was told to end has ended.
    pub fn has_stopped(&mut self, index: usize) -> bool {
        let running = &mut self.nodes[index].running;
        running.take_if(|running| running.stopped.is_cancelled());
        running.is_none()
    }

    /// Kills a daemon: nobody hears anything of it from now on.
    pub fn kill(&mut self, index: usize) {
        if let Some(running) = self.nodes[index].running.take() {
            self.net.crash(running.process);
            if self.nodes[index].config.roles.iter().any(is_database) {
                self.disk.crash();
            }
            running.stop.cancel();
        }
    }
}

const fn is_database(role: &config::RoleConfig) -> bool {
    matches!(role, config::RoleConfig::Database(_))
}

/// Runs a daemon until it is told to end.
async fn supervise(
    index: usize,
    mut parts: Parts,
    failures: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    stopped: CancellationToken,
) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        failure = parts.first_failure() => {
            failures.lock().push(format!("daemon {index}: {failure:#}"));
        }
    }
    let _ = tokio::time::timeout(GRACE, parts.stop()).await;
    stopped.cancel();
}
