//! The daemons at the other ends of links: who this one is to them, and when they are all there.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};

use super::settling::{Above, Epoch, LinkId, Settling};
use crate::config::MessageDirectorConfig;
use crate::message::Control;
use crate::net::{Connection, Ends};
use crate::router::Sink;
use crate::wire::write_frame;

/// What the ends of this daemon's links know of each other.
pub struct Peers {
    epoch: Epoch,
    settle: Duration,
    inner: Mutex<Inner>,
    /// Something has happened that may end a wait.
    changed: Notify,
    /// How often the daemon above was lost before it was settled the last time.
    gaps: watch::Sender<u64>,
    /// The connection that this daemon has made to the one above.
    made: watch::Sender<Option<Ends>>,
}

struct Inner {
    settling: Settling,
    connections: HashMap<LinkId, Arc<Connection>>,
    next: LinkId,
    /// How often the daemon above was lost, with all that it kept for links of this one.
    losses: u64,
    /// The least epoch of all daemons at and below the other end of each link.
    least: HashMap<LinkId, Epoch>,
}

impl Inner {
    /// Notes that a daemon is at a link's other end, or somewhere below.
    fn is_below(&mut self, link: LinkId, epoch: Epoch) {
        let least = self.least.entry(link).or_insert(epoch);
        *least = epoch.min(*least);
    }
}

impl Peers {
    /// Nobody yet. `epoch` is another one in each process.
    pub fn new(config: &MessageDirectorConfig, epoch: Epoch) -> Arc<Self> {
        let mut settling = Settling::new(epoch, config.settle);
        if config.bind.is_none() {
            // Nobody can connect.
            settling.open(clock());
        }
        Arc::new(Peers {
            epoch,
            settle: config.settle,
            inner: Mutex::new(Inner {
                settling,
                connections: HashMap::new(),
                next: 0,
                losses: 0,
                least: HashMap::new(),
            }),
            changed: Notify::new(),
            gaps: watch::Sender::default(),
            made: watch::Sender::default(),
        })
    }

    /// The number of this process's life.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What this daemon says of itself to the one above.
    pub const fn hello(&self) -> Control<'static> {
        let (version, capabilities) = (Control::VERSION, Control::CAPABILITIES);
        Control::Hello { version, epoch: self.epoch, capabilities }
    }

    /// From now on links are served.
    pub fn open(&self) {
        self.inner.lock().settling.open(clock() + self.settle);
        self.changed.notify_waiters();
    }

    /// A place for whoever is at the other end of `connection`. Nobody hears of him before he says hello.
    pub fn seat(self: &Arc<Self>, connection: &Arc<Connection>) -> Seat {
        let mut inner = self.inner.lock();
        let link = inner.next;
        inner.next += 1;
        let losses = inner.losses;
        Seat { peers: self.clone(), connection: connection.clone(), link, losses }
    }

    /// The daemon above is lost, and routes what it has kept for this one's end.
    pub fn is_lost(&self) {
        self.inner.lock().losses += 1;
    }

    /// This daemon has made a connection, on which nothing has been said yet, to the one above; or has lost it.
    pub fn has_made(&self, connection: Option<Ends>) {
        self.made.send_replace(connection);
    }

    /// The daemon above is settled again: what was lost with it has been, and those below are told.
    pub fn is_back(&self, was_lost_here: bool) {
        let mut inner = self.inner.lock();
        // Further up, nobody knows when; so it has been just now.
        inner.losses += u64::from(!was_lost_here);
        self.gaps.send_replace(inner.losses);
    }

    /// Notes what is known of the daemon above. After a gap all those below are told when it is settled.
    pub fn above(&self, above: Above, is_gap: bool) {
        self.inner.lock().settling.above(above, is_gap);
        self.changed.notify_waiters();
    }

    /// Waits until those below have told their subscriptions.
    pub async fn complete(&self) {
        loop {
            // Whatever changes from now on ends the wait.
            let changed = self.changed.notified();
            let deadline = {
                let mut inner = self.inner.lock();
                let now = clock();
                if inner.settling.is_complete(now) {
                    return;
                }
                inner.settling.next_deadline(now)
            };
            wait(deadline, changed).await;
        }
    }

    /// Waits until some daemon below has an epoch less than this, or this daemon is below itself: the least there is.
    pub async fn least_below(&self, than: Epoch) -> Epoch {
        loop {
            // Whatever changes from now on ends the wait.
            let changed = self.changed.notified();
            let least = self.inner.lock().least.values().copied().min();
            if let Some(least) = least.filter(|least| *least < than || *least == self.epoch) {
                return least;
            }
            changed.await;
        }
    }

    /// Whether this daemon is below itself: daemons connect to each other in a circle, and of all in it this one has the least
    /// epoch. So it is the one that does not.
    pub fn closes_circle(&self) -> bool {
        self.inner.lock().least.values().any(|least| *least == self.epoch)
    }

    /// Tells those below when everybody is there, for as long as this runs.
    pub async fn tell(&self) -> Infallible {
        loop {
            // Whatever changes from now on ends the wait.
            let changed = self.changed.notified();
            let (deadline, told) = {
                let mut inner = self.inner.lock();
                let now = clock();
                let (epoch, due) = inner.settling.due(now);
                let told: Vec<Arc<Connection>> =
                    due.iter().filter_map(|link| inner.connections.get(link).cloned()).collect();
                told.iter().for_each(|connection| push(connection, &Control::Settled { epoch }));
                (inner.settling.next_deadline(now), told)
            };
            told.iter().for_each(|connection| connection.announce());
            wait(deadline, changed).await;
        }
    }
}

