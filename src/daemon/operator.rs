//! Whoever operates the daemon, by signals and by commands: what is done for him while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::bans;
use super::signals::{Request as Wish, Signals};
use crate::config::{self, Reading, RoleConfig};
use crate::control::{self, Answer, Bound, Heard, Replies, Request};
use crate::finding::Finding;
use crate::role::client_agent;
use crate::telemetry::{Level, Log};

/// How many commands wait for their turn.
const COMMANDS_MAX: usize = 4;

/// How many lines a command is told of one kind.
const LINES_MAX: usize = 100;

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
}

/// Who asks and does not read the answer is not waited for.
fn answer(replies: Option<Replies>, answers: impl IntoIterator<Item = Answer>) {
    if let Some(replies) = replies {
        answers.into_iter().for_each(|answer| drop(replies.try_send(answer)));
    }
}

/// Whoever sends signals and commands.
pub(super) struct Operator {
    signals: Signals,
    started: Started,
    log: Arc<Log>,
    /// Told when log files are to be opened anew, and certificates read.
    reopen: watch::Sender<()>,
    /// Client agents, each with the number of its role; none before everything has started.
    agents: Option<Vec<(usize, client_agent::Handle)>>,
    /// Something was to be read again before there was anybody who could be told.
    is_due: bool,
    control: Option<Bound>,
    commands: (mpsc::Sender<Heard>, mpsc::Receiver<Heard>),
    /// The configuration is being read again, for whoever has asked by a command. Not waited for: the disk may be frozen, and
    /// signals are heard all the same.
    reading: Option<(JoinHandle<Outcome>, Option<Replies>)>,
}

/// What has been read, or what is wrong with it.
type Outcome = Result<Reading, Vec<Finding>>;

impl Operator {
    pub fn new(signals: Signals, started: Started, log: Arc<Log>) -> Self {
        let path = started.reading.config.daemon.control.clone();
        let path = path.unwrap_or_else(|| control::default_path(&started.file));
        let bound = Bound::new(&path);
        let control = bound.inspect_err(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "no commands such as `donet reload` can be given; see `daemon.control`");
        });
        Operator {
            signals,
            started,
            log,
            reopen: watch::Sender::default(),
            agents: None,
            is_due: false,
            control: control.ok(),
            commands: mpsc::channel(COMMANDS_MAX),
            reading: None,
        }
    }

    /// Changes when log files are to be opened anew.
    pub fn reopen(&self) -> watch::Receiver<()> {
        self.reopen.subscribe()
    }

    /// Notes that everything has started, and does what has been asked for meanwhile.
    pub fn has_started(&mut self, agents: Vec<(usize, client_agent::Handle)>) {
        self.agents = Some(agents);
        if std::mem::take(&mut self.is_due) {
            self.reload(None);
        }
    }

    /// Waits for a signal that ends the daemon, and does meanwhile what others ask for. Returns which it was.
    pub async fn wants_the_end(&mut self) -> &'static str {
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
                    Wish::End(signal) => return signal,
                    Wish::Reopen if !has_started => {
                        tracing::info!("SIGHUP: remembered until everything has started");
                        self.log.reopen();
                        self.is_due = true;
                    }
                    Wish::Reopen => {
                        tracing::info!("SIGHUP: log files are opened anew, and certificates and the configuration read again");
                        self.reload(None);
                    }
                },
                Some((request, replies)) = commands.recv(), if has_started => {
                    self.carry_out(request, replies);
                }
                outcome = read => self.has_read(outcome),
                never = hearing => match never {},
            }
        }
    }

    fn carry_out(&mut self, request: Request, replies: Replies) {
        match request {
            Request::Reload => {
                tracing::info!(
                    "a command: log files are opened anew, and certificates and the configuration read again"
                );
                self.reload(Some(replies));
            }
            Request::Ban { .. } | Request::Unban { .. } => {
                let agents = self.agents.iter().flatten();
                let banlists = agents.filter_map(|(_, agent)| agent.banlist().cloned()).collect();
                // It writes a file, which may take a while.
                tokio::task::spawn_blocking(move || {
                    answer(Some(replies), bans::carry_out(&request, banlists));
                });
            }
        }
    }

    /// Has log files opened anew, and the configuration read again.
    fn reload(&mut self, replies: Option<Replies>) {
        self.log.reopen();
        self.reopen.send_replace(());
        if self.reading.is_some() {
            let busy = "the configuration is being read already; try again".to_owned();
            tracing::warn!("{busy}");
            answer(replies, [Answer::Complain(busy), Answer::Exit(1)]);
            return;
        }
        let file = self.started.file.clone();
        // Files are read and checked, which may take a while.
        let reading = tokio::task::spawn_blocking(move || {
            let complete = config::survey(&file).complete();
            complete.map(|complete| Reading::from(&complete)).map_err(|survey| survey.findings)
        });
        self.reading = Some((reading, replies));
    }

    fn has_read(&mut self, outcome: Result<Outcome, JoinError>) {
        let replies = self.reading.take().and_then(|(_, replies)| replies);
        let answers = match outcome {
            Ok(Ok(reading)) => self.apply(&reading),
            Ok(Err(findings)) => self.refuse(&findings),
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be read again");
                vec![Answer::Complain(format!("it cannot be read: {error}")), Answer::Exit(1)]
            }
        };
        answer(replies, answers);
    }

    fn refuse(&self, findings: &[Finding]) -> Vec<Answer> {
        findings.iter().for_each(|finding| finding.log(self.started.for_programs));
        let file = self.started.file.display();
        tracing::error!(%file, "the configuration has errors: nothing is changed");
        let shown = findings.iter().map(|finding| Answer::Complain(finding.headline()));
        let last = "the configuration has errors: nothing is changed".to_owned();
        shown.take(LINES_MAX).chain([Answer::Complain(last), Answer::Exit(1)]).collect()
    }

    fn apply(&mut self, newer: &Reading) -> Vec<Answer> {
        if self.started.log_level.is_none() {
            self.log.set_level(newer.config.daemon.log_level.unwrap_or_default());
        }
        // It is compared with what the daemon was started with, as long as that is what runs.
        let mut keys = self.started.reading.need_restart(newer);
        if self.started.reading.has_same_roles(newer) {
            for (number, agent) in self.agents.iter_mut().flatten() {
                if let Some(RoleConfig::ClientAgent(config)) = newer.config.roles.get(*number) {
                    agent.reconfigure(config);
                }
            }
        } else {
            // Whose limits they are is not known.
            keys.insert(0, "roles (there are others, or in other places: all of them)".to_owned());
        }
        let mut answers = vec![Answer::Say("the configuration has been read again".to_owned())];
        tracing::info!("the configuration has been read again");
        for key in &keys {
            tracing::warn!(key, "changed, and needs a restart");
        }
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
