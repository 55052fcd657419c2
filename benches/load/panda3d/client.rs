//! A client as Panda3D's `ClientRepository` is one: what it knows, what it answers, and what it checks of what it hears.

use std::collections::hash_map::Entry;

use anyhow::{Context, Result, bail, ensure};
use bytes::Buf;
use rustc_hash::FxHashMap;

use super::wire::{PLACE, dc, generate, label, movement, msg};
use crate::delays::{Delays, stamp};
use crate::wire::Batch;

/// What is counted over all clients.
#[derive(Default)]
pub(super) struct Tally {
    /// Datagrams that clients were sent, and their bytes, lengths included.
    pub(super) datagrams: usize,
    pub(super) bytes: usize,
    /// Clients that were told their range.
    pub(super) ranges: usize,
    /// Times that a client was told what it does not see any more, with which an interest is answered.
    pub(super) disables: usize,
    /// Times that a client was asked for its objects.
    pub(super) requests: usize,
    /// Times that a client was shown an avatar that it knew.
    pub(super) repeats: usize,
    /// Pairs of a client and an avatar of another that it knows.
    pub(super) known: usize,
    /// Movements that reached a client.
    pub(super) deliveries: usize,
    /// How long they took.
    pub(super) delays: Delays,
}

#[derive(Default)]
pub(super) struct Client {
    /// The first of its doIds: by it others know it, and its avatar has it. None before it is told.
    base: Option<u32>,
    /// The zone of its avatar, if that is made.
    zone: Option<u32>,
    /// When it moved last, and how often it has.
    place: (u64, u32),
    /// How often each of the avatars of others that it knows has moved.
    pub(super) seen: FxHashMap<u32, u32>,
}

impl Client {
    /// Its avatar's doId.
    pub(super) fn avatar(&self) -> Result<u32> {
        self.base.context("a client without a range of doIds")
    }

    /// How often it has moved.
    pub(super) fn steps(&self) -> u32 {
        self.place.1
    }

    /// Appends the making of its avatar.
    pub(super) fn make_avatar(&mut self, zone: u32, batch: &mut Batch) -> Result<()> {
        self.zone = Some(zone);
        generate(batch, self.avatar()?, zone, self.place);
        Ok(())
    }

    /// Appends its next movement.
    pub(super) fn walk_on(&mut self, batch: &mut Batch) -> Result<()> {
        self.place = (stamp(), self.place.1 + 1);
        movement(batch, self.avatar()?, self.place);
        Ok(())
    }

    /// Takes a datagram.
    pub(super) fn hear(
        &mut self,
        mut frame: &[u8],
        answers: &mut Batch,
        tally: &mut Tally,
    ) -> Result<()> {
        tally.datagrams += 1;
        tally.bytes += 2 + frame.len();
        let number = frame.try_get_u16_le()?;
        let Some(base) = self.base else {
            ensure!(number == msg::SET_DOID_RANGE, "message {number} before a range of doIds");
            let (base, count) = (frame.try_get_u32_le()?, frame.try_get_u32_le()?);
            // The last of a range cannot be used with every server.
            ensure!(base > 0 && count > 1, "a range of {count} doIds from {base} on");
            self.base = Some(base);
            tally.ranges += 1;
            return Ok(());
        };
        match number {
            msg::OBJECT_GENERATE => self.see(base, frame, tally)?,
            msg::OBJECT_UPDATE_FIELD => self.see_movement(base, frame, tally)?,
            msg::OBJECT_DISABLE => {
                tally.disables += 1;
                while frame.has_remaining() {
                    self.lose(frame.try_get_u32_le()?, tally)?;
                }
            }
            msg::OBJECT_DELETE => self.lose(frame.try_get_u32_le()?, tally)?,
            msg::REQUEST_GENERATES => {
                tally.requests += 1;
                let zone = frame.try_get_u32_le()?;
                if self.zone == Some(zone) {
                    generate(answers, base, zone, self.place);
                }
            }
            _ => bail!("unexpected message {number}"),
        }
        Ok(())
    }

    /// An avatar appears, or is described again.
    fn see(&mut self, base: u32, mut frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (sender, zone) = (frame.try_get_u32_le()?, frame.try_get_u32_le()?);
        let (class, doid) = (frame.try_get_u16_le()?, frame.try_get_u32_le()?);
        ensure!(doid != base, "a client is shown its own avatar");
        ensure!(sender == doid, "{sender} shows the avatar of {doid}");
        ensure!(class == dc::AVATAR, "{doid} is of class {class}");
        ensure!(self.zone.is_none_or(|own| own == zone), "{doid} is in zone {zone}");
        let length = usize::from(frame.try_get_u16_le()?);
        ensure!(frame.get(..length) == Some(label(doid).as_bytes()), "{doid} has another label");
        frame.advance(length);
        let mut step = 0;
        for _ in 0..frame.try_get_u16_le()? {
            let field = frame.try_get_u16_le()?;
            ensure!(field == dc::SET_PLACE && frame.len() >= PLACE, "{doid} has field {field}");
            frame.advance(PLACE - 4);
            step = frame.get_u32_le();
        }
        ensure!(frame.is_empty(), "{} bytes too many of {doid}", frame.len());
        match self.seen.entry(doid) {
            Entry::Vacant(entry) => {
                tally.known += 1;
                entry.insert(step);
            }
            Entry::Occupied(mut entry) => {
                tally.repeats += 1;
                let last = entry.get_mut();
                *last = step.max(*last);
            }
        }
        Ok(())
    }

    fn see_movement(&mut self, base: u32, mut frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (sender, doid) = (frame.try_get_u32_le()?, frame.try_get_u32_le()?);
        let field = frame.try_get_u16_le()?;
        ensure!(doid != base, "a client hears its own movement");
        ensure!(sender == doid, "{sender} moves the avatar of {doid}");
        ensure!(field == dc::SET_PLACE && frame.len() == PLACE, "field {field} of {doid}");
        let (sent, step) = (frame.get_u64_le(), frame.get_u32_le());
        let last = self.seen.get_mut(&doid).with_context(|| format!("{doid} moves unseen"))?;
        // A gap shows in the number of deliveries.
        ensure!(step > *last, "{doid} went from step {last} to {step}");
        *last = step;
        tally.deliveries += 1;
        tally.delays.note(sent);
        Ok(())
    }

    fn lose(&mut self, doid: u32, tally: &mut Tally) -> Result<()> {
        ensure!(self.seen.remove(&doid).is_some(), "{doid} goes without being there");
        tally.known -= 1;
        Ok(())
    }
}
