//! What has been sent to many objects at once and has not reached all of them.
//!
//! A datagram for the children of a parent, or the loss of an AI, may concern a million objects. It is handed to
//! as many as a hold of the router has room for, and becomes a *letter* for the rest. Nobody can see the
//! difference, because of one rule: **before anything else concerns an object, it handles the letters that it has
//! not heard**, and before it, those above it do, since what a letter makes of a parent may become a letter to its
//! children. So each object handles the same messages in the same order as if it had got all of them at once.
//!
//! No list says who has yet to hear a letter. An object is where it was when the letter was sent, or it would have
//! handled it, so whom it is for follows from where an object is; and [`DistributedObject::heard`] says which it has
//! heard, and for which it came too late. Only the letter whose turn it is has its readers noted, so that they can be
//! walked over while some of them go.
//!
//! When a letter is posted for the children of a parent, the parent and those above it have heard all before it. So
//! whoever reads letters in their turn need not look at those above. There is one exception: a letter that somebody makes
//! of another one is newer than what he has yet to hear. Who has read it is *ahead* of those above
//! ([`DistributedObject::is_ahead`]), and they catch up before anything else concerns him.
//!
//! What somebody makes of a letter may be the end of those below it. It comes where that letter came, before whatever was posted
//! since, for whomever ([`Waiting::cause`]).
//!
//! What makes others be among those who are meant (a new location, another AI), is never made a letter.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::children::LocalChildren;
use super::distributed_object::DistributedObject;
use super::places::Places;
use crate::hash::{Map, Seed};
use crate::ids::{Channel, DoId, Location, ZoneId};
use crate::message::{Message, StateServer};
use crate::router::Origin;
use crate::wire::{Reader, Writer};

/// If more letters than this wait for the same readers, whoever has posted another one waits, too.
const WAITING_MAX: usize = 64;
/// Noting an object, or looking whether it is meant, costs this much less than a step.
const LOOKS_PER_STEP: usize = 16;

/// Whom a letter can be for: what tells its readers from all others.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Whose {
    ChildrenOf(DoId),
    /// Those for which this AI was set.
    OfAi(Channel),
}

/// Which of them it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Selection {
    All,
    /// Ascending.
    Zones(SmallVec<[ZoneId; 4]>),
}

#[derive(Debug)]
pub(super) enum Content {
    /// Number and arguments, the same for all. The datagram has reached everybody else.
    Message(Box<[u8]>),
    /// The order to go, to each with its own id, which everybody else who listens gets as well.
    DeleteRam,
    /// That this AI is lost, to each by itself.
    DeleteAiObjects(Channel),
}

/// A datagram for many objects.
#[derive(Debug)]
pub(super) struct Letter {
    pub whose: Whose,
    pub selection: Selection,
    pub origin: Origin,
    pub sender: Channel,
    pub content: Content,
}

/// The letters that have not been heard by all.
#[derive(Debug)]
pub(super) struct Letters {
    /// Of the last letter. They are numbered so that objects can be asked what they have heard.
    latest: u32,
    /// What has led to the letter that somebody reads; see [`Waiting::cause`].
    reading: Option<u32>,
    /// How many wait to which another has led.
    led_to: usize,
    waiting: Map<Whose, VecDeque<Waiting>>,
    /// For how many AIs there are some.
    of_ais: usize,
    /// Whose turn it is.
    turns: VecDeque<Whose>,
    /// How many there are for whom too many letters wait.
    overfull: usize,
    /// A letter has been posted for one of those.
    overflows: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u32,
    /// The letter that has led to this one, since somebody read it; its own number if there is none.
    cause: u32,
    letter: Arc<Letter>,
    /// Those who may have to hear it, when its turn has come.
    readers: Option<Readers>,
}

#[derive(Debug)]
enum Readers {
    Noted(std::vec::IntoIter<DoId>),
    /// From this place on.
    Places(usize),
}

/// A step of the work that is left.
pub(super) enum Step {
    /// Some have to hear the letter whose turn it is. Those above them have heard all that came before.
    Read(Reading),
    /// This object has to catch up as far as this letter, and those above it.
    CatchUp(DoId, u32),
    /// Some have been looked at; it cost so many steps.
    Looked(usize),
}

/// What an object has to hear next.
#[derive(Clone, Debug)]
pub(super) struct Next {
    pub number: u32,
    pub cause: u32,
    /// The end of the object, which comes where its cause came.
    pub is_end: bool,
    pub letter: Arc<Letter>,
}

