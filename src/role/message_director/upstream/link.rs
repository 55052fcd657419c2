//! The router's uplink: a connection, or what waits for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing::Instrument as _;

use super::super::record::Record;
use super::Ended;
use super::backlog::{Backlog, Lost};
use crate::config::MessageDirectorConfig;
use crate::ids::Channel;
use crate::message::{Blob, Control, StateServer};
use crate::metrics::{self, Figures};
use crate::net::{Connection, LastWords, Policy};
use crate::router::{Brake, Change, Load, Router, Said, Sink, Uplink};
use crate::wire::{Envelope, Frame, Frames, write_frame};

/// The router's uplink.
pub struct Link {
    address: String,
    /// What is said at the beginning of a connection.
    introduction: Vec<u8>,
    policy: Arc<Policy>,
    backlog_max: usize,
    /// What is pushed is what somebody who has left wanted said.
    are_last_words: AtomicBool,
    /// The other end has said that it can be told what they are.
    takes_last_words: AtomicBool,
    /// Who has answered has been reached, and nobody else is waited for.
    is_answer_enough: AtomicBool,
    state: Mutex<State>,
}

/// What is waited for on a new connection before anything but what must be known is sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum WaitsFor {
    /// Nothing.
    Nobody,
    /// The other end's answer. With TLS it may still refuse this side's certificate when this side has done its part
    /// of the handshake, and what was sent by then would be lost.
    Answer,
    /// That everybody is there.
    Everybody,
}

enum State {
    /// The other end is being told what it must know; the rest waits.
    Telling { connection: Arc<Connection>, backlog: Backlog, waits: bool },
    /// Everything is sent at once.
    Connected(Arc<Connection>),
    /// Subscriptions are sent at once, and the rest when everybody is there. Changes of post-removes wait with it:
    /// they must not overtake the datagrams that they are about.
    Settling(Arc<Connection>, Backlog),
    /// Everything waits, but what the next connection is told anew.
    Away(Backlog),
    /// There is nobody to send to, nor going to be.
    Alone,
}

/// What it meant that everybody is there.
pub struct Settled {
    /// Not all that had waited was sent.
    pub has_lost: bool,
}

impl Link {
    /// A link that is away.
    pub fn new(address: String, introduction: Vec<u8>, config: &MessageDirectorConfig) -> Self {
        let backlog_max = config.upstream_buffer_bytes_max;
        Link {
            address,
            introduction,
            policy: Arc::new(Policy::upstream(
                config.link_buffer_bytes_max,
                config.link_write_timeout,
            )),
            backlog_max,
            are_last_words: AtomicBool::new(false),
            takes_last_words: AtomicBool::new(false),
            is_answer_enough: AtomicBool::new(false),
            state: Mutex::new(State::Away(Backlog::new(backlog_max))),
        }
    }

