//! Links that others made to this daemon.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::core::{LinkChange, Malformed, receive};
use crate::config::MessageDirectorConfig;
use crate::event::EventSender;
use crate::net::{self, Closed, FrameReader, Incoming, Outbound};
use crate::router::{Participant, Router};
use crate::wire::{CONTROL_HEAD, Run, Runs};

/// Bytes that may wait for a link before the sockets that feed it are braked.
const MARK_BYTES: usize = 1 << 20;
/// After a failed accept (too many open files, say) the next try waits, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a link has ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the peer")]
    Peer,
    #[error("{0}")]
    Read(#[source] io::Error),
    #[error("{0}")]
    Write(#[source] Closed),
    #[error("malformed input: {0}")]
    Malformed(#[source] Malformed),
    #[error("the daemon stops")]
    Shutdown,
}

/// A message director that listens but does not accept yet.
///
/// Binding and serving are apart so that every role is subscribed before the first link can speak.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: Limits,
}

#[derive(Copy, Clone, Debug)]
struct Limits {
    bytes_max: usize,
    stall_max: Option<Duration>,
}

/// Binds the first of `addresses` that can be bound.
///
/// # Errors
/// When none can.
pub fn listen(addresses: &[SocketAddr], config: &MessageDirectorConfig) -> io::Result<Listener> {
    let limits = Limits {
        bytes_max: config.link_buffer_bytes_max,
        stall_max: (config.link_write_timeout_ms > 0)
            .then(|| Duration::from_millis(config.link_write_timeout_ms)),
    };
    Ok(Listener { socket: net::bind(addresses)?, limits })
}

impl Listener {
    /// Where it listens.
    ///
    /// # Errors
    /// What the socket returns.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts links until `shutdown`, and returns when all of them have ended.
    ///
    /// At the shutdown, everybody gets what was meant for it so far, and then the end: what the
    /// others leave behind reaches roles and the upstream, but no link.
    pub async fn serve(self, router: Router, events: EventSender, shutdown: CancellationToken) {
        let mut links = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                Some(_) = links.join_next() => continue,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let link = Link { router: router.clone(), events: events.clone(), peer };
                    let task = link.run(stream, self.limits, shutdown.clone());
                    let span = tracing::info_span!("link", %peer);
                    links.spawn(task.instrument(span));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a link");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        let leaving = links.join_all().await;
        drop(leaving);
    }
}

struct Link {
    router: Router,
    events: EventSender,
    peer: SocketAddr,
}

impl Link {
    /// Serves the link until it ends. At the shutdown its place in the router is handed back.
    async fn run(
        self,
        stream: TcpStream,
        limits: Limits,
        shutdown: CancellationToken,
    ) -> Option<Participant> {
        if let Err(error) = net::set_options(&stream) {
            tracing::debug!(%error, "link lost before it began");
            return None;
        }
        let stream = Arc::new(stream);
        let gauge = self.router.new_gauge(MARK_BYTES);
        let outbound =
            Arc::new(Outbound::new(stream.clone(), gauge, limits.bytes_max, limits.stall_max));
        let participant = self.router.join("Network Participant", outbound.clone());
        tracing::debug!("link opened");
        let end = tokio::select! {
            end = self.read(Incoming(stream.clone()), &participant) => end,
            closed = outbound.drive() => End::Write(closed),
            () = shutdown.cancelled() => End::Shutdown,
        };
        match end {
            End::Peer => tracing::debug!("link closed by the peer"),
            End::Shutdown => {
                outbound.flushed().await;
                net::end(&stream);
                return Some(participant);
            }
            End::Malformed(reason) => {
                tracing::error!(%reason, "link sent malformed input; closed");
            }
            end => tracing::warn!(reason = %end, "link lost"),
        }
        None
    }

    async fn read(&self, mut incoming: Incoming, participant: &Participant) -> End {
        let mut reader = FrameReader::new();
        loop {
            let frames = match reader.read(&mut incoming).await {
                Ok(Some(frames)) => frames,
                Ok(None) => return End::Peer,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return End::Peer,
                Err(error) => return End::Read(error),
            };
            let mut renamed = None;
            let mut runs = Runs::new(frames).peekable();
            let control = std::iter::from_fn(|| runs.next_if(is_control));
            match self.receive_all(control, participant, &mut renamed) {
                // Who has one link subscribe and then another one send expects the first to get it.
                // What this socket holds may be younger than a subscription that waits in another, so
                // those that are ready get their turn before anything is routed.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {}
                Err(malformed) => return malformed_end(&incoming, malformed),
            }
            if let Err(malformed) = self.receive_all(runs, participant, &mut renamed) {
                return malformed_end(&incoming, malformed);
            }
            if let Some(change) = renamed {
                self.change(change, participant);
            }
            self.router.brake(reader.batch_bytes()).await;
        }
    }

    /// Handles frames in one batch; whether there were any.
    fn receive_all<'f>(
        &self,
        runs: impl Iterator<Item = Run<'f>>,
        participant: &Participant,
        renamed: &mut Option<LinkChange>,
    ) -> Result<bool, Malformed> {
        let mut batch = participant.batch();
        let mut any = false;
        for run in runs {
            any = true;
            if let Some(change) = receive(run, &mut batch, &self.events)? {
                *renamed = Some(change);
            }
        }
        Ok(any)
    }

    fn change(&self, change: LinkChange, participant: &Participant) {
        match change {
            LinkChange::Name(name) => {
                tracing::info!(peer = %self.peer, name, "link named");
                participant.rename(name);
            }
            LinkChange::Url(url) => tracing::debug!(url, "link has a status page"),
        }
    }
}

fn is_control(run: &Run<'_>) -> bool {
    run.first().datagram().starts_with(&CONTROL_HEAD)
}

fn malformed_end(incoming: &Incoming, malformed: Malformed) -> End {
    net::abort_on_close(&incoming.0);
    End::Malformed(malformed)
}
