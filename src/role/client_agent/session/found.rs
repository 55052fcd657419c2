//! Objects that were found for several sessions together.

use std::sync::Arc;

use super::{Flow, Session, for_clients};
use crate::ids;
use crate::role::client_agent::agent::Context;
use crate::role::client_agent::interest::{Found, Phase, Query};

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
        found: &Arc<Found>,
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
                self.hold_all(cx, query, found);
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
        let is_its = |location| {
            let is_known = last.replace(location) == Some(location);
            is_known || self.interests.asked_at(location) == Some(Some(query))
        };
        let received = asking.answers.received as usize + found.len();
        let missing = asking.answers.total.map(|total| (total as usize).checked_sub(received));
        let makes = self.making.is_some();
        let has_left_over = makes && found.objects().any(|object| self.is_left_over(object.do_id));
        if has_left_over
            || !found.objects().map(|object| object.location).all(is_its)
            || missing == Some(None)
        {
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
        for object in found.objects() {
            if self.view.has_view_of(object.do_id) {
                self.view.move_to(object.do_id, object.location);
            }
        }
        self.all_enter_sight(cx, found);
        self.outbox.burst += self.outbox.bytes.len() - before;
    }

    /// Tells the client of all of them that it does not see already.
    pub(super) fn all_enter_sight(&mut self, cx: &mut Context<'_>, found: &Found) {
        let framing = self.identity.framing;
        let frames = found.frames(framing);
        // As many as come one after the other are told at once.
        let mut run = 0..0;
        for (object, range) in found.objects().zip(found.ranges(framing)) {
            if !self.comes_into_sight(cx, object.do_id, object.class_id, object.location) {
                self.send_run(cx, &frames[run]);
                run = range.end..range.end;
            } else {
                run.end = range.end;
            }
        }
        self.send_run(cx, &frames[run]);
    }

    fn send_run(&mut self, cx: &mut Context<'_>, frames: &[u8]) {
        if !frames.is_empty() {
            self.send_frame(cx.shared, frames);
        }
    }

    fn hold_all(&mut self, cx: &Context<'_>, query: ids::Context, found: &Arc<Found>) {
        let Session { interests, view, .. } = self;
        let framing = self.identity.framing;
        let sees_any = found.objects().any(|object| view.has_view_of(object.do_id));
        // What is sorted is taken apart.
        if !sees_any && !cx.shared.manners.sorts_found && interests.share(query, found, framing) {
            return;
        }
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
