//! Objects that were found for several sessions together.

use std::ops::Range;

use super::{Flow, Session, for_clients};
use crate::ids::{self, ClassId, DoId, Location};
use crate::message::{ObjectState, Rest};
use crate::role::client_agent::agent::Context;
use crate::role::client_agent::interest::{Phase, Query};
use crate::wire::{self, Framing};

const FRAMINGS: usize = Framing::ALL.len();

/// Objects that a question has found, with the frames by which clients are told of them: one after the other, for each framing
/// that one of them has.
#[derive(Debug, Default)]
pub struct Found {
    entries: Vec<One>,
    frames: [Vec<u8>; FRAMINGS],
    /// Values of those that are to be remembered, one after the other.
    values: Vec<u8>,
    remembered: Vec<Remembered>,
}

/// An object with its values.
#[derive(Debug)]
struct Remembered {
    /// Which of them.
    entry: usize,
    /// Where its values end.
    end: usize,
    has_other: bool,
}

#[derive(Debug)]
struct One {
    do_id: DoId,
    class_id: ClassId,
    location: Location,
    /// Where its frames end.
    ends: [usize; FRAMINGS],
}

impl Found {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets them, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.frames.iter_mut().for_each(Vec::clear);
        self.values.clear();
        self.remembered.clear();
    }

    /// The values of the last one are to be remembered.
    pub fn remember(&mut self, object: &ObjectState<'_>, has_other: bool) {
        self.values.extend_from_slice(object.values.0);
        let (entry, end) = (self.entries.len() - 1, self.values.len());
        self.remembered.push(Remembered { entry, end, has_other });
    }

    /// Adds an object, of which `write` tells in a framing.
    ///
    /// # Errors
    /// As `write`: it is not added then.
    pub fn add(
        &mut self,
        object: &ObjectState<'_>,
        framings: &[Framing],
        write: impl Fn(Framing, &mut Vec<u8>) -> Result<(), wire::Error>,
    ) -> Result<(), wire::Error> {
        for &framing in framings {
            if let Err(error) = write(framing, &mut self.frames[framing as usize]) {
                let ends = self.entries.last().map_or([0; FRAMINGS], |one| one.ends);
                self.frames.iter_mut().zip(ends).for_each(|(frames, end)| frames.truncate(end));
                return Err(error);
            }
        }
        let ends = std::array::from_fn(|framing| self.frames[framing].len());
        let &ObjectState { do_id, class_id, location, .. } = object;
        self.entries.push(One { do_id, class_id, location, ends });
        Ok(())
    }

    /// How many bytes a client of a framing is told.
    fn bytes(&self, framing: Framing) -> usize {
        self.frames[framing.of_broadcast() as usize].len()
    }

    /// Those with values that are to be remembered, and whether these are more than the required ones.
    fn all_remembered(&self) -> impl Iterator<Item = (ObjectState<'_>, bool)> {
        let mut start = 0;
        self.remembered.iter().map(move |&Remembered { entry, end, has_other }| {
            let values = Rest(&self.values[start..end]);
            start = end;
            let &One { do_id, class_id, location, .. } = &self.entries[entry];
            (ObjectState { do_id, class_id, location, values }, has_other)
        })
    }

    /// All of them, as a client of a framing is told of them.
    fn all(&self, framing: Framing) -> impl Iterator<Item = (ObjectState<'static>, &[u8])> {
        let framing = framing.of_broadcast() as usize;
        let mut start = 0;
        self.entries.iter().map(move |one| {
            let frame = Range { start, end: one.ends[framing] };
            start = frame.end;
            let &One { do_id, class_id, location, .. } = one;
            let object = ObjectState { do_id, class_id, location, values: Rest(&[]) };
            (object, &self.frames[framing][frame])
        })
    }
}

impl Session {
    /// The cluster says how many objects a question will find that was asked for several.
    ///
    /// # Errors
    /// The session ends, if that is too much for it.
    pub fn count_answered(
        &mut self,
        cx: &mut Context<'_>,
        query: ids::Context,
        count: u32,
    ) -> Flow {
        self.query_count(cx, query, count);
        self.check_sight(cx.shared)
    }