/// A letter whose turn it is, lent to whoever has it heard; to be [given back](Letters::give_back).
pub(super) struct Reading {
    pub number: u32,
    pub cause: u32,
    pub letter: Arc<Letter>,
    /// Who has not been asked yet.
    pub readers: std::vec::IntoIter<DoId>,
}

impl Content {
    pub fn of(message: &impl Message) -> Self {
        let mut bytes = Vec::new();
        message.write(&mut Writer::new(&mut bytes));
        Content::Message(bytes.into_boxed_slice())
    }

    /// What is the same for all.
    pub fn message(&self) -> Option<StateServer<'_>> {
        let Content::Message(content) = self else { return None };
        let mut reader = Reader::new(content);
        let number = reader.u16().ok()?;
        StateServer::decode(number, &mut reader).ok()
    }

    /// Whether whoever hears it from its parent goes.
    fn is_end(&self) -> bool {
        match self {
            Content::DeleteRam => true,
            Content::DeleteAiObjects(_) => false,
            Content::Message(_) => {
                matches!(self.message(), Some(StateServer::ObjectDeleteChildren { .. }))
            }
        }
    }

    /// What is to each by itself.
    pub const fn order_to(&self, do_id: DoId) -> Option<StateServer<'_>> {
        match *self {
            Content::Message(_) => None,
            Content::DeleteRam => Some(StateServer::ObjectDeleteRam { do_id }),
            Content::DeleteAiObjects(ai) => Some(StateServer::DeleteAiObjects { ai }),
        }
    }
}

impl Selection {
    /// Which children of a parent can have something to say to a message.
    pub fn of(message: &StateServer<'_>, parent: DoId) -> Self {
        let asks_children = matches!(
            message,
            StateServer::ObjectGetZoneObjects { .. } | StateServer::ObjectGetZonesObjects { .. }
        );
        let asked = Self::asked_about(message, parent).filter(|_| asks_children);
        asked.unwrap_or(Selection::All)
    }

    /// About which of its children a parent is asked, if it is.
    pub fn asked_about(message: &StateServer<'_>, parent: DoId) -> Option<Self> {
        match *message {
            StateServer::ObjectGetZoneObjects { location, .. } if location.parent == parent => {
                Some(Selection::zones([location.zone].into_iter()))
            }
            StateServer::ObjectGetZonesObjects { parent: asked, zones, .. } if asked == parent => {
                Some(Selection::zones(zones.iter()))
            }
            StateServer::ObjectGetZoneCount { zone, .. } => {
                Some(Selection::zones([zone].into_iter()))
            }
            StateServer::ObjectGetZonesCount { zones, .. } => Some(Selection::zones(zones.iter())),
            StateServer::ObjectGetChildCount { .. } | StateServer::GetActiveZones { .. } => {
                Some(Selection::All)
            }
            _ => None,
        }
    }

    pub fn zones(zones: impl Iterator<Item = ZoneId>) -> Self {
        let mut zones: SmallVec<[ZoneId; 4]> = zones.collect();
        zones.sort_unstable();
        zones.dedup();
        Selection::Zones(zones)
    }

    /// Calls `each` with the children that are meant, until it says that it has enough.
    pub fn members(
        &self,
        parent: DoId,
        children: &LocalChildren,
        mut each: impl FnMut(DoId) -> bool,
    ) {
        match self {
            Selection::All => {
                children.of(parent).all(&mut each);
            }
            Selection::Zones(zones) => {
                let in_zone = |zone: &ZoneId| children.in_zone(Location::new(parent, *zone));
                zones.iter().flat_map(in_zone).all(&mut each);
            }
        }
    }

    fn contains(&self, zone: ZoneId) -> bool {
        match self {
            Selection::All => true,
            Selection::Zones(zones) => zones.binary_search(&zone).is_ok(),
        }
    }
}

impl Letter {
    /// Whether it is for an object, which has handled all that came before the letter.
    pub fn is_for(&self, object: &DistributedObject) -> bool {
        let is_meant = match self.whose {
            Whose::ChildrenOf(parent) => {
                parent == object.location.parent && self.selection.contains(object.location.zone)
            }
            Whose::OfAi(ai) => object.ai_is_explicit && object.ai == ai,
        };
        is_meant && self.origin != super::outbox::from_object(object.do_id)
    }
}

