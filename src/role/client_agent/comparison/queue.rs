//! What is to be asked in a round, and in which order.

use std::collections::{hash_map, hash_set};

use super::Sessions;
use crate::hash::{Map, Set};
use crate::ids::{DoId, ZoneId};
use crate::role::client_agent::interest::Answers;

/// Zones that one question is about, so that it does not have more objects come than it has to.
const ZONES_MAX: usize = 256;

/// What is still to be asked.
#[derive(Debug)]
pub struct Queue {
    parents: hash_map::IntoIter<DoId, Set<ZoneId>>,
    /// The rest of one of them.
    parent: Option<(DoId, hash_set::IntoIter<ZoneId>)>,
    objects: hash_map::IntoIter<DoId, Sessions>,
    /// Parents that have not answered.
    pub silent: Vec<(DoId, Vec<ZoneId>)>,
    /// Objects that are asked once more whether they are there.
    pub doubtful: Vec<DoId>,
}

/// Something that is to be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// A parent is asked for the objects in zones.
    Zones { parent: DoId, zones: Vec<ZoneId>, answers: Answers },
    /// The children of a parent, which has not answered, are asked whether they are in zones. Nobody knows how many
    /// there are.
    Children { parent: DoId, zones: Vec<ZoneId> },
    /// An object is asked about itself, for these sessions.
    Object { do_id: DoId, sessions: Sessions },
    /// An object of which nothing has been heard is asked once more where it is.
    Doubt(DoId),
}

impl Queue {
    /// All that was collected.
    pub fn new(parents: Map<DoId, Set<ZoneId>>, objects: Map<DoId, Sessions>) -> Self {
        let (parents, objects) = (parents.into_iter(), objects.into_iter());
        Queue { parents, parent: None, objects, silent: Vec::new(), doubtful: Vec::new() }
    }

    /// Whether all has been asked.
    pub fn is_empty(&self) -> bool {
        let has_rest = self.parent.as_ref().is_some_and(|(_, zones)| zones.len() > 0);
        let is_collected = !has_rest && self.parents.len() == 0 && self.objects.len() == 0;
        is_collected && self.silent.is_empty() && self.doubtful.is_empty()
    }

    /// What is asked next.
    pub fn next(&mut self) -> Option<Question> {
        // Whoever is back may be away again soon.
        if let Some(do_id) = self.doubtful.pop() {
            return Some(Question::Doubt(do_id));
        }
        if self.parent.as_ref().is_none_or(|(_, zones)| zones.len() == 0) {
            self.parent = self.parents.next().map(|(parent, zones)| (parent, zones.into_iter()));
        }
        if let Some((parent, zones)) = &mut self.parent {
            let mut zones: Vec<ZoneId> = zones.by_ref().take(ZONES_MAX).collect();
            zones.sort_unstable();
            let (parent, answers) = (*parent, Answers::default());
            return Some(Question::Zones { parent, zones, answers });
        }
        if let Some((do_id, sessions)) = self.objects.next() {
            return Some(Question::Object { do_id, sessions });
        }
        let (parent, zones) = self.silent.pop()?;
        Some(Question::Children { parent, zones })
    }
}
