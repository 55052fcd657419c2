//! The link to a message director one level up.
//!
//! While it is lost, this daemon goes on: what would go up waits in a backlog, and after reconnecting
//! the other end is told all subscriptions and post-removes as they are then, and gets the backlog.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{Address, DaemonConfig, MessageDirectorConfig, UpstreamLoss};
use crate::ids::Channel;
use crate::message::{Blob, Control};
use crate::net::{self, Close, Connection, Liveness, Lost, Policy, WriteQueue};
use crate::router::{Brake, Change, Fed, Load, Router, Sink, Uplink};
use crate::wire::{Assembler, Frame, Frames, Framing, write_frame};

/// The first wait before connecting again; it doubles up to the last, and begins anew after a connection that has
/// lasted longer than that.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Why the upstream link was given up for good.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration says to exit without the upstream, and it has not been reached.
    #[error("cannot connect to upstream message director {address}: {reason}")]
    NotReached {
        /// The upstream.
        address: String,
        /// What the socket said.
        reason: String,
    },
    /// The configuration says to exit when the upstream is lost.
    #[error("lost connection to upstream message director {address}: {reason}")]
    Lost {
        /// The upstream.
        address: String,
        /// What the socket said.
        reason: String,
    },
}

/// Makes `router`'s uplink a link to the message director at `address`. The future that is returned
/// keeps it connected until `shutdown`; what is routed before it runs waits.
///
/// # Errors
/// The future fails only if the configuration says so: [`UpstreamLoss::Exit`].
pub fn connect(
    address: Address,
    daemon: &DaemonConfig,
    config: MessageDirectorConfig,
    router: Router,
    shutdown: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + Send + 'static {
    let upstream = Arc::new(Upstream {
        address: address.to_string(),
        introduction: introduction(daemon),
        backlog_max: config.upstream_buffer_bytes_max,
        state: Mutex::new(State::Away(Backlog::default())),
    });
    router.set_uplink(upstream.clone());
    keep_connected(upstream, address, config, router, shutdown)
}

async fn keep_connected(
    upstream: Arc<Upstream>,
    address: Address,
    config: MessageDirectorConfig,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let mut wait = RETRY_FIRST;
    loop {
        let ended = tokio::select! {
            ended = upstream.connect_once(&address, &config, &router) => ended,
            () = shutdown.cancelled() => {
                upstream.flush().await;
                return Ok(());
            }
        };
        let (reason, lasted) = match ended {
            Ended::NotConnected(error) => (error.to_string(), None),
            Ended::Lost { reason, lasted } => (reason, Some(lasted)),
        };
        if config.upstream_loss == UpstreamLoss::Exit {
            let address = upstream.address.clone();
            return Err(match lasted {
                None => Error::NotReached { address, reason },
                Some(_) => Error::Lost { address, reason },
            });
        }
        if lasted.is_some_and(|lasted| lasted > RETRY_LAST) {
            wait = RETRY_FIRST;
        }
        tracing::warn!(
            upstream = upstream.address,
            reason,
            retry_ms = wait.as_millis() as u64,
            "no connection to the upstream message director; serving locally"
        );
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
        wait = (wait * 2).min(RETRY_LAST);
    }
}

enum Ended {
    NotConnected(io::Error),
    Lost { reason: String, lasted: Duration },
}

/// What this daemon says of itself at the beginning of a connection, as frames.
fn introduction(daemon: &DaemonConfig) -> Vec<u8> {
    let mut frames = Vec::new();
    let name = Control::SetConName { name: Blob(daemon.name.as_bytes()) };
    let url = Control::SetConUrl { url: Blob(daemon.url.as_bytes()) };
    let said = [(daemon.is_named(), name), (!daemon.url.is_empty(), url)];
    for (_, message) in said.into_iter().filter(|(known, _)| *known) {
        // A name longer than a datagram is not worth more than leaving it out.
        let _ = write_frame(&mut frames, |writer| message.write_control(writer));
    }
    frames
}

/// The router's uplink.
struct Upstream {
    address: String,
    introduction: Vec<u8>,
    backlog_max: usize,
    state: Mutex<State>,
}