/// A link's place among those that are waited for. Dropping it is leaving.
pub struct Seat {
    peers: Arc<Peers>,
    connection: Arc<Connection>,
    link: LinkId,
    /// Losses of the daemon above before it came.
    losses: u64,
}

impl Seat {
    /// Whether somebody of this epoch is this daemon itself.
    pub fn is_self(&self, epoch: Epoch) -> bool {
        self.peers.epoch == epoch
    }

    /// Waits until this daemon is found at the other end. A daemon that is nobody says no hello by which it would be known.
    pub async fn is_own(&self) {
        if let Ok(ends) = self.connection.stream().ends() {
            // It fails only if there are no peers any more.
            let _ =
                self.peers.made.subscribe().wait_for(|made| *made == Some(ends.reversed())).await;
            return;
        }
        std::future::pending().await
    }

    /// Says when the daemon above is settled again: how often it had been lost by then.
    pub fn gaps(&self) -> watch::Receiver<u64> {
        self.peers.gaps.subscribe()
    }

    /// Whether one of so many losses has befallen this link, too, and nobody else tells it so: a daemon that has said
    /// hello is told that it is settled again.
    pub fn has_missed(&self, losses: u64) -> bool {
        losses > self.losses && !self.peers.inner.lock().connections.contains_key(&self.link)
    }

    /// Answers a hello.
    pub fn answer(&self, epoch: Epoch) {
        let Peers { epoch: own, .. } = *self.peers;
        let (version, capabilities) = (Control::VERSION, Control::CAPABILITIES);
        let answer = Control::HelloResp { version, epoch: own, capabilities };
        push(&self.connection, &answer);
        self.connection.announce();
        if self.is_self(epoch) {
            return;
        }
        let mut inner = self.peers.inner.lock();
        inner.connections.insert(self.link, self.connection.clone());
        inner.is_below(self.link, epoch);
        inner.settling.hello(clock(), self.link, epoch);
        drop(inner);
        self.peers.changed.notify_waiters();
    }

    /// A daemon of this epoch is somewhere below it.
    pub fn is_above(&self, epoch: Epoch) {
        self.peers.inner.lock().is_below(self.link, epoch);
        self.peers.changed.notify_waiters();
    }

    /// It has told its subscriptions.
    pub fn told(&self) {
        self.peers.inner.lock().settling.told(self.link);
        self.peers.changed.notify_waiters();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.peers.inner.lock();
        inner.least.remove(&self.link);
        if inner.connections.remove(&self.link).is_some() {
            inner.settling.left(clock(), self.link);
            drop(inner);
            self.peers.changed.notify_waiters();
        }
    }
}

/// Appends a control message without a blob to what is to be sent.
pub(super) fn push(connection: &Connection, message: &Control<'_>) {
    let mut frame = Vec::new();
    write_frame(&mut frame, |writer| message.write_control(writer)).expect("it is small");
    connection.push_bytes(&frame);
}

async fn wait(deadline: Option<Instant>, changed: Notified<'_>) {
    let due = async {
        match deadline {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = due => {}
        () = changed => {}
    }
}

/// Tokio's clock, which tests can stop.
fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
