//! Whoever operates the daemon, by signals and by commands: what is done for him while it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::bans;
use super::notify::Manager;
use super::recorder::Recording;
use super::reload::{self, InForce, Read};
use super::signals::{Request as Wish, Signals};
use super::traces::Traces;
use crate::banlist::Banlist;
use crate::config::{Reading, RoleConfig};
use crate::console::{self, Inside};
use crate::control::{self, Answer, Bound, Heard, Replies, Request};
use crate::finding::Finding;
use crate::net::Passed;
use crate::role::client_agent;
use crate::telemetry::{Level, Log};

/// How many commands wait for their turn: as many as are heard.
const COMMANDS_MAX: usize = 64;

/// How many lines a command is told of one kind.
const LINES_MAX: usize = 100;

/// How many commands may wait for the end of the daemon: others are still to be heard.
const WATCHERS_MAX: usize = 4;

/// For how long clients may stay if neither the command nor the configuration says so.
const GRACE: Duration = Duration::from_secs(10 * 60);

/// How long the end waits for a command to have taken its last answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the daemon is to end.
pub(super) struct Ending {
    /// By which signal, if it was one.
    pub signal: Option<&'static str>,
    /// For how long clients may stay, if they may.
    pub grace: Option<Duration>,
}

/// What the command line says that a reading of the configuration does not change.
pub struct Started {
    /// The configuration's file.
    pub file: PathBuf,
    /// What it said at the start.
    pub reading: Reading,
    /// The level of the log, if the command line names one.
    pub log_level: Option<Level>,
    /// Whether the log is for programs.
    pub for_programs: bool,
    /// Sockets that a service manager has bound.
    pub passed: Arc<Passed>,
}

/// Who asks and does not read the answer is not waited for.
pub(super) fn answer(replies: Option<Replies>, answers: impl IntoIterator<Item = Answer>) {
    if let Some(replies) = replies {
        answers.into_iter().for_each(|answer| drop(replies.try_send(answer)));
    }
}

fn too_early() -> [Answer; 2] {
    [Answer::Complain("not everything has started yet; try again".to_owned()), Answer::Exit(1)]
}

/// Whoever sends signals and commands.
pub(super) struct Operator {
    signals: Signals,
    started: Started,
    log: Arc<Log>,
    /// Who is told what the daemon does.
    manager: Arc<Manager>,
    /// Told when files are to be opened or read again.
    anew: AnewSenders,
    /// What has been taken over since the start.
    in_force: InForce,
    /// Client agents, each with the number of its role; none before everything has started.
    agents: Option<Vec<(usize, client_agent::Handle)>>,
    /// The console, if it runs already.
    console: Option<Arc<Inside>>,
    /// The configuration was to be read again before there was anybody who could be told: for whom.
    due: Vec<Option<Replies>>,
    /// What the configuration says of drains.
    drain: Option<Duration>,
    drain_wave: Arc<AtomicU32>,
    control: Option<Bound>,
    commands: (mpsc::Sender<Heard>, mpsc::Receiver<Heard>),
    /// The configuration is being read again, for whoever has asked by a command. Not waited for: the disk may be frozen, and
    /// signals are heard all the same.
    reading: Option<(JoinHandle<Read>, Option<Replies>)>,
    /// Commands that wait until the daemon has ended. After `control`: when they hear that, another daemon can have the
    /// socket.
    watchers: Vec<Replies>,
    /// A command that does not, and is to be told what comes of it.
    asker: Option<Replies>,
    /// Hands over what is routed, to commands that ask for it.
    traces: Option<Traces>,
    /// Keeps the last of it.
    recording: Option<Recording>,
}

/// Changes when files are to be opened or read again.
#[derive(Clone)]
pub struct Anew {
    /// Log files are to be opened.
    pub logs: watch::Receiver<()>,
    /// Certificates and ban lists are to be read.
    pub files: watch::Receiver<()>,
}

impl Anew {
    /// Nobody ever asks for it.
    pub fn never() -> Self {
        AnewSenders::default().subscribe()
    }
}

#[derive(Default)]
struct AnewSenders {
    logs: watch::Sender<()>,
    files: watch::Sender<()>,
}

impl AnewSenders {
    fn subscribe(&self) -> Anew {
        Anew { logs: self.logs.subscribe(), files: self.files.subscribe() }
    }
}

