//! What has happened in a run, as far as the peers know and the network knows better.

use std::collections::{BTreeMap, BTreeSet};

use donet::ids::{Channel, Context, DoId};
use tokio::time::Instant;

use crate::net::LinkId;

/// A message to an AI.
#[derive(Clone, Debug)]
pub struct Note {
    /// The daemon that it was sent to, and the AI that it is for.
    pub from: usize,
    pub to: usize,
    pub sent_at: Instant,
    /// A client has said it.
    pub is_clients: bool,
    /// The sender's connection.
    pub link: LinkId,
    /// The connections on which it was heard. On another one it may be heard again: the receiver has come back where it
    /// had yet to come.
    pub heard: Vec<LinkId>,
}

/// A daemon's life, from its start.
#[derive(Clone, Debug)]
pub struct Life {
    pub daemon: usize,
    pub began: Instant,
    /// When it was killed, or told to end.
    pub ended: Option<Instant>,
}

/// An object that an AI has asked a database for, and nobody else writes to.
#[derive(Clone, Debug)]
pub struct Record {
    pub ai: usize,
    pub create: Context,
    pub do_id: Option<DoId>,
    /// What is there, as far as its writer knows.
    pub known: Option<u32>,
    /// The last value that was acknowledged.
    pub stored: Option<u32>,
    /// What was written since, and is not answered.
    pub open: BTreeMap<u32, u32>,
    /// What was answered with failure.
    pub refused: BTreeSet<u32>,
}

/// What an AI has tied to a client's session: a post-remove, or a thing.
#[derive(Clone, Debug)]
pub struct Tied {
    pub client: u32,
    /// The daemon that it was said through, and on which connection.
    pub from: usize,
    pub link: LinkId,
    pub at: Instant,
    pub what: Bond,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Bond {
    PostRemove(u32),
    Thing(DoId),
}

/// A thing that an AI has asked for.
#[derive(Clone, Debug)]
pub struct Made {
    pub do_id: DoId,
    pub ai: usize,
    /// The daemon that it was asked through.
    pub daemon: usize,
    pub link: LinkId,
    pub at: Instant,
    /// When the AI has said again whose it is, on the same connection: where it is made elsewhere, it may not have been there
    /// for the first time.
    pub claimed_at: Option<Instant>,
}

/// All of it.
#[derive(Default, Debug)]
pub struct Facts {
    pub notes: BTreeMap<u32, Note>,
    pub lives: Vec<Life>,
    /// What each daemon's witness has heard of whose post-removes: daemon, number, when.
    pub witnessed: Vec<(usize, u32, Instant)>,
    /// Clients that have logged in: with which channel, and when.
    pub logins: Vec<(Channel, u32, Instant)>,
    pub records: Vec<Record>,
    pub made: Vec<Made>,
    pub tied: Vec<Tied>,
    /// Things that somebody has had deleted, on purpose or because of a session.
    pub deleted: BTreeSet<DoId>,
    /// To whom each thing has been given, and when.
    pub given: BTreeMap<DoId, Vec<(Channel, Instant)>>,
    /// What is wrong for everybody to see.
    pub wrong: Vec<String>,
    /// Times during which messages are held up somewhere, and what is on its way may be for longer than usual.
    pub held_up: Vec<(Instant, Instant)>,
    /// How often it was looked whether clients still see what is gone.
    pub judged_gone: u64,
    /// A peer is gone without a word.
    pub has_vanished: bool,
}

impl Facts {
    /// The channel of a client.
    pub fn channel_of(&self, client: u32) -> Option<Channel> {
        let login = self.logins.iter().rev().find(|(_, serial, _)| *serial == client);
        login.map(|(channel, ..)| *channel)
    }
}
