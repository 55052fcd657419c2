//! An AI, or whoever else has a link to a message director.

use std::collections::BTreeSet;

use donet::ids::{Channel, DoId, FieldId};
use donet::message::{Blob, ClientAgent, Cluster, Control, Message, Rest, StateServer};
use donet::wire::{CONTROL_HEAD, Envelope, Reader, Writer};
use tokio::time::Instant;

use super::Port;
use super::world::{self, LOGIN, LOGIN_FIELD, STATE_SERVER, TELL_FIELD, WITNESSES};
use crate::cluster::links_of;
use crate::net::{LinkId, Net};

/// A post-remove that watches for the death of a link.
#[derive(Clone, Debug)]
pub struct Kept {
    pub serial: u32,
    /// The daemon that keeps it.
    pub daemon: usize,
    pub link: LinkId,
    pub sent_at: Instant,
    /// When the daemon has certainly kept it.
    pub kept_at: Option<Instant>,
    /// It was taken back.
    pub is_cleared: bool,
    /// When the daemon has certainly forgotten it.
    pub cleared_at: Option<Instant>,
}

/// What an AI has heard.
#[derive(Debug)]
pub enum Heard {
    /// A note of this number, on this connection.
    Note(LinkId, u32),
    /// A client has logged in: its channel, and its own number.
    Login(Channel, u32),
    /// Anything else: its number and arguments.
    Answer(Vec<u8>),
}

/// An AI: it connects again whenever it has lost its link, and does then what AIs do at their beginning.
pub struct Ai {
    pub index: usize,
    /// The daemon that it connects to.
    pub daemon: usize,
    pub port: Option<Port>,
    /// What it has left behind at other daemons: connections that nobody has ended. They only listen.
    pub former: Vec<Port>,
    /// When it has gone on elsewhere.
    pub moved_at: Option<Instant>,
    /// Since when it may have been slow.
    pub slow_since: Option<Instant>,
    pub kept: Vec<Kept>,
    /// Connections for whose end it has taken back everything, that its things are deleted, too.
    pub cleared: BTreeSet<LinkId>,
    /// When it has sent something, post-removes aside.
    pub sent: Vec<Instant>,
    /// The last note by which it will know what its daemon has done.
    sync: Option<u32>,
    next_sync: u32,
    /// It serves log-ins, and makes the place.
    pub is_first: bool,
    /// It makes the place again and again until that answers, from then on.
    pub builds_from: Option<Instant>,
}

/// The field that notes are about, which no class has.
const NOTE: FieldId = FieldId(60_000);
/// The first number of the notes by which an AI knows what its daemon has done.
pub const SYNC: u32 = 0x8000_0000;

