//! Values that are left out for a peer that does not read, against what it has to hear.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;

use crate::hash::Seed;
use crate::net::tests::Pipe;
use crate::net::{ClientLimits, Connection, Merging, Policy, Sorted, Sorter};
use crate::router::Sink as _;
use crate::wire::websocket::ASK;
use crate::wire::{Framing, Sent};

/// What a datagram of these tests says: what it is in its first three bytes, and which one it is in the next four.
#[derive(Debug)]
struct ByItsHead;

const OTHER: u8 = 0;
const VALUE: u8 = 1;
const BARRIER: u8 = 2;

impl Sorter for ByItsHead {
    fn sort(&self, datagram: &[u8]) -> Sorted {
        match *datagram {
            [VALUE, of, part, ..] => Sorted::Value { of: of.into(), part: part.into() },
            [BARRIER, of, ..] => Sorted::Barrier(of.into()),
            _ => Sorted::Other,
        }
    }
}

/// A datagram that is pushed: what it is, of what, which part, and how much longer than it needs to be.
type Said = (u8, u8, u8, usize);

fn connection(framing: Framing, bytes_max: usize, merges: bool) -> Arc<Connection<Pipe>> {
    let limits = ClientLimits { bytes_max, entry_bytes_max: usize::MAX, stall_max: None };
    let merging = Merging { sorter: Arc::new(ByItsHead), seed: Seed::fixed(7) };
    let policy = Policy::client(Arc::default(), limits).with_merging(merges.then_some(merging));
    let connection = Connection::new(Pipe::with_room(0), policy);
    connection.speaks(framing);
    Arc::new(connection)
}

/// Pushes as a session does, what it says at once together. Each datagram gets a number.
fn push(connection: &Connection<Pipe>, framing: Framing, said: &[Said], pushed: &mut Vec<Said>) {
    let mut bytes = Vec::new();
    framing.begin(&mut bytes);
    for &(kind, of, part, more) in said {
        let number = (pushed.len() as u32).to_le_bytes();
        pushed.push((kind, of, part, more));
        let written = framing.write(&mut bytes, |writer| {
            writer.raw(&[kind, of, part]);
            writer.raw(&number);
            writer.raw(&vec![7; more]);
        });
        written.expect("it fits");
    }
    framing.finish(&mut bytes);
    connection.push_buffer(&mut bytes, 0);
}

/// The stream has so much more room, and the connection's task knows.
fn make_room(connection: &Connection<Pipe>, room: usize) {
    connection.stream().make_room(room);
    connection.state.lock().full = false;
    connection.write();
}

/// Writes all that waits.
fn let_it_read(connection: &Connection<Pipe>) {
    while connection.unsent() > 0 {
        make_room(connection, 1 << 20);
    }
}

/// The numbers of what the peer has got, and how many pings; nothing of it is torn.
fn heard(connection: &Connection<Pipe>, framing: Framing, pushed: &[Said]) -> (Vec<usize>, usize) {
    let (mut numbers, mut pings) = (Vec::new(), 0);
    for sent in framing.sent(&connection.stream().taken()) {
        let Sent::Datagram { datagram, .. } = sent else {
            assert_eq!(sent, Sent::Apart(&ASK));
            pings += 1;
            continue;
        };
        let number = u32::from_le_bytes(datagram[3..7].try_into().expect("four"));
        let (kind, of, part, more) = pushed[number as usize];
        assert_eq!(datagram[..3], [kind, of, part]);
        assert_eq!(datagram[7..], vec![7; more]);
        numbers.push(number as usize);
    }
    (numbers, pings)
}

/// What is missing is older than something of the same that has come, with no barrier in between.
fn check_missing(numbers: &[usize], pushed: &[Said]) {
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let mut newer: HashMap<(u8, u8), bool> = HashMap::new();
    let mut numbers = numbers.iter().rev().copied().peekable();
    for (number, &(kind, of, part, _)) in pushed.iter().enumerate().rev() {
        let has_come = numbers.next_if_eq(&number).is_some();
        match kind {
            VALUE => {
                let is_newer_there = newer.insert((of, part), true).unwrap_or(false);
                assert!(has_come || is_newer_there, "{number} is missing");
            }
            _ => assert!(has_come, "{number} is missing"),
        }
        if kind == BARRIER {
            newer.retain(|(its, _), _| *its != of);
        }
    }
    assert_eq!(numbers.next(), None);
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<Said>),
    Ping,
    Room(usize),
    /// The next to write is interrupted by who pushes this.
    Meanwhile(Vec<Said>),
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let more = prop_oneof![4 => 0usize..60, 1 => Just(9_000)];
    let one =
        (prop_oneof![4 => Just(VALUE), 1 => Just(OTHER), 1 => Just(BARRIER)], 0u8..3, 0u8..3, more);
    prop::collection::vec(one, 1..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => said().prop_map(Step::Push),
        1 => Just(Step::Ping),
        3 => prop_oneof![0usize..200, 0usize..20_000].prop_map(Step::Room),
        1 => said().prop_map(Step::Meanwhile),
    ]
}

