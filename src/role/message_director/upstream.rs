//! The link to a message director one level up.
//!
//! While it is lost, this daemon goes on: what would go up waits in a backlog, and after reconnecting
//! the other end is told all subscriptions and post-removes as they are then, and gets the backlog.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::config::{Address, DaemonConfig, MessageDirectorConfig, UpstreamLoss};
use crate::ids::Channel;
use crate::message::{Blob, Control};
use crate::net::{self, Closed, FrameReader, Incoming, Outbound};
use crate::router::{Change, Router, Sink, Uplink};
use crate::wire::{Frame, write_frame};

/// Bytes that may wait for the upstream before the sockets that feed it are braked.
const MARK_BYTES: usize = 1 << 20;
/// The first wait before connecting again; it doubles up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Why the upstream link was given up for good.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
        let (reason, was_connected) = match ended {
            Ended::NotConnected(error) => (error.to_string(), false),
            Ended::Lost(reason) => (reason, true),
        };
        if config.upstream_loss == UpstreamLoss::Exit {
            return Err(Error::Lost { address: upstream.address.clone(), reason });
        }
        if was_connected {
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
    Lost(String),
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
    Connected(Arc<Outbound>),
    Away(Backlog),
}

/// What could not be sent while there was no connection.
#[derive(Default)]
struct Backlog {
    frames: Vec<u8>,
    dropped: u64,
}

impl Upstream {
    async fn connect_once(
        &self,
        address: &Address,
        config: &MessageDirectorConfig,
        router: &Router,
    ) -> Ended {
        let connected = async { net::connect(&address.resolve().await?).await };
        let stream = match connected.await {
            Ok(stream) => stream,
            Err(error) => return Ended::NotConnected(error),
        };
        let (incoming, outbound) = self.take_over(stream, config, router);
        tracing::info!(upstream = self.address, "connected to the upstream message director");
        let reason = tokio::select! {
            reason = read(incoming, router) => reason,
            closed = outbound.drive() => closed.to_string(),
        };
        *self.state.lock() = State::Away(Backlog::default());
        Ended::Lost(reason)
    }

    /// Makes a new connection the one in use: the other end is told everything that it must know.
    fn take_over(
        &self,
        stream: TcpStream,
        config: &MessageDirectorConfig,
        router: &Router,
    ) -> (Incoming, Arc<Outbound>) {
        let stream = Arc::new(stream);
        let stall_max = (config.link_write_timeout_ms > 0)
            .then(|| Duration::from_millis(config.link_write_timeout_ms));
        // What has to be told at the beginning comes on top of what may wait at any time.
        let gauge = router.new_gauge(MARK_BYTES);
        let outbound = Arc::new(Outbound::new(stream.clone(), gauge, usize::MAX, stall_max));
        router.with_snapshot(|changes, post_removes| {
            let mut state = self.state.lock();
            outbound.push_bytes(&self.introduction);
            changes.for_each(|change| push_change(&outbound, change));
            for (sender, frame) in post_removes.iter() {
                push_post_remove(&outbound, sender, frame);
            }
            if let State::Away(backlog) = &*state {
                outbound.push_bytes(&backlog.frames);
                if backlog.dropped > 0 {
                    tracing::error!(
                        upstream = self.address,
                        dropped = backlog.dropped,
                        "datagrams were lost while the upstream was away"
                    );
                }
            }
            *state = State::Connected(outbound.clone());
        });
        outbound.announce();
        (Incoming(stream), outbound)
    }

    async fn flush(&self) {
        let outbound = match &*self.state.lock() {
            State::Connected(outbound) => outbound.clone(),
            State::Away(_) => return,
        };
        outbound.flushed().await;
    }

    fn push_control(&self, push: impl FnOnce(&Outbound)) {
        // While away nothing is said: all is told anew after connecting.
        if let State::Connected(outbound) = &*self.state.lock() {
            push(outbound);
        }
    }
}

async fn read(mut incoming: Incoming, router: &Router) -> String {
    let mut reader = FrameReader::new();
    loop {
        match reader.read(&mut incoming).await {
            Ok(Some(frames)) => {
                let mut batch = router.uplink_batch();
                for frame in frames {
                    if !batch.route(frame) {
                        tracing::error!("datagram from upstream ends inside its recipients");
                    }
                }
            }
            Ok(None) => return Closed::Io(io::ErrorKind::ConnectionReset.into()).to_string(),
            Err(error) => return error.to_string(),
        }
        router.brake(reader.batch_bytes()).await;
    }
}

fn push_control(outbound: &Outbound, message: &Control<'_>) {
    let mut frame = Vec::new();
    write_frame(&mut frame, |writer| message.write_control(writer))
        .expect("a control message without a blob is small");
    outbound.push_bytes(&frame);
}

fn push_change(outbound: &Outbound, change: Change) {
    let message = match change {
        Change::AddChannel(channel) => Control::AddChannel { channel },
        Change::RemoveChannel(channel) => Control::RemoveChannel { channel },
        Change::AddRange(range) => Control::AddRange { low: range.low(), high: range.high() },
        Change::RemoveRange(range) => Control::RemoveRange { low: range.low(), high: range.high() },
    };
    push_control(outbound, &message);
}

fn push_post_remove(outbound: &Outbound, sender: Channel, frame: Frame<'_>) {
    let message = Control::AddPostRemove { sender, datagram: Blob(frame.datagram()) };
    let mut bytes = Vec::new();
    match write_frame(&mut bytes, |writer| message.write_control(writer)) {
        Ok(_) => outbound.push_bytes(&bytes),
        Err(error) => {
            tracing::error!(%sender, %error, "post-remove is too large to be kept upstream")
        }
    }
}

impl Uplink for Upstream {
    fn change(&self, change: Change) {
        self.push_control(|outbound| push_change(outbound, change));
    }

    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>) {
        self.push_control(|outbound| push_post_remove(outbound, sender, frame));
    }

    fn clear_post_removes(&self, sender: Channel) {
        self.push_control(|outbound| {
            push_control(outbound, &Control::ClearPostRemoves { sender });
        });
    }

    fn push(&self, frame: Frame<'_>) {
        match &mut *self.state.lock() {
            State::Connected(outbound) => outbound.push(frame),
            State::Away(backlog) => {
                if backlog.frames.len() + frame.bytes().len() <= self.backlog_max {
                    backlog.frames.extend_from_slice(frame.bytes());
                    return;
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
    }

    fn announce(&self) {
        if let State::Connected(outbound) = &*self.state.lock() {
            outbound.announce();
        }
    }
}
