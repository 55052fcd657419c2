//! Session objects that nobody has heard of. Their clients would be put out, so they have some time more.

use std::time::Instant;

use smallvec::SmallVec;

use crate::hash::{Map, Seed};
use crate::ids::{Context, DoId};
use crate::role::client_agent::agent::SessionKey;

/// Session objects that have been judged, and have some time more. Whoever adds one sets a deadline.
#[derive(Debug)]
pub struct Spared {
    objects: Map<DoId, SmallVec<[Reprieve; 1]>>,
    /// Those that have been heard of since: it may be another that has the same id now.
    heard: Vec<(DoId, SessionKey)>,
    /// Which of these have been asked whose they are, and for whom.
    asked: Map<Context, SessionKey>,
}

/// Of so many, answers are waited for.
const ASKED_MAX: usize = 4096;

#[derive(Debug)]
struct Reprieve {
    session: SessionKey,
    until: Instant,
    is_last: bool,
}

impl Spared {
    /// None.
    pub fn new(seed: Seed) -> Self {
        Spared { objects: Map::with_hasher(seed), heard: Vec::new(), asked: Map::with_hasher(seed) }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Spares an object of a session until then; whether it was not spared before.
    pub fn add(&mut self, do_id: DoId, session: SessionKey, until: Instant) -> bool {
        let all = self.objects.entry(do_id).or_default();
        let is_new = all.iter().all(|other| other.session != session);
        if is_new {
            all.push(Reprieve { session, until, is_last: false });
        }
        is_new
    }

    /// The sessions for which an object is spared.
    pub fn sessions(&self, do_id: DoId) -> Vec<SessionKey> {
        let all = self.objects.get(&do_id).into_iter().flatten();
        all.map(|reprieve| reprieve.session).collect()
    }

    /// An object has been heard of, or is gone for certain.
    pub fn remove(&mut self, do_id: DoId) {
        if !self.objects.is_empty()
            && let Some(all) = self.objects.remove(&do_id)
        {
            self.heard.extend(all.iter().map(|reprieve| (do_id, reprieve.session)));
        }
    }

    /// Those of which it has been heard since this was asked last.
    pub fn take_heard(&mut self) -> Vec<(DoId, SessionKey)> {
        std::mem::take(&mut self.heard)
    }

    /// An object is asked, for a session, whose it is.
    pub fn note_asked(&mut self, context: Context, session: SessionKey) {
        if self.asked.len() >= ASKED_MAX {
            // These have not answered: they are gone.
            self.asked.clear();
        }
        self.asked.insert(context, session);
    }

    /// For whom it was, if this is an answer.
    pub fn asked_for(&mut self, context: Context) -> Option<SessionKey> {
        self.asked.remove(&context)
    }

    /// Whether an object's time is over.
    pub fn is_due(&self, do_id: DoId, session: SessionKey, now: Instant) -> bool {
        let mut all = self.objects.get(&do_id).into_iter().flatten();
        all.any(|reprieve| reprieve.session == session && reprieve.until <= now)
    }

    /// A session waits for an object no longer.
    pub fn end(&mut self, do_id: DoId, session: SessionKey) {
        if let Some(all) = self.objects.get_mut(&do_id) {
            all.retain(|reprieve| reprieve.session != session);
            if all.is_empty() {
                self.objects.remove(&do_id);
            }
        }
    }

    /// Whether an object whose time is over has so much more, once: somebody has just come back.
    pub fn prolong(&mut self, do_id: DoId, session: SessionKey, until: Instant) -> bool {
        let mut all = self.objects.get_mut(&do_id).into_iter().flatten();
        let Some(reprieve) = all.find(|reprieve| reprieve.session == session) else { return false };
        reprieve.until = until;
        !std::mem::replace(&mut reprieve.is_last, true)
    }
}
