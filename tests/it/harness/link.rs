//! A participant outside the daemon: an AI, an UberDOG, a database.

use std::sync::Arc;

use donet::ids::{Channel, Context};
use donet::message::{Control, Message, StateServer};
use donet::wire::Envelope;

use super::datagram::{control_datagram, server_datagram};
use super::probe::{self, Probe};
use super::{At, Daemon, Datagram, DoId, Expected, FrameStream, Received, To};

/// A connection to a message director.
pub struct Link {
    stream: FrameStream,
    probe: Arc<Probe>,
    /// Where marks for this link go.
    mailbox: Channel,
}

impl Link {
    pub(super) fn new(stream: FrameStream, probe: Arc<Probe>) -> Self {
        let mut link = Link { stream, probe, mailbox: probe::new_channel() };
        link.control(&Control::AddChannel { channel: link.mailbox });
        link.sync();
        link
    }

    /// The connection itself, for what is not a message.
    pub const fn stream(&mut self) -> &mut FrameStream {
        &mut self.stream
    }

    /// Sends a control message.
    pub fn control(&mut self, message: &Control<'_>) {
        self.stream.send(&control_datagram(message));
    }

    /// Subscribes to channels; they are subscribed to afterwards.
    pub fn subscribe(&mut self, channels: impl To) {
        for channel in channels.channels() {
            self.control(&Control::AddChannel { channel });
        }
        self.sync();
    }

    /// Ends subscriptions; they have ended afterwards.
    pub fn unsubscribe(&mut self, channels: impl To) {
        for channel in channels.channels() {
            self.control(&Control::RemoveChannel { channel });
        }
        self.sync();
    }

    /// Subscribes to a range; it is subscribed to afterwards.
    pub fn subscribe_range(&mut self, low: u64, high: u64) {
        self.control(&Control::AddRange { low: Channel(low), high: Channel(high) });
        self.sync();
    }

    /// Ends the subscription to a range; it has ended afterwards.
    pub fn unsubscribe_range(&mut self, low: u64, high: u64) {
        self.control(&Control::RemoveRange { low: Channel(low), high: Channel(high) });
        self.sync();
    }

    /// Waits until the daemon has handled everything that this link sent.
    pub fn sync(&mut self) {
        let mark = self.send_mark();
        self.probe.wait_for(&mark);
    }

    pub(super) fn send_mark(&mut self) -> Vec<u8> {
        let mark = probe::new_mark(self.probe.channel());
        self.stream.send(&mark);
        mark
    }

    /// Waits until `daemon`, somewhere upstream of this link's, has handled it too.
    pub fn sync_up_to(&mut self, daemon: &Daemon) {
        let mark = probe::new_mark(daemon.probe().channel());
        self.stream.send(&mark);
        daemon.probe().wait_for(&mark);
    }

    /// Sends a message.
    pub fn send(&mut self, to: impl To, from: impl At, message: &impl Message) {
        self.stream.send(&server_datagram(to, from, message));
    }

    /// The next datagram.
    ///
    /// # Panics
    /// When none comes.
    pub fn receive(&mut self) -> Datagram {
        match self.stream.receive() {
            Received::Datagram(bytes) => Datagram { bytes },
            other => panic!("{other:?} where a datagram should come"),
        }
    }

    /// Expects this message next.
    #[track_caller]
    pub fn expect(&mut self, to: impl To, from: impl At, message: &impl Message) {
        let expected = Expected::new(to, from, message);
        match self.stream.receive() {
            Received::Datagram(bytes) => assert_eq!(expected, Datagram { bytes }),
            other => panic!("{other:?} where this should come: {expected:?}"),
        }
    }

    /// Expects this message, behind whatever others.
    pub fn expect_at_last(&mut self, to: impl To, from: impl At, message: &impl Message) {
        let expected = Expected::new(to, from, message);
        while expected != self.receive() {}
    }

    /// Expects these datagrams next, in any order.
    #[track_caller]
    pub fn expect_any_order(&mut self, expected: impl IntoIterator<Item = Expected>) {
        let mut missing: Vec<Expected> = expected.into_iter().collect();
        while !missing.is_empty() {
            let came = match self.stream.receive() {
                Received::Datagram(bytes) => Datagram { bytes },
                other => panic!("{other:?} where these should come: {missing:#?}"),
            };
            match missing.iter().position(|expected| *expected == came) {
                Some(index) => drop(missing.remove(index)),
                None => panic!("{came:?} came where these should: {missing:#?}"),
            }
        }
    }

    /// Expects that nothing came of all that `sender` has sent so far: a mark sent by it comes first.
    /// It covers what the message director routes, not what roles answer in their own time.
    #[track_caller]
    pub fn expect_nothing_from(&mut self, sender: &mut Link) {
        let mark = probe::new_mark(self.mailbox);
        sender.stream.send(&mark);
        match self.stream.receive() {
            Received::Datagram(bytes) if bytes == mark => {}
            Received::Datagram(bytes) => panic!("came unexpectedly: {:?}", Datagram { bytes }),
            other => panic!("{other:?} where a mark should come"),
        }
    }

    /// Expects that nothing came of all that `sender` has sent to a state server so far: what that
    /// server's object `witness` says where it is comes first.
    #[track_caller]
    pub fn expect_nothing_by(&mut self, sender: &mut Link, witness: DoId) {
        let context = Context(0xffff_0000);
        sender.send(witness, self.mailbox, &StateServer::ObjectGetLocation { context });
        let Received::Datagram(bytes) = self.stream.receive() else {
            panic!("object {witness} does not answer");
        };
        let came = Datagram { bytes };
        let Envelope { sender, body, .. } = came.envelope();
        assert!(
            sender == witness.channel() && body.starts_with(&context.0.to_le_bytes()),
            "came unexpectedly: {came:?}"
        );
    }

    /// Expects the daemon to close the connection.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        match self.stream.receive() {
            Received::Closed => {}
            Received::Datagram(bytes) => panic!("came unexpectedly: {:?}", Datagram { bytes }),
            Received::Nothing => panic!("still open"),
        }
    }

    /// Closes the connection.
    pub fn close(self) {}
}