impl Letters {
    pub fn new(seed: Seed) -> Self {
        Letters {
            latest: 0,
            reading: None,
            led_to: 0,
            waiting: Map::with_hasher(seed),
            of_ais: 0,
            turns: VecDeque::new(),
            overfull: 0,
            overflows: false,
        }
    }

    /// Whether all have heard everything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The number of the last letter.
    #[inline]
    pub const fn latest(&self) -> u32 {
        self.latest
    }

    /// A letter for all for whom it is now and who have not heard its number.
    pub fn post(&mut self, letter: Letter) {
        self.latest += 1;
        let whose = letter.whose;
        let waiting = self.waiting.entry(whose).or_insert_with(|| {
            self.of_ais += usize::from(matches!(whose, Whose::OfAi(_)));
            VecDeque::new()
        });
        if waiting.is_empty() {
            self.turns.push_back(whose);
        }
        let (number, letter) = (self.latest, Arc::new(letter));
        let cause = self.reading.unwrap_or(number);
        self.led_to += usize::from(cause < number);
        waiting.push_back(Waiting { number, cause, letter, readers: None });
        self.overfull += usize::from(waiting.len() == WAITING_MAX + 1);
        self.overflows |= waiting.len() > WAITING_MAX;
    }

    /// Whether a letter has been posted, since this was asked last, where there were too many.
    pub const fn takes_overflow(&mut self) -> bool {
        std::mem::replace(&mut self.overflows, false)
    }

    /// Whether too many wait anywhere.
    pub const fn are_too_many(&self) -> bool {
        self.overfull > 0
    }

    /// Somebody begins to read a letter, or, with `None`, has read it. What is posted meanwhile has come of it.
    pub const fn begin_to_read(&mut self, cause: Option<u32>) {
        self.reading = cause;
    }

    /// The first letter that an object has not heard.
    ///
    /// If something that came earlier has led to its end, that comes first: nothing that came later is heard then.
    pub fn next_for(&self, object: &DistributedObject) -> Option<Next> {
        let of_parent = self.first_of(Whose::ChildrenOf(object.location.parent), object);
        let of_ai = match object.ai_is_explicit {
            true => self.first_of(Whose::OfAi(object.ai), object),
            false => None,
        };
        let first = match (of_parent, of_ai) {
            (Some(one), Some(other)) if other.number < one.number => Some(other),
            (one, other) => one.or(other),
        };
        let goes_first = |end: &&Waiting| {
            first.is_none_or(|first| end.cause < first.cause || end.number == first.number)
        };
        let end = self.end_of(object).filter(goes_first);
        let (next, is_end) = end.map(|end| (end, true)).or(first.map(|first| (first, false)))?;
        let letter = Arc::clone(&next.letter);
        Some(Next { number: next.number, cause: next.cause, is_end, letter })
    }

    /// What has become the end of an object since it was for its parent, or for one above that.
    fn end_of(&self, object: &DistributedObject) -> Option<&Waiting> {
        if self.led_to == 0 {
            return None;
        }
        let waiting = self.waiting.get(&Whose::ChildrenOf(object.location.parent))?;
        waiting.iter().find(|waiting| {
            let Waiting { number, cause, ref letter, .. } = **waiting;
            cause < number
                && number > object.heard
                && letter.content.is_end()
                && letter.is_for(object)
        })
    }

    /// The first letter for some that an object among them has not heard. They wait in the order of their numbers.
    fn first_of(&self, whose: Whose, object: &DistributedObject) -> Option<&Waiting> {
        let waiting = self.waiting.get(&whose)?;
        let heard = waiting.partition_point(|waiting| waiting.number <= object.heard);
        waiting.range(heard..).find(|waiting| waiting.letter.is_for(object))
    }

    /// Whether there are letters for some.
    #[inline]
    pub fn wait_for(&self, whose: Whose) -> bool {
        !self.is_empty() && self.waiting.contains_key(&whose)
    }

    /// Whether an AI is lost, and some have not heard of it.
    #[inline]
    pub const fn wait_for_ais(&self) -> bool {
        self.of_ais > 0
    }

    /// Whether an object goes when it hears what waits for it, since its AI is lost.
    pub fn dooms(&self, object: &DistributedObject) -> bool {
        object.ai_is_explicit && self.first_of(Whose::OfAi(object.ai), object).is_some()
    }

