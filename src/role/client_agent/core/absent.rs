//! Parents that were not there when clients opened interests in them: they are asked again when they are.
//!
//! An interest that nobody answers is done when its time is over, as with Astron, and its client sees what comes from then on. What
//! stands in its zones already, kept by others, it would never see: nobody says anything of that any more. So the
//! agent
//! - asks the parent once more then, for it may have been made meanwhile;
//! - listens to the channel of the parent's children, on which each object that is made asks who these are, and asks it
//!   when that comes.
//!
//! It asks once for all sessions, as after a [gap](super::comparing), and what is answered is told in the same way. When a parent
//! has said how many objects there are, it has answered, and nothing more is asked of it.

use std::collections::VecDeque;

use super::{Core, session_at};
use crate::hash::{Map, Seed, Set};
use crate::ids::{Channel, Context, DoId, ZoneId};
use crate::message::{List, StateServer};
use crate::role::Effects;
use crate::role::client_agent::agent::SessionKey;
use crate::wire::Envelope;

/// Zones that one question is about.
const ZONES_MAX: usize = 256;
/// So many queries are not looked through, whatever has become of them.
const CROWD_MIN: usize = 1024;

/// Contexts of questions to them have this bit, and no others of the agent's: answers tell nothing to those who see an object
/// already, however late they come.
pub(super) const OF_ABSENT: u32 = 1 << 31;

/// Whether this is what a parent that was absent has been asked for.
pub(super) const fn is_of_absent(context: Context) -> bool {
    context.0 & OF_ABSENT != 0
}

/// Parents that have not answered.
pub struct Absent {
    parents: Map<DoId, Parent>,
    /// Those that are to be asked.
    ready: VecDeque<DoId>,
    /// One that is listened for in any case.
    awaited: Option<DoId>,
    /// What has been asked, and of whom.
    asked: Map<Context, DoId>,
    /// How many queries there are, and how many stood when they had last been looked through.
    count: usize,
    standing: usize,
}

struct Parent {
    /// Queries that it has not answered.
    queries: Vec<(SessionKey, Context)>,
    /// The next of them that is to be asked for.
    next: usize,
    /// The zones of those before it, which are to be asked for together.
    zones: Set<ZoneId>,
    /// The last question, if it is not answered.
    asked: Option<Context>,
}

impl Absent {
    /// None.
    pub fn new(seed: Seed) -> Self {
        Absent {
            parents: Map::with_hasher(seed),
            ready: VecDeque::new(),
            awaited: None,
            asked: Map::with_hasher(seed),
            count: 0,
            standing: 0,
        }
    }

    /// Whether a datagram shows that an absent parent is there now: it asks its children something.
    #[inline]
    fn appears(&self, envelope: &Envelope<'_>) -> Option<DoId> {
        if self.parents.is_empty()
            || envelope.message_type != StateServer::STATESERVER_OBJECT_GET_LOCATION
        {
            return None;
        }
        let parent = envelope.sender.as_object()?;
        let is_it = |channel| channel == parent.children();
        let is_known = self.parents.contains_key(&parent);
        (is_known && envelope.recipients.iter().any(is_it)).then_some(parent)
    }

    /// Listens for a parent, whether or not somebody waits for it.
    pub(super) fn await_one(&mut self, parent: DoId, out: &mut Effects) {
        if self.awaited.replace(parent).is_none() && !self.parents.contains_key(&parent) {
            out.subscribe(parent.children());
        }
    }

    /// Only who waits for it listens for it.
    pub(super) fn await_none(&mut self, out: &mut Effects) {
        if let Some(parent) = self.awaited.take()
            && !self.parents.contains_key(&parent)
        {
            out.unsubscribe(parent.children());
        }
    }

    /// Whether a parent is listened for in any case.
    pub(super) fn awaits(&self, parent: DoId) -> bool {
        self.awaited == Some(parent)
    }

    /// Nobody is left who waits for any.
    pub(super) fn forget_all(&mut self, out: &mut Effects) {
        let parents: Vec<DoId> = self.parents.keys().copied().collect();
        parents.into_iter().for_each(|parent| self.forget(parent, out));
    }

    fn forget(&mut self, parent: DoId, out: &mut Effects) {
        let Some(Parent { queries, asked, .. }) = self.parents.remove(&parent) else { return };
        self.count -= queries.len();
        asked.and_then(|context| self.asked.remove(&context));
        if !self.awaits(parent) {
            out.unsubscribe(parent.children());
        }
    }
}

