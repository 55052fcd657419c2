//! What handlers reach of the daemon.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use dclass::DcFile;
use tokio::sync::{Mutex, mpsc};

use super::asker::Asker;
use super::audit::Audit;
use super::roles::{RoleSeen, of_config};
use super::sampler::{Sampler, Samples};
use super::seen::Seen;
use super::sessions::Sessions;
use super::streams::Streams;
use crate::banlist::Banlist;
use crate::config::Config;
use crate::control::Heard;
use crate::readiness::Readiness;
use crate::recent::Recent;
use crate::router::Router;
use crate::telemetry::{Log, LogLine};
use crate::trace::Names;

/// How many lines of the log are kept.
const LINES_MAX: usize = 2000;

/// What the console is given by the daemon.
pub struct Given {
    /// How far the daemon has come.
    pub readiness: Readiness,
    /// Who listens to what, and all roles.
    pub router: Router,
    /// The classes.
    pub dc: Arc<DcFile>,
    /// Where lines of the log go.
    pub log: Arc<Log>,
    /// The configuration's file.
    pub file: PathBuf,
    /// What it said at the start.
    pub config: Config,
    /// Where commands are heard.
    pub commands: mpsc::Sender<Heard>,
    /// A number that nobody knows.
    pub random: u64,
}

/// All that handlers can reach.
pub struct Inside {
    /// How far the daemon has come.
    pub readiness: Readiness,
    /// Who listens to what, and all roles.
    pub router: Router,
    /// The classes.
    pub dc: Arc<DcFile>,
    /// The same, by all that has a name there.
    pub names: Names,
    /// Where lines of the log go.
    pub log: Arc<Log>,
    /// The last of them.
    pub lines: Arc<Recent<LogLine>>,
    /// The configuration's file.
    pub file: PathBuf,
    /// What it said at the start.
    pub config: Config,
    /// The roles of it.
    pub roles: Arc<[RoleSeen]>,
    /// What the parts of the daemon note.
    pub seen: Seen,
    /// What the daemon was doing of late.
    pub samples: Arc<Samples>,
    /// Where commands are heard.
    pub commands: mpsc::Sender<Heard>,
    /// The ban lists of all client agents, each once, as soon as everything has started.
    pub banlists: OnceLock<Vec<Arc<Banlist>>>,
    /// Who may see the console, and has logged in.
    pub sessions: Sessions,
    /// What has been done.
    pub audit: Audit,
    /// Answers without an end.
    pub streams: Streams,
    /// Held by whoever gathers figures.
    pub gathering: Mutex<()>,
    /// Held by whoever goes over all that there is.
    pub counting: Mutex<()>,
    random: u64,
    asker: OnceLock<Arc<Asker>>,
    sampler: OnceLock<Option<Sampler>>,
}

impl Inside {
    /// Of a daemon that begins.
    pub fn new(given: Given) -> Arc<Self> {
        let Given { readiness, router, dc, log, file, config, commands, random } = given;
        let access = config.web.as_ref().map(|web| web.access.clone()).unwrap_or_default();
        Arc::new(Inside {
            readiness,
            router,
            names: Names::new(dc.clone()),
            dc,
            log,
            lines: Arc::new(Recent::new(LINES_MAX)),
            file,
            roles: of_config(&config).into(),
            seen: Seen::new(config.web.is_some()),
            config,
            samples: Arc::default(),
            commands,
            banlists: OnceLock::new(),
            sessions: Sessions::new(access),
            audit: Audit::default(),
            streams: Streams::default(),
            gathering: Mutex::default(),
            counting: Mutex::default(),
            random,
            asker: OnceLock::new(),
            sampler: OnceLock::new(),
        })
    }

    /// The ban lists of all client agents, each once.
    pub fn banlists(&self) -> Vec<Arc<Banlist>> {
        self.banlists.get().cloned().unwrap_or_default()
    }

    /// Begins to keep what there is to be seen over time. Before, nobody has looked, and it costs nothing.
    pub fn begin_to_look(&self) {
        self.log.keep_lines(self.lines.clone());
        self.sampler.get_or_init(|| {
            let (samples, router) = (self.samples.clone(), self.router.clone());
            let started = Sampler::start(samples, router, self.roles.clone(), self.seen.clone());
            let say = |error: &std::io::Error| tracing::warn!(%error, "nothing is seen over time");
            started.inspect_err(say).ok()
        });
    }

    /// Whoever asks the cluster for the console.
    pub fn asker(&self) -> &Arc<Asker> {
        self.asker.get_or_init(|| {
            let asker = Asker::new(&self.router, self.random);
            tokio::spawn(asker.clone().listen());
            asker
        })
    }
}
