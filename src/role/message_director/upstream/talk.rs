//! What the two ends of a connection say to each other.
//!
//! | this daemon | the one above |
//! |---|---|
//! | HELLO, then its subscriptions and post-removes | |
//! | | HELLO_RESP |
//! | SETTLED, when those below have told theirs | |
//! | | SETTLED, when everybody below it has told; again after a gap of its own |
//! | what has waited | |
//!
//! Astron's daemons say nothing. After `settle` without an answer nothing is waited for any longer; but whoever has
//! answered before is only slow, or stopped, and is waited for with patience.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::link::{Link, Settled};
use super::{Ended, Past, Way};
use crate::message::{self, Blob, Control};
use crate::net::{CLOSED, Connection, LAST_BYTES_MAX, words};
use crate::role::message_director::core::framed;
use crate::role::message_director::peers::{self, Peers};
use crate::role::message_director::settling::{Above, Epoch};
use crate::router::{Batch, Fed, Gap, Router, Sink};
use crate::wire::{Assembler, CONTROL_HEAD, Frames, Framing, Reader};

/// How long a daemon that is known to answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// A connection that has lasted so long is none that was accepted only to be closed.
const LONG: Duration = Duration::from_secs(10);
/// As is one, already after this time, whose other end has said that everybody is there.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// What the other end has said.
pub enum Said {
    /// Who it is, and what it is capable of.
    Hello(Epoch, u32),
    /// That everybody is there.
    Settled(Epoch),
}

/// Routes what comes, and hands on what is for this daemon.
pub struct Ear<'u> {
    link: &'u Link,
    assembler: Assembler,
    fed: Fed,
    /// Whole frames that have been read and wait for their turn.
    rest: BytesMut,
    /// Bytes so far.
    pub received: u64,
}

impl<'u> Ear<'u> {
    /// Nothing has come yet.
    pub fn new(link: &'u Link) -> Self {
        let assembler = Assembler::new(Framing::Tag16);
        Ear { link, assembler, fed: Fed::default(), rest: BytesMut::new(), received: 0 }
    }

    /// Reads until the connection ends: why. If that is cancelled nothing is lost: it can go on.
    pub async fn read(
        &mut self,
        connection: &Connection,
        router: &Router,
        said: &UnboundedSender<Said>,
    ) -> String {
        loop {
            match self.read_once(connection, router, said).await {
                Ok(0) if self.assembler.is_inside() => {
                    return format!("{CLOSED} inside of a datagram");
                }
                Ok(0) => return CLOSED.to_owned(),
                Ok(_) => {}
                Err(error) => return words(&error),
            }
        }
    }

    /// Goes on with what has come before the end, which has not been found by reading.
    pub async fn hear_out(
        &mut self,
        connection: &Connection,
        router: &Router,
        said: &UnboundedSender<Said>,
    ) {
        let mut all = 0;
        self.finish(router, said).await;
        while all < LAST_BYTES_MAX && connection.has_unread() {
            match self.read_once(connection, router, said).await {
                Ok(0) | Err(_) => return,
                Ok(count) => all += count,
            }
        }
    }

    async fn read_once(
        &mut self,
        connection: &Connection,
        router: &Router,
        said: &UnboundedSender<Said>,
    ) -> io::Result<usize> {
        let Ear { link, assembler, fed, rest, received } = self;
        let read = connection.read(|bytes| {
            #[cfg(test)]
            crate::fault::happens("upstream");
            *received += bytes.len() as u64;
            let framed = assembler.take(bytes, |frames| {
                let left = if rest.is_empty() {
                    take_turn(router, link, fed, frames, said)
                } else {
                    frames
                };
                rest.extend_from_slice(left);
            });
            framed.expect("nothing that a 2-byte tag says is too long");
        });
        let read = read.await;
        self.finish(router, said).await;
        read
    }

    /// Routes what has been read, with the turns of others in between.
    async fn finish(&mut self, router: &Router, said: &UnboundedSender<Said>) {
        let Ear { link, fed, rest, .. } = self;
        while !rest.is_empty() {
            tokio::task::yield_now().await;
            let left = take_turn(router, link, fed, rest, said).len();
            rest.advance(rest.len() - left);
        }
        // Nobody here is anything to wait for but a role with too much to do: the link carries what everybody up there says.
        fed.room().await;
        fed.forget();
    }
}

/// Routes frames until others are to have their turn; returns what is left.
fn take_turn<'f>(
    router: &Router,
    link: &Link,
    fed: &mut Fed,
    frames: &'f [u8],
    said: &UnboundedSender<Said>,
) -> &'f [u8] {
    let mut frames = Frames::new(frames);
    let mut batch = router.uplink_batch(fed);
    for frame in frames.by_ref() {
        if let Some(control) = frame.datagram().strip_prefix(&CONTROL_HEAD[..])
            && hear(control, link, &mut batch, said)
        {
            // It was said to this daemon.
        } else if !batch.route(frame) {
            tracing::error!("datagram from upstream ends inside its recipients");
        }
        if batch.is_over() {
            if frames.is_empty() {
                batch.has_done_all();
            }
            break;
        }
    }
    frames.remaining()
}