impl Core {
    /// A query's time is over, and its parent has not said a word.
    pub(super) fn parent_is_absent(
        &mut self,
        parent: DoId,
        key: SessionKey,
        query: Context,
        out: &mut Effects,
    ) {
        let Core { absent, shared, .. } = self;
        let is_awaited = absent.awaits(parent);
        let entry = absent.parents.entry(parent).or_insert_with(|| {
            if !is_awaited {
                out.subscribe(parent.children());
            }
            absent.ready.push_back(parent);
            out.go_on_later();
            let zones = Set::with_hasher(shared.seed);
            Parent { queries: Vec::new(), next: 0, zones, asked: None }
        });
        entry.queries.push((key, query));
        absent.count += 1;
        self.comparing.listen(out);
        if self.absent.count > 2 * self.absent.standing + CROWD_MIN {
            self.tidy_absent(out);
        }
    }

    /// Whether a datagram shows that a parent has come; then it is asked.
    pub(super) fn parent_appears(&mut self, envelope: &Envelope<'_>, out: &mut Effects) -> bool {
        let Some(parent) = self.absent.appears(envelope) else { return false };
        let Absent { parents, ready, .. } = &mut self.absent;
        let Some(entry) = parents.get_mut(&parent) else { return false };
        entry.next = 0;
        if !ready.contains(&parent) {
            ready.push_back(parent);
        }
        out.go_on_later();
        true
    }

    /// A parent has answered: those are asked for that have come since it was asked.
    pub(super) fn parent_has_answered(&mut self, context: Context, out: &mut Effects) {
        let Some(parent) = self.absent.asked.remove(&context) else { return };
        let Some(entry) = self.absent.parents.get_mut(&parent) else { return };
        if entry.next < entry.queries.len() {
            self.absent.ready.push_back(parent);
            out.go_on_later();
        } else {
            self.absent.forget(parent, out);
        }
    }

    /// How many parents are listened for.
    #[cfg(test)]
    pub(crate) fn absent_count(&self) -> usize {
        self.absent.parents.len()
    }

    /// Asks parents that are to be asked, as far as `budget` allows. Whether there is more to do.
    pub(super) fn ask_absent(&mut self, budget: &mut usize, out: &mut Effects) -> bool {
        while let Some(&parent) = self.absent.ready.front() {
            if *budget == 0 {
                return true;
            }
            *budget -= 1;
            let Some(entry) = self.absent.parents.get_mut(&parent) else {
                self.absent.ready.pop_front();
                continue;
            };
            let Some(&(key, query)) = entry.queries.get(entry.next) else {
                self.absent.ready.pop_front();
                self.ask_parent(parent, out);
                continue;
            };
            entry.next += 1;
            if let Some(session) = session_at(&mut self.slots, key) {
                entry.zones.extend(session.zones_unanswered(query));
            }
        }
        false
    }

    fn ask_parent(&mut self, parent: DoId, out: &mut Effects) {
        let Some(entry) = self.absent.parents.get_mut(&parent) else { return };
        let mut zones: Vec<ZoneId> = entry.zones.drain().collect();
        if zones.is_empty() {
            self.absent.forget(parent, out);
            return;
        }
        zones.sort_unstable();
        for zones in zones.chunks(ZONES_MAX) {
            let context = Context(self.comparing.new_context().0 | OF_ABSENT);
            let zones = List::new(zones);
            let question = StateServer::ObjectGetZonesObjects { context, parent, zones };
            let asker: Channel = self.comparing.asker();
            out.route(&[parent.channel()], asker, &question).expect("so many fit a datagram");
            let before = entry.asked.replace(context);
            before.and_then(|before| self.absent.asked.remove(&before));
            self.absent.asked.insert(context, parent);
        }
    }

    /// Forgets queries that have been answered meanwhile, or whose zones have been closed.
    fn tidy_absent(&mut self, out: &mut Effects) {
        let Core { absent, slots, .. } = self;
        let mut over = Vec::new();
        for (parent, entry) in &mut absent.parents {
            let before = entry.queries.len();
            entry.queries.retain(|&(key, query)| {
                session_at(slots, key).is_some_and(|s| s.zones_unanswered(query).next().is_some())
            });
            absent.count -= before - entry.queries.len();
            entry.next = 0;
            if entry.queries.is_empty() {
                over.push(*parent);
            }
        }
        over.into_iter().for_each(|parent| absent.forget(parent, out));
        absent.standing = absent.count;
    }
}
