//! All objects of one role: finding those that a datagram is for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;
use smallvec::SmallVec;
use tracing::{trace, warn};

use super::catch_up::BYTES_PER_STEP;
use super::census::Census;
use super::children::LocalChildren;
use super::comparing::Comparisons;
use super::creation::NewObject;
use super::distributed_object::{DistributedObject, Fate, World};
use super::letters::{Content, Letter, Letters, Selection, Whose};
use super::lineage;
use super::outbox::{Outbox, from_object};
use super::places::{Place, Places};
use crate::hash::Seed;
use crate::ids::{Channel, DoId, Location};
use crate::message::{Error, Family, Message, StateServer, name_of};
use crate::router::{Effects, Origin};
use crate::wire::{Envelope, Reader, Recipients};

/// The objects of a role.
#[derive(Debug)]
pub struct Population {
    dc: Arc<DcFile>,
    pub(super) seed: Seed,
    pub(super) objects: Places,
    pub(super) children: LocalChildren,
    pub(super) letters: Letters,
    pub(super) comparisons: Comparisons,
    /// When the first time was noted, and what has passed since then in milliseconds.
    began: Option<Instant>,
    pub(super) time: u64,
    /// Who has asked for the objects of owners, in that order.
    pub(super) censuses: VecDeque<Census>,
    /// Memory that is used again for each message: objects that it is for, children of theirs, values to send.
    targets: Vec<Target>,
    ids: Vec<DoId>,
    scratch: Vec<u8>,
}

/// An object that a message is for.
pub(super) type Target = (DoId, Place);

