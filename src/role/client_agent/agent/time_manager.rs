//! The object that tells clients of Panda3D's type the time, if the agent does so itself.
//!
//! It is in no state server: each client that sees its zone is shown it, and what is said to it the agent answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::DcFile;

use crate::config::{Panda3dConfig, time_manager_of};
use crate::ids::{ClassId, DoId, FieldId, Location, ZoneId};
use crate::message::{ObjectState, Rest};
use crate::wire::Writer;

/// How many milliseconds Panda3D's network clock counts one by one.
const TICK: u128 = 10;

/// A moment, and what the clock of all agents shows then: how long after 1970 it is.
pub type Clock = (Instant, Duration);

/// The object.
#[derive(Debug)]
pub struct TimeManager {
    pub do_id: DoId,
    pub zone: ZoneId,
    pub class_id: ClassId,
    /// REQUIRED, as those see it who come.
    values: Vec<u8>,
    /// The field by which it is asked.
    pub request: FieldId,
    /// The field by which it answers.
    pub answer: FieldId,
    clock: Clock,
}

impl TimeManager {
    /// The object, if the agent has it and the DC files its class. Agents that share a world tell the same time.
    pub fn new(config: &Panda3dConfig, dc: &DcFile, clock: Clock) -> Option<Arc<Self>> {
        let (do_id, zone) = (config.time_manager_id()?, config.time_manager?);
        let (class, [request, answer]) = time_manager_of(dc).ok()?;
        let shown = class.required().iter().filter(|field| {
            let keywords = field.keywords();
            keywords.broadcast() || keywords.clrecv()
        });
        let values = shown.flat_map(|field| field.implicit_value().iter().copied()).collect();
        let (class_id, request, answer) = (class.id(), request.id(), answer.id());
        Some(Arc::new(TimeManager { do_id, zone, class_id, values, request, answer, clock }))
    }

    /// The object as it is shown.
    pub fn state(&self, root: DoId) -> ObjectState<'_> {
        let &TimeManager { do_id, class_id, zone, .. } = self;
        let location = Location::new(root, zone);
        ObjectState { do_id, class_id, location, values: Rest(&self.values) }
    }

    /// The value of `answer` to a question with this context.
    pub fn answer_to(&self, context: u8, now: Instant) -> Vec<u8> {
        let (then, date) = self.clock;
        let ticks = (date + now.saturating_duration_since(then)).as_millis() / TICK;
        let mut value = Vec::new();
        let mut writer = Writer::new(&mut value);
        writer.u8(context);
        // It goes round, as clients expect.
        writer.u32(ticks as u32);
        value
    }
}