enum State {
    Connected(Arc<Connection>),
    /// The other end is being told what it must know; then it gets the backlog.
    Telling(Arc<Connection>, Backlog),
    Away(Backlog),
}

/// What could not be sent while there was no connection.
#[derive(Default)]
struct Backlog {
    frames: WriteQueue,
    dropped: u64,
}

impl Upstream {
    async fn connect_once(
        &self,
        address: &Address,
        config: &MessageDirectorConfig,
        router: &Router,
    ) -> Ended {
        let (limit, stall_max) = (config.connect_timeout, config.link_write_timeout);
        let liveness = Liveness::new(config.keepalive, stall_max);
        let connected = async {
            let addresses = net::within(limit, address.resolve()).await?;
            net::connect(&addresses, limit, liveness).await
        };
        let stream = match connected.await {
            Ok(stream) => stream,
            Err(error) => return Ended::NotConnected(error),
        };
        let since = Instant::now();
        let policy = Policy::link(config.link_buffer_bytes_max, config.link_write_timeout);
        let connection = Arc::new(Connection::new(stream, policy));
        router.begin_to_tell_uplink(|| self.take_over(&connection));
        tracing::info!(upstream = self.address, "connected to the upstream message director");
        let telling = async {
            router.tell_uplink().await;
            std::future::pending().await
        };
        let reason = tokio::select! {
            reason = read(&connection, router) => reason,
            Err(lost) = connection.drive() => lost.to_string(),
            reason = telling => reason,
        };
        self.lose();
        let unsent_bytes = connection.unsent();
        if unsent_bytes > 0 {
            let upstream = &self.address;
            tracing::error!(upstream, unsent_bytes, "what waited for the upstream is lost");
        }
        Ended::Lost { reason, lasted: since.elapsed() }
    }

    /// Makes a new connection the one in use. The other end has yet to be told everything that it must know.
    fn take_over(&self, connection: &Arc<Connection>) {
        connection.push_burst(&self.introduction);
        let mut state = self.state.lock();
        let backlog = state.take_backlog();
        *state = State::Telling(connection.clone(), backlog);
    }

    /// The connection is no more. What has not been pushed to it waits for the next one.
    fn lose(&self) {
        let mut state = self.state.lock();
        *state = State::Away(state.take_backlog());
    }

    async fn flush(&self) {
        self.told();
        let connection = match &*self.state.lock() {
            State::Connected(connection) => connection.clone(),
            State::Telling(..) | State::Away(_) => return,
        };
        connection.close(Close::Flushed);
        if let Err(lost) = connection.drive().await {
            let unsent_bytes = connection.unsent();
            tracing::warn!(upstream = self.address, reason = %lost, unsent_bytes, "last messages were lost");
        }
    }

    fn keep(&self, backlog: &mut Backlog, frames: Frames<'_>) {
        for frame in frames {
            if backlog.frames.len() + frame.bytes().len() <= self.backlog_max {
                backlog.frames.push(frame.bytes());
                continue;
            }
            if backlog.dropped == 0 {
                tracing::error!(
                    upstream = self.address,
                    bytes = backlog.frames.len(),
                    "the upstream is away and the backlog is full; datagrams are lost"
                );
            }
            backlog.dropped += 1;
        }
    }

    fn push_control(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let state = self.state.lock();
        let mut frames = Vec::new();
        match &*state {
            // Nothing is said: all is told anew after connecting.
            State::Away(_) => {}
            State::Connected(connection) => {
                write(&mut frames);
                // A subscription is no flood.
                connection.push_bytes(&frames);
            }
            // What has to be told at the beginning comes on top of what may wait at any time.
            State::Telling(connection, _) => {
                write(&mut frames);
                connection.push_burst(&frames);
            }
        }
    }
}

impl State {
    fn take_backlog(&mut self) -> Backlog {
        match self {
            State::Connected(_) => Backlog::default(),
            State::Telling(_, backlog) | State::Away(backlog) => std::mem::take(backlog),
        }
    }
}

