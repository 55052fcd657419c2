//! What a player knows, and what it checks of what it hears.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut};

use super::Tally;
use crate::clients::{interest, login_request, unexpected};
use crate::daemon::WORLD;
use crate::delays::stamp;
use crate::objects::put_place_at;
use crate::wire::{Batch, dc, msg};

pub(super) struct Player {
    pub(super) avatar: u32,
    pub(super) zone: u32,
    /// The avatar's latest movement.
    step: u32,
    /// What is missing until it may act: its welcome and its avatar.
    awaited: u8,
    pub(super) present: bool,
    /// The latest step of everything that it sees.
    seen: HashMap<u32, u32>,
    pub(super) pings: VecDeque<(u32, Instant)>,
    pinged: u32,
}

impl Player {
    /// One that has not said anything yet.
    pub(super) fn new(avatar: u32, zone: u32) -> Player {
        Player {
            avatar,
            zone,
            step: 0,
            awaited: 2,
            present: false,
            seen: HashMap::new(),
            pings: VecDeque::new(),
            pinged: 0,
        }
    }

    /// Appends its next movement.
    pub(super) fn walk_on(&mut self, batch: &mut Batch) {
        self.step += 1;
        let step = self.step;
        self.set_field(batch, dc::SET_PLACE, |b| put_place_at(b, stamp(), step));
    }

    /// Appends its next ping.
    pub(super) fn ping(&mut self, batch: &mut Batch) {
        self.pinged += 1;
        let number = self.pinged;
        self.pings.push_back((number, Instant::now()));
        self.set_field(batch, dc::PING, |b| b.put_u32_le(number));
    }

    pub(super) fn set_field(
        &self,
        batch: &mut Batch,
        field: u16,
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(self.avatar);
            b.put_u16_le(field);
            value(b);
        });
    }

    /// Takes a frame from the daemon.
    pub(super) fn hear(
        &mut self,
        whole: &[u8],
        answers: &mut Batch,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut frame = whole;
        match frame.try_get_u16_le()? {
            msg::CLIENT_HELLO_RESP => {
                answers.bytes.extend_from_slice(&login_request(self.avatar).bytes);
            }
            msg::CLIENT_WELCOME
            | msg::CLIENT_ENTER_OBJECT_REQUIRED_OWNER
            | msg::CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER => {
                ensure!(frame.try_get_u32_le()? == self.avatar, "another player's avatar");
                self.awaited = self.awaited.checked_sub(1).context("owned or welcome twice")?;
                if self.awaited == 0 {
                    answers.bytes.extend_from_slice(&interest(WORLD, self.zone).bytes);
                }
            }
            msg::CLIENT_DONE_INTEREST_RESP => {
                tally.present += usize::from(!self.present);
                self.present = true;
            }
            msg::CLIENT_ENTER_OBJECT_REQUIRED | msg::CLIENT_ENTER_OBJECT_REQUIRED_OTHER => {
                self.see_enter(frame)?;
            }
            msg::CLIENT_OBJECT_LEAVING => {
                let doid = frame.try_get_u32_le()?;
                ensure!(self.seen.remove(&doid).is_some(), "{doid} left without being there");
            }
            msg::CLIENT_OBJECT_SET_FIELD => self.hear_update(frame, tally)?,
            // An object that went from one visible zone to another.
            msg::CLIENT_OBJECT_LOCATION => {}
            _ => bail!(unexpected(whole)),
        }
        Ok(())
    }

    /// `doid, parent, zone, class`, then the label and the place.
    fn see_enter(&mut self, mut frame: &[u8]) -> Result<()> {
        let doid = frame.try_get_u32_le()?;
        ensure!(frame.len() >= 12, "an entry without a label");
        frame.advance(10);
        let label = usize::from(frame.get_u16_le());
        let place = frame.get(label..label + 12).context("an entry without a place")?;
        let step = (&place[8..]).get_u32_le();
        ensure!(self.seen.insert(doid, step).is_none(), "{doid} entered twice");
        Ok(())
    }

    fn hear_update(&mut self, mut frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (doid, field) = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
        match field {
            dc::SET_PLACE => {
                ensure!(frame.len() == 12, "a place of {} bytes", frame.len());
                tally.delays.note(frame.get_u64_le());
                let step = frame.get_u32_le();
                let last = self.seen.get_mut(&doid).context("an update of an unseen object")?;
                // What was queued while an interest opened may already be in the entry.
                ensure!(step <= *last + 1, "{doid} went from step {last} to {step}");
                *last = step.max(*last);
            }
            dc::PONG => {
                let number = frame.try_get_u32_le()?;
                let (pinged, began) = self.pings.pop_front().context("a pong without a ping")?;
                ensure!(doid == self.avatar && number == pinged, "pong {number}, not {pinged}");
                tally.times.push(began.elapsed());
                tally.pings -= 1;
            }
            dc::SAY => ensure!(self.seen.contains_key(&doid), "{doid} spoke unseen"),
            _ => bail!("field {field} of {doid}"),
        }
        Ok(())
    }
}