    /// Others have their turn.
    pub fn next_turn(&mut self) {
        if self.turns.len() > 1 {
            self.turns.rotate_left(1);
        }
    }

    /// What is to be done next, for those whose turn it is.
    pub fn step(&mut self, children: &LocalChildren, objects: &Places) -> Option<Step> {
        let whose = *self.turns.front()?;
        let step = self.step_of(whose, children, objects);
        if step.is_none() {
            self.turns.pop_front();
            return Some(Step::Looked(1));
        }
        step
    }

    /// What is to be done next of what waits for some; `None` if nothing waits any more.
    fn step_of(
        &mut self,
        whose: Whose,
        children: &LocalChildren,
        objects: &Places,
    ) -> Option<Step> {
        let waiting = self.waiting.get_mut(&whose)?;
        let Some(first) = waiting.front_mut() else {
            self.waiting.remove(&whose);
            self.of_ais -= usize::from(matches!(whose, Whose::OfAi(_)));
            return None;
        };
        let (number, cause) = (first.number, first.cause);
        let step = match &mut first.readers {
            None => {
                let readers = first.letter.readers(children);
                let cost = readers.cost();
                first.readers = Some(readers);
                Some(Step::Looked(cost))
            }
            Some(Readers::Noted(ids)) => (ids.len() > 0).then(|| {
                let letter = Arc::clone(&first.letter);
                Step::Read(Reading { number, cause, letter, readers: std::mem::take(ids) })
            }),
            Some(Readers::Places(at)) => next_at(at, objects, number, |object| {
                object.heard < number && first.letter.is_for(object)
            }),
        };
        if step.is_none() {
            waiting.pop_front();
            self.led_to -= usize::from(cause < number);
            self.overfull -= usize::from(waiting.len() == WAITING_MAX);
            return Some(Step::Looked(0));
        }
        step
    }

    /// Has those be asked later who have not been asked.
    pub fn give_back(&mut self, reading: Reading) {
        let waiting = self.waiting.get_mut(&reading.letter.whose);
        if let Some(first) = waiting.and_then(VecDeque::front_mut)
            && first.number == reading.number
        {
            first.readers = Some(Readers::Noted(reading.readers));
        }
    }

    /// Whether an object that hears a letter to the children of its parent in its turn may have to hear another first.
    #[inline]
    pub fn may_come_first(&self, object: &DistributedObject) -> bool {
        object.ai_is_explicit && self.wait_for(Whose::OfAi(object.ai))
    }

    /// Whether numbers run out, so that everything has to be numbered anew.
    pub const fn is_running_out(&self) -> bool {
        self.latest > u32::MAX / 2
    }

    /// Numbers what waits anew; what was below `base` is below everything now.
    pub fn renumber(&mut self) -> u32 {
        let numbers = self.waiting.values().flatten().map(|waiting| waiting.number);
        let base = numbers.min().map_or(self.latest, |first| first - 1);
        for waiting in self.waiting.values_mut().flatten() {
            waiting.number -= base;
            waiting.cause = waiting.cause.saturating_sub(base);
        }
        self.latest -= base;
        base
    }
}

impl Readers {
    /// What noting them has cost.
    fn cost(&self) -> usize {
        match self {
            Readers::Noted(ids) => ids.len() / LOOKS_PER_STEP,
            Readers::Places(_) => 0,
        }
    }
}

impl Letter {
    fn readers(&self, children: &LocalChildren) -> Readers {
        let Whose::ChildrenOf(parent) = self.whose else { return Readers::Places(0) };
        let mut ids = Vec::new();
        self.selection.members(parent, children, |do_id| {
            ids.push(do_id);
            true
        });
        Readers::Noted(ids.into_iter())
    }
}

/// The next object that is meant by a letter, from a place on; or that some have been looked at.
fn next_at(
    at: &mut usize,
    objects: &Places,
    number: u32,
    is_meant: impl Fn(&DistributedObject) -> bool,
) -> Option<Step> {
    let end = objects.count().min(*at + LOOKS_PER_STEP);
    if *at >= end {
        return None;
    }
    while *at < end {
        let object = objects.at(*at).filter(|object| is_meant(object));
        *at += 1;
        if let Some(object) = object {
            return Some(Step::CatchUp(object.do_id, number));
        }
    }
    Some(Step::Looked(1))
}
