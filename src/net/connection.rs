//! A connection: everything that arrives on a socket, and everything that leaves on it.
//!
//! What is to be sent is pushed by whoever routes, and written by whoever ends a batch, so that an idle
//! connection needs no wake-up ([`crate::router`] decides when that is). Only when the stream is full does the
//! connection's own task go on ([`Connection::drive`]), as soon as it can. While nothing happens a client's
//! connection holds no buffer: most of them are idle most of the time.
//!
//! One at a time writes, with the queue in hand and the lock free; whoever comes meanwhile only pushes.
//!
//! Links and clients differ in their [`Policy`], not in mechanism:
//!
//! | | links | clients |
//! |---|---|---|
//! | more waits than its mark | the sockets that feed it are braked | nothing: a client that does not read must not slow down the cluster |
//! | more waits than its limit | the link is given up | the client is dropped; the initial objects of interests have a limit of their own |
//! | the peer takes nothing for a while | the link is given up | the client is dropped |
//! | a read brings at most | 128 KiB | 16 KiB |
//! | an emptied buffer | is kept, up to 64 KiB | goes back to the client agent |
//! | what was unsent at the end | is gone; that of the link upstream can be taken back | is gone |
//! | older values that wait | are sent | may be left out for newer ones: [`Sieve`] |

mod merging;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::policy::READ_BYTES_MAX;
use super::{Policy, Sieve, Socket, Stream, WriteQueue, words};
use crate::metrics::{self, Figures};
use crate::router::{Brake, Gauge, Load, Sink, Traffic};
use crate::wire::{Frame, Frames, Framing};

/// How long the peer of a connection that is being closed may take nothing, and how long its own last words are
/// waited for.
pub(super) const LINGER: Duration = Duration::from_secs(2);
/// How often somebody writes what others push meanwhile.
const ROUNDS_MAX: usize = 4;
/// The most that is read of what lies in the socket of a link that has been given up: more than one holds, but a peer
/// that lives may go on.
pub const LAST_BYTES_MAX: usize = 64 << 20;

thread_local! {
    /// What is read lands here first, so that connections that wait need no memory for it.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(READ_BYTES_MAX));
}

/// Why a connection has been given up.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The stream failed or has ended.
    #[error("{}", words(.0))]
    Io(#[from] io::Error),
    /// More bytes are waiting than the limit allows.
    #[error("the peer reads too slowly")]
    TooSlow(usize),
    /// More bytes of the initial objects of interests are waiting than their limit allows.
    #[error("the peer reads the objects of zones that it has opened too slowly")]
    TooManyEntries(usize),
    /// The peer has taken nothing for this long, although there was something to take.
    #[error("the peer has read nothing for {} s", .0.as_secs_f32())]
    Stalled(Duration),
}

/// How a connection is to be closed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Close {
    /// When everything has been written, within limits.
    Flushed,
    /// Now; what has not been written is forgotten.
    AtOnce,
}

/// One connection. One task drives and reads it; anybody pushes and writes.
#[derive(Debug)]
pub struct Connection<S = Socket> {
    stream: S,
    /// Shared by all of a kind.
    policy: Arc<Policy>,
    state: Mutex<State>,
    /// Somebody takes bytes from the stream, and has not done with them yet.
    is_taking: AtomicBool,
    /// Wakes the connection's task: the stream is full, or the connection is to be closed or given up.
    changed: Notify,
    /// Bytes that have been read.
    received: AtomicU64,
}

#[derive(Debug)]
struct State {
    queue: WriteQueue,
    /// What waits before the queue while the peer does not read, if some of that may be left out.
    sieve: Option<Box<Sieve>>,
    /// How datagrams are told apart, if some may be left out.
    framing: Option<Framing>,
    /// See [`Policy::keeps_unsent`].
    keeps_unsent: bool,
    /// Bytes of the queue that somebody is writing at the moment.
    in_hand: usize,
    /// Bytes that the stream has taken.
    taken: u64,
    /// How much of what waits is the initial objects of interests, which have a limit of their own. Never more than
    /// what waits.
    allowance: usize,
    gauge: Option<Gauge>,
    /// The stream was full at the last write: the connection's task goes on when it is not.
    full: bool,
    life: Life,
    /// Bytes that were given up with the connection.
    forgotten: usize,
}

/// A connection's way from its beginning to its end.
#[derive(Debug)]
enum Life {
    /// What is pushed is taken.
    Open,
    /// It is to be closed; nothing more is taken.
    Closing(Close),
    /// It is to be given up, which its task has not been told.
    Lost(Lost),
    /// It has been given up.
    Over,
}