impl Operator {
    pub fn new(signals: Signals, started: Started, log: Arc<Log>, manager: Arc<Manager>) -> Self {
        let path = started.reading.config.daemon.control.clone();
        let path = path.unwrap_or_else(|| control::default_path(&started.file));
        let bound = Bound::new(&path);
        let control = bound.inspect_err(|error| {
            let path = path.display();
            if error.kind() == std::io::ErrorKind::Unsupported {
                return tracing::info!(%error, "no commands such as `donet reload` can be given");
            }
            tracing::warn!(%path, %error, "no commands such as `donet reload` can be given; see `daemon.control`");
        });
        let daemon = &started.reading.config.daemon;
        let (drain, drain_wave) = (daemon.drain, Arc::new(daemon.drain_wave.into()));
        let in_force = InForce::new(&started.reading);
        Operator {
            signals,
            started,
            log,
            manager,
            anew: AnewSenders::default(),
            in_force,
            agents: None,
            console: None,
            due: Vec::new(),
            drain,
            drain_wave,
            control: control.ok(),
            commands: mpsc::channel(COMMANDS_MAX),
            reading: None,
            watchers: Vec::new(),
            asker: None,
            traces: None,
            recording: None,
        }
    }

    /// From now on there is something to look at.
    pub fn can_see(&mut self, traces: Traces, recording: Option<Recording>) {
        (self.traces, self.recording) = (Some(traces), recording);
    }

    /// Has the flight recorder write what it has.
    fn dump(&self, output: Option<PathBuf>, replies: Replies) {
        match &self.recording {
            Some(recording) => recording.dump(output, replies),
            None => {
                let text = "this daemon keeps no datagrams: see `daemon.recorder`".to_owned();
                answer(Some(replies), [Answer::Complain(text), Answer::Exit(1)]);
            }
        }
    }

    /// Sockets that a service manager has bound.
    pub fn passed(&self) -> Arc<Passed> {
        self.started.passed.clone()
    }

    /// Changes when files are to be opened or read again.
    pub fn anew(&self) -> Anew {
        self.anew.subscribe()
    }

    /// Where commands are heard.
    pub fn commands(&self) -> mpsc::Sender<Heard> {
        self.commands.0.clone()
    }

    /// Notes by which console somebody looks.
    pub fn is_seen_by(&mut self, console: Arc<Inside>) {
        self.console = Some(console);
    }

    /// Notes that everything has started, and does what has been asked for meanwhile.
    pub fn has_started(&mut self, agents: Vec<(usize, client_agent::Handle)>) {
        self.agents = Some(agents);
        if let Some(console) = &self.console {
            // There is one start.
            let _ = console.banlists.set(self.banlists());
        }
        for replies in std::mem::take(&mut self.due) {
            self.reload(replies);
        }
    }

    /// The clients of all agents.
    pub fn crowds(&self) -> Vec<client_agent::Crowd> {
        self.agents.iter().flatten().map(|(_, agent)| agent.crowd()).collect()
    }

    /// How many clients a second are put out by a drain, at most: a newer configuration may say something else.
    pub fn drain_wave(&self) -> Arc<AtomicU32> {
        self.drain_wave.clone()
    }

    /// Has the service manager give clients more time.
    pub fn waits_for(&self, clients: usize) {
        self.manager.is_draining(clients);
    }

    /// Tells those who wait for the end of the daemon how far it has come.
    pub fn tell(&mut self, text: &str) {
        let say = || Answer::Say(text.to_owned());
        answer(self.asker.take(), [say(), Answer::Exit(0)]);
        self.watchers.retain(|watcher| !watcher.is_closed());
        self.watchers.iter().for_each(|watcher| drop(watcher.try_send(say())));
    }

    /// Tells them that it has ended.
    pub async fn has_ended(&mut self, code: u8) {
        answer(self.asker.take(), [Answer::Exit(code)]);
        for watcher in &self.watchers {
            let _ = watcher.try_send(Answer::Exit(code));
        }
        let taken = async {
            for watcher in &self.watchers {
                watcher.closed().await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, taken).await;
    }

    /// Notes who asks for a drain, and says how long it is to be.
    fn is_to_drain(&mut self, grace_seconds: Option<u32>, wait: bool, replies: Replies) -> Ending {
        self.watchers.retain(|watcher| !watcher.is_closed());
        if wait && self.watchers.len() < WATCHERS_MAX {
            self.watchers.push(replies);
        } else {
            if wait {
                let text = "not waited for: too many others wait already".to_owned();
                answer(Some(replies.clone()), [Answer::Complain(text)]);
            }
            self.asker = Some(replies);
        }
        let grace = grace_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ending { signal: None, grace: Some(grace.or(self.drain).unwrap_or(GRACE)) }
    }

    /// Waits for a signal that is not to be waited any longer. The daemon stops, and whoever asks for a drain is told so.
    pub async fn is_impatient(&mut self) -> &'static str {
        loop {
            if let Some(signal) = self.wants_the_end().await.signal {
                return signal;
            }
            self.tell("the daemon stops already");
        }
    }

