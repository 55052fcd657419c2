//! All objects of one role: finding those that a datagram is for.

use std::sync::Arc;

use dclass::DcFile;
use smallvec::SmallVec;
use tracing::{trace, warn};

use super::children::LocalChildren;
use super::creation::NewObject;
use super::distributed_object::{DistributedObject, Fate, World};
use super::outbox::{Outbox, from_object};
use super::places::{Place, Places};
use crate::hash::Seed;
use crate::ids::{Channel, DoId, Location, ZoneId};
use crate::message::{Error, Family, Message, StateServer, name_of};
use crate::router::{Effects, Origin};
use crate::wire::{Envelope, Reader, Recipients};

/// The objects of a role.
#[derive(Debug)]
pub struct Population {
    dc: Arc<DcFile>,
    seed: Seed,
    pub(super) objects: Places,
    children: LocalChildren,
    /// Memory that is used again for each message: objects that it is for, values to send.
    targets: Vec<Target>,
    scratch: Vec<u8>,
}

/// An object that a message is for.
type Target = (DoId, Place);

impl Population {
    /// No objects yet; their classes are those of `dc`.
    pub fn new(dc: Arc<DcFile>, seed: Seed) -> Self {
        Population {
            dc,
            seed,
            objects: Places::new(seed),
            children: LocalChildren::new(seed),
            targets: Vec::new(),
            scratch: Vec::new(),
        }
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
        let place = self.objects.insert(Box::new(DistributedObject::new(new)));
        let location = match self.closes_a_circle(do_id, new.location.parent) {
            true => Location::NONE,
            false => new.location,
        };
        self.with_object((do_id, place), effects, |object, world| {
            object.awake(location, sender, world);
            Fate::Lives
        });
    }

    /// Delivers a datagram to those objects that are among its recipients, except `origin`.
    pub fn deliver(&mut self, origin: Origin, envelope: &Envelope<'_>, effects: &mut Effects) {
        let mut targets = std::mem::take(&mut self.targets);
        let parents = self.find_receivers(envelope.recipients, &mut targets);
        if (!targets.is_empty() || !parents.is_empty())
            && let Some(message) = decode(envelope)
        {
            parents.iter().for_each(|parent| self.find_children(*parent, &message, &mut targets));
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
    }

    /// Gives a datagram to one object, whoever its recipients are.
    pub fn deliver_to(&mut self, do_id: DoId, envelope: &Envelope<'_>, effects: &mut Effects) {
        if let Some(message) = decode(envelope)
            && let Some(place) = self.objects.find(do_id)
        {
            self.hand_over((do_id, place), envelope.sender, &message, effects);
        }
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
        &self,
        recipients: Recipients<'_>,
        targets: &mut Vec<Target>,
    ) -> SmallVec<[DoId; 4]> {
        let mut parents = SmallVec::new();
        for channel in recipients.iter() {
            if let Some(do_id) = channel.as_object() {
                targets.extend(self.target(do_id));
            } else if let Some(parent) = channel.as_children()
                && self.children.has(parent)
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

    /// Of a parent's children, those that can have something to say to the message.
    fn find_children(&self, parent: DoId, message: &StateServer<'_>, targets: &mut Vec<Target>) {
        let target = |do_id| self.target(do_id);
        match *message {
            StateServer::ObjectGetZoneObjects { location, .. } if location.parent == parent => {
                targets.extend(self.children.in_zone(location).filter_map(target));
            }
            StateServer::ObjectGetZonesObjects { parent: asked, zones, .. } if asked == parent => {
                let mut zones: SmallVec<[ZoneId; 16]> = zones.iter().collect();
                zones.sort_unstable();
                zones.dedup();
                for zone in zones {
                    let location = Location::new(parent, zone);
                    targets.extend(self.children.in_zone(location).filter_map(target));
                }
            }
            _ => targets.extend(self.children.of(parent).filter_map(target)),
        }
    }

    fn hand_over(
        &mut self,
        target: Target,
        sender: Channel,
        message: &StateServer<'_>,
        effects: &mut Effects,
    ) {
        if let StateServer::ObjectSetLocation { location } = message
            && self.closes_a_circle(target.0, location.parent)
        {
            return;
        }
        self.with_object(target, effects, |object, world| object.handle(sender, message, world));
    }

    /// Whether an object would become its own ancestor under this parent; it is then to stay where
    /// it is, because the two would hand each other their AIs for ever.
    fn closes_a_circle(&self, do_id: DoId, parent: DoId) -> bool {
        let mut ancestor = parent;
        while let Some(object) = self.objects.get(ancestor) {
            if ancestor == do_id {
                warn!(doId = %do_id, %parent, "an object cannot be its own ancestor: not moved");
                return true;
            }
            ancestor = object.location.parent;
        }
        false
    }

    fn with_object(
        &mut self,
        (do_id, place): Target,
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
            outbox: Outbox { origin: from_object(do_id), effects },
            scratch: &mut self.scratch,
        };
        if act(object, &mut world) == Fate::Deleted {
            self.objects.remove(do_id);
        }
    }
}

/// Decodes a message to an object; whatever is none is logged.
fn decode<'a>(envelope: &Envelope<'a>) -> Option<StateServer<'a>> {
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