    /// What connections are treated by.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.clone()
    }

    /// Makes a new connection the one in use. The other end has yet to be told everything that it must know
    /// ([`Uplink::told`]). What has waited goes on waiting for [`Link::settle`] then, if there is some or `waits_for` says so.
    pub fn take_over(&self, connection: &Arc<Connection>, waits_for: WaitsFor) {
        connection.push_burst(&self.introduction);
        let mut state = self.state.lock();
        // That was another one.
        self.takes_last_words.store(false, Ordering::Relaxed);
        let backlog = match std::mem::replace(&mut *state, State::Alone) {
            State::Away(backlog) => backlog,
            _ => Backlog::new(self.backlog_max),
        };
        let waits_for = if backlog.is_untouched() { waits_for } else { WaitsFor::Everybody };
        self.is_answer_enough.store(waits_for == WaitsFor::Answer, Ordering::Relaxed);
        let waits = waits_for != WaitsFor::Nobody;
        *state = State::Telling { connection: connection.clone(), backlog, waits };
    }

    /// The other end has said what it can do.
    pub fn is_capable_of(&self, capabilities: u32) {
        let takes_last_words = capabilities & Control::TAKES_LAST_WORDS != 0;
        self.takes_last_words.store(takes_last_words, Ordering::Relaxed);
    }

    /// The other end has answered: sends what has waited for that.
    pub fn has_answered(&self) {
        if self.is_answer_enough.load(Ordering::Relaxed) {
            let mut state = self.state.lock();
            if let State::Telling { waits, .. } = &mut *state {
                *waits = false;
                return;
            }
            drop(state);
            // A full backlog has been said.
            let _ = self.settle();
        }
    }

    /// Sends what has waited: everybody is there.
    pub fn settle(&self) -> Settled {
        let mut state = self.state.lock();
        let (connection, backlog) = match std::mem::replace(&mut *state, State::Alone) {
            State::Settling(connection, backlog) => (connection, backlog),
            other => {
                *state = other;
                return Settled { has_lost: false };
            }
        };
        let (lost, datagrams) = (backlog.lost(), backlog.datagrams());
        self.send(&connection, backlog);
        *state = State::Connected(connection.clone());
        drop(state);
        connection.announce();
        self.say_connected(datagrams);
        self.say_lost(lost, "datagrams were lost while the upstream was away");
        Settled { has_lost: lost.datagrams > 0 }
    }

    /// Parts with a connection that has ended: what it has not sent waits for the next one. Whether anything may have
    /// been missed.
    pub async fn let_go(
        &self,
        router: &Router,
        connection: &Connection,
        record: Record,
        ended: &Ended,
    ) -> bool {
        loop {
            // Nothing is routed meanwhile: whoever sends more has sent it after the loss.
            if let Some(was_in_use) =
                router.lose_uplink(|| self.try_let_go(connection, record, ended))
            {
                return was_in_use;
            }
            connection.written().await;
        }
    }

    /// Whether the connection was in use, and whose datagrams it has not sent then.
    fn try_let_go(
        &self,
        connection: &Connection,
        record: Record,
        ended: &Ended,
    ) -> Option<(bool, Option<Vec<Channel>>)> {
        let mut state = self.state.lock();
        let unsent = connection.take_back()?;
        let (backlog, senders) = match std::mem::replace(&mut *state, State::Alone) {
            State::Telling { backlog, .. } => (backlog, None),
            State::Settling(_, mut backlog) => {
                backlog.forget_control();
                (backlog, None)
            }
            _ => {
                let (backlog, senders) = Backlog::of_unsent(self.backlog_max, unsent);
                (backlog, Some(senders.into_iter().collect()))
            }
        };
        let (kept, lost) = (backlog.datagrams(), backlog.lost());
        *state = State::Away(backlog);
        drop(state);
        let was_in_use = senders.is_some();
        if was_in_use && let Ended::Lost { reason, .. } = ended {
            // What the system has taken last it may still have had.
            let (_, may_be_lost_bytes) = connection.undelivered();
            let of_what_was_sent = match may_be_lost_bytes {
                0 => String::new(),
                bytes => format!(", and of what was sent last up to {bytes} bytes may be lost"),
            };
            tracing::warn!(
                upstream = self.address,
                reason,
                kept,
                age_s = record.age_s(),
                received_bytes = record.received_bytes,
                sent_bytes = connection.taken(),
                may_be_lost_bytes,
                "connection to the upstream message director lost; what was not sent is kept{of_what_was_sent}"
            );
            self.say_lost(lost, "datagrams that the upstream had not taken do not fit the backlog");
        }
        Some((was_in_use, senders))
    }

    /// There is nobody to send to.
    pub fn stay_alone(&self) {
        *self.state.lock() = State::Alone;
    }

    /// Sends everything, at the daemon's end.
    pub async fn flush(&self) {
        let Some(connection) = self.last_connection() else { return };
        let span = tracing::error_span!("upstream", upstream = self.address);
        LastWords::of(&connection).say().instrument(span).await;
    }

    /// The connection, if there is one, with all that has waited: better too early than never.
    fn last_connection(&self) -> Option<Arc<Connection>> {
        match std::mem::replace(&mut *self.state.lock(), State::Alone) {
            State::Connected(connection) => Some(connection),
            State::Telling { connection, backlog, .. } | State::Settling(connection, backlog) => {
                self.send(&connection, backlog);
                Some(connection)
            }
            State::Away(backlog) => {
                let Lost { datagrams, dear } = backlog.lost();
                let waiting = backlog.datagrams_but(is_known_by_silence) as u64;
                let lost = Lost { datagrams: datagrams + waiting, dear: dear + backlog.dear() };
                self.say_lost(
                    lost,
                    "the daemon ends while the upstream is away; datagrams are lost",
                );
                None
            }
            State::Alone => None,
        }
    }

    fn say_connected(&self, waited_datagrams: usize) {
        tracing::info!(
            upstream = self.address,
            waited_datagrams,
            "connected to the upstream message director"
        );
    }

    fn say_lost(&self, lost: Lost, what: &str) {
        let Lost { datagrams, dear } = lost;
        if datagrams > 0 {
            tracing::error!(upstream = self.address, datagrams, deletions = dear, "{what}");
        }
    }

    fn keep(&self, backlog: &mut Backlog, frames: Frames<'_>) {
        let lost = backlog.lost();
        let is_dear = self.are_last_words.load(Ordering::Relaxed);
        frames.for_each(|frame| backlog.keep(frame, is_dear));
        if lost.datagrams == 0 && backlog.lost().datagrams > 0 {
            tracing::error!(
                upstream = self.address,
                bytes = backlog.bytes(),
                "the upstream is away and the backlog is full; datagrams are lost"
            );
        }
    }

    /// What has waited comes on top of what may wait at any time.
    fn send(&self, connection: &Connection, mut backlog: Backlog) {
        if !self.takes_last_words.load(Ordering::Relaxed) {
            backlog.unwrap_last_words();
        }
        for mut frames in backlog.into_pieces() {
            let burst = frames.len();
            connection.push_buffer(&mut frames, burst);
        }
    }

    /// Sends what the other end has to know of this daemon, after what has waited if it `waits`. While away nothing is
    /// said: all is told anew after connecting.
    fn push_control(&self, waits: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        let mut frames = Vec::new();
        match &mut *state {
            State::Away(_) | State::Alone => {}
            // What has to be told at the beginning comes on top of what may wait at any time.
            State::Telling { connection, .. } => {
                write(&mut frames);
                connection.push_burst(&frames);
            }
            State::Settling(_, backlog) if waits => {
                write(&mut frames);
                Frames::new(&frames).for_each(|frame| backlog.keep(frame, true));
            }
            // A subscription is no flood.
            State::Settling(connection, _) | State::Connected(connection) => {
                write(&mut frames);
                connection.push_bytes(&frames);
            }
        }
    }
}

