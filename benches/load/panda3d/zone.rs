//! Stock clients in one zone, each with an avatar there.

use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail, ensure};

use super::client::{Client, Tally};
use super::wire::{goodbye, interest};
use crate::clients::AI;
use crate::daemon::{ClientAgent, Daemon, Roles, WORLD, log_tail};
use crate::link::{Link, STALL};
use crate::objects::{await_created, create_world};
use crate::process::{Measured, Meter};
use crate::scenario::{Run, Skipped};
use crate::swarm::Swarm;
use crate::variant::Program;
use crate::wire::Batch;

/// Where everybody is.
pub(super) const ZONE: u32 = 5;
/// So many connect before the first of them is answered: fewer than ServerRepository's listener queues.
const WAVE: usize = 8;
/// Without a message for so long, one may have been the last.
const PAUSE: Duration = Duration::from_millis(20);
/// After which time without a message those that have not come are lost, if the server may lose any.
const PATIENCE: Duration = Duration::from_secs(3);

/// The server, and everybody in its zone.
pub(super) struct Zone {
    pub(super) server: Daemon,
    pub(super) swarm: Swarm,
    pub(super) clients: Vec<Client>,
    pub(super) tally: Tally,
    /// Whether what is missing is counted, and ends the run if not.
    is_lossy: bool,
}

/// How far something has come.
pub(super) struct Settled {
    pub(super) is_done: bool,
    /// What was measured until the last message.
    pub(super) measured: Measured,
}

impl Zone {
    /// Starts the server, and lets this many in, one after the other: how the zone came to be is not measured, and
    /// nothing of it may be lost.
    pub(super) fn fill(run: &Run, count: usize, options: ClientAgent) -> Result<Zone> {
        if run.variant.transport.is_websocket() {
            bail!(Skipped("stock clients know no WebSockets".to_owned()));
        }
        let roles = Roles::stock_clients(options);
        let server = run.start(&roles).map_err(|error| refused(run, error))?;
        let swarm = Swarm::with(server.way.clone())?;
        if let Program::Daemon(_) = run.variant.program {
            make_world(&server)?;
        }
        let (clients, tally) = (Vec::new(), Tally::default());
        let is_lossy = matches!(run.variant.program, Program::StockServer(_));
        let mut zone = Zone { server, swarm, clients, tally, is_lossy };
        for wave in (0..count).step_by(WAVE) {
            for _ in wave..count.min(wave + WAVE) {
                zone.connect()?;
            }
            let connected = zone.clients.len();
            zone.until("their ranges of doIds", |zone| zone.tally.ranges == connected)?;
        }
        for index in 0..count {
            zone.open(index)?;
        }
        for index in 0..count {
            zone.make_avatar(index)?;
            let known = (index + 1) * (count - 1);
            zone.until("a new avatar", |zone| zone.tally.known == known)?;
        }
        Ok(zone)
    }

    /// Connects one more; returns its number.
    pub(super) fn connect(&mut self) -> Result<usize> {
        self.clients.push(Client::default());
        self.swarm.connect(self.server.client_agent)
    }

    /// Connects another one in the place of one that has left.
    pub(super) fn reconnect(&mut self, index: usize) -> Result<()> {
        self.swarm.reconnect(index, self.server.client_agent)
    }

    /// A client wants to see the zone, and is answered.
    pub(super) fn open(&mut self, index: usize) -> Result<()> {
        let answered = self.tally.disables + 1;
        self.swarm.send(index, &interest(ZONE))?;
        self.until("the answer to an interest", |zone| zone.tally.disables == answered)
    }

    pub(super) fn make_avatar(&mut self, index: usize) -> Result<()> {
        let mut batch = Batch::default();
        self.clients[index].make_avatar(ZONE, &mut batch)?;
        self.swarm.send(index, &batch)
    }

    /// A client goes; those who know its avatar will hear of that.
    pub(super) fn leave(&mut self, index: usize) -> Result<()> {
        self.swarm.send(index, &goodbye())?;
        self.swarm.give_up(index);
        let gone = std::mem::take(&mut self.clients[index]);
        self.tally.ranges -= 1;
        self.tally.known -= gone.seen.len();
        Ok(())
    }

    pub(super) fn walk_on(&mut self, index: usize) -> Result<()> {
        let mut batch = Batch::default();
        self.clients[index].walk_on(&mut batch)?;
        self.swarm.send(index, &batch)
    }

    /// Waits for messages once; returns whether there were any.
    pub(super) fn poll(&mut self, timeout: Duration) -> Result<bool> {
        let (clients, tally) = (&mut self.clients, &mut self.tally);
        let before = tally.datagrams;
        self.swarm.poll(Some(timeout), |index, frame, answers| {
            let heard = clients[index].hear(frame, answers, tally);
            heard.with_context(|| {
                format!("client {index} of {}, after {} movements", clients.len(), tally.deliveries)
            })
        })?;
        ensure!(self.swarm.closed == 0, "{} clients were disconnected", self.swarm.closed);
        Ok(self.tally.datagrams > before)
    }

    /// Polls until something is there that must come.
    pub(super) fn until(&mut self, what: &str, done: impl Fn(&Zone) -> bool) -> Result<()> {
        let mut heard = Instant::now();
        while !done(self) {
            if self.poll(PAUSE)? {
                heard = Instant::now();
            }
            ensure!(heard.elapsed() < STALL, self.lacking(what));
        }
        Ok(())
    }

    /// Polls until all is there, or, if the server may lose messages, until no more of it comes.
    pub(super) fn settle(
        &mut self,
        what: &str,
        meter: &Meter,
        done: impl Fn(&Zone) -> bool,
    ) -> Result<Settled> {
        let patience = if self.is_lossy { PATIENCE } else { STALL };
        let (mut heard, mut measured) = (Instant::now(), None);
        while !done(self) {
            if self.poll(PAUSE)? {
                (heard, measured) = (Instant::now(), None);
                continue;
            }
            let measured = match measured {
                Some(measured) => measured,
                None => *measured.insert(meter.read()?),
            };
            if heard.elapsed() > patience {
                ensure!(self.is_lossy, self.lacking(what));
                return Ok(Settled { is_done: false, measured });
            }
        }
        Ok(Settled { is_done: true, measured: meter.read()? })
    }

    /// Says what has not come, and what has.
    fn lacking(&self, what: &str) -> String {
        let Tally { ranges, disables, known, deliveries, .. } = self.tally;
        format!(
            "nothing came for {STALL:?} while clients waited for {what}; they were told {ranges} ranges of doIds, \
             {disables} answers to interests and {deliveries} movements, and know {known} avatars of others"
        )
    }
}

/// Makes the parent of everything: what a daemon does where nobody has made it is not what is measured.
fn make_world(daemon: &Daemon) -> Result<()> {
    let mut ai = Link::connect(daemon.director)?;
    let mut batch = Batch::default();
    create_world(batch.subscribe(AI));
    ai.send(&batch)?;
    await_created(&mut ai, WORLD)
}

/// Why a daemon did not start, which is no failure of one that is only compared with and does not know stock clients.
fn refused(run: &Run, error: Error) -> Error {
    let log = log_tail(run.folder);
    match log.lines().find(|line| !run.variant.must_pass && line.contains("panda3d")) {
        Some(line) => Skipped(format!("refuses client.type: {}", line.trim())).into(),
        None => error,
    }
}
