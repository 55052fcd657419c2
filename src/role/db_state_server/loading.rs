//! Objects that are being loaded from the database, and what waits meanwhile.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;
use tracing::{debug, error, warn};

use super::link::{Awaited, World};
use super::stored::{Stored, from_stored, read_overrides};
use crate::hash::{Map, Seed};
use crate::ids::{Channel, ClassId, Context, DoId, Location};
use crate::message::{Database, DbStateServer as Dbss, Family, FieldValues, ObjectState};
use crate::metrics;
use crate::object::PackedFields;
use crate::wire::{Envelope, Reader, write_frame};

/// The objects that are being loaded.
#[derive(Debug)]
pub(super) struct Loads {
    by_id: Map<DoId, Load>,
}

#[derive(Debug)]
struct Load {
    location: Location,
    /// The class that it must turn out to have, if whoever activated it named one.
    class_id: Option<ClassId>,
    /// Values that take precedence over stored ones.
    overrides: PackedFields,
    /// The questions to the database whose answer loads it: its own, or those that had been asked for
    /// others before.
    contexts: SmallVec<[Context; 1]>,
    deadline: Option<Instant>,
    /// Frames that came meanwhile, in order.
    waiting: Vec<u8>,
}

impl Loads {
    pub fn new(seed: Seed) -> Self {
        Loads { by_id: Map::with_hasher(seed) }
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn contains(&self, do_id: DoId) -> bool {
        self.by_id.contains_key(&do_id)
    }

    /// Until when the database may take for its answer.
    pub fn deadline(&self, do_id: DoId) -> Option<Instant> {
        self.by_id.get(&do_id)?.deadline
    }

    /// Begins to load an object. `asked` are the questions for everything about it whose answers are
    /// waited for already.
    pub fn begin(
        &mut self,
        do_id: DoId,
        location: Location,
        asked: SmallVec<[Context; 1]>,
        world: &mut World<'_>,
    ) {
        let load = Load {
            location,
            class_id: None,
            overrides: PackedFields::default(),
            contexts: asked,
            deadline: None,
            waiting: Vec::new(),
        };
        self.insert(do_id, load, world);
    }

    /// As [`Self::begin`], with some values that take precedence over stored ones.
    pub fn begin_with_other(
        &mut self,
        state: &ObjectState<'_>,
        asked: SmallVec<[Context; 1]>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let (do_id, class_id) = (state.do_id, state.class_id);
        let Some(class) = world.objects.dc().class(class_id) else {
            error!(doId = %do_id, class = class_id.0, %sender, "no such class: not activated");
            return;
        };
        let overrides = match read_overrides(do_id, class, &mut Reader::new(state.values.0)) {
            Ok(list) => PackedFields::new(&list),
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %sender, %error, "not activated");
                return;
            }
        };
        let load = Load {
            location: state.location,
            class_id: Some(class_id),
            overrides,
            contexts: asked,
            deadline: None,
            waiting: Vec::new(),
        };
        self.insert(do_id, load, world);
    }

    fn insert(&mut self, do_id: DoId, mut load: Load, world: &mut World<'_>) {
        if load.contexts.is_empty() {
            let context = world.link.new_context();
            load.contexts.push(context);
            world.ask_database(do_id, &Database::ObjectGetAll { context, do_id });
        }
        load.deadline = world.link.await_answer(world.now, Awaited::Load(do_id));
        self.by_id.insert(do_id, load);
    }

    /// Handles a datagram to an object that is being loaded: the database's answer is returned, and ends
    /// that, and everything else waits for it.
    pub fn receive<'a>(&mut self, do_id: DoId, envelope: &Envelope<'a>) -> Option<Stored<'a>> {
        let load = self.by_id.get_mut(&do_id)?;
        let number = envelope.message_type;
        match Family::of(number)? {
            Family::StateServer => load.keep(envelope),
            Family::DbStateServer if !is_activation(envelope) => load.keep(envelope),
            Family::Database => {
                let answer = Database::decode(number, &mut Reader::new(envelope.body));
                if let Ok(Database::ObjectGetAllResp { context, object }) = answer {
                    return load.is_answer(do_id, context, &object).then_some(object);
                }
            }
            Family::DbStateServer
            | Family::ClientAgent
            | Family::Client
            | Family::Panda3d
            | Family::Otp
            | Family::Toontown2003
            | Family::Control => {}
        }
        None
    }

    /// Ends the loading: makes the object, if it can be made of what is stored, and returns the frames that
    /// have been waiting.
    pub fn end(&mut self, do_id: DoId, stored: Stored<'_>, world: &mut World<'_>) -> Vec<u8> {
        let Some(load) = self.by_id.remove(&do_id) else {
            return Vec::new();
        };
        if let Some((class_id, fields)) = stored {
            load.make(do_id, class_id, fields, world);
        }
        let is_there = world.objects.get(do_id).is_some();
        metrics::ACTIVATIONS.one(&[if is_there { "done" } else { "failed" }]);
        load.waiting
    }
}

impl Load {
    fn keep(&mut self, envelope: &Envelope<'_>) {
        let kept = write_frame(&mut self.waiting, |writer| envelope.write(writer));
        debug_assert!(kept.is_ok(), "it came in a frame");
    }

    fn is_answer(&self, do_id: DoId, context: Context, stored: &Stored<'_>) -> bool {
        let is_mine = self.contexts.contains(&context);
        if !is_mine {
            warn!(doId = %do_id, %context, "answer of the database to another question");
        } else if stored.is_none() {
            debug!(doId = %do_id, "not in the database: not loaded");
        }
        is_mine
    }

    fn make(&self, do_id: DoId, class_id: ClassId, fields: FieldValues<'_>, world: &mut World<'_>) {
        let dc = Arc::clone(world.objects.dc());
        let Some(class) = dc.class(class_id) else {
            error!(doId = %do_id, class = class_id.0, "stored object of an unknown class");
            return;
        };
        if let Some(wanted) = self.class_id.filter(|wanted| *wanted != class_id) {
            let class = class.name();
            error!(doId = %do_id, class, wanted = wanted.0, "stored object of another class");
            return;
        }
        match from_stored((do_id, self.location), class, &self.overrides, fields) {
            Ok(new) => world.objects.create(&new, world.link.database, world.out),
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %error, "stored object cannot be loaded");
            }
        }
    }
}

fn is_activation(envelope: &Envelope<'_>) -> bool {
    let message = Dbss::decode(envelope.message_type, &mut Reader::new(envelope.body));
    matches!(
        message,
        Ok(Dbss::ObjectActivateWithDefaults { .. } | Dbss::ObjectActivateWithDefaultsOther { .. })
    )
}
