//! All objects of one role: finding those that a datagram is for.

use std::sync::Arc;

use dclass::DcFile;
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::{trace, warn};

use super::children::LocalChildren;
use super::creation::NewObject;
use super::distributed_object::{DistributedObject, Fate, World};
use super::outbox::{Outbox, from_object};
use crate::ids::{Channel, DoId, Location, ZoneId};
use crate::message::{Error, Family, Message, StateServer, name_of};
use crate::router::{Effects, Origin};
use crate::wire::{Envelope, Reader, Recipients};

/// The objects of a role.
#[derive(Debug)]
pub struct Population {
    dc: Arc<DcFile>,
    objects: FxHashMap<DoId, Box<DistributedObject>>,
    children: LocalChildren,
    /// Memory that is used again for each message: objects that it is for, values to send.
    targets: Vec<DoId>,
    scratch: Vec<u8>,
}

impl Population {
    /// No objects yet; their classes are those of `dc`.
    pub fn new(dc: Arc<DcFile>) -> Self {
        Population {
            dc,
            objects: FxHashMap::default(),
            children: LocalChildren::default(),
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
        self.objects.get(&do_id).map(|object| &**object)
    }

    /// All objects, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &DistributedObject> {
        self.objects.values().map(|object| &**object)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Makes an object, which then announces itself; `sender` is who created it.
    ///
    /// # Panics
    /// If there is such an object, or no such class.
    pub fn create(&mut self, new: &NewObject<'_>, sender: Channel, effects: &mut Effects) {
        let (do_id, class_id) = (new.do_id, new.class_id);
        assert!(self.dc.class(class_id).is_some(), "no class {class_id:?}");
        let object = Box::new(DistributedObject::new(new));
        let before = self.objects.insert(do_id, object);
        assert!(before.is_none(), "object {do_id} exists");
        let location = match self.closes_a_circle(do_id, new.location.parent) {
            true => Location::NONE,
            false => new.location,
        };
        self.with_object(do_id, effects, |object, world| {
            object.awake(location, sender, world);
            Fate::Lives
        });
    }

    /// Delivers a datagram to those objects that are among its recipients, except `origin`.
    pub fn deliver(&mut self, origin: Origin, envelope: &Envelope<'_>, effects: &mut Effects) {
        if !envelope.recipients.iter().any(|channel| self.is_heard(channel)) {
            return;
        }
        let Some(message) = decode(envelope) else {
            return;
        };
        let mut targets = std::mem::take(&mut self.targets);
        self.find_targets(envelope.recipients, &message, &mut targets);
        for &do_id in &targets {
            if origin != from_object(do_id) {
                self.hand_over(do_id, envelope.sender, &message, effects);
            }
        }
        targets.clear();
        self.targets = targets;
    }

    /// Gives a datagram to one object, whoever its recipients are.
    pub fn deliver_to(&mut self, do_id: DoId, envelope: &Envelope<'_>, effects: &mut Effects) {
        if let Some(message) = decode(envelope) {
            self.hand_over(do_id, envelope.sender, &message, effects);
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

    /// Whether an object here listens to a channel.
    fn is_heard(&self, channel: Channel) -> bool {
        match (channel.as_object(), channel.as_children()) {
            (Some(do_id), _) => self.objects.contains_key(&do_id),
            (None, Some(parent)) => self.children.has(parent),
            (None, None) => false,
        }
    }

    /// The objects that a message is for, each once. Of a parent's children, only those are taken
    /// that can have something to say to it.
    fn find_targets(
        &self,
        recipients: Recipients<'_>,
        message: &StateServer<'_>,
        targets: &mut Vec<DoId>,
    ) {
        for channel in recipients.iter() {
            if let Some(do_id) = channel.as_object() {
                targets.push(do_id);
            } else if let Some(parent) = channel.as_children() {
                self.find_children(parent, message, targets);
            }
        }
        if recipients.len() > 1 {
            targets.sort_unstable();
            targets.dedup();
        }
    }

    fn find_children(&self, parent: DoId, message: &StateServer<'_>, targets: &mut Vec<DoId>) {
        match *message {
            StateServer::ObjectGetZoneObjects { location, .. } if location.parent == parent => {
                targets.extend(self.children.in_zone(location));
            }
            StateServer::ObjectGetZonesObjects { parent: asked, zones, .. } if asked == parent => {
                let zones: FxHashSet<ZoneId> = zones.iter().collect();
                for zone in zones {
                    targets.extend(self.children.in_zone(Location::new(parent, zone)));
                }
            }
            _ => targets.extend(self.children.of(parent)),
        }
    }

    fn hand_over(
        &mut self,
        do_id: DoId,
        sender: Channel,
        message: &StateServer<'_>,
        effects: &mut Effects,
    ) {
        if let StateServer::ObjectSetLocation { location } = message
            && self.closes_a_circle(do_id, location.parent)
        {
            return;
        }
        self.with_object(do_id, effects, |object, world| object.handle(sender, message, world));
    }

    /// Whether an object would become its own ancestor under this parent; it is then to stay where
    /// it is, because the two would hand each other their AIs for ever.
    fn closes_a_circle(&self, do_id: DoId, parent: DoId) -> bool {
        let mut ancestor = parent;
        while let Some(object) = self.objects.get(&ancestor) {
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
        do_id: DoId,
        effects: &mut Effects,
        act: impl FnOnce(&mut DistributedObject, &mut World<'_>) -> Fate,
    ) {
        let Some(object) = self.objects.get_mut(&do_id) else {
            return;
        };
        let mut world = World {
            dc: &self.dc,
            children: &mut self.children,
            outbox: Outbox { origin: from_object(do_id), effects },
            scratch: &mut self.scratch,
        };
        if act(object, &mut world) == Fate::Deleted {
            self.objects.remove(&do_id);
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
