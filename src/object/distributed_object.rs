//! One DistributedObject: what it holds, and what surrounds it.

use dclass::{Class, DcFile};

use super::children::{LocalChildren, ZoneTable};
use super::creation::NewObject;
use super::letters::{Content, Letter, Letters, Selection, Whose};
use super::outbox::{Outbox, Targets};
use super::values::PackedFields;
use crate::hash::Seed;
use crate::ids::{Channel, ClassId, DoId, Location};
use crate::message::Message;

/// An object in memory.
///
/// There may be a million of these: what few objects have is boxed.
#[derive(Debug)]
pub struct DistributedObject {
    pub(super) do_id: DoId,
    pub(super) location: Location,
    pub(super) class_id: ClassId,
    /// Whether the AI was set for this object, so that the parent's AI does not matter to it.
    pub(super) ai_is_explicit: bool,
    /// Whether the parent has acknowledged [`DistributedObject::location`], and so counts the object.
    pub(super) parent_synchronized: bool,
    /// Whether a molecular field is among the ram fields.
    pub(super) has_molecular: bool,
    /// Context of the next question to a parent about its AI.
    pub(super) next_context: u32,
    /// The number of the last of all [`Letters`](super::letters::Letters) of which the object has nothing more to
    /// hear: it has handled those before, or they were not for it.
    pub(super) heard: u32,
    /// Those above it may have letters to hear that are older than the last that it has heard.
    pub(super) is_ahead: bool,
    pub(super) ai: Channel,
    /// Boxed: few objects have an owner.
    pub(super) ownership: Option<Box<Ownership>>,
    /// All required fields of the class that are not molecular.
    pub(super) required: PackedFields,
    /// The ram fields that have a value. A molecular one is there if the database had it, until a part of it changes.
    pub(super) ram: PackedFields,
    /// What the object has been told about its children; `None` while it has none.
    pub(super) zones: Option<Box<ZoneTable>>,
}

/// Whose an object is.
#[derive(Debug)]
pub(super) struct Ownership {
    pub owner: Channel,
    /// When it got that owner, by [`World::time`].
    pub since: u64,
}

/// What surrounds an object while it handles a message.
pub(super) struct World<'a> {
    pub dc: &'a DcFile,
    pub seed: Seed,
    pub children: &'a mut LocalChildren,
    pub letters: &'a mut Letters,
    /// The object is catching up with its letters, so what it tells its children becomes a letter at once.
    pub is_catching_up: bool,
    /// In milliseconds since anybody asked for it.
    pub time: u64,
    pub outbox: Outbox<'a>,
    /// Memory for values on their way into a message.
    pub scratch: &'a mut Vec<u8>,
}

impl World<'_> {
    /// Tells the children of the object that acts, and some others.
    pub fn tell_children(
        &mut self,
        parent: DoId,
        mut others: Targets,
        sender: Channel,
        message: &impl Message,
    ) {
        let children = parent.children();
        if !self.is_catching_up || !self.children.has(parent) {
            others.add(children);
            self.outbox.send(others.as_slice(), sender, message);
            return;
        }
        // Whoever catches up with it may be one of those who have to hear this first.
        self.outbox.send(others.as_slice(), sender, message);
        self.outbox.send_out(&[children], sender, message);
        let content = Content::of(message);
        let (origin, whose) = (self.outbox.origin, Whose::ChildrenOf(parent));
        self.letters.post(Letter { whose, selection: Selection::All, origin, sender, content });
    }
}

/// What a message leaves of an object.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Lives,
    /// Everyone has been told; the population has to forget it.
    Deleted,
}

impl DistributedObject {
    /// An object that is nowhere yet, and of which nobody knows.
    pub(super) fn new(new: &NewObject<'_>) -> Self {
        DistributedObject {
            do_id: new.do_id,
            location: Location::NONE,
            class_id: new.class_id,
            ai_is_explicit: false,
            parent_synchronized: false,
            has_molecular: new.has_molecular,
            next_context: 0,
            heard: 0,
            is_ahead: false,
            ai: Channel::NONE,
            ownership: None,
            required: PackedFields::new(&new.required),
            ram: PackedFields::new(&new.ram),
            zones: None,
        }
    }

    /// How many bytes its values take.
    pub(super) const fn bytes(&self) -> usize {
        self.required.bytes() + self.ram.bytes()
    }

    /// The object's id.
    pub const fn do_id(&self) -> DoId {
        self.do_id
    }

    /// The class of the object.
    pub const fn class_id(&self) -> ClassId {
        self.class_id
    }

    /// Where the object is.
    pub const fn location(&self) -> Location {
        self.location
    }

    /// The AI that manages the object, or [`Channel::NONE`].
    pub const fn ai(&self) -> Channel {
        self.ai
    }

    /// Whether the AI was set for this object, not taken over from its parent.
    pub const fn ai_is_explicit(&self) -> bool {
        self.ai_is_explicit
    }

    /// Who owns the object, or [`Channel::NONE`].
    pub fn owner(&self) -> Channel {
        self.ownership.as_ref().map_or(Channel::NONE, |ownership| ownership.owner)
    }

    /// Whether the object is somebody's, and has been only since some time.
    pub(super) fn is_owned_since(&self, owner: Channel, time: u64) -> bool {
        let is_so = |ownership: &Ownership| ownership.owner == owner && ownership.since >= time;
        self.ownership.as_deref().is_some_and(is_so)
    }

    /// The object's location, AI and owner: those who are to know what happens to it.
    pub fn audience(&self) -> Targets {
        let mut audience = Targets::default();
        audience.add(self.location_channel().unwrap_or(Channel::NONE));
        audience.add(self.owner());
        audience.add(self.ai);
        audience
    }

    /// The channel of the object's location, if it is anywhere.
    pub(super) fn location_channel(&self) -> Option<Channel> {
        let is_somewhere = self.location.parent.is_some();
        is_somewhere.then(|| self.location.channel())
    }

    pub(super) fn class<'d>(&self, dc: &'d DcFile) -> &'d Class {
        dc.class(self.class_id).expect("an object is only made of a class of the DC files")
    }

    /// The channel that the object sends as.
    pub(super) const fn channel(&self) -> Channel {
        self.do_id.channel()
    }
}