/// Takes what is said to this daemon; whether it was: anything else on the channel is an ordinary datagram.
fn hear(control: &[u8], link: &Link, batch: &mut Batch<'_>, said: &UnboundedSender<Said>) -> bool {
    let mut reader = Reader::new(control);
    let message = reader.u16().map(|number| Control::decode(number, &mut reader));
    let word = match message {
        Ok(Ok(Control::HelloResp { epoch, capabilities, .. })) => {
            link.is_capable_of(capabilities);
            Said::Hello(epoch, capabilities)
        }
        Ok(Ok(Control::Settled { epoch })) => Said::Settled(epoch),
        Ok(Ok(Control::LastWords { sender, datagram: Blob(datagram), .. })) => {
            if !framed(datagram, |frame| batch.hear_last_words(sender, frame)) {
                tracing::error!(%sender, "last words from upstream end inside their recipients");
            }
            return true;
        }
        Ok(Err(message::Error::Wire(error))) => {
            tracing::error!(%error, "malformed control message from upstream; dropped");
            return true;
        }
        _ => return false,
    };
    // Who hears it goes when the connection does.
    let _ = said.send(word);
    true
}

/// This daemon's part of the talk on one connection.
pub struct Talk<'u> {
    connection: &'u Connection,
    link: &'u Link,
    router: &'u Router,
    peers: &'u Peers,
    past: &'u mut Past,
    settle: Duration,
    /// The other end has answered, on this connection.
    has_answered: bool,
    /// Nothing is waited for any longer.
    is_settled: bool,
    /// When those who were spoken for have ended, for certain.
    forget_at: Option<Instant>,
}

impl<'u> Talk<'u> {
    /// Nothing has been said yet but this daemon's hello.
    pub const fn new(
        connection: &'u Connection,
        link: &'u Link,
        router: &'u Router,
        peers: &'u Peers,
        past: &'u mut Past,
        settle: Duration,
    ) -> Self {
        let (has_answered, is_settled) = (false, false);
        let forget_at = None;
        Talk { connection, link, router, peers, past, settle, has_answered, is_settled, forget_at }
    }

    /// Talks for as long as the connection lasts. It ends by itself only when the other end is this daemon.
    pub async fn go_on(&mut self, hearing: &mut UnboundedReceiver<Said>) -> Ended {
        self.router.tell_uplink().await;
        let patience = if self.past.answers { PATIENCE.max(self.settle) } else { self.settle };
        let mut deadline = Instant::now() + patience;
        let (mut has_to_tell, mut finds_circles) = (false, false);
        let own = self.peers.epoch();
        let mut least = own;
        loop {
            tokio::select! {
                biased;
                Some(said) = hearing.recv() => match said {
                    Said::Hello(epoch, _) if epoch == self.peers.epoch() => return Ended::Itself(Way::Direct),
                    Said::Hello(_, capabilities) => {
                        (self.has_answered, self.past.answers, has_to_tell) = (true, true, true);
                        self.link.has_answered();
                        finds_circles = capabilities & Control::FINDS_CIRCLES != 0;
                        deadline = Instant::now() + PATIENCE.max(self.settle);
                    }
                    Said::Settled(epoch) => self.settled(Some(epoch)),
                },
                () = self.peers.complete(), if has_to_tell => {
                    has_to_tell = false;
                    self.say(&Control::Settled { epoch: own });
                }
                // Itself is the least that it has told: in its hello.
                epoch = self.peers.least_below(least), if finds_circles => {
                    if epoch == own {
                        return Ended::Itself(Way::Circle);
                    }
                    least = epoch;
                    self.say(&Control::Below { epoch });
                }
                () = at(self.forget_at) => {
                    self.forget_at = None;
                    self.router.forget_senders();
                }
                () = tokio::time::sleep_until(deadline), if !self.is_settled => {
                    self.past.answers = self.has_answered;
                    self.settled(None);
                }
            }
        }
    }

    fn say(&self, message: &Control<'_>) {
        peers::push(self.connection, message);
        self.connection.announce();
    }

    /// Whether the other end is a daemon that says who it is.
    pub const fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Whether the connection was more than one that somebody accepts and closes, when it has lasted so long.
    pub fn has_stayed(&self, lasted: Duration) -> bool {
        lasted >= LONG || self.has_answered && self.is_settled && lasted >= LONG_ENOUGH
    }

    /// Whether the last words of a connection were those of this daemon itself.
    pub fn has_met_itself(&self, hearing: &mut UnboundedReceiver<Said>) -> bool {
        let own = self.peers.epoch();
        std::iter::from_fn(|| hearing.try_recv().ok())
            .any(|said| matches!(said, Said::Hello(epoch, _) if epoch == own))
    }

    /// Everybody is there, or nobody is going to say so.
    fn settled(&mut self, epoch: Option<Epoch>) {
        let Settled { has_lost } = self.link.settle();
        let is_again = std::mem::replace(&mut self.is_settled, true);
        let is_gap = is_again || std::mem::take(&mut self.past.is_missing_something) || has_lost;
        let same_epoch = epoch.is_some() && epoch == self.past.epoch;
        self.past.epoch = epoch;
        self.peers.above(Above::Settled(epoch.unwrap_or_default()), is_gap);
        if is_again {
            // Further up something was lost, and has been said, that nobody here knows when.
            self.router.uplink_was_lost();
        }
        if is_gap {
            self.forget_at = Some(Instant::now() + LONG);
            self.router.gap(Gap { same_epoch });
            self.peers.is_back(!is_again);
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
