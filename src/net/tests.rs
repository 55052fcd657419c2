//! A connection over a stream that does as it is told.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::*;
use crate::ids::DATAGRAM_BYTES_MAX;
use crate::router::Sink;
use crate::wire::{Assembler, Framing};

/// Takes as many bytes as it has room for, and brings the pieces that it is given.
#[derive(Default)]
pub(super) struct Pipe {
    inner: Mutex<Inner>,
    /// Called in the middle of each write.
    pub(super) during_write: Mutex<Option<Box<dyn FnMut() + Send>>>,
}

#[derive(Default)]
struct Inner {
    room: usize,
    taken: Vec<u8>,
    /// What comes next; an empty piece is the end.
    pieces: VecDeque<Vec<u8>>,
    has_ended: bool,
    /// Nothing that was taken has been handed on.
    holds_back: bool,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

impl Pipe {
    pub(super) fn with_room(room: usize) -> Self {
        Pipe { inner: Mutex::new(Inner { room, ..Inner::default() }), ..Pipe::default() }
    }

    pub(super) fn make_room(&self, room: usize) {
        let mut inner = self.inner.lock();
        inner.room += room;
        inner.writer.take().into_iter().for_each(Waker::wake);
    }

    /// There is no room any more.
    pub(super) fn fill(&self) {
        self.inner.lock().room = 0;
    }

    fn bring(&self, piece: &[u8]) {
        let mut inner = self.inner.lock();
        inner.pieces.push_back(piece.to_vec());
        inner.reader.take().into_iter().for_each(Waker::wake);
    }

    pub(super) fn taken(&self) -> Vec<u8> {
        self.inner.lock().taken.clone()
    }
}

impl Stream for Pipe {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.lock();
        let Some(mut piece) = inner.pieces.pop_front() else {
            inner.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        let count = piece.len().min(limit);
        buffer.extend(piece.drain(..count));
        if !piece.is_empty() {
            inner.pieces.push_front(piece);
        }
        Poll::Ready(Ok(count))
    }