/// Whether a datagram says nothing that others do not find out by its not being said: what this daemon leaves behind itself.
fn is_known_by_silence(envelope: &Envelope<'_>) -> bool {
    envelope.message_type == StateServer::STATESERVER_LOST
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

impl Uplink for Link {
    fn measure(&self, figures: &mut Figures) {
        let state = self.state.lock();
        let (connection, backlog) = match &*state {
            State::Telling { connection, backlog, .. } | State::Settling(connection, backlog) => {
                (Some(connection), backlog.bytes())
            }
            State::Connected(connection) => (Some(connection), 0),
            State::Away(backlog) => (None, backlog.bytes()),
            State::Alone => (None, 0),
        };
        figures.add(&metrics::LINKS, &["out"], u64::from(connection.is_some()));
        figures.add(&metrics::QUEUE_BYTES, &["upstream"], backlog as u64);
        figures.at_least(&metrics::QUEUE_LONGEST, &["upstream"], backlog as u64);
        if let Some(connection) = connection {
            connection.measure_queue("upstream", figures);
        }
    }

    fn change(&self, change: Change) {
        self.push_control(false, |frames| write_change(frames, change));
    }

    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>) {
        self.push_control(true, |frames| write_post_remove(frames, sender, frame));
    }

    fn clear_post_removes(&self, sender: Channel) {
        self.push_control(true, |frames| {
            write_control(frames, &Control::ClearPostRemoves { sender });
        });
    }

    fn told(&self) {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Alone) {
            State::Telling { connection, backlog, waits: true } => {
                *state = State::Settling(connection, backlog);
            }
            State::Telling { connection, backlog, waits: false } => {
                // It has come while this was told.
                self.send(&connection, backlog);
                *state = State::Connected(connection);
                drop(state);
                self.say_connected(0);
            }
            other => *state = other,
        }
    }

    fn push(&self, frame: Frame<'_>) -> Load {
        self.push_all(Frames::new(frame.bytes()))
    }

    fn push_all(&self, frames: Frames<'_>) -> Load {
        match &mut *self.state.lock() {
            State::Connected(connection) => return connection.push_all(frames),
            State::Telling { backlog, .. } | State::Settling(_, backlog) | State::Away(backlog) => {
                self.keep(backlog, frames)
            }
            State::Alone => {}
        }
        Load::Fine
    }

    fn push_last_words(&self, said: Said, frame: Frame<'_>) -> Load {
        let wrapped = Control::frame_of_last_words(said.sender, said.timing, frame.datagram());
        let wrapped = Frames::new(wrapped.as_deref().unwrap_or(frame.bytes()));
        match &mut *self.state.lock() {
            State::Connected(connection) if self.takes_last_words.load(Ordering::Relaxed) => {
                return connection.push_all(wrapped);
            }
            State::Connected(connection) => return connection.push(frame),
            State::Telling { backlog, .. } | State::Settling(_, backlog) | State::Away(backlog) => {
                self.keep(backlog, wrapped);
            }
            State::Alone => {}
        }
        Load::Fine
    }

    fn last_words(&self, are_said: bool) {
        self.are_last_words.store(are_said, Ordering::Relaxed);
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        match &*self.state.lock() {
            State::Connected(connection) => Sink::brake(&**connection),
            _ => None,
        }
    }

    fn announce(&self) {
        let connection = match &*self.state.lock() {
            State::Connected(connection)
            | State::Settling(connection, _)
            | State::Telling { connection, .. } => connection.clone(),
            State::Away(_) | State::Alone => return,
        };
        // The lock is free: whoever routes must not wait for a write.
        connection.announce();
    }
}
