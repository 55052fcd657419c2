//! Reading what a client sends.

use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

use super::Shared;
use super::pulse::Pulse;
use super::seat::Line;
use crate::net::Connection;
use crate::role::client_agent::Heard;
use crate::router::{Fed, Sink};
use crate::wire::websocket::{Decoder, Parting};
use crate::wire::{Assembler, Framing, websocket};

/// Who has held the router for so long has had its turn. To be woken again costs as much as some microseconds of work.
const LONG: Duration = Duration::from_micros(200);

/// How much a read of a WebSocket may bring that is no message, and is not paid for: a ping or its answer comes seldom.
const IDLE_FRAMES_FREE: u32 = 8;

thread_local! {
    /// What is in the messages of a WebSocket lands here, so that connections that wait need no memory for it.
    static FRAMES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Gives whole frames to the core, until it has been enough for others to have their turn. A role that is lost ends the
/// daemon, and hears nothing more.
fn input(shared: &Shared, line: &mut Line, fed: &mut Fed, frames: &[u8]) -> Heard {
    let (held, mut rest) = (fed.held(), frames);
    loop {
        let heard =
            shared.role.turn_feeding(fed, |server, now, out| server.input(now, line, rest, out));
        let heard = heard.unwrap_or_default();
        if !heard.is_long || fed.held() - held >= LONG {
            return heard;
        }
        rest = &rest[rest.len() - heard.rest..];
    }
}

/// Hands what a client sends to the core.
pub struct Ear<'s> {
    pub shared: &'s Shared,
    /// Whose connection it is: of a client that comes back it is another session's later.
    pub line: Line,
    reading: Reading,
    has_heard: bool,
    /// The slow queues that it feeds.
    fed: Fed,
    /// What the core has not handled yet: never more than one read brings. Boxed, since idle connections have
    /// none.
    rest: Option<Box<Rest>>,
}

/// How frames are found in what comes.
enum Reading {
    Frames(Assembler),
    Messages(Box<Messages>),
}

/// What comes by WebSocket.
struct Messages {
    decoder: Decoder,
    pulse: Pulse,
    /// What is to be done for what has come besides messages.
    heard: websocket::Heard,
}

/// Whole frames that the core has not handled yet.
struct Rest {
    frames: Vec<u8>,
    /// How many of these bytes it has: they are not moved each time that it takes some.
    handled: usize,
    /// The core does not take them before then.
    held_until: Option<Instant>,
}

impl<'s> Ear<'s> {
    /// Nothing has been said yet.
    pub fn new(shared: &'s Shared, line: Line, framing: Framing) -> Self {
        let messages = |has_tags| {
            let (decoder, pulse) = (Decoder::new(has_tags), Pulse::default());
            Reading::Messages(Box::new(Messages { decoder, pulse, heard: Default::default() }))
        };
        let reading = match framing {
            Framing::Tag16 | Framing::Tag32 => Reading::Frames(Assembler::new(framing)),
            Framing::Message => messages(false),
            Framing::Frames => messages(true),
        };
        Ear { shared, line, reading, has_heard: false, fed: Fed::patient(), rest: None }
    }

    /// What tells whether the peer is still there, if it can be asked.
    pub fn pulse(&self) -> Option<Pulse> {
        match &self.reading {
            Reading::Frames(_) => None,
            Reading::Messages(messages) => Some(messages.pulse.clone()),
        }
    }

    /// Takes bytes. The first ones may show that it is no client at all.
    pub fn hear(&mut self, bytes: &[u8]) {
        #[cfg(test)]
        crate::fault::happens("client");
        let Ear { shared, line, reading, has_heard, fed, rest } = self;
        let hand_on = |frames: &[u8]| {
            if let Some(rest) = rest {
                rest.frames.extend_from_slice(frames);
                return;
            }
            let heard = input(shared, line, fed, frames);
            if heard.rest > 0 {
                let frames = frames[frames.len() - heard.rest..].to_vec();
                *rest = Some(Box::new(Rest { frames, handled: 0, held_until: heard.held_until }));
            }
        };
        match reading {
            Reading::Frames(assembler) => {
                // Behind lengths of four bytes everything stands elsewhere.
                if !std::mem::replace(has_heard, true)
                    && shared.framing != Framing::Tag32
                    && let Some(foreign) = shared.dialect.recognise(bytes)
                {
                    let line = *line;
                    let _ = shared
                        .role
                        .turn(|server, now, out| server.foreign(now, line, foreign, out));
                    return;
                }
                if let Err(too_long) = assembler.take(bytes, hand_on) {
                    let line = *line;
                    let turn = shared
                        .role
                        .turn(|server, now, out| server.too_long(now, line, too_long, out));
                    let _ = turn;
                }
            }
            Reading::Messages(messages) => messages.take(bytes, hand_on),
        }
    }

