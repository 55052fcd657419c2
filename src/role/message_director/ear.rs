//! What comes on a link: bytes in, frames done in turns.

use bytes::{Buf, BytesMut};

use super::core::{LinkChange, Malformed, control_of, note, obey, route};
use super::downstream::Link;
use super::foreign::{Foreign, begins_with_control};
use super::namesakes::Who;
use super::rivals::{Contest, Entry, Rivals};
use super::senders::Senders;
use crate::router::{FLOOD_BYTES, Fed, Participant};
use crate::wire::{Assembler, Frames, Framing, Runs};

/// What a read began with.
pub(super) enum Heard {
    /// Nothing but what is to be routed, or nothing whole at all.
    Datagrams,
    /// Control messages. What came after them waits for [`Ear::go_on`].
    Control,
}

/// Puts frames together and does what they say.
pub(super) struct Ear<'l> {
    link: &'l Link,
    pub(super) participant: &'l Participant,
    pub(super) who: &'l Who,
    assembler: Assembler,
    /// Bytes so far.
    pub(super) received: u64,
    /// Whole frames of the same read that are still to be done: they came after control messages, the turn was
    /// over, or the first of them waits.
    rest: BytesMut,
    /// Something that it has asked for takes more than a turn.
    is_waiting: bool,
    /// The next of them has to wait until it is known whether others live.
    contest: Option<Contest>,
    /// `None` if it waits for nobody any more.
    rivals: Option<Rivals>,
    /// What is to be done about the link itself.
    pub(super) changes: Vec<LinkChange>,
    /// The slow queues that it feeds.
    fed: Fed,
    senders: Senders,
}

impl<'l> Ear<'l> {
    pub(super) fn new(link: &'l Link, participant: &'l Participant, entry: &'l Entry) -> Self {
        Ear {
            link,
            participant,
            who: entry.who(),
            assembler: Assembler::new(Framing::Tag16),
            received: 0,
            rest: BytesMut::new(),
            is_waiting: false,
            contest: None,
            rivals: Some(entry.rivals()),
            changes: Vec::new(),
            fed: Fed::default(),
            senders: Senders::default(),
        }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<Heard, Malformed> {
        #[cfg(test)]
        crate::fault::happens("link");
        if self.received == 0
            && let Some(foreign) = Foreign::recognise(bytes)
        {
            self.received = bytes.len() as u64;
            return Err(Malformed::Foreign(foreign));
        }
        self.received += bytes.len() as u64;
        let mut assembler = std::mem::replace(&mut self.assembler, Assembler::new(Framing::Tag16));
        let mut heard = Ok(Heard::Datagrams);
        let is_flood = bytes.len() >= FLOOD_BYTES;
        let framed = assembler.take(bytes, |frames| match heard {
            Ok(Heard::Datagrams) if !self.has_more() => {
                if is_flood {
                    self.senders.look_at(frames);
                }
                heard = self.begin(frames);
            }
            Ok(_) => self.rest.extend_from_slice(frames),
            Err(_) => {}
        });
        framed.expect("nothing that a 2-byte tag says is too long");
        self.assembler = assembler;
        heard
    }

    /// Does what frames ask for, until the turn is over; only control messages, if they begin with some.
    fn begin(&mut self, frames: &[u8]) -> Result<Heard, Malformed> {
        let is_control = begins_with_control(frames);
        let left = self.take_turn(frames, |rest| !is_control || begins_with_control(rest))?;
        self.rest.extend_from_slice(left);
        Ok(if is_control { Heard::Control } else { Heard::Datagrams })
    }

    /// Does what is still to be done, until the turn is over.
    pub(super) fn go_on(&mut self) -> Result<(), Malformed> {
        let rest = std::mem::take(&mut self.rest);
        let left = self.take_turn(&rest, |_| true)?.len();
        self.rest = rest;
        self.rest.advance(self.rest.len() - left);
        Ok(())
    }

    /// Does what frames ask for in one batch, as long as `may_go_on` with those that are left and until others are to
    /// have their turn. Returns what is left.
    fn take_turn<'f>(
        &mut self,
        frames: &'f [u8],
        may_go_on: impl Fn(&[u8]) -> bool,
    ) -> Result<&'f [u8], Malformed> {
        let mut runs = Runs::new(Frames::new(frames));
        let mut batch = self.participant.batch_feeding(&mut self.fed);
        loop {
            let left = runs.remaining();
            if !may_go_on(left) {
                return Ok(left);
            }
            let Some(run) = runs.next() else { return Ok(left) };
            if let Some(control) = control_of(run) {
                let rivals = self.rivals.as_mut();
                self.contest = rivals.and_then(|rivals| rivals.contest(control, &batch));
                if self.contest.is_some() {
                    return Ok(left);
                }
                match obey(control, &mut batch, &self.link.events)? {
                    Some(LinkChange::Hello(epoch, _)) if epoch == self.link.peers.epoch() => {
                        return Err(Malformed::Itself);
                    }
                    Some(change) => {
                        // At once: what comes behind it may be defective.
                        if let LinkChange::Name(name) = &change {
                            self.who.is_named(name);
                        }
                        note(&change, &mut batch);
                        self.changes.push(change);
                    }
                    None => {}
                }
            } else if let left_of_run = route(run, &mut batch)?.remaining().len()
                && left_of_run > 0
            {
                self.is_waiting = batch.is_over();
                return Ok(&left[left.len() - runs.remaining().len() - left_of_run..]);
            }
            if batch.is_over() {
                self.is_waiting = true;
                if runs.remaining().is_empty() {
                    batch.has_done_all();
                }
                return Ok(runs.remaining());
            }
        }
    }

    /// Whether there is something to be done before the next read.
    pub(super) fn has_more(&self) -> bool {
        self.is_waiting || !self.rest.is_empty()
    }

    /// Waits until it is known whether others live; lets others have their turn; and waits until what has been asked for
    /// is done. If that is cancelled, it can begin anew.
    pub(super) async fn wait(&mut self) {
        if let (Some(contest), Some(rivals)) = (self.contest.take(), &mut self.rivals) {
            rivals.settle(contest).await;
        }
        if self.is_waiting {
            tokio::task::yield_now().await;
            self.fed.room().await;
            while self.participant.go_on() {
                tokio::task::yield_now().await;
            }
            self.is_waiting = false;
        }
    }

    /// From now on it is nothing to it whether others live.
    pub(super) fn ignore_rivals(&mut self) {
        (self.rivals, self.contest) = (None, None);
    }

    /// Waits a little if the link floods somebody who cannot keep up. Not if it carries what many say: all of
    /// them would wait for one's receiver, which is cut off instead when its queue is full.
    pub(super) async fn brake(&mut self, bytes_read: usize) {
        if self.senders.are_many() {
            self.fed.forget();
        }
        self.fed.brake(bytes_read).await;
    }
}