    /// Waits until somebody wants the daemon to end, and does meanwhile what others ask for. Returns how it is to end.
    pub async fn wants_the_end(&mut self) -> Ending {
        loop {
            let Operator { signals, control, commands: (sender, commands), reading, .. } = self;
            // Who asks by a command is answered when it has been done.
            let has_started = self.agents.is_some();
            let read = async {
                match reading {
                    Some((reading, _)) => reading.await,
                    None => std::future::pending().await,
                }
            };
            let hearing = async {
                match control {
                    Some(bound) => bound.serve(sender.clone()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::End(signal) => {
                        let grace = self.drain.filter(|_| signal == "SIGTERM");
                        return Ending { signal: Some(signal), grace };
                    }
                    Wish::Reopen if !has_started => {
                        tracing::info!("SIGHUP: remembered until everything has started");
                        self.log.reopen();
                        self.due.push(None);
                    }
                    Wish::Reopen => {
                        tracing::info!("SIGHUP: log files are opened anew, and certificates and the configuration read again");
                        self.reload(None);
                    }
                },
                Some((request, replies)) = commands.recv() => match request {
                    Request::Reload if !has_started => self.due.push(Some(replies)),
                    Request::Drain { grace_seconds, wait } => {
                        return self.is_to_drain(grace_seconds, wait, replies);
                    }
                    Request::Reload => {
                        tracing::info!("a command: log files are opened anew, and certificates and the configuration read again");
                        self.reload(Some(replies));
                    }
                    Request::Schema => match &self.traces {
                        Some(traces) => traces.say_schema(replies),
                        None => answer(Some(replies), too_early()),
                    },
                    Request::Trace { wanted } => match &self.traces {
                        Some(traces) => traces.begin(wanted, replies),
                        None => answer(Some(replies), too_early()),
                    },
                    Request::Dump { output } => self.dump(output, replies),
                    Request::Bans => {
                        tokio::spawn(bans::tell(self.banlists(), replies));
                    }
                    Request::Ban { .. } | Request::Unban { .. } => self.ban(request, replies),
                    Request::Top => self.top(replies),
                },
                outcome = read => self.has_read(outcome),
                never = hearing => match never {},
            }
        }
    }

    /// Tells what there is to be seen, which takes turns of the router.
    fn top(&self, replies: Replies) {
        let Some(console) = self.console.clone() else { return answer(Some(replies), too_early()) };
        tokio::spawn(async move {
            let seen = console::top(&console).await;
            answer(Some(replies), [Answer::Say(seen), Answer::Exit(0)]);
        });
    }

    /// The ban lists of all agents, each once: those that name the same file have the same one.
    fn banlists(&self) -> Vec<Arc<Banlist>> {
        let mut lists: Vec<Arc<Banlist>> = Vec::new();
        for list in self.agents.iter().flatten().filter_map(|(_, agent)| agent.banlist()) {
            if !lists.iter().any(|known| Arc::ptr_eq(known, list)) {
                lists.push(list.clone());
            }
        }
        lists
    }

    /// Lets somebody in no more, or again.
    fn ban(&self, request: Request, replies: Replies) {
        if self.agents.is_none() {
            return answer(Some(replies), too_early());
        }
        let agents = self.agents.iter().flatten().map(|(_, agent)| agent);
        let listed = agents.filter(|agent| agent.banlist().is_some());
        let subject = bans::subject_of(&request);
        let objection = |agent: &client_agent::Handle| agent.objection_to(subject?);
        let concerned = bans::Concerned {
            banlists: self.banlists(),
            crowds: listed.clone().map(client_agent::Handle::crowd).collect(),
            objection: listed.clone().find_map(objection),
        };
        // It writes a file, which may take a while.
        tokio::task::spawn_blocking(move || {
            answer(Some(replies), bans::carry_out(&request, &concerned));
        });
    }

    /// Has log files opened anew, and the configuration read again.
    fn reload(&mut self, replies: Option<Replies>) {
        self.log.reopen();
        self.anew.logs.send_replace(());
        if self.reading.is_some() {
            let busy = "the configuration is being read already; try again".to_owned();
            tracing::warn!("{busy}");
            answer(replies, [Answer::Complain(busy), Answer::Exit(1)]);
            return;
        }
        self.manager.is_reloading();
        let (file, log) = (self.started.file.clone(), self.log.clone());
        let running = self.started.reading.config.clone();
        // Files are read and checked, which may take a while.
        let reading = tokio::task::spawn_blocking(move || reload::read(&file, &running, &log));
        self.reading = Some((reading, replies));
    }

    fn has_read(&mut self, read: Result<Read, JoinError>) {
        let replies = self.reading.take().and_then(|(_, replies)| replies);
        let mut answers = Vec::new();
        match read {
            Ok(Read { outcome, warnings }) => {
                let warnings =
                    warnings.into_iter().map(|it| Answer::Complain(format!("warning: {it}")));
                answers.extend(warnings.take(LINES_MAX));
                answers.extend(match outcome {
                    Ok(reading) => self.apply(&reading),
                    Err(findings) => self.refuse(&findings),
                });
            }
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be read again");
                let text = format!("the configuration cannot be read again: {error}");
                answers.extend([Answer::Complain(text), Answer::Exit(1)]);
            }
        }
        // Also if it was refused: it runs on.
        self.manager.is_ready();
        answer(replies, answers);
    }

