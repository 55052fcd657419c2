//! Hearing [letters](super::letters): before anything else concerns an object, or when others have had their turn.

use smallvec::SmallVec;

use super::letters::{Content, Letter, Next, Reading, Selection, Step, Whose};
use super::outbox::Outbox;
use super::population::{Population, Target};
use crate::ids::{Channel, DoId};
use crate::message::StateServer;
use crate::router::{Effects, Origin};

/// What it takes to tell of a usual object.
pub(super) const BYTES_PER_STEP: usize = 1024;
/// So many objects are looked at for one step when those of an AI are looked for.
const LOOKS_PER_STEP: usize = 16;

impl Population {
    /// Lets an object handle what it has not heard. To be called before anything else is done with it, or asked
    /// about it, by whoever gets its id from outside; [`Population::deliver`] does so for recipients.
    #[inline]
    pub fn catch_up(&mut self, do_id: DoId, effects: &mut Effects) {
        if !self.letters.is_empty() {
            self.catch_up_all_above(do_id, u32::MAX, effects);
        }
    }

    /// Goes on with the letters that have not been heard by all, for at most `budget` steps; whether there is more.
    pub fn go_on(&mut self, budget: usize, effects: &mut Effects) -> bool {
        let has_more = self.tell(budget, effects);
        if self.letters.are_too_many() {
            effects.hold_back();
        }
        has_more
    }

    /// If letters have been posted after this one, has as many hear them at once as there is room for. Who has
    /// posted one where too many wait is not asked for more before there are less.
    #[inline]
    pub(super) fn begin_letters_after(&mut self, before: u32, effects: &mut Effects) {
        if before != self.letters.latest() {
            self.tell(effects.steps_left(), effects);
            if self.letters.takes_overflow() && self.letters.are_too_many() {
                effects.hold_back();
            }
        }
    }

    fn tell(&mut self, budget: usize, effects: &mut Effects) -> bool {
        if self.letters.is_running_out() {
            let base = self.letters.renumber();
            self.objects.for_each_mut(|object| object.heard = object.heard.saturating_sub(base));
        }
        self.letters.next_turn();
        let end = effects.steps_left().saturating_sub(budget);
        while effects.steps_left() > end
            && let Some(step) = self.letters.step(&self.children, &self.objects)
        {
            self.take(step, end, effects);
        }
        let has_more = !self.letters.is_empty();
        if has_more {
            effects.go_on_later();
        }
        has_more
    }

    /// Has the objects deleted for which this AI was set.
    pub fn delete_ai_objects(&mut self, ai: Channel, sender: Channel, effects: &mut Effects) {
        let room = effects.steps_left().saturating_mul(LOOKS_PER_STEP);
        if self.objects.count() <= room && self.letters.is_empty() {
            let of_ai = self.iter().filter(|object| object.ai() == ai && object.ai_is_explicit());
            let mut targets: Vec<Channel> = of_ai.map(|object| object.channel()).collect();
            if targets.len() <= effects.steps_left() {
                effects.spend(targets.len() + self.objects.count() / LOOKS_PER_STEP);
                targets.sort_unstable();
                let order = StateServer::DeleteAiObjects { ai };
                self.send(&targets, sender, &order, effects);
                return;
            }
        }
        let (whose, selection) = (Whose::OfAi(ai), Selection::All);
        let (origin, content) = (Origin::Role, Content::DeleteAiObjects(ai));
        let before = self.letters.latest();
        self.letters.post(Letter { whose, selection, origin, sender, content });
        self.begin_letters_after(before, effects);
    }

    /// Does what is to be done next; `keep` steps are to be left when it ends.
    fn take(&mut self, step: Step, keep: usize, effects: &mut Effects) {
        match step {
            Step::Read(mut reading) => {
                self.read_in_turn(&mut reading, keep, effects);
                self.letters.give_back(reading);
            }
            Step::CatchUp(do_id, until) => {
                effects.spend(1);
                self.catch_up_all_above(do_id, until, effects);
            }
            Step::Looked(cost) => effects.spend(cost),
        }
    }

    /// Has an object, and those above it, handle their letters up to this one. It begins with the topmost that may
    /// have something to hear: what that makes of it may be for those below.
    fn catch_up_all_above(&mut self, do_id: DoId, until: u32, effects: &mut Effects) {
        let mut line = SmallVec::<[DoId; 16]>::new();
        let mut at = do_id;
        while let Some(object) = self.objects.get(at)
            && (object.is_ahead || object.heard < until.min(self.letters.latest()))
        {
            line.push(at);
            at = object.location.parent;
        }
        for do_id in line.into_iter().rev() {
            self.read(do_id, until, effects);
            if let Some(place) = self.objects.find(do_id)
                && let Some(object) = self.objects.get_mut(place)
            {
                let until = until.min(self.letters.latest());
                if object.heard <= until {
                    (object.heard, object.is_ahead) = (until, false);
                }
            }
        }
    }

    /// Has those hear a letter whose turn it is. It is the first that waits for them, so that it is not looked for
    /// in each of them, nor decoded for each.
    fn read_in_turn(&mut self, reading: &mut Reading, keep: usize, effects: &mut Effects) {
        let Reading { number, cause, ref letter, ref mut readers } = *reading;
        let message = letter.content.message();
        for do_id in readers {
            effects.spend(1);
            if let Some(place) = self.objects.find(do_id)
                && let Some(object) = self.objects.get_mut(place)
                && object.heard < number
            {
                if self.letters.may_come_first(object) {
                    self.read(do_id, number, effects);
                } else {
                    (object.heard, object.is_ahead) = (number, cause < number);
                    if letter.is_for(object) {
                        self.letters.begin_to_read(Some(cause));
                        self.read_one((do_id, place), letter, message.as_ref(), effects);
                        self.letters.begin_to_read(None);
                    }
                }
            }
            if effects.steps_left() <= keep {
                break;
            }
        }
    }

    /// Has an object handle the letters that are for it, up to this one.
    fn read(&mut self, do_id: DoId, until: u32, effects: &mut Effects) {
        while let Some(place) = self.objects.find(do_id)
            && let Some(object) = self.objects.get_mut(place)
            && let Some(Next { number, cause, is_end, letter }) = self.letters.next_for(object)
            && if is_end { cause < until } else { number <= until }
        {
            (object.heard, object.is_ahead) = (number, cause < number);
            self.letters.begin_to_read(Some(cause));
            self.read_one((do_id, place), &letter, letter.content.message().as_ref(), effects);
            self.letters.begin_to_read(None);
        }
    }

    /// Has an object handle a letter; `message` is what it says to all.
    fn read_one(
        &mut self,
        target: Target,
        letter: &Letter,
        message: Option<&StateServer<'_>>,
        effects: &mut Effects,
    ) {
        let Letter { origin, sender, ref content, .. } = *letter;
        let do_id = target.0;
        let before = effects.bytes();
        if let Some(message) = message {
            self.read_message(target, sender, message, effects);
        } else if let Some(order) = content.order_to(do_id) {
            Outbox { origin, effects }.send_out(&[do_id.channel()], sender, &order);
            self.read_message(target, sender, &order, effects);
        }
        effects.spend(1 + (effects.bytes() - before) / BYTES_PER_STEP);
    }

    fn read_message(
        &mut self,
        target: Target,
        sender: Channel,
        message: &StateServer<'_>,
        effects: &mut Effects,
    ) {
        self.count_out(target, message);
        self.with_object(target, true, effects, |object, world| {
            object.handle(sender, message, world)
        });
    }
}