    /// Hands over what the core has not handled yet, each time that it takes some and others have had their turn.
    async fn hear_rest(&mut self) {
        while let Some(Rest { frames, handled, held_until }) = self.rest.as_deref_mut() {
            match *held_until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => tokio::task::yield_now().await,
            }
            self.fed.leave_time(self.shared.router_percent()).await;
            let heard = input(self.shared, &mut self.line, &mut self.fed, &frames[*handled..]);
            *held_until = heard.held_until;
            *handled = frames.len() - heard.rest;
            if heard.rest == 0 {
                self.rest = None;
            }
        }
    }

    /// What the last read of a WebSocket asks for besides what is in its messages.
    fn heard(&mut self) -> Option<websocket::Heard> {
        match &mut self.reading {
            Reading::Frames(_) => None,
            Reading::Messages(messages) => {
                let has_any = messages.heard != websocket::Heard::default();
                has_any.then(|| std::mem::take(&mut messages.heard))
            }
        }
    }

    /// Does what is to be done for what came besides messages. What came before it is handled first.
    async fn answer(&mut self, connection: &Connection, heard: websocket::Heard) {
        let websocket::Heard { answer, idle_frames, parting } = heard;
        if !answer.is_empty() {
            connection.push_bytes(&answer);
            connection.announce();
        }
        self.hear_rest().await;
        if idle_frames > IDLE_FRAMES_FREE {
            self.pay(idle_frames).await;
        }
        if let Some(parting) = parting {
            self.part(parting);
        }
    }

    /// Has the client pay for frames that say nothing, and waits as long as it has to.
    async fn pay(&self, mut frames: u32) {
        loop {
            let turn = self
                .shared
                .role
                .turn(|server, now, out| server.charge(now, self.line, frames, out));
            let Ok(Some(until)) = turn else { return };
            frames = 0;
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn part(&self, parting: Parting) {
        let line = self.line;
        let _ = self.shared.role.turn(|server, now, out| server.parted(now, line, parting, out));
    }

    /// Reads as long as the core takes it and `may_read` says so, and returns why there is no more.
    pub async fn listen_while(
        &mut self,
        connection: &Connection,
        may_read: impl Fn() -> bool,
    ) -> io::Error {
        let mut read = 0;
        loop {
            // Boxed, since these are seldom needed and would be carried by every idle connection.
            if let Some(heard) = self.heard() {
                Box::pin(self.answer(connection, heard)).await;
            }
            if self.rest.is_some() {
                Box::pin(self.hear_rest()).await;
            }
            self.fed.leave_time(self.shared.router_percent()).await;
            self.fed.brake(std::mem::take(&mut read)).await;
            if !may_read() {
                return io::ErrorKind::UnexpectedEof.into();
            }
            match connection.read(|bytes| self.hear(bytes)).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => read = count,
                Err(error) => return error,
            }
        }
    }
}

impl Messages {
    /// Takes bytes, and hands on what is in messages that are whole now.
    fn take(&mut self, bytes: &[u8], hand_on: impl FnOnce(&[u8])) {
        self.pulse.beat();
        FRAMES.with_borrow_mut(|frames| {
            frames.clear();
            let websocket::Heard { answer, idle_frames, parting } =
                self.decoder.take(bytes, frames);
            if !answer.is_empty() {
                self.heard.answer = answer;
            }
            self.heard.idle_frames += idle_frames;
            self.heard.parting = self.heard.parting.or(parting);
            if !frames.is_empty() {
                hand_on(frames);
            }
        });
    }
}