/// A datagram to the cluster.
pub fn datagram(to: Channel, from: Channel, message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    Envelope::write_head(&mut Writer::new(&mut bytes), &[to], from);
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

fn control(message: &Control<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_control(&mut Writer::new(&mut bytes));
    bytes
}

/// A note, of a number and some size.
pub fn note(to: Channel, from: Channel, serial: u32, padding: usize) -> Vec<u8> {
    let padding = vec![7; padding];
    let (do_id, field, value) = (DoId(serial), NOTE, Rest(&padding));
    datagram(to, from, &StateServer::ObjectSetField { do_id, field, value })
}

/// The number of a note, or of what a client has told.
pub fn serial_of(datagram: &[u8]) -> Option<u32> {
    let Envelope { message_type, body, .. } = Envelope::read(datagram).ok()?;
    match Cluster::decode(message_type, &mut Reader::new(body)).ok()? {
        Cluster::StateServer(StateServer::ObjectSetField { do_id, field: NOTE, .. }) => {
            Some(do_id.0)
        }
        Cluster::StateServer(StateServer::ObjectSetField { field: TELL_FIELD, value, .. }) => {
            Some(u32::from_le_bytes(value.0.try_into().ok()?))
        }
        _ => None,
    }
}

impl Ai {
    pub const fn new(index: usize, daemon: usize, is_first: bool) -> Self {
        Ai {
            index,
            daemon,
            port: None,
            former: Vec::new(),
            moved_at: None,
            slow_since: None,
            kept: Vec::new(),
            cleared: BTreeSet::new(),
            sent: Vec::new(),
            sync: None,
            next_sync: SYNC + ((index as u32) << 24),
            is_first,
            builds_from: None,
        }
    }

    pub const fn channel(&self) -> Channel {
        world::ai(self.index)
    }

    /// The process that it is to the network.
    const fn process(&self) -> u64 {
        1_000_000 + self.index as u64
    }

    fn ip(&self) -> std::net::IpAddr {
        std::net::IpAddr::from([10, 0, 0, 100 + self.index as u8])
    }

    /// Goes on at another daemon. Its old connection stays, if nobody ends it.
    pub fn go_to(&mut self, daemon: usize) {
        self.former.extend(self.port.take());
        self.former.iter_mut().for_each(|port| port.is_slow = false);
        self.daemon = daemon;
        self.sync = None;
        self.moved_at = Some(Instant::now());
    }

    /// Sends to a channel, if it is connected.
    pub fn send(&mut self, to: Channel, message: &impl Message) -> bool {
        let from = self.channel();
        self.send_raw(&datagram(to, from, message))
    }

    /// Sends a datagram, if it is connected.
    pub fn send_raw(&mut self, datagram: &[u8]) -> bool {
        let Some(port) = &mut self.port else { return false };
        port.send(datagram);
        self.sent.push(Instant::now());
        true
    }

    /// Watches for the end of its link.
    pub fn keep(&mut self, serial: u32) {
        let (own, Some(port)) = (self.channel(), &mut self.port) else { return };
        let kept = note(WITNESSES, own, serial, 0);
        port.send(&control(&Control::AddPostRemove { sender: own, datagram: Blob(&kept) }));
        let link = port.link();
        self.kept.push(Kept {
            serial,
            daemon: self.daemon,
            link,
            sent_at: Instant::now(),
            kept_at: None,
            is_cleared: false,
            cleared_at: None,
        });
        self.begin_sync();
    }

    /// Takes back what it has had kept.
    pub fn clear(&mut self) {
        let (own, Some(port)) = (self.channel(), &mut self.port) else { return };
        port.send(&control(&Control::ClearPostRemoves { sender: own }));
        let link = port.link();
        for kept in self.kept.iter_mut().filter(|kept| kept.link == link) {
            kept.is_cleared = true;
        }
        self.cleared.insert(link);
        self.begin_sync();
    }

    /// Sends a note to the witnesses: when that of its daemon has got it, the daemon has done what came before.
    fn begin_sync(&mut self) {
        self.next_sync += 1;
        self.sync = Some(self.next_sync);
        let own = self.channel();
        self.send_raw(&note(WITNESSES, own, self.next_sync, 0));
    }

    /// The witness of its daemon has heard this note.
    pub fn has_synced(&mut self, serial: u32) {
        if self.sync != Some(serial) {
            return;
        }
        let now = Instant::now();
        let link = self.port.as_ref().map(Port::link);
        for kept in self.kept.iter_mut().filter(|kept| Some(kept.link) == link) {
            kept.kept_at.get_or_insert(now);
            if kept.is_cleared {
                kept.cleared_at.get_or_insert(now);
            }
        }
    }

    /// Connects if it is not connected, and takes what has come.
    pub fn pump(&mut self, net: &Net) -> Vec<Heard> {
        if self.port.is_none() {
            self.connect(net);
        }
        let mut heard = self.pump_former();
        let Some(port) = &mut self.port else { return heard };
        let (came, link) = (port.pump(), port.link());
        if port.is_over() {
            self.port = None;
        }
        heard.extend(came.iter().filter_map(|datagram| self.hear(link, datagram)));
        heard
    }

    /// Notes that reach its old connections; it does nothing because of them.
    fn pump_former(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        for port in &mut self.former {
            let link = port.link();
            let serials =
                port.pump().iter().filter_map(|datagram| serial_of(datagram)).collect::<Vec<_>>();
            heard.extend(serials.into_iter().map(|serial| Heard::Note(link, serial)));
        }
        self.former.retain(|port| !port.is_over());
        heard
    }

    fn connect(&mut self, net: &Net) {
        self.port = Port::connect(net, self.process(), self.ip(), links_of(self.daemon));
        let own = self.channel();
        let Some(port) = &mut self.port else { return };
        port.send(&control(&Control::AddChannel { channel: own }));
        if self.is_first {
            port.send(&control(&Control::AddChannel { channel: LOGIN.channel() }));
            // What is its own dies with it. Links with last words are closed after a gap; others go on.
            let deletion = datagram(STATE_SERVER, own, &StateServer::DeleteAiObjects { ai: own });
            port.send(&control(&Control::AddPostRemove { sender: own, datagram: Blob(&deletion) }));
        }
    }

    fn hear(&mut self, link: LinkId, datagram: &[u8]) -> Option<Heard> {
        if datagram.starts_with(&CONTROL_HEAD) {
            return None;
        }
        let Envelope { sender, message_type, body, .. } =
            Envelope::read(datagram).expect("daemons send whole messages");
        let message = Cluster::decode(message_type, &mut Reader::new(body));
        if let Ok(Cluster::StateServer(StateServer::ObjectSetField { do_id, field, value })) =
            message
        {
            if field == LOGIN_FIELD {
                let serial = u32::from_le_bytes(value.0.try_into().expect("a number"));
                self.send(sender, &ClientAgent::SetState { state: 2 });
                self.send(sender, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
                return Some(Heard::Login(sender, serial));
            }
            if field == TELL_FIELD {
                let serial = u32::from_le_bytes(value.0.try_into().expect("a number"));
                return Some(Heard::Note(link, serial));
            }
            if field != NOTE {
                // A client wants something of what is this AI's.
                return None;
            }
            return Some(Heard::Note(link, do_id.0));
        }
        let mut bytes = message_type.to_le_bytes().to_vec();
        bytes.extend_from_slice(body);
        Some(Heard::Answer(bytes))
    }
}
