//! The link to a message director one level up.
//!
//! While it is lost, this daemon goes on: what would go up waits in a backlog, with what the lost connection had not
//! sent. After reconnecting, the other end is told all subscriptions and post-removes as they are then; it gets the
//! backlog when it says that everybody is there (`talk`), since what comes before those have subscribed
//! who are to get it reaches nobody.

mod backlog;
mod link;
mod retry;
mod talk;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::peers::Peers;
use super::record::Record;
use super::roll::Witness;
use super::settling::{Above, Epoch};
use crate::config::{DaemonConfig, MessageDirectorConfig, UpstreamLoss};
use crate::message::{Blob, Control};
use crate::net::{Connection, Dialler, reason, words};
use crate::recent::Closed;
use crate::router::{Router, Sink};
use crate::wire::write_frame;
use link::{Link, WaitsFor};
use retry::Retry;
use talk::{Ear, Talk};

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

/// Why a connection has ended that somebody has wanted closed.
const UNWANTED: &str = "somebody who operates the daemon has closed it";

/// Makes `router`'s uplink a link to the message director that is dialled. The future that is returned
/// keeps it connected until `shutdown`; what is routed before it runs waits. A daemon says hello if it has a name or
/// `has_roles`.
///
/// # Errors
/// The future fails only if the configuration says so: [`UpstreamLoss::Exit`].
pub fn connect(
    dialler: Dialler,
    daemon: &DaemonConfig,
    has_roles: bool,
    config: MessageDirectorConfig,
    router: Router,
    (peers, witness): (Arc<Peers>, Witness),
    shutdown: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + Send + 'static {
    // Whoever is nobody keeps silent, as with Astron: tests and tools that stand for an upstream rely on it.
    let hello = (daemon.is_named() || has_roles).then(|| peers.hello());
    let link = Link::new(dialler.address().to_string(), introduction(daemon, hello), &config);
    let link = Arc::new(link);
    router.set_uplink(link.clone());
    let past = Past::new(config.settle);
    let upstream = Upstream { dialler, config, router, peers, link, past, witness };
    upstream.keep_connected(shutdown)
}

/// What this daemon says of itself at the beginning of a connection, as frames.
fn introduction(daemon: &DaemonConfig, hello: Option<Control<'_>>) -> Vec<u8> {
    let mut frames = Vec::new();
    let name = Control::SetConName { name: Blob(daemon.name.as_bytes()) };
    let url = Control::SetConUrl { url: Blob(daemon.url.as_bytes()) };
    let name = daemon.is_named().then_some(name);
    let url = (!daemon.url.is_empty()).then_some(url);
    for message in [name, url, hello].into_iter().flatten() {
        // A name longer than a datagram is not worth more than leaving it out.
        let _ = write_frame(&mut frames, |writer| message.write_control(writer));
    }
    frames
}

/// Whatever keeps the link.
struct Upstream {
    dialler: Dialler,
    config: MessageDirectorConfig,
    router: Router,
    peers: Arc<Peers>,
    link: Arc<Link>,
    past: Past,
    witness: Witness,
}

/// What earlier connections have left behind.
struct Past {
    retry: Retry,
    /// A connection was lost on which something may have come or gone, and none has been settled since.
    is_missing_something: bool,
    /// The other end has answered a hello: it is no daemon of Astron's.
    answers: bool,
    /// The number that was said when everybody was there the last time.
    epoch: Option<Epoch>,
    /// This daemon has been found at the other end, and that has been said.
    met_itself: bool,
}

impl Past {
    fn new(settle: Duration) -> Self {
        Past {
            retry: Retry::new(settle),
            is_missing_something: false,
            answers: false,
            epoch: None,
            met_itself: false,
        }
    }
}

/// How an attempt has ended.
enum Ended {
    NotConnected(io::Error),
    Lost {
        reason: String,
        /// It was in use, and the log has said so.
        is_said: bool,
    },
    /// The upstream is this daemon.
    Itself(Way),
}

/// How a daemon is its own upstream.
#[derive(Copy, Clone)]
enum Way {
    Direct,
    /// Others are in between.
    Circle,
}

