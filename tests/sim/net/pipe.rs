//! One direction of a connection.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::{Read, Woken};
use crate::chance::Chance;

/// How a direction ends.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Last {
    /// In order.
    End,
    /// The connection is lost.
    Reset,
    /// Nothing has come for too long.
    TimedOut,
}

/// What one side sends to the other.
pub struct Pipe {
    capacity: usize,
    /// In the order in which it was sent, with the time when it arrives.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// Bytes in `pieces`.
    bytes: usize,
    /// Nothing arrives before.
    stalled_until: Instant,
    last: Option<(Instant, Last)>,
    /// The reader has closed it, which the writer knows from then on.
    shut_at: Option<Instant>,
    /// What is sent from now on arrives nowhere, and nobody is told.
    is_void: bool,
    pub reader: Option<Waker>,
    pub writer: Option<Waker>,
}

impl Pipe {
    pub fn new(now: Instant, capacity: usize) -> Self {
        Pipe {
            capacity,
            pieces: VecDeque::new(),
            bytes: 0,
            stalled_until: now,
            last: None,
            shut_at: None,
            is_void: false,
            reader: None,
            writer: None,
        }
    }

    /// Whether something has come that has not been read, be it the end.
    pub fn has_unread(&self, now: Instant) -> bool {
        self.next_at().is_some_and(|at| at <= now)
    }

    /// Whether something is on its way.
    pub fn is_carrying(&self, now: Instant) -> bool {
        self.pieces.back().is_some_and(|(at, _)| *at > now)
    }

    /// Whether a write has to wait.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.capacity && !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.shut_at.is_some() || self.last.is_some_and(|(_, last)| last != Last::End)
    }

    /// When the next thing arrives.
    fn next_at(&self) -> Option<Instant> {
        let piece = self.pieces.front().map(|(at, _)| *at);
        let next = piece.or_else(|| self.last.map(|(at, _)| at));
        match self.last {
            Some((at, Last::TimedOut)) => Some(at),
            _ => next.map(|at| at.max(self.stalled_until)),
        }
    }

    pub fn read(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
        limit: usize,
        woken: &mut Woken,
    ) -> Read {
        if self.next_at().is_none_or(|at| at > now) {
            return Read::Nothing(self.next_at());
        }
        let mut left = limit;
        while let Some((at, piece)) = self.pieces.front_mut()
            && *at <= now
            && left > 0
        {
            let count = piece.len().min(left);
            buffer.extend(piece.drain(..count));
            left -= count;
            self.bytes -= count;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        if left < limit {
            woken.extend(self.writer.take());
            return Read::Bytes(limit - left);
        }
        match self.last.expect("something has come") {
            (_, Last::End) => Read::End,
            (_, Last::Reset) => Read::Lost(io::ErrorKind::ConnectionReset),
            (_, Last::TimedOut) => Read::Lost(io::ErrorKind::TimedOut),
        }
    }

    pub fn write(
        &mut self,
        now: Instant,
        bytes: &[u8],
        chance: &mut Chance,
        woken: &mut Woken,
    ) -> io::Result<usize> {
        let is_shut_unknown = self.shut_at.is_some_and(|at| at > now);
        if self.is_void || is_shut_unknown {
            return Ok(bytes.len());
        }
        if self.is_over() || self.last.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(self.capacity - self.bytes);
        let mut rest = &bytes[..count];
        while !rest.is_empty() {
            // Now and then it is torn somewhere, and the rest takes longer.
            let size = if chance.one_in(4) { 1 + chance.below(rest.len()) } else { rest.len() };
            let (piece, others) = rest.split_at(size.min(rest.len()));
            let slow = if chance.one_in(16) { chance.below(40) } else { chance.below(3) };
            let at = now + Duration::from_millis(1 + slow as u64);
            let at = self.pieces.back().map_or(at, |(before, _)| at.max(*before));
            self.pieces.push_back((at, piece.to_vec()));
            rest = others;
        }
        self.bytes += count;
        if count > 0 {
            woken.extend(self.reader.take());
        }
        Ok(count)
    }

    /// The sender ends it.
    pub fn end(&mut self, last: Last, woken: &mut Woken) {
        let at = self.pieces.back().map_or(self.stalled_until, |(at, _)| *at);
        self.last.get_or_insert((at, last));
        self.wake(woken);
    }

    /// The reader closes it. Whether something is lost by that.
    pub fn shut(&mut self, now: Instant, woken: &mut Woken) -> bool {
        // Word of it takes its time, too.
        let known_at = (now + Duration::from_millis(1)).max(self.stalled_until);
        self.shut_at.get_or_insert(known_at);
        let is_lost = self.bytes > 0;
        self.pieces.clear();
        self.bytes = 0;
        self.wake(woken);
        is_lost
    }

    /// It is cut: of what is in flight the beginning arrives.
    pub fn tear(&mut self, now: Instant, chance: &mut Chance, woken: &mut Woken) {
        let arrived = self.pieces.iter().take_while(|(at, _)| *at <= now).count();
        let flying = self.pieces.len() - arrived;
        let kept = arrived + chance.below(flying + 1);
        let torn = self.pieces.drain(kept..).next();
        if let Some((at, mut piece)) = torn {
            piece.truncate(chance.below(piece.len()));
            if !piece.is_empty() {
                self.pieces.push_back((at, piece));
            }
        }
        self.bytes = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
        self.stalled_until = self.stalled_until.min(now);
        let at = self.pieces.back().map_or(now, |(at, _)| *at);
        self.last = Some((at, Last::Reset));
        self.wake(woken);
    }

    /// Nothing arrives before then.
    pub fn stall(&mut self, until: Instant, woken: &mut Woken) {
        self.stalled_until = until;
        self.wake(woken);
    }

    /// Nothing arrives any more, and then it counts as lost.
    pub fn vanish(&mut self, lost_at: Instant, woken: &mut Woken) {
        self.pieces.clear();
        self.bytes = 0;
        self.is_void = true;
        self.last.get_or_insert((lost_at, Last::TimedOut));
        self.wake(woken);
    }

    fn wake(&mut self, woken: &mut Woken) {
        woken.extend(self.reader.take());
        woken.extend(self.writer.take());
    }
}