async fn read(connection: &Connection, router: &Router) -> String {
    let mut assembler = Assembler::new(Framing::Tag16);
    let mut fed = Fed::default();
    let mut rest = BytesMut::new();
    loop {
        let read = connection.read(|bytes| {
            #[cfg(test)]
            crate::fault::happens("upstream");
            let framed = assembler.take(bytes, |frames| {
                let left =
                    if rest.is_empty() { take_turn(router, &mut fed, frames) } else { frames };
                rest.extend_from_slice(left);
            });
            framed.expect("nothing that a 2-byte tag says is too long");
        });
        let read = read.await;
        while !rest.is_empty() {
            tokio::task::yield_now().await;
            let left = take_turn(router, &mut fed, &rest).len();
            rest.advance(rest.len() - left);
        }
        // Nobody here is anything to wait for but a role with too much to do: the link carries what everybody up there says.
        fed.room().await;
        fed.forget();
        match read {
            Ok(0) if assembler.is_inside() => {
                return io::Error::from(io::ErrorKind::UnexpectedEof).to_string();
            }
            Ok(0) => return Lost::Io(io::ErrorKind::ConnectionReset.into()).to_string(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Routes frames until others are to have their turn; returns what is left.
fn take_turn<'f>(router: &Router, fed: &mut Fed, frames: &'f [u8]) -> &'f [u8] {
    let mut frames = Frames::new(frames);
    let mut batch = router.uplink_batch(fed);
    for frame in frames.by_ref() {
        if !batch.route(frame) {
            tracing::error!("datagram from upstream ends inside its recipients");
        }
        if batch.is_over() {
            break;
        }
    }
    frames.remaining()
}

fn write_control(frames: &mut Vec<u8>, message: &Control<'_>) {
    write_frame(frames, |writer| message.write_control(writer))
        .expect("a control message without a blob is small");
}

fn write_change(frames: &mut Vec<u8>, change: Change) {
    let message = match change {
        Change::AddChannel(channel) => Control::AddChannel { channel },
        Change::RemoveChannel(channel) => Control::RemoveChannel { channel },
        Change::AddRange(range) => Control::AddRange { low: range.low(), high: range.high() },
        Change::RemoveRange(range) => Control::RemoveRange { low: range.low(), high: range.high() },
    };
    write_control(frames, &message);
}

fn write_post_remove(frames: &mut Vec<u8>, sender: Channel, frame: Frame<'_>) {
    let message = Control::AddPostRemove { sender, datagram: Blob(frame.datagram()) };
    if let Err(error) = write_frame(frames, |writer| message.write_control(writer)) {
        tracing::error!(%sender, %error, "post-remove is too large to be kept upstream");
    }
}

impl Uplink for Upstream {
    fn change(&self, change: Change) {
        self.push_control(|frames| write_change(frames, change));
    }

    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>) {
        self.push_control(|frames| write_post_remove(frames, sender, frame));
    }

    fn clear_post_removes(&self, sender: Channel) {
        self.push_control(|frames| write_control(frames, &Control::ClearPostRemoves { sender }));
    }

    fn told(&self) {
        let mut state = self.state.lock();
        let State::Telling(connection, backlog) = &mut *state else { return };
        let (connection, backlog) = (connection.clone(), std::mem::take(backlog));
        connection.push_queue(backlog.frames);
        if backlog.dropped > 0 {
            tracing::error!(
                upstream = self.address,
                dropped = backlog.dropped,
                "datagrams were lost while the upstream was away"
            );
        }
        *state = State::Connected(connection);
    }

    fn push(&self, frame: Frame<'_>) -> Load {
        self.push_all(Frames::new(frame.bytes()))
    }

    fn push_all(&self, frames: Frames<'_>) -> Load {
        match &mut *self.state.lock() {
            State::Connected(connection) => connection.push_all(frames),
            State::Telling(_, backlog) | State::Away(backlog) => {
                self.keep(backlog, frames);
                Load::Fine
            }
        }
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        match &*self.state.lock() {
            State::Connected(connection) => Sink::brake(&**connection),
            State::Telling(..) | State::Away(_) => None,
        }
    }

    fn announce(&self) {
        let connection = match &*self.state.lock() {
            State::Connected(connection) | State::Telling(connection, _) => connection.clone(),
            State::Away(_) => return,
        };
        // The lock is free: whoever routes must not wait for a write.
        connection.announce();
    }
}
