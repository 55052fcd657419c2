//! Which connection is whose.

use std::sync::Arc;

use super::gate::Pass;
use crate::net::Connection;
use crate::role::client_agent::SessionKey;

/// A session on one connection. It may have others later, and what is said on one that it had is nothing to it any more.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The session.
    pub key: SessionKey,
    /// Which connection.
    number: u32,
}

/// A session's connection.
pub struct Seat {
    pub line: Line,
    /// None while its client is away.
    pub connection: Option<Arc<Connection>>,
    /// The place that the client takes, also then.
    pub pass: Arc<Pass>,
}

/// A connection that is another session's now.
pub struct Handed {
    pub connection: Arc<Connection>,
    pub pass: Arc<Pass>,
    /// What this had.
    pub before: Seat,
}

/// All connections, by their sessions' places.
#[derive(Default)]
pub struct Seats {
    seats: Vec<Option<Seat>>,
    next_number: u32,
}

impl Seats {
    /// A connection is that of a session from now on.
    pub fn add(&mut self, key: SessionKey, connection: Arc<Connection>, pass: Arc<Pass>) -> Line {
        let line = Line { key, number: self.next_number };
        self.next_number = self.next_number.wrapping_add(1);
        self.put(Seat { line, connection: Some(connection), pass });
        line
    }

    fn put(&mut self, seat: Seat) -> Option<Seat> {
        let place = seat.line.key.place();
        if place >= self.seats.len() {
            self.seats.resize_with(place + 1, || None);
        }
        self.seats[place].replace(seat)
    }

    /// The session's connection, if it has not ended.
    pub fn of(&mut self, key: SessionKey) -> Option<&mut Seat> {
        let seat = self.seats.get_mut(key.place())?.as_mut();
        seat.filter(|seat| seat.line.key == key)
    }

    /// As [`Seats::of`], if the session has not got another connection.
    pub fn on(&mut self, line: Line) -> Option<&mut Seat> {
        self.of(line.key).filter(|seat| seat.line == line)
    }

    /// The connection of the session at a place, if it has one.
    pub fn at(&self, place: usize) -> Option<&Arc<Connection>> {
        self.seats.get(place)?.as_ref()?.connection.as_ref()
    }

    /// The session has ended.
    pub fn end(&mut self, key: SessionKey) {
        if let Some(seat) = self.seats.get_mut(key.place())
            && seat.as_ref().is_some_and(|seat| seat.line.key == key)
        {
            *seat = None;
        }
    }

    /// Gives a connection to another session.
    pub fn hand_over(&mut self, line: &mut Line, to: SessionKey) -> Option<Handed> {
        let seat = self.on(*line)?;
        let (connection, pass) = (seat.connection.take()?, seat.pass.clone());
        self.end(line.key);
        line.key = to;
        let new = Seat { line: *line, connection: Some(connection.clone()), pass: pass.clone() };
        Some(Handed { connection, pass, before: self.put(new)? })
    }

    /// Those that are in some places, from one on.
    pub fn some(&self, from: usize, to: usize) -> impl Iterator<Item = &Arc<Connection>> {
        let seats = self.seats.iter().take(to).skip(from).flatten();
        seats.filter_map(|seat| seat.connection.as_ref())
    }
}