impl<S: Stream> Connection<S> {
    /// A connection over `stream`.
    pub fn new(stream: S, policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        let state = State {
            queue: WriteQueue::of_frames(),
            sieve: None,
            framing: None,
            keeps_unsent: policy.keeps_unsent,
            in_hand: 0,
            taken: 0,
            allowance: 0,
            gauge: policy.mark.map(|mark| Gauge::new(mark, policy.bytes_max)),
            full: false,
            life: Life::Open,
            forgotten: 0,
        };
        Connection {
            stream,
            policy,
            state: Mutex::new(state),
            is_taking: AtomicBool::new(false),
            changed: Notify::new(),
            received: AtomicU64::new(0),
        }
    }

    /// The stream.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Appends bytes of whole frames; they go out at the next [`Sink::announce`].
    #[inline]
    pub fn push_bytes(&self, bytes: &[u8]) -> Load {
        self.push_with(|state| state.queue.push(bytes))
    }

    /// As [`Connection::push_bytes`], and leaves an empty buffer in place of `bytes`. `burst` of them do not
    /// count against the limit.
    pub fn push_buffer(&self, bytes: &mut Vec<u8>, burst: usize) -> Load {
        self.push_with(|state| {
            state.queue.take(bytes);
            state.allowance += burst;
        })
    }

    /// As [`Connection::push_bytes`], for what may be however much: it does not count against the limit.
    pub fn push_burst(&self, bytes: &[u8]) -> Load {
        self.push_with(|state| {
            state.queue.push(bytes);
            state.allowance += bytes.len();
        })
    }

    /// As [`Connection::push_burst`], with all that waits in another queue.
    pub fn push_queue(&self, mut queue: WriteQueue) -> Load {
        self.push_with(|state| {
            state.allowance += queue.len();
            state.queue.put_before(&mut queue);
            state.queue = queue;
        })
    }

    #[inline]
    fn push_with(&self, push: impl FnOnce(&mut State)) -> Load {
        let mut state = self.state.lock();
        if !matches!(state.life, Life::Open) && !state.waits_to_be_taken_back() {
            return Load::Fine;
        }
        push(&mut state);
        // As long as the stream may have room, what waits is judged when it has been written.
        if !state.full {
            return state.gauge();
        }
        state.sort(&self.policy);
        let load = self.account(&mut state);
        if state.is_over() {
            self.changed.notify_one();
        }
        load
    }

    /// Bytes that the stream has not taken: they wait, or were given up with the connection.
    pub fn unsent(&self) -> usize {
        let state = self.state.lock();
        state.waiting() + state.forgotten
    }

    /// Gives the connection up, and takes back the frames that the stream has not taken whole; `None` while
    /// somebody is still writing: see [`Connection::written`]. Only if the policy keeps them.
    pub fn take_back(&self) -> Option<impl Iterator<Item = Vec<u8>> + use<S>> {
        let mut state = self.state.lock();
        state.life = Life::Over;
        if state.in_hand > 0 {
            return None;
        }
        let queue = std::mem::replace(&mut state.queue, WriteQueue::of_frames());
        state.measure();
        Some(queue.into_frames())
    }

    /// Waits until whoever is writing to a connection that has been given up has done with it.
    pub async fn written(&self) {
        self.changed.notified().await;
    }

