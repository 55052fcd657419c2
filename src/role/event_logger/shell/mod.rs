//! The task: socket and clock.

mod file;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::file::Log;
use super::core::{Core, Effect, file_name};
use crate::config::{Address, EventLoggerConfig};
use crate::net::Network;
use crate::recent::Recent;
use crate::telemetry;

/// The most that UDP carries.
const PACKET_BYTES_MAX: usize = 65_535;
/// What the kernel is asked to keep while the disk is busy.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// After this many packets others get their turn.
const BATCH_PACKETS_MAX: usize = 1_024;
/// What is read at the end at most, so that a flood cannot hold the shutdown up.
const LAST_BATCHES_MAX: usize = 32;
/// Longer events are only in the file.
const SHOWN_BYTES_MAX: usize = 16 * 1024;
/// When this much waits to be written, it is written before more is read.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// The time of day is asked for this often at least, so that a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Why an event logger cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// The host is unknown.
    #[error("event logger: cannot resolve {0}")]
    Resolve(Address, #[source] io::Error),
    /// The address is taken, or not of this machine.
    #[error("event logger: cannot listen on {0}")]
    Bind(Address, #[source] io::Error),
}

/// An event logger that has its socket and does not read from it yet.
#[derive(Debug)]
pub struct EventLogger {
    config: EventLoggerConfig,
    base_dir: PathBuf,
    socket: UdpSocket,
    local_addr: SocketAddr,
}

/// Binds the event logger's socket and lets it run until `shutdown`. When `reopen` changes, it opens its file anew. The lines
/// that it writes are noted in `recent`.
///
/// # Errors
/// Fails when the address cannot be had. A log file that cannot be opened is no error: it is
/// reported, and tried again with every event.
pub async fn start(
    config: &EventLoggerConfig,
    base_dir: &Path,
    network: &dyn Network,
    reopen: watch::Receiver<()>,
    recent: Arc<Recent<String>>,
    shutdown: CancellationToken,
) -> Result<JoinHandle<()>, BindError> {
    let logger = EventLogger::bind(config, base_dir, network).await?;
    Ok(tokio::spawn(logger.run(reopen, recent, shutdown)))
}

/// Looks whether the file of the event logger could be opened now.
///
/// # Errors
/// Which it is, and why not.
pub fn check_output(
    config: &EventLoggerConfig,
    base_dir: &Path,
) -> Result<(), (PathBuf, io::Error)> {
    let path = base_dir.join(file_name(&config.output, &Zoned::now()));
    telemetry::check_writable(&path).map_err(|error| (path, error))
}

impl EventLogger {
    /// Binds the socket.
    ///
    /// # Errors
    /// As [`start`].
    pub async fn bind(
        config: &EventLoggerConfig,
        base_dir: &Path,
        network: &dyn Network,
    ) -> Result<Self, BindError> {
        let address = &config.bind;
        let candidates =
            address.resolve().await.map_err(|error| BindError::Resolve(address.clone(), error))?;
        let bound = match candidates.iter().find_map(|address| network.bound_udp(*address)) {
            Some(socket) => UdpSocket::from_std(socket),
            None => UdpSocket::bind(&candidates[..]).await,
        };
        let with_address = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (local_addr, socket) =
            with_address.map_err(|error| BindError::Bind(address.clone(), error))?;
        if let Err(error) =
            socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES)
        {
            tracing::debug!(%error, "the socket buffer keeps its size");
        }
        tracing::info!(address = %local_addr, "listening");
        Ok(EventLogger {
            config: config.clone(),
            base_dir: base_dir.to_owned(),
            socket,
            local_addr,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Writes events until `shutdown`, then those that have arrived already.
    pub async fn run(
        self,
        mut reopen: watch::Receiver<()>,
        recent: Arc<Recent<String>>,
        shutdown: CancellationToken,
    ) {
        let mut effects = Vec::new();
        let core = Core::new(&self.config, &Zoned::now(), &mut effects);
        let mut log = Log::new(self.base_dir).apply(&mut effects).await;
        let mut inbox = Inbox::new(core);
        while !shutdown.is_cancelled() {
            tokio::select! {
                _ = self.socket.readable() => {}
                () = sleep_until(inbox.core.next_deadline()) => {}
                Ok(()) = reopen.changed() => inbox.core.reopen(&Zoned::now(), &mut effects),
                () = shutdown.cancelled() => break,
            }
            let drained =
                inbox.read_batch(&mut effects, |packet| self.socket.try_recv_from(packet));
            note(&effects, &recent);
            log = log.apply(&mut effects).await;
            if !drained {
                tokio::task::yield_now().await;
            }
        }
        // Asked directly, the socket also gives what the runtime has not noticed yet.
        let socket = self.socket.into_std();
        let socket = socket.expect("a socket can be taken out of the runtime");
        for _ in 0..LAST_BATCHES_MAX {
            let drained = inbox.read_batch(&mut effects, |packet| socket.recv_from(packet));
            log = log.apply(&mut effects).await;
            if drained {
                break;
            }
        }
        log.close();
    }
}

/// Turns packets into effects.
struct Inbox {
    core: Core,
    packet: Vec<u8>,
}

impl Inbox {
    fn new(core: Core) -> Self {
        Inbox { core, packet: vec![0; PACKET_BYTES_MAX] }
    }

    /// Reads packets until there are none, or enough. Returns whether there are none.
    fn read_batch(
        &mut self,
        effects: &mut Vec<Effect>,
        mut receive: impl FnMut(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) -> bool {
        #[cfg(test)]
        crate::fault::happens("event logger");
        let now = Zoned::now();
        self.core.tick(&now, effects);
        for _ in 0..BATCH_PACKETS_MAX {
            if effects.iter().map(Effect::bytes).sum::<usize>() >= BATCH_BYTES_MAX {
                break;
            }
            match receive(&mut self.packet) {
                Ok((length, peer)) => {
                    let packet = &self.packet[..length];
                    if let Err(error) = self.core.packet(packet, &now, effects) {
                        tracing::warn!(%peer, %error, "a packet is no event and was dropped");
                    }
                }
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        tracing::warn!(%error, "a packet cannot be received");
                    }
                    return true;
                }
            }
        }
        false
    }
}

/// Notes the lines that are written, for others to see.
fn note(effects: &[Effect], recent: &Recent<String>) {
    if !recent.is_kept() {
        return;
    }
    for effect in effects {
        let Effect::Write(lines) = effect else { continue };
        let lines = lines.lines().filter(|line| line.len() <= SHOWN_BYTES_MAX);
        lines.for_each(|line| recent.note(line.to_owned()));
    }
}

/// Sleeps until a time of day, or for as long as may pass without a look at the clock; for ever without one.
async fn sleep_until(deadline: Option<Timestamp>) {
    let Some(deadline) = deadline else {
        return std::future::pending().await;
    };
    let left = Timestamp::now().duration_until(deadline);
    // A deadline that is over has a negative distance, which is no wait at all.
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default().min(SLEEP_MAX)).await;
}