proptest! {
    #[test]
    fn whatever_a_slow_peer_takes_it_hears_the_last_of_everything_in_order(
        steps in prop::collection::vec(step(), 1..60),
        framing in prop::sample::select(&Framing::ALL[..]),
    ) {
        let connection = connection(framing, usize::MAX, true);
        let has_pings = matches!(framing, Framing::Message | Framing::Frames);
        let pushed = Arc::new(Mutex::new(Vec::new()));
        let meanwhile = Arc::new(Mutex::new(VecDeque::<Vec<Said>>::new()));
        *connection.stream().during_write.lock() = Some(Box::new({
            let (connection, pushed) = (Arc::downgrade(&connection), pushed.clone());
            let meanwhile = meanwhile.clone();
            move || {
                let (Some(said), Some(connection)) =
                    (meanwhile.lock().pop_front(), connection.upgrade()) else { return };
                push(&connection, framing, &said, &mut pushed.lock());
                connection.announce();
            }
        }));
        let mut pings = 0;
        for step in steps {
            match step {
                Step::Push(said) => push(&connection, framing, &said, &mut pushed.lock()),
                Step::Ping if has_pings => {
                    connection.push_bytes(&ASK);
                    pings += 1;
                }
                Step::Ping => {}
                Step::Room(room) => make_room(&connection, room),
                Step::Meanwhile(said) => meanwhile.lock().push_back(said),
            }
            connection.announce();
            if let Some(sieve) = &connection.state.lock().sieve {
                sieve.check();
            }
        }
        meanwhile.lock().clear();
        let_it_read(&connection);
        let pushed = pushed.lock();
        let (numbers, came) = heard(&connection, framing, &pushed);
        check_missing(&numbers, &pushed);
        prop_assert_eq!(came, pings);
        let state = connection.state.lock();
        prop_assert!(state.sieve.is_none(), "nothing is kept of it");
        prop_assert_eq!(state.queue.capacity(), 0);
    }
}

#[test]
fn a_peer_that_reads_nothing_is_lost_unless_values_are_left_out() {
    for framing in Framing::ALL {
        for merges in [false, true] {
            let connection = connection(framing, 2_000, merges);
            let mut pushed = Vec::new();
            for turn in 0..3_000 {
                let of = (turn % 4) as u8;
                push(&connection, framing, &[(VALUE, of, 0, 20), (VALUE, of, 1, 20)], &mut pushed);
                if turn % 1_000 == 0 {
                    push(&connection, framing, &[(OTHER, 0, 0, 20)], &mut pushed);
                }
                connection.announce();
            }
            let state = connection.state.lock();
            assert_eq!(state.is_over(), !merges, "{framing:?}");
            let Some(sieve) = &state.sieve else { continue };
            sieve.check();
            // One of each, what has to be said, and no memory of the others.
            assert!(sieve.entries() <= 8 + 4, "{}", sieve.entries());
            drop(state);
            let_it_read(&connection);
            let (numbers, _) = heard(&connection, framing, &pushed);
            check_missing(&numbers, &pushed);
            assert!(numbers.len() <= 8 + 4, "{numbers:?}");
        }
    }
}

#[test]
fn what_a_write_has_left_is_sorted_too_but_for_what_has_begun() {
    for framing in Framing::ALL {
        let connection = connection(framing, 1_000, true);
        let mut pushed = Vec::new();
        // More than may wait, at once and while the stream may have room.
        let burst: Vec<Said> = (0..500).map(|_| (VALUE, 1, 1, 20)).collect();
        connection.stream().make_room(10);
        if framing == Framing::Frames {
            // What is one message stays one.
            for said in burst.chunks(10) {
                push(&connection, framing, said, &mut pushed);
            }
        } else {
            push(&connection, framing, &burst, &mut pushed);
        }
        connection.announce();
        assert!(!connection.state.lock().is_over(), "{framing:?}");
        let_it_read(&connection);
        let (numbers, _) = heard(&connection, framing, &pushed);
        check_missing(&numbers, &pushed);
        assert!(numbers.len() <= 11, "{numbers:?}");
    }
}

#[test]
fn a_peer_that_reads_hears_everything_and_what_comes_before_a_barrier_stays() {
    let framing = Framing::Tag16;
    let connection = connection(framing, usize::MAX, true);
    let mut pushed = Vec::new();
    make_room(&connection, 1 << 20);
    for _ in 0..3 {
        push(&connection, framing, &[(VALUE, 1, 1, 0), (VALUE, 1, 1, 0)], &mut pushed);
        connection.announce();
    }
    assert_eq!(heard(&connection, framing, &pushed).0, [0, 1, 2, 3, 4, 5]);
    connection.stream().fill();
    let turns = [(VALUE, 1, 1, 0), (VALUE, 1, 2, 0), (VALUE, 2, 1, 0), (BARRIER, 1, 0, 0)];
    for said in turns.iter().chain(&turns[..3]).chain(&turns[..3]) {
        push(&connection, framing, &[*said], &mut pushed);
        connection.announce();
    }
    let_it_read(&connection);
    assert_eq!(heard(&connection, framing, &pushed).0[6..], [6, 7, 9, 13, 14, 15]);
}