    /// Whether the connection has been given up, and that has been said: nothing is written any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state.lock().life, Life::Over)
    }

    /// Bytes that the stream has taken so far. Whether the peer has got them is not known.
    pub fn taken(&self) -> u64 {
        self.state.lock().taken
    }

    /// Has the connection closed. Nothing can be pushed from now on.
    pub fn close(&self, close: Close) {
        let mut state = self.state.lock();
        if matches!(state.life, Life::Open) {
            state.life = Life::Closing(close);
            self.changed.notify_one();
        }
    }

    /// Writes as much as the stream takes, unless it is known to be full; the connection's task does the rest.
    /// The queue is free meanwhile: what is pushed while somebody writes is written by him, too.
    pub fn write(&self) {
        let mut state = self.state.lock();
        let was_full = state.full;
        for _ in 0..ROUNDS_MAX {
            if !state.can_be_written() {
                break;
            }
            let mut queue = state.take_in_hand();
            state.in_hand = queue.len();
            let written = MutexGuard::unlocked(&mut state, || {
                queue.write_with(|bytes| self.stream.try_write(bytes))
            });
            self.put_back(&mut state, queue, written);
        }
        // Others push faster than can be written: the connection's task goes on, and not whoever came first.
        state.full |= state.can_be_written();
        self.account(&mut state);
        if state.full != was_full || !matches!(state.life, Life::Open) {
            self.changed.notify_one();
        }
    }

    fn put_back(&self, state: &mut State, mut queue: WriteQueue, written: io::Result<()>) {
        let taken = (state.in_hand - queue.len()) as u64;
        state.taken += taken;
        metrics::count_sent(self.policy.is_link(), taken);
        state.in_hand = 0;
        if state.is_over() {
            if self.policy.keeps_unsent {
                queue.put_before(&mut state.queue);
            } else if state.is_thrown_away() {
                queue.is_thrown_away(self.policy.is_link());
            }
            state.measure();
            return;
        }
        state.full = !queue.is_empty() || self.stream.holds_back();
        if state.framing.is_some() {
            state.keep_in_sieve(&mut queue, &self.policy);
        }
        queue.put_before(&mut state.queue);
        if let Err(error) = written {
            state.lose(error.into());
        }
        // Nothing is in it any more that will be written.
        queue.clear();
        if queue.capacity() <= self.policy.kept_bytes_max && state.queue.capacity() == 0 {
            state.queue = queue;
        } else if let Some(spares) = &self.policy.spares {
            spares.give(queue.into_buffer());
        }
    }

    /// Holds what waits against what may wait, unless somebody is writing it.
    fn account(&self, state: &mut State) -> Load {
        let load = state.measure();
        if state.in_hand > 0 || !matches!(state.life, Life::Open) {
            return load;
        }
        let counted = state.waiting() - state.allowance;
        if counted > self.policy.bytes_max {
            state.lose(Lost::TooSlow(counted));
        } else if state.allowance > self.policy.entry_bytes_max {
            state.lose(Lost::TooManyEntries(state.allowance));
        }
        load
    }

    /// Does the writing that was left, until the connection is to be closed, and how.
    ///
    /// # Errors
    /// The connection is to be given up, and why.
    pub async fn drive(&self) -> Result<Close, Lost> {
        loop {
            self.changed.notified().await;
            // Boxed, since it is seldom needed and would be carried by every idle connection.
            Box::pin(self.write_waiting()).await;
            let mut state = self.state.lock();
            match state.life {
                Life::Closing(Close::Flushed)
                    if state.waiting() > 0 || self.stream.holds_back() => {}
                Life::Closing(close) => return Ok(close),
                Life::Open | Life::Over => {}
                Life::Lost(_) => {
                    if let Life::Lost(lost) = std::mem::replace(&mut state.life, Life::Over) {
                        return Err(lost);
                    }
                }
            }
        }
    }

    /// Writes until nothing waits for the stream, or the connection is to be closed at once or given up.
    async fn write_waiting(&self) {
        let mut since = tokio::time::Instant::now();
        loop {
            let limit = {
                let state = self.state.lock();
                let waits =
                    state.waits_for_room() || state.in_hand == 0 && self.stream.holds_back();
                let stall_max = self.policy.stall_max;
                match state.life {
                    _ if !waits => return,
                    Life::Lost(_) | Life::Over | Life::Closing(Close::AtOnce) => return,
                    // Somebody waits for the end, so a stalled peer is not waited for any longer than this.
                    Life::Closing(Close::Flushed) => Some(stall_max.unwrap_or(LINGER).min(LINGER)),
                    Life::Open => stall_max,
                }
            };
            tokio::select! {
                biased;
                room = self.room_within(since, limit) => match room {
                    Ok(()) => {
                        since = tokio::time::Instant::now();
                        self.state.lock().full = false;
                        self.write();
                    }
                    Err(lost) => self.state.lock().lose(lost),
                },
                () = self.changed.notified() => {}
            }
        }
    }

    async fn room_within(
        &self,
        since: tokio::time::Instant,
        limit: Option<Duration>,
    ) -> Result<(), Lost> {
        let room = poll_fn(|context| self.stream.poll_room(context));
        match limit {
            None => Ok(room.await?),
            Some(limit) => match tokio::time::timeout_at(since + limit, room).await {
                Ok(room) => Ok(room?),
                Err(_) => Err(Lost::Stalled(limit)),
            },
        }
    }

    /// Waits for bytes, hands them to `take`, and returns how many there were; 0 is the end.
    ///
    /// # Errors
    /// What the stream returns.
    pub async fn read(&self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|context| self.poll_read(context, &mut take)).await
    }

    fn poll_read(
        &self,
        context: &mut Context<'_>,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            self.is_taking.store(true, Ordering::SeqCst);
            let read = self.stream.poll_read(context, scratch, self.policy.read_bytes_max);
            if let Poll::Ready(Ok(count)) = read {
                metrics::count_received(self.policy.is_link(), count as u64);
                self.received.fetch_add(count as u64, Ordering::Relaxed);
                take(scratch);
            }
            self.is_taking.store(false, Ordering::SeqCst);
            read
        })
    }

    /// What it has carried so far.
    pub fn traffic(&self) -> Traffic {
        let received = self.received.load(Ordering::Relaxed);
        let state = self.state.lock();
        Traffic { waiting: state.waiting(), sent: state.taken, received }
    }

    /// Tells how much waits.
    pub fn measure_queue(&self, kind: &str, figures: &mut Figures) {
        let waiting = self.state.lock().waiting() as u64;
        figures.add(&metrics::QUEUE_BYTES, &[kind], waiting);
        figures.at_least(&metrics::QUEUE_LONGEST, &[kind], waiting);
    }

    /// Whether something has come that nobody has done with yet: it lies unread, also because reading is braked,
    /// or somebody has it in hand. If not, all that has come so far has been handed on.
    pub fn has_unread(&self) -> bool {
        // In this order: what is taken out of the stream meanwhile is in hand first.
        self.stream.has_unread() || self.is_taking.load(Ordering::SeqCst)
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.queue.len() + self.in_hand + self.sieve.as_ref().map_or(0, |sieve| sieve.len())
    }

    /// Whether there is something that nobody is writing.
    fn has_waiting(&self) -> bool {
        !self.queue.is_empty() || self.sieve.as_ref().is_some_and(|sieve| !sieve.is_empty())
    }

    const fn is_over(&self) -> bool {
        matches!(self.life, Life::Lost(_) | Life::Over)
    }

    /// Whether the peer is still there, and has been given up with all that waits for it.
    const fn is_thrown_away(&self) -> bool {
        matches!(
            self.life,
            Life::Lost(Lost::TooSlow(_) | Lost::TooManyEntries(_) | Lost::Stalled(_))
        )
    }

    /// Whether what is pushed to a connection that has been given up waits all the same.
    const fn waits_to_be_taken_back(&self) -> bool {
        self.keeps_unsent && self.is_over()
    }

    /// Whether there is something to write and nobody else at it.
    fn can_be_written(&self) -> bool {
        !self.full && self.in_hand == 0 && self.has_waiting() && !self.is_over()
    }

    /// Whether what waits can only be written when there is room: not if somebody is writing it.
    fn waits_for_room(&self) -> bool {
        let must_be_written = self.full || matches!(self.life, Life::Closing(_));
        must_be_written && self.in_hand == 0 && self.has_waiting() && !self.is_over()
    }

    /// Notes how much waits.
    fn measure(&mut self) -> Load {
        self.allowance = self.allowance.min(self.waiting());
        self.gauge()
    }

    #[inline]
    fn gauge(&mut self) -> Load {
        // Only links have a gauge, and to them everything is said.
        let waiting = self.queue.len() + self.in_hand;
        self.gauge.as_mut().map_or(Load::Fine, |gauge| gauge.set(waiting))
    }

    fn lose(&mut self, why: Lost) {
        if !self.is_over() {
            self.life = Life::Lost(why);
            if !self.keeps_unsent {
                self.forgotten = self.waiting();
                if self.is_thrown_away() {
                    self.queue.is_thrown_away(self.gauge.is_some());
                    self.sieve.iter().for_each(|sieve| sieve.is_thrown_away());
                }
                self.queue = WriteQueue::of_frames();
                self.sieve = None;
            }
            self.full = false;
            self.measure();
        }
    }
}

impl<S: Stream> Sink for Connection<S> {
    #[inline]
    fn push(&self, frame: Frame<'_>) -> Load {
        self.push_bytes(frame.bytes())
    }

    fn push_all(&self, frames: Frames<'_>) -> Load {
        self.push_bytes(frames.remaining())
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        self.state.lock().gauge.as_ref().map(|gauge| gauge.brake().clone())
    }

    fn waiting(&self) -> usize {
        self.state.lock().queue.len()
    }

    fn measure(&self, figures: &mut Figures) {
        if self.policy.is_link() {
            figures.add(&metrics::LINKS, &["in"], 1);
        }
        self.measure_queue(if self.policy.is_link() { "links" } else { "clients" }, figures);
    }

    fn announce(&self) {
        // Whoever announces does so for many: a failure here costs this connection, and nobody else.
        if catch_unwind(AssertUnwindSafe(|| self.write())).is_err() {
            let mut state = self.state.lock();
            state.lose(io::Error::other("writing has panicked").into());
            // Gone with whoever had it in hand.
            state.forgotten = state.forgotten.max(std::mem::take(&mut state.in_hand));
            self.changed.notify_one();
        }
    }
}
