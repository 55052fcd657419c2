//! What a role's core wants done, in order.

use std::ops::Range;

use super::{Origin, Said};
use crate::ids::{Channel, ChannelRange, RECIPIENTS_MAX};
use crate::message::Message;
use crate::wire::{Envelope, Error, Frame, Frames, Run, Runs, Writer, write_frame};

/// One thing that a core wants done.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Effect<'a> {
    /// Route a datagram, from the role's participant.
    Route(Frame<'a>),
    /// Subscribe the participant to a channel.
    Subscribe(Channel),
    /// End the subscription to a channel.
    Unsubscribe(Channel),
    /// Subscribe the participant to a range.
    SubscribeRange(ChannelRange),
    /// End the subscription to a range, and to all single channels in it.
    UnsubscribeRange(ChannelRange),
    /// Keep a datagram under `sender`, to be routed if the participant is lost.
    AddPostRemove(Channel, Frame<'a>),
    /// Forget the datagrams kept under `sender`.
    ClearPostRemoves(Channel),
}

/// The memory that an emptied list keeps.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_RECORDS: usize = 4096;

#[derive(Clone, Debug)]
enum Record {
    /// Whether it comes back to the role, and then who sent it.
    Route(Range<usize>, Option<Origin>),
    /// As a route that comes back, of what one who has left wanted said. Who and what that is stands elsewhere, since there
    /// is seldom any, and so that records are forgotten without looking at them.
    LastWords(Range<usize>, usize),
    Subscribe(Channel),
    Unsubscribe(Channel),
    SubscribeRange(ChannelRange),
    AddPostRemove(Channel, Range<usize>),
    ClearPostRemoves(Channel),
    /// As that, behind what is routed before it.
    ForgetSaid(Channel),
}

/// Something that waits for its turn to be routed.
pub(super) enum Routed<'a> {
    Datagrams(Run<'a>),
    /// What one who has left wanted said.
    LastWords(Said, Frame<'a>),
    /// All that is kept under this sender has been said.
    Forget(Channel),
}

/// How far effects have been looked at while their role may still append to them.
#[derive(Copy, Clone, Default, Debug)]
pub(super) struct Place {
    /// The next record that may be a change, and how many were.
    changes: usize,
    changes_seen: usize,
    /// The same for those that come back.
    echoes: usize,
    echoes_seen: usize,
}

/// A list of [`Effect`]s, reused from batch to batch: appending to it allocates nothing once it has
/// grown to a batch's size.
#[derive(Clone, Debug)]
pub struct Effects {
    frames: Vec<u8>,
    records: Vec<Record>,
    last_words: Vec<(Origin, Said)>,
    /// How many of the records are no routes.
    changes: usize,
    /// How many of them come back to the role.
    echoes: usize,
    /// The role has more to tell than this.
    more: bool,
    /// So much that whoever asks for more is to wait.
    full: bool,
    /// See [`Effects::steps_left`].
    steps_left: usize,
    /// See [`Effects::note_members`].
    members: usize,
}

impl Default for Effects {
    fn default() -> Self {
        // Whoever has a role by itself waits for it as long as it takes.
        Effects {
            frames: Vec::new(),
            records: Vec::new(),
            last_words: Vec::new(),
            changes: 0,
            echoes: 0,
            more: false,
            full: false,
            steps_left: usize::MAX,
            members: 0,
        }
    }
}

impl Effects {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends `message` to `recipients`, in as many datagrams as their number takes. No recipients: nothing is
    /// sent. It does not come back to the role.
    ///
    /// # Errors
    /// [`Error::Oversize`] if the message does not fit a datagram; nothing is sent then.
    pub fn route(
        &mut self,
        recipients: &[Channel],
        sender: Channel,
        message: &impl Message,
    ) -> Result<(), Error> {
        self.route_with(recipients, sender, |writer| message.write(writer))
    }

    /// As [`Effects::route`], but as what `origin` sends: the role gets it too, if it listens to one of the
    /// recipients, and is told `origin`.
    ///
    /// # Errors
    /// As [`Effects::route`].
    pub fn route_from(
        &mut self,
        origin: Origin,
        recipients: &[Channel],
        sender: Channel,
        message: &impl Message,
    ) -> Result<(), Error> {
        self.push_route(Some(origin), recipients, sender, |writer| message.write(writer))
    }

    /// As [`Effects::route`], with a message that `content` writes: its number and arguments.
    ///
    /// # Errors
    /// As [`Effects::route`].
    pub fn route_with(
        &mut self,
        recipients: &[Channel],
        sender: Channel,
        content: impl Fn(&mut Writer<'_>),
    ) -> Result<(), Error> {
        self.push_route(None, recipients, sender, content)
    }

    /// Routes a datagram that is complete already: recipients, sender, number and arguments. With an origin
    /// as [`Effects::route_from`], without one as [`Effects::route`].
    ///
    /// # Errors
    /// [`Error::Oversize`] if it is too large; nothing is sent then.
    pub fn route_datagram(&mut self, origin: Option<Origin>, datagram: &[u8]) -> Result<(), Error> {
        let frame = write_frame(&mut self.frames, |writer| writer.raw(datagram))?;
        self.push_route_of(origin, frame);
        Ok(())
    }

    /// Routes a datagram that is complete already, as what a member of the role wanted said at its end: it reaches daemons
    /// that are away, too, when they are back. The role gets it as if `origin` had sent it.
    ///
    /// # Errors
    /// As [`Effects::route_datagram`].
    pub fn say_last_words(
        &mut self,
        origin: Origin,
        said: Said,
        datagram: &[u8],
    ) -> Result<(), Error> {
        let frame = write_frame(&mut self.frames, |writer| writer.raw(datagram))?;
        self.records.push(Record::LastWords(frame, self.last_words.len()));
        self.last_words.push((origin, said));
        self.echoes += 1;
        Ok(())
    }

    #[inline]
    fn push_route(
        &mut self,
        origin: Option<Origin>,
        recipients: &[Channel],
        sender: Channel,
        content: impl Fn(&mut Writer<'_>),
    ) -> Result<(), Error> {
        for recipients in recipients.chunks(RECIPIENTS_MAX) {
            let frame = write_frame(&mut self.frames, |writer| {
                Envelope::write_head(writer, recipients, sender);
                content(writer);
            })?;
            self.push_route_of(origin, frame);
        }
        Ok(())
    }

    #[inline]
    fn push_route_of(&mut self, origin: Option<Origin>, frame: Range<usize>) {
        self.echoes += usize::from(origin.is_some());
        self.records.push(Record::Route(frame, origin));
    }

    /// Says that the role has taken on work of which it will tell more when it is asked to
    /// ([`Role::resume`](super::Role::resume)).
    pub const fn go_on_later(&mut self) {
        self.more = true;
    }

    /// As [`Effects::go_on_later`], and says that it is so much that the socket from which this has come is not to be read
    /// before there is less: until the role, asked to go on, does not say so any more.
    pub const fn hold_back(&mut self) {
        self.more = true;
        self.full = true;
    }

    /// How many more steps of work for many the role may do before others have to have their turn; see
    /// [`Effects::spend`]. What it has taken on and does not get to, it does later ([`Effects::go_on_later`]).
    pub const fn steps_left(&self) -> usize {
        self.steps_left
    }

    /// Counts steps of work for many: one for each object or session that a datagram for all of them is handed to,
    /// or for as many bytes as it takes to tell of a usual one.
    pub const fn spend(&mut self, steps: usize) {
        self.steps_left = self.steps_left.saturating_sub(steps);
    }

    /// Lets the role do that many steps.
    pub const fn grant(&mut self, steps: usize) {
        self.steps_left = steps;
    }

    /// Says that the role has handed something to so many of its own: whoever routes sees how long it takes.
    #[inline]
    pub const fn note_members(&mut self, members: usize) {
        self.members += members;
    }

    /// Takes back how many of its own the role has handed something to.
    #[inline]
    pub(super) const fn take_members(&mut self) -> usize {
        std::mem::replace(&mut self.members, 0)
    }

    /// Subscribes the role's participant to a channel.
    pub fn subscribe(&mut self, channel: Channel) {
        self.push_change(Record::Subscribe(channel));
    }

    /// Ends the subscription to a channel.
    pub fn unsubscribe(&mut self, channel: Channel) {
        self.push_change(Record::Unsubscribe(channel));
    }

    /// Subscribes the role's participant to a range of channels.
    pub fn subscribe_range(&mut self, range: ChannelRange) {
        self.push_change(Record::SubscribeRange(range));
    }

    /// Has a datagram kept, to be routed if the participant is lost before it is cleared.
    ///
    /// # Errors
    /// [`Error::Oversize`] if it is too large; nothing is kept then.
    pub fn add_post_remove(&mut self, sender: Channel, datagram: &[u8]) -> Result<(), Error> {
        let frame = write_frame(&mut self.frames, |writer| writer.raw(datagram))?;
        self.push_change(Record::AddPostRemove(sender, frame));
        Ok(())
    }

    /// Has the datagrams kept under `sender` forgotten.
    pub fn clear_post_removes(&mut self, sender: Channel) {
        self.push_change(Record::ClearPostRemoves(sender));
    }

    /// Has the datagrams kept under `sender` forgotten when what is to be routed until now has been: they are among that, and
    /// whoever keeps them, too, is not to forget them sooner.
    pub fn forget_when_said(&mut self, sender: Channel) {
        self.records.push(Record::ForgetSaid(sender));
    }

    fn push_change(&mut self, change: Record) {
        self.changes += 1;
        self.records.push(change);
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the datagrams that are waiting to be routed.
    pub fn bytes(&self) -> usize {
        self.frames.len()
    }

    /// What is to be done, in order.
    pub fn iter(&self) -> impl Iterator<Item = Effect<'_>> {
        self.records.iter().map(|record| self.effect(record))
    }

    /// What is to be routed, in order: what a client has to say to an UberDOG, for instance, is many datagrams in a row for
    /// one recipient, and is handed on as one.
    pub(super) fn routes(&self) -> impl Iterator<Item = Routed<'_>> {
        let mut records = self.records.iter().peekable();
        let mut runs = Runs::new(Frames::new(&[]));
        std::iter::from_fn(move || {
            if let Some(run) = runs.next() {
                return Some(Routed::Datagrams(run));
            }
            loop {
                match records.next()? {
                    Record::Route(place, _) => {
                        let mut end = place.end;
                        while let Some(Record::Route(next, _)) = records.peek()
                            && next.start == end
                        {
                            end = next.end;
                            records.next();
                        }
                        runs = Runs::new(Frames::new(&self.frames[place.start..end]));
                        return runs.next().map(Routed::Datagrams);
                    }
                    Record::LastWords(place, said) => {
                        let said = self.last_words[*said].1;
                        return Some(Routed::LastWords(said, self.frame(place)));
                    }
                    Record::ForgetSaid(sender) => return Some(Routed::Forget(*sender)),
                    _ => {}
                }
            }
        })
    }

    /// Whether there is something to be routed.
    pub(super) const fn has_routes(&self) -> bool {
        self.records.len() > self.changes
    }

    /// The next effect that is not a route; the list may have grown since the last.
    #[inline]
    pub(super) fn next_change(&self, place: &mut Place) -> Option<Effect<'_>> {
        if place.changes_seen == self.changes {
            return None;
        }
        loop {
            let record = self.records.get(place.changes)?;
            place.changes += 1;
            if !matches!(record, Record::Route(..) | Record::LastWords(..) | Record::ForgetSaid(_))
            {
                place.changes_seen += 1;
                return Some(self.effect(record));
            }
        }
    }

    /// The next datagram that comes back to the role, and who sent it; the list may have grown since the last.
    #[inline]
    pub(super) fn next_from_member(&self, place: &mut Place) -> Option<(Frame<'_>, Origin)> {
        if place.echoes_seen == self.echoes {
            return None;
        }
        loop {
            let record = self.records.get(place.echoes)?;
            place.echoes += 1;
            let (frame, origin) = match record {
                Record::Route(frame, Some(origin)) => (frame, *origin),
                Record::LastWords(frame, said) => (frame, self.last_words[*said].0),
                _ => continue,
            };
            place.echoes_seen += 1;
            return Some((self.frame(frame), origin));
        }
    }

    /// Whether the role has more to tell than this.
    pub(super) const fn says_more(&self) -> bool {
        self.more
    }

    /// Takes back whether there is more to tell than this.
    pub(super) const fn takes_more(&mut self) -> bool {
        std::mem::replace(&mut self.more, false)
    }

    /// Takes back whether whoever asks for more is to wait.
    pub(super) const fn takes_full(&mut self) -> bool {
        std::mem::replace(&mut self.full, false)
    }

    /// Forgets everything and keeps the memory for the next batch, if it is no more than a batch usually takes.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.records.clear();
        self.last_words.clear();
        self.changes = 0;
        self.echoes = 0;
        self.more = false;
        self.full = false;
        if self.frames.capacity() > KEPT_BYTES || self.records.capacity() > KEPT_RECORDS {
            self.frames = Vec::new();
            self.records = Vec::new();
        }
    }

    #[inline]
    fn effect(&self, record: &Record) -> Effect<'_> {
        match record {
            Record::Route(place, _) | Record::LastWords(place, ..) => {
                Effect::Route(self.frame(place))
            }
            Record::Subscribe(channel) => Effect::Subscribe(*channel),
            Record::Unsubscribe(channel) => Effect::Unsubscribe(*channel),
            Record::SubscribeRange(range) => Effect::SubscribeRange(*range),
            Record::AddPostRemove(sender, place) => {
                Effect::AddPostRemove(*sender, self.frame(place))
            }
            Record::ClearPostRemoves(sender) | Record::ForgetSaid(sender) => {
                Effect::ClearPostRemoves(*sender)
            }
        }
    }

    #[inline]
    fn frame(&self, place: &Range<usize>) -> Frame<'_> {
        Frame::written(&self.frames[place.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DoId;
    use crate::message::StateServer;

    #[test]
    fn more_recipients_than_a_datagram_can_name_are_split() {
        let recipients: Vec<Channel> = (1..=600).map(Channel).collect();
        let mut effects = Effects::new();
        let message = StateServer::ObjectDeleteRam { do_id: DoId(7) };
        effects.route(&recipients, Channel(5), &message).expect("small");
        let mut reached = Vec::new();
        for effect in effects.iter() {
            let Effect::Route(frame) = effect else { panic!("{effect:?}") };
            let envelope = Envelope::read(frame.datagram()).expect("complete");
            reached.extend(envelope.recipients.iter());
        }
        assert_eq!(reached, recipients);
        assert_eq!(effects.iter().count(), 3);
    }

    #[test]
    fn nobody_to_send_to_sends_nothing() {
        let mut effects = Effects::new();
        let message = StateServer::ObjectDeleteRam { do_id: DoId(7) };
        effects.route(&[], Channel(5), &message).expect("nothing");
        assert!(effects.is_empty());
    }
}