impl Upstream {
    async fn keep_connected(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let link = self.link.clone();
        loop {
            let ended = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    link.flush().await;
                    return Ok(());
                }
                ended = self.connect_once() => ended,
            };
            let address = self.dialler.address().to_string();
            let failure = match ended {
                Ended::Itself(way) => Err(way),
                Ended::NotConnected(error) => {
                    Ok((Error::NotReached { address, reason: words(&error) }, false))
                }
                Ended::Lost { reason, is_said } => Ok((Error::Lost { address, reason }, is_said)),
            };
            let wait = match failure {
                Err(way) => self.stay_alone(way),
                Ok((error, _)) if self.config.upstream_loss == UpstreamLoss::Exit => {
                    link.flush().await;
                    return Err(error);
                }
                Ok((_, true)) => self.past.retry.lost(),
                Ok((Error::NotReached { reason, .. } | Error::Lost { reason, .. }, false)) => {
                    self.past.retry.failed(self.dialler.address(), &reason)
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    link.flush().await;
                    return Ok(());
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Goes on without an upstream: everybody is here. How long until the address is tried again, which may have
    /// become another's.
    fn stay_alone(&mut self, way: Way) -> Duration {
        self.link.stay_alone();
        self.peers.above(Above::Away, false);
        if !std::mem::replace(&mut self.past.met_itself, true) {
            let upstream = self.dialler.address();
            match way {
                Way::Direct => tracing::warn!(
                    %upstream,
                    "the upstream message director is this daemon itself; serving without one"
                ),
                Way::Circle => tracing::warn!(
                    %upstream,
                    "daemons connect to each other in a circle: above the upstream message director is this daemon itself; \
                     serving without one"
                ),
            }
        }
        retry::LONGEST
    }

    async fn connect_once(&mut self) -> Ended {
        let Upstream { dialler, config, router, peers, link, past, witness } = self;
        if peers.closes_circle() {
            return Ended::Itself(Way::Circle);
        }
        let stream = match dialler.dial().await {
            Ok(stream) => stream,
            Err(error) => return Ended::NotConnected(error),
        };
        let since = Instant::now();
        // Only the first attempt, and only if nothing waits: there is nobody to be waited for, and Astron's
        // daemons say nothing.
        let waits_for = if past.retry.has_failed() || past.met_itself {
            WaitsFor::Everybody
        } else if dialler.encrypts() {
            WaitsFor::Answer
        } else {
            WaitsFor::Nobody
        };
        let connection = Arc::new(Connection::new(stream, link.policy()));
        if let Some(brake) = Sink::brake(&*connection) {
            brake.rename(&format!("upstream {}", dialler.address()));
        }
        peers.has_made(connection.stream().ends().ok());
        peers.above(Above::Settling, false);
        router.begin_to_tell_uplink(|| link.take_over(&connection, waits_for));
        let (roll, address) = (&witness.roll, dialler.address().to_string());
        let enrolled = roll.enter_upstream(&connection, address.clone(), dialler.encrypts());
        let (said, mut hearing) = mpsc::unbounded_channel();
        let mut talk = Talk::new(&connection, link, router, peers, past, config.settle);
        let mut ear = Ear::new(link);
        let ended = tokio::select! {
            biased;
            ended = talk.go_on(&mut hearing) => ended,
            Err(lost) = connection.drive() => {
                ear.hear_out(&connection, router, &said).await;
                Ended::Lost { reason: reason(&lost), is_said: false }
            }
            reason = ear.read(&connection, router, &said) => Ended::Lost { reason, is_said: false },
            () = enrolled.is_to_close() => Ended::Lost { reason: UNWANTED.to_owned(), is_said: false },
        };
        drop(enrolled);
        if let Ended::Lost { reason, .. } = &ended {
            let (reason, age) = (reason.clone(), since.elapsed());
            let (name, channel, code) = ("upstream".to_owned(), None, None);
            witness.closed.note(Closed {
                is_client: false,
                address,
                name,
                channel,
                reason,
                code,
                age,
            });
        }
        peers.has_made(None);
        let has_stayed = talk.has_stayed(since.elapsed());
        // It may have said so and hung up at once.
        let has_met_itself = talk.has_met_itself(&mut hearing);
        let mut ended = if has_met_itself { Ended::Itself(Way::Direct) } else { ended };
        let has_answered = talk.has_answered() && !matches!(ended, Ended::Itself(_));
        // A daemon that has answered has heard of subscriptions and post-removes, too.
        let record = Record { opened: since, received_bytes: ear.received };
        let was_in_use = link.let_go(router, &connection, record, &ended).await;
        if let Ended::Lost { is_said, .. } = &mut ended {
            *is_said = was_in_use;
        }
        if was_in_use || has_answered {
            past.is_missing_something = true;
            peers.is_lost();
        }
        peers.above(Above::Away, false);
        if has_stayed {
            past.retry.reset();
        }
        ended
    }
}