    fn refuse(&self, findings: &[Finding]) -> Vec<Answer> {
        findings.iter().for_each(|finding| finding.log(self.started.for_programs));
        let file = self.started.file.display();
        tracing::error!(%file, "the configuration has errors: nothing is changed");
        let shown = findings.iter().flat_map(Finding::lines).map(Answer::Complain);
        let last = "the configuration has errors: nothing is changed".to_owned();
        shown.take(LINES_MAX).chain([Answer::Complain(last), Answer::Exit(1)]).collect()
    }

    fn apply(&mut self, newer: &Reading) -> Vec<Answer> {
        let is_overruled = self.started.log_level.is_some();
        if !is_overruled {
            self.log.set_level(newer.config.daemon.log_level.unwrap_or_default());
        }
        self.drain = newer.config.daemon.drain;
        self.drain_wave.store(newer.config.daemon.drain_wave, Ordering::Relaxed);
        if let (Some(console), Some(web)) = (&self.console, &newer.config.web)
            && self.started.reading.keeps_console(newer)
        {
            console.sessions.take_over(&web.access);
        }
        // It is compared with what the daemon was started with, as long as that is what runs.
        let mut keys = self.started.reading.need_restart(newer);
        let mut undone = Vec::new();
        if self.started.reading.has_same_roles(newer) {
            for (number, agent) in self.agents.iter_mut().flatten() {
                if let Some(RoleConfig::ClientAgent(config)) = newer.config.roles.get(*number) {
                    let flaws = agent.reconfigure(config).into_iter();
                    undone.extend(flaws.map(|flaw| format!("roles[{number}].{flaw}")));
                }
            }
        } else {
            // Whose limits they are is not known.
            keys.insert(0, "roles (there are others, or in other places: all of them)".to_owned());
        }
        self.anew.files.send_replace(());
        let mut applied = self.in_force.change(&self.started.reading, newer);
        let is_level = |key: &String| is_overruled && key == "daemon.loglevel";
        let overruled: Vec<String> = applied.extract_if(.., |key| is_level(key)).collect();
        let line = reload::in_a_line(&applied, !keys.is_empty() || !overruled.is_empty());
        tracing::info!("{line}");
        for key in &keys {
            tracing::warn!(key, "changed, and needs a restart");
        }
        let mut answers = vec![Answer::Say(line)];
        for flaw in &undone {
            tracing::warn!("{flaw}");
        }
        let undone = undone.iter().take(LINES_MAX);
        answers.extend(undone.map(|flaw| Answer::Complain(format!("warning: {flaw}"))));
        answers.extend(overruled.iter().map(|key| {
            Answer::Say(format!("{key}: changed, but `--loglevel` of the command line holds"))
        }));
        let shown = keys.iter().take(LINES_MAX);
        answers
            .extend(shown.map(|key| Answer::Say(format!("{key}: changed, and needs a restart"))));
        if let Some(more) = keys.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
            answers.push(Answer::Say(format!("{more} more keys have changed, and need a restart")));
        }
        answers.push(Answer::Exit(0));
        answers
    }
}