    /// A question has found objects that was asked for several.
    ///
    /// # Errors
    /// As [`Session::count_answered`].
    pub fn objects_answered(
        &mut self,
        cx: &mut Context<'_>,
        query: ids::Context,
        found: &Found,
    ) -> Flow {
        for (object, has_other) in found.all_remembered() {
            self.note_values(cx, &object, has_other, for_clients, false);
        }
        match self.way_of(cx, query, found) {
            Way::Show => {
                self.show_all(cx, found);
                self.have_answered(cx, query, found);
            }
            Way::Hold => {
                self.hold_all(query, found);
                self.check_held_bytes(cx.shared)?;
                self.have_answered(cx, query, found);
            }
            Way::OneByOne => {
                for (object, frame) in found.all(self.framing()) {
                    self.query_object(cx, query, &object, frame);
                    self.check_sight(cx.shared)?;
                }
            }
        }
        self.check_sight(cx.shared)
    }

    /// What becomes of all of them, if it is the same for all.
    fn way_of(&self, cx: &Context<'_>, query: ids::Context, found: &Found) -> Way {
        let asks = |query: &&Query| query.phase() == Phase::Asking && query.doubtful.is_empty();
        let Some(asking) = self.interests.query(query).filter(asks) else { return Way::OneByOne };
        let mut last = None;
        let is_its = |one: &One| {
            let is_known = last.replace(one.location) == Some(one.location);
            is_known || self.interests.asked_at(one.location) == Some(Some(query))
        };
        let received = asking.answers.received as usize + found.len();
        let missing = asking.answers.total.map(|total| (total as usize).checked_sub(received));
        let makes = self.making.is_some();
        let has_left_over = makes && found.entries.iter().any(|one| self.is_left_over(one.do_id));
        if has_left_over || !found.entries.iter().all(is_its) || missing == Some(None) {
            return Way::OneByOne;
        }
        let max = cx.shared.config.limits.entry_bytes_max;
        // What is sorted is held until all is there.
        let is_whole =
            missing == Some(Some(0)) && asking.holding.is_empty() && !cx.shared.manners.sorts_found;
        let may_be_shown = max == 0 || found.bytes(self.framing()) as u64 <= max;
        match is_whole && !self.interests.holds_any() && may_be_shown {
            true => Way::Show,
            false => Way::Hold,
        }
    }

    /// They are all that a query finds, and nothing has happened meanwhile: the client can be told of them without holding
    /// anything back.
    fn show_all(&mut self, cx: &mut Context<'_>, found: &Found) {
        let before = self.outbox.bytes.len();
        self.view.reserve(found.len());
        for (object, frame) in found.all(self.framing()) {
            if self.view.has_view_of(object.do_id) {
                self.view.move_to(object.do_id, object.location);
            } else {
                self.enter_sight(cx, object.do_id, object.class_id, object.location, frame);
            }
        }
        self.outbox.burst += self.outbox.bytes.len() - before;
    }

    fn hold_all(&mut self, query: ids::Context, found: &Found) {
        let Session { interests, view, .. } = self;
        let framing = self.identity.framing;
        let unseen = found.all(framing).filter(|(object, _)| {
            let is_seen = view.has_view_of(object.do_id);
            if is_seen {
                view.move_to(object.do_id, object.location);
            }
            !is_seen
        });
        interests.hold_found(query, found.len(), unseen);
    }

    /// All of them have been taken.
    fn have_answered(&mut self, cx: &mut Context<'_>, query: ids::Context, found: &Found) {
        let Some(asking) = self.interests.query_mut(query) else { return };
        asking.answers.received += found.len() as u32;
        if asking.is_of_client {
            for (_, frame) in found.all(self.framing()) {
                self.pay_for_entry(cx, frame.len());
            }
        }
        self.note_answer(cx, query);
    }
}

/// What becomes of objects that were found.
enum Way {
    /// They are shown at once.
    Show,
    /// They are held until all have come.
    Hold,
    /// It depends on each of them.
    OneByOne,
}