    fn has_unread(&self) -> bool {
        !self.inner.lock().pieces.is_empty()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(act) = &mut *self.during_write.lock() {
            act();
        }
        let mut inner = self.inner.lock();
        if inner.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = inner.room.min(bytes.len());
        inner.room -= count;
        inner.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn holds_back(&self) -> bool {
        self.inner.lock().holds_back
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner.lock();
        if inner.room > 0 && !inner.holds_back {
            return Poll::Ready(Ok(()));
        }
        inner.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn end(&self) -> io::Result<()> {
        self.inner.lock().has_ended = true;
        Ok(())
    }

    fn abort_on_close(&self) {}
}

const STALL: Duration = Duration::from_secs(5);

fn client(room: usize, bytes_max: usize) -> Arc<Connection<Pipe>> {
    let limits = ClientLimits { bytes_max, entry_bytes_max: usize::MAX, stall_max: Some(STALL) };
    let policy = Policy::client(Arc::default(), limits);
    Arc::new(Connection::new(Pipe::with_room(room), policy))
}

fn link(room: usize, bytes_max: usize) -> Arc<Connection<Pipe>> {
    let policy = Policy::link(bytes_max, Some(STALL));
    Arc::new(Connection::new(Pipe::with_room(room), policy))
}

fn drive(connection: &Arc<Connection<Pipe>>) -> tokio::task::JoinHandle<Result<Close, Lost>> {
    let connection = connection.clone();
    tokio::spawn(async move { connection.drive().await })
}

/// Lets other tasks do all that they can.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_is_too_full_for_is_written_when_there_is_room() {
    for connection in [client(4, 1000), link(4, 1000)] {
        let driven = drive(&connection);
        connection.push_bytes(b"one two");
        assert!(connection.stream().taken().is_empty(), "nothing before the end of the batch");
        connection.announce();
        assert_eq!(connection.stream().taken(), b"one ");
        connection.push_bytes(b" three");
        connection.announce();
        settle().await;
        assert_eq!(connection.stream().taken(), b"one ");
        connection.stream().make_room(100);
        settle().await;
        assert_eq!(connection.stream().taken(), b"one two three");
        assert!(!driven.is_finished());
        driven.abort();
    }
}

#[test]
fn what_is_pushed_while_somebody_writes_is_written_by_him() {
    let connection = client(100, 1000);
    let (weak, mut left) = (Arc::downgrade(&connection), 3);
    *connection.stream().during_write.lock() = Some(Box::new(move || {
        // The queue is free, or this would wait for ever.
        if left > 0
            && let Some(connection) = weak.upgrade()
        {
            left -= 1;
            connection.push_bytes(b"more ");
            connection.announce();
        }
    }));
    connection.push_bytes(b"first ");
    connection.announce();
    assert_eq!(connection.stream().taken(), b"first more more more ");
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_for_others_for_ever_and_what_is_being_written_is_not_judged() {
    // Half of the limit is written while more than half comes.
    let connection = client(1 << 20, 10);
    let driven = drive(&connection);
    let (weak, mut left) = (Arc::downgrade(&connection), 100);
    *connection.stream().during_write.lock() = Some(Box::new(move || {
        if left > 0
            && let Some(connection) = weak.upgrade()
        {
            left -= 1;
            connection.push_bytes(&[1; 6]);
            connection.announce();
        }
    }));
    connection.push_bytes(&[1; 6]);
    connection.announce();
    let by_the_first = connection.stream().taken().len();
    assert!(by_the_first < 60, "{by_the_first}");
    settle().await;
    for _ in 0..100 {
        settle().await;
    }
    assert_eq!(connection.stream().taken().len(), 606, "the connection's task wrote the rest");
    assert!(!driven.is_finished(), "it is not lost");
    driven.abort();
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_holds_back_is_waited_for_before_the_end() {
    let connection = client(100, 1000);
    connection.stream().inner.lock().holds_back = true;
    let driven = drive(&connection);
    connection.push_bytes(b"farewell");
    connection.close(Close::Flushed);
    connection.announce();
    settle().await;
    assert_eq!(connection.stream().taken(), b"farewell", "taken, but not on its way");
    assert!(!driven.is_finished());
    connection.stream().inner.lock().holds_back = false;
    connection.stream().make_room(1);
    assert_eq!(driven.await.expect("no panic").expect("in order"), Close::Flushed);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_dropped_at_its_limit_and_the_objects_of_interests_do_not_count() {
    let connection = client(0, 10);
    let driven = drive(&connection);
    connection.push_buffer(&mut vec![1; 100], 100);
    connection.announce();
    connection.push_bytes(&[2; 10]);
    connection.announce();
    settle().await;
    assert!(!driven.is_finished());
    connection.push_bytes(&[2; 1]);
    let lost = driven.await.expect("no panic").expect_err("too much");
    assert!(matches!(lost, Lost::TooSlow(11)), "{lost}");
    connection.push_bytes(b"nothing");
    connection.stream().make_room(1000);
    connection.announce();
    assert!(connection.stream().taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_is_dropped_if_too_much_of_what_interests_show_waits() {
    let limits = ClientLimits { bytes_max: 10, entry_bytes_max: 100, stall_max: Some(STALL) };
    let policy = Policy::client(Arc::default(), limits);
    let connection = Arc::new(Connection::new(Pipe::with_room(50), policy));
    let driven = drive(&connection);
    let show = |bytes: usize| {
        connection.push_buffer(&mut vec![1; bytes], bytes);
        connection.announce();
    };
    show(150);
    connection.push_bytes(&[2; 10]);
    connection.announce();
    settle().await;
    assert!(!driven.is_finished(), "100 wait, and 10 others");
    connection.stream().make_room(100);
    settle().await;
    show(90);
    settle().await;
    assert!(!driven.is_finished(), "those that have been read do not count");
    show(1);
    let lost = driven.await.expect("no panic").expect_err("too much");
    assert!(matches!(lost, Lost::TooManyEntries(101)), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn what_a_link_is_told_at_its_beginning_may_be_any_size() {
    let connection = link(10, 100);
    let driven = drive(&connection);
    connection.push_buffer(&mut vec![1; 10_000], 10_000);
    connection.announce();
    settle().await;
    connection.push_bytes(&[2; 100]);
    connection.announce();
    settle().await;
    assert!(!driven.is_finished(), "100 beyond it");
    connection.push_bytes(&[2]);
    let lost = driven.await.expect("no panic").expect_err("too much");
    assert!(matches!(lost, Lost::TooSlow(101)), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_for_too_long_is_given_up() {
    for connection in [client(3, 1000), link(3, 1000)] {
        let driven = drive(&connection);
        connection.push_bytes(b"1234567");
        connection.announce();
        tokio::time::sleep(STALL - Duration::from_secs(1)).await;
        connection.stream().make_room(1);
        settle().await;
        let since = Instant::now();
        let lost = driven.await.expect("no panic").expect_err("stalled");
        assert!(matches!(lost, Lost::Stalled(STALL)), "{lost}");
        assert_eq!(since.elapsed(), STALL, "it had taken something before");
    }
}

#[tokio::test(start_paused = true)]
async fn last_words_are_written_before_the_end_unless_it_is_to_come_at_once() {
    let connection = client(0, 1000);
    let driven = drive(&connection);
    connection.push_bytes(b"farewell");
    connection.close(Close::Flushed);
    connection.push_bytes(b"too late");
    connection.announce();
    settle().await;
    assert!(!driven.is_finished());
    connection.stream().make_room(100);
    assert_eq!(driven.await.expect("no panic").expect("in order"), Close::Flushed);
    assert_eq!(connection.stream().taken(), b"farewell");

    let connection = client(0, 1000);
    let driven = drive(&connection);
    connection.push_bytes(b"farewell");
    connection.close(Close::AtOnce);
    connection.announce();
    assert_eq!(driven.await.expect("no panic").expect("in order"), Close::AtOnce);
    assert!(connection.stream().taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_last_words_of_a_connection_that_is_lost() {
    let torn = torn::Torn::default();
    torn.tear();
    let socket = Socket::Other(Box::new(torn));
    let connection = Connection::new(socket, Policy::link(100, None));
    connection.push_bytes(&[7; 100]);
    connection.announce();
    assert!(connection.drive().await.is_err(), "it is torn");
    let since = Instant::now();
    assert!(!LastWords::of(&connection).say().await);
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_sending_after_the_end_is_not_read_without_end() {
    let connection = client(1000, 1000);
    for _ in 0..1000 {
        connection.stream().bring(&[7; 1024]);
    }
    let since = Instant::now();
    connection.hang_up().await;
    assert_eq!(since.elapsed(), Duration::from_secs(2), "it has time to read");
    let left = connection.stream().inner.lock().pieces.len();
    assert!((700..760).contains(&left), "{left} pieces are left");

    let connection = client(1000, 1000);
    connection.stream().bring(&[7; 1024]);
    connection.stream().bring(&[]);
    let since = Instant::now();
    connection.hang_up().await;
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[test]
fn a_client_that_waits_holds_no_buffer_and_its_bytes_are_not_copied() {
    let spares = Arc::new(Spares::default());
    let limits = ClientLimits { bytes_max: 1000, entry_bytes_max: usize::MAX, stall_max: None };
    let policy = Policy::client(spares.clone(), limits);
    let connection = Connection::new(Pipe::with_room(1000), policy);
    let mut buffer = Vec::with_capacity(500);
    buffer.extend_from_slice(b"for the client");
    let memory = buffer.as_ptr();
    connection.push_buffer(&mut buffer, 0);
    assert_eq!(buffer.capacity(), 0, "the client had none to give in return");
    connection.announce();
    assert_eq!(connection.stream().taken(), b"for the client");
    let mut back = Vec::new();
    spares.take(&mut back);
    assert_eq!((back.len(), back[0].as_ptr(), back[0].len()), (1, memory, 0));
}

#[tokio::test]
async fn frames_of_all_sizes_arrive_whole_however_they_are_cut() {
    let sizes = [0, 1, 5, 4094, 4095, 0, 70, DATAGRAM_BYTES_MAX, 3, DATAGRAM_BYTES_MAX];
    let datagrams: Vec<Vec<u8>> =
        sizes.iter().enumerate().map(|(i, &size)| vec![i as u8; size]).collect();
    let mut bytes = Vec::new();
    for datagram in &datagrams {
        Framing::Tag16.write(&mut bytes, |w| w.raw(datagram)).expect("fits");
    }
    for piece in [1, 7, 4096, 1 << 20] {
        let connection = link(0, 1);
        bytes.chunks(piece).for_each(|piece| connection.stream().bring(piece));
        connection.stream().bring(b"");
        let mut assembler = Assembler::new(Framing::Tag16);
        let mut found = Vec::new();
        let read = |bytes: &[u8]| {
            let take = |frames: &[u8]| {
                found.extend(Framing::Tag16.datagrams(frames).map(<[u8]>::to_vec));
            };
            assembler.take(bytes, take).expect("none is too long");
        };
        read_all(&connection, read).await;
        assert!(found == datagrams, "pieces of {piece} bytes");
        assert!(!assembler.is_inside());
    }
}

async fn read_all(connection: &Connection<Pipe>, mut read: impl FnMut(&[u8])) {
    while connection.read(&mut read).await.expect("no error") > 0 {}
}

#[tokio::test(start_paused = true)]
async fn writing_that_fails_costs_its_connection_and_not_whoever_announces() {
    let connection = client(100, 1000);
    let driven = drive(&connection);
    *connection.stream().during_write.lock() = Some(Box::new(|| panic!("as it was told")));
    connection.push_bytes(b"hello");
    connection.announce();
    let lost = driven.await.expect("no panic").expect_err("lost");
    assert!(lost.to_string().contains("panicked"), "{lost}");
    connection.push_bytes(b"nothing");
    connection.announce();
    assert!(connection.stream().taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_in_hand_counts_as_unread() {
    let connection = client(100, 1000);
    assert!(!connection.has_unread());
    connection.stream().bring(b"one");
    assert!(connection.has_unread());
    // The stream has nothing any more when the bytes are handed on.
    let read = connection.read(|_| {
        assert!(!connection.stream().has_unread() && connection.has_unread());
    });
    assert_eq!(read.await.expect("no failure"), 3);
    assert!(!connection.has_unread());
    // Nor does a wait for more count.
    let reading = tokio::spawn({
        let connection = connection.clone();
        async move { connection.read(|_| {}).await }
    });
    settle().await;
    assert!(!connection.has_unread());
    reading.abort();
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_can_be_taken_back_with_what_came_too_late() {
    let frame = |fill: u8| [&8_u16.to_le_bytes()[..], &[fill; 8]].concat();
    let policy = Policy::upstream(1000, Some(STALL));
    let connection = Arc::new(Connection::new(Pipe::with_room(15), policy));
    for fill in 0..3 {
        connection.push_bytes(&frame(fill));
    }
    connection.announce();
    assert_eq!((connection.stream().taken().len(), connection.taken()), (15, 15));
    let lost = connection.drive().await.expect_err("the peer takes nothing");
    assert!(matches!(lost, Lost::Stalled(_)), "{lost}");
    // Nobody has noticed yet.
    connection.push_bytes(&frame(3));
    connection.stream().make_room(100);
    connection.announce();
    assert_eq!(connection.unsent(), 25);
    let unsent: Vec<u8> = connection.take_back().expect("nobody writes").flatten().collect();
    // The second has been sent in part, and goes out again whole.
    assert_eq!(unsent, [frame(1), frame(2), frame(3)].concat());
    assert_eq!(connection.stream().taken().len(), 15);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_is_writing_can_be_taken_back_when_he_has_done() {
    let frame = |fill: u8| [&8_u16.to_le_bytes()[..], &[fill; 8]].concat();
    let connection = Arc::new(Connection::new(Pipe::with_room(10), Policy::upstream(1000, None)));
    let other = Arc::downgrade(&connection);
    *connection.stream().during_write.lock() = Some(Box::new(move || {
        let connection = other.upgrade().expect("it is written");
        assert!(connection.take_back().is_none());
    }));
    connection.push_bytes(&[frame(0), frame(1)].concat());
    connection.announce();
    connection.written().await;
    let unsent: Vec<u8> = connection.take_back().expect("nobody writes").flatten().collect();
    assert_eq!(unsent, frame(1));
}
