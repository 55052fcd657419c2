//! The floor of a world: programs that answer the conversation of players and AIs as cheaply as it can be answered, and
//! know nothing else. Nothing is configured, checked or limited, and classes and fields are those of the scenarios. What
//! they cost, a daemon that lets the same players see the same world costs at least.
//!
//! A [`Conversation`] is what is said, [`epoll`] and [`runtime`] are two ways to wait for sockets.

mod astron;
mod epoll;
mod outbox;
mod panda3d;
mod runtime;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::daemon::Dialect;

use astron::Astron;
use outbox::{Outbox, Side};
use panda3d::Panda3d;

/// What one read may bring.
const READ_BUFFER: usize = 64 * 1024;

/// What a floor hears and what it says, without its sockets.
trait Conversation: Default + Send + 'static {
    /// What it has said and nobody has written.
    fn outbox(&mut self) -> &mut Outbox;

    /// Somebody has connected; returns its number in the outbox.
    fn enter(&mut self, side: Side) -> usize;

    /// Somebody is gone, and what it owned with it. It may be told twice.
    fn leave(&mut self, who: usize);

    /// Takes one frame without its length.
    fn hear(&mut self, who: usize, frame: &[u8]) -> Result<()>;
}

/// How a floor waits for its sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// `epoll_wait`, and system calls on sockets that never wait.
    Epoll,
    /// One thread of tokio, as a daemon has it.
    Tokio,
}

/// A floor, and when it writes.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    pub kind: Kind,
    /// How long what clients are told waits for more of it; what links are told never does. With zero, it waits only
    /// until everything is read that arrived at the same time.
    pub flush: Duration,
}

impl Floor {
    /// What its row is called.
    pub fn name(self) -> String {
        let name = format!("floor-{}", self.argument());
        match self.flush.as_millis() {
            0 => name,
            ms => format!("{name} {ms} ms"),
        }
    }

    /// Its kind on the command line.
    pub fn argument(self) -> &'static str {
        match self.kind {
            Kind::Epoll => "epoll",
            Kind::Tokio => "tokio",
        }
    }

    /// Serves until it is killed.
    pub fn serve(
        self,
        dialect: Dialect,
        director: SocketAddr,
        client_agent: SocketAddr,
    ) -> Result<()> {
        let listeners = [(Side::Link, director), (Side::Client, client_agent)]
            .map(|(side, address)| TcpListener::bind(address).map(|listener| (side, listener)));
        let [links, clients] = listeners;
        let listeners = [links?, clients?];
        for (_, listener) in &listeners {
            listener.set_nonblocking(true)?;
        }
        match dialect {
            Dialect::Astron => self.converse::<Astron>(listeners),
            Dialect::Panda3d => self.converse::<Panda3d>(listeners),
        }
    }

    fn converse<C: Conversation>(self, listeners: [(Side, TcpListener); 2]) -> Result<()> {
        match self.kind {
            Kind::Epoll => epoll::serve::<C>(listeners, self.flush),
            Kind::Tokio => runtime::serve::<C>(listeners, self.flush),
        }
    }
}