impl Population {
    /// No objects yet; their classes are those of `dc`.
    pub fn new(dc: Arc<DcFile>, seed: Seed) -> Self {
        Population {
            dc,
            seed,
            objects: Places::new(seed),
            children: LocalChildren::new(seed),
            letters: Letters::new(seed),
            comparisons: Comparisons::default(),
            began: None,
            time: 0,
            censuses: VecDeque::new(),
            targets: Vec::new(),
            ids: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Notes what time it is before a datagram is delivered, if that makes a difference: when an object gets an owner.
    #[inline]
    pub fn note_time(&mut self, now: Instant, envelope: &Envelope<'_>) {
        if envelope.message_type == StateServer::STATESERVER_OBJECT_SET_OWNER {
            self.it_is(now);
        }
    }

    pub(super) fn it_is(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(*self.began.get_or_insert(now));
        self.time = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
    }

    /// The schema.
    pub fn dc(&self) -> &Arc<DcFile> {
        &self.dc
    }

    /// An object.
    pub fn get(&self, do_id: DoId) -> Option<&DistributedObject> {
        self.objects.get(do_id)
    }

    /// All objects; their order means nothing.
    pub fn iter(&self) -> impl Iterator<Item = &DistributedObject> {
        self.objects.iter()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.len() == 0
    }

    /// Makes an object, which then announces itself; `sender` is who created it.
    ///
    /// # Panics
    /// If there is such an object, or no such class.
    pub fn create(&mut self, new: &NewObject<'_>, sender: Channel, effects: &mut Effects) {
        let (do_id, class_id) = (new.do_id, new.class_id);
        assert!(self.dc.class(class_id).is_some(), "no class {class_id:?}");
        // What its parent was still to tell its children is not for this one.
        self.catch_up(new.location.parent, effects);
        let mut object = Box::new(DistributedObject::new(new));
        object.heard = self.letters.latest();
        let place = self.objects.insert(object);
        let location = match self.closes_a_circle(do_id, new.location.parent, effects) {
            true => Location::NONE,
            false => new.location,
        };
        self.with_object((do_id, place), false, effects, |object, world| {
            object.awake(location, sender, world);
            Fate::Lives
        });
    }

    /// Delivers a datagram to those objects that are among its recipients, except `origin`.
    pub fn deliver(&mut self, origin: Origin, envelope: &Envelope<'_>, effects: &mut Effects) {
        match envelope.recipients.only().and_then(Channel::as_object) {
            Some(do_id) => self.deliver_to_one(do_id, origin, envelope, effects),
            None => self.deliver_to_all(origin, envelope, effects),
        }
    }

    /// Most datagrams are for one object.
    fn deliver_to_one(
        &mut self,
        do_id: DoId,
        origin: Origin,
        envelope: &Envelope<'_>,
        effects: &mut Effects,
    ) {
        self.catch_up(do_id, effects);
        let Some(target) = self.target(do_id) else { return };
        let Some(message) = decode(envelope) else { return };
        self.overhear(&message);
        if origin != from_object(do_id) {
            let before = self.letters.latest();
            self.hand_over(target, envelope.sender, &message, effects);
            self.begin_letters_after(before, effects);
        }
    }

    fn deliver_to_all(&mut self, origin: Origin, envelope: &Envelope<'_>, effects: &mut Effects) {
        let mut targets = std::mem::take(&mut self.targets);
        let parents = self.find_receivers(envelope.recipients, &mut targets, effects);
        let before = self.letters.latest();
        if (!targets.is_empty() || !parents.is_empty())
            && let Some(message) = decode(envelope)
        {
            self.overhear(&message);
            if !parents.is_empty() {
                self.fan_out(&parents, origin, envelope, &message, &mut targets, effects);
            }
            if envelope.recipients.len() > 1 {
                targets.sort_unstable();
                targets.dedup();
            }
            for &target in &targets {
                // A target deletes at most itself, so that the places of the others remain theirs.
                if origin != from_object(target.0) {
                    self.hand_over(target, envelope.sender, &message, effects);
                }
            }
        }
        targets.clear();
        self.targets = targets;
        self.begin_letters_after(before, effects);
    }

    /// Gives a datagram to one object, whoever its recipients are.
    pub fn deliver_to(&mut self, do_id: DoId, envelope: &Envelope<'_>, effects: &mut Effects) {
        self.catch_up(do_id, effects);
        let before = self.letters.latest();
        if let Some(message) = decode(envelope)
            && let Some(place) = self.objects.find(do_id)
        {
            self.hand_over((do_id, place), envelope.sender, &message, effects);
        }
        self.begin_letters_after(before, effects);
    }

    /// Sends a message as the role: to the router, and to the objects here.
    pub fn send(
        &mut self,
        recipients: &[Channel],
        sender: Channel,
        message: &impl Message,
        effects: &mut Effects,
    ) -> bool {
        let mut outbox = Outbox { origin: Origin::Role, effects };
        outbox.send(recipients, sender, message)
    }

    /// The objects that are recipients, and the parents whose children are, if there are any here.
    fn find_receivers(
        &mut self,
        recipients: Recipients<'_>,
        targets: &mut Vec<Target>,
        effects: &mut Effects,
    ) -> SmallVec<[DoId; 4]> {
        let mut parents = SmallVec::new();
        for channel in recipients.iter() {
            if let Some(do_id) = channel.as_object() {
                self.catch_up(do_id, effects);
                targets.extend(self.target(do_id));
            } else if let Some(parent) = channel.as_children()
                && self.children.has(parent)
                && !parents.contains(&parent)
            {
                parents.push(parent);
            }
        }
        parents
    }

    #[inline]
    fn target(&self, do_id: DoId) -> Option<Target> {
        Some((do_id, self.objects.find(do_id)?))
    }

    /// Adds those children of these parents to `targets` that there is room for; the others get a letter.
    fn fan_out(
        &mut self,
        parents: &[DoId],
        origin: Origin,
        envelope: &Envelope<'_>,
        message: &StateServer<'_>,
        targets: &mut Vec<Target>,
        effects: &mut Effects,
    ) {
        let mut letters = SmallVec::<[Letter; 1]>::new();
        for &parent in parents {
            let fan_out = FanOut { parent, origin, envelope, message };
            letters.extend(self.find_children(&fan_out, targets, effects));
        }
        if !letters.is_empty() {
            letters.into_iter().for_each(|letter| self.letters.post(letter));
            // Before others read anything: who waits for his turn would read it as well.
            self.need_no_letter(targets);
        }
    }

    fn bytes_of(&self, (do_id, _): Target) -> usize {
        self.objects.get(do_id).map_or(0, DistributedObject::bytes)
    }

    /// Of a parent's children, those that can have something to say to the message, as far as there is room for
    /// them; for the rest it becomes a letter.
    fn find_children(
        &mut self,
        fan_out: &FanOut<'_, '_>,
        targets: &mut Vec<Target>,
        effects: &mut Effects,
    ) -> Option<Letter> {
        let FanOut { parent, origin, envelope, message } = *fan_out;
        self.catch_up(parent, effects);
        let selection = Selection::of(message, parent);
        // Who is asked for its zone tells all that it has.
        let tells_all = matches!(selection, Selection::Zones(_));
        let room = match changes_who_is_meant(message) {
            true => usize::MAX,
            // Others were first: those have to be heard by all before it.
            false if self.letters.wait_for(Whose::ChildrenOf(parent)) => 0,
            false => effects.steps_left(),
        };
        let mut ids = std::mem::take(&mut self.ids);
        let mut has_more = false;
        selection.members(parent, &self.children, |do_id| {
            has_more = ids.len() >= room;
            if !has_more {
                ids.push(do_id);
            }
            !has_more
        });
        for do_id in ids.drain(..) {
            // They may have much to catch up with.
            if room < usize::MAX && effects.steps_left() == 0 {
                has_more = true;
                break;
            }
            effects.spend(1);
            self.catch_up(do_id, effects);
            if let Some(target) = self.target(do_id) {
                if tells_all {
                    effects.spend(self.bytes_of(target) / BYTES_PER_STEP);
                }
                targets.push(target);
            }
        }
        self.ids = ids;
        has_more.then(|| {
            let (whose, sender) = (Whose::ChildrenOf(parent), envelope.sender);
            let number = envelope.message_type.to_le_bytes();
            let content = Content::Message([&number, envelope.body].concat().into());
            Letter { whose, selection, origin, sender, content }
        })
    }

    /// These handle at once what is in the letters that they have not heard.
    fn need_no_letter(&mut self, targets: &[Target]) {
        for &(_, place) in targets {
            let Some(object) = self.objects.get_mut(place) else { continue };
            while let Some(next) = self.letters.next_for(object) {
                object.heard = next.number;
            }
        }
    }

    fn hand_over(
        &mut self,
        target: Target,
        sender: Channel,
        message: &StateServer<'_>,
        effects: &mut Effects,
    ) {
        if let StateServer::ObjectSetLocation { location } = message {
            // What its new parent was still to tell its children is not for this one.
            self.catch_up(location.parent, effects);
            self.catch_up(target.0, effects);
            if self.closes_a_circle(target.0, location.parent, effects) {
                return;
            }
        }
        self.count_out(target, message);
        self.with_object(target, false, effects, |object, world| {
            object.handle(sender, message, world)
        });
    }

    /// If an object is asked about its children: those that are about to go with their AI are not among them any more.
    /// They do not answer either.
    #[inline]
    pub(super) fn count_out(&mut self, target: Target, message: &StateServer<'_>) {
        if self.letters.wait_for_ais() {
            self.count_out_lost(target, message);
        }
    }

    #[cold]
    fn count_out_lost(&mut self, (parent, place): Target, message: &StateServer<'_>) {
        let Some(asked) = Selection::asked_about(message, parent) else { return };
        let mut ids = std::mem::take(&mut self.ids);
        asked.members(parent, &self.children, |do_id| {
            if self.objects.get(do_id).is_some_and(|object| self.letters.dooms(object)) {
                ids.push(do_id);
            }
            true
        });
        for do_id in ids.drain(..) {
            let location = self.objects.get(do_id).map(DistributedObject::location);
            if let (Some(location), Some(object)) = (location, self.objects.get_mut(place)) {
                object.forget_child(do_id, location);
            }
        }
        self.ids = ids;
    }

    /// Whether an object would become its own ancestor under this parent; it is then to stay where
    /// it is, because the two would hand each other their AIs for ever.
    fn closes_a_circle(&self, do_id: DoId, parent: DoId, effects: &mut Effects) -> bool {
        let mut looked_at = 0;
        let parent_of = |at| {
            looked_at += 1;
            self.objects.get(at).map(|object| object.location.parent)
        };
        let children_of = |at, into: &mut Vec<DoId>| into.extend(self.children.of(at));
        // Whoever has no children is nobody's ancestor.
        let closes = do_id == parent
            || (self.children.has(do_id)
                && lineage::is_at_or_above(do_id, parent, parent_of, children_of));
        // In a very deep tree others are to have their turn before the next one asks.
        effects.note_members(looked_at);
        if closes {
            warn!(doId = %do_id, %parent, "an object cannot be its own ancestor: not moved");
        }
        closes
    }

    pub(super) fn with_object(
        &mut self,
        (do_id, place): Target,
        is_catching_up: bool,
        effects: &mut Effects,
        act: impl FnOnce(&mut DistributedObject, &mut World<'_>) -> Fate,
    ) {
        let Some(object) = self.objects.get_mut(place) else {
            return;
        };
        debug_assert_eq!(object.do_id, do_id, "places are not kept longer than their objects live");
        let mut world = World {
            dc: &self.dc,
            seed: self.seed,
            children: &mut self.children,
            letters: &mut self.letters,
            is_catching_up,
            time: self.time,
            outbox: Outbox { origin: from_object(do_id), effects },
            scratch: &mut self.scratch,
        };
        if act(object, &mut world) == Fate::Deleted {
            self.objects.remove(do_id);
        }
    }
}

/// A message that goes to the children of a parent.
#[derive(Copy, Clone)]
struct FanOut<'a, 'm> {
    parent: DoId,
    origin: Origin,
    envelope: &'a Envelope<'m>,
    message: &'a StateServer<'m>,
}

/// Whether a message makes others be among those for whom a letter is. It goes to all at once.
const fn changes_who_is_meant(message: &StateServer<'_>) -> bool {
    matches!(message, StateServer::ObjectSetLocation { .. } | StateServer::ObjectSetAi { .. })
}

/// Decodes a message to an object; whatever is none is logged.
pub(super) fn decode<'a>(envelope: &Envelope<'a>) -> Option<StateServer<'a>> {
    let number = envelope.message_type;
    let msgtype = name_of(number);
    match StateServer::decode(number, &mut Reader::new(envelope.body)) {
        Ok(message) => return Some(message),
        Err(Error::UnknownType(_)) if is_of_state_servers(number) => {
            trace!(msgtype, number, "message ignored by objects");
        }
        Err(Error::UnknownType(_)) => {
            warn!(msgtype, number, sender = %envelope.sender, "objects do not know this message");
        }
        Err(Error::Wire(error)) => {
            warn!(msgtype, sender = %envelope.sender, %error, "bad message to an object");
        }
    }
    None
}

const fn is_of_state_servers(number: u16) -> bool {
    matches!(Family::of(number), Some(Family::StateServer | Family::DbStateServer))
}
