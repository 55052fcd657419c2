//! Rights that a client has lost, and may not have heard of yet.
//!
//! A client acts on what it has been told. What it sends because of a right that it has just lost is no
//! offence for a while, `tuning.rights_grace`: it is dropped. That goes for the very right that it had, and for
//! nothing else. What Astron's own tests have clients ejected for is forgiven only if so configured
//! ([`Shared::forgives_all`]). Objects that it has known have a time of their own, as with Astron.

use std::time::Duration;

use super::{Recent, Subject, View};
use crate::ids::{ClassId, DoId, FieldId, InterestId, Location};
use crate::role::client_agent::agent::{Context, Shared};

/// For how long zones are remembered that are no longer open.
pub(super) const REMEMBERED: Duration = Duration::from_secs(300);

/// A right that can be lost.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Right {
    /// What the owner of an object may do.
    Ownership(DoId),
    /// To send to an object that has been declared.
    Declaration(DoId),
    /// To send a field that has been made sendable.
    Sendable(DoId, FieldId),
    /// To close an interest.
    Interest(InterestId),
    /// What a client may do that has been let in.
    LetIn,
    /// What a client may do for whom the cluster vouches.
    Established,
}

/// The rights that a client has lost most recently; those to an object with its class.
pub(super) type Lapsed = Recent<Right, Option<ClassId>>;

impl View {
    /// Notes that the client has lost a right; if to an object, of which class that is.
    pub fn lapse(&mut self, cx: &Context<'_>, right: Right, class_id: Option<ClassId>) {
        let config = &cx.shared.config;
        let grace = Duration::from_millis(config.rights_grace_ms);
        if !grace.is_zero() {
            let lapsed = || Box::new(Lapsed::new(cx.shared.seed, grace));
            let lapsed = self.lapsed.get_or_insert_with(lapsed);
            lapsed.insert(cx.now, right, class_id, config.historical_objects_max);
        }
    }

    /// Whether the client had a right until not long ago.
    pub fn had(&self, cx: &Context<'_>, right: Right) -> bool {
        self.had_to(cx, right).is_some()
    }

    /// As [`View::had`], with the class of the object.
    fn had_to(&self, cx: &Context<'_>, right: Right) -> Option<Option<ClassId>> {
        self.lapsed.as_ref()?.get(cx.now, right).copied()
    }

    /// As [`View::subject`], with what the client could do until not long ago.
    pub fn late_subject<'s>(&self, cx: &'s Context<'_>, do_id: DoId) -> Option<Subject<'s>> {
        let shared: &'s Shared = cx.shared;
        let ownership = self.had_to(cx, Right::Ownership(do_id));
        if let Some(subject) = self.subject(shared, do_id) {
            let is_owned = subject.is_owned() || ownership.is_some() && shared.forgives_all();
            return Some(Subject::new(subject.class, subject.is_anonymous(), is_owned));
        }
        let class_id = ownership.or_else(|| self.had_to(cx, Right::Declaration(do_id)))?;
        let class = shared.dc.class(class_id?)?;
        Some(Subject::new(class, false, ownership.is_some()))
    }

    /// Notes that the client is no longer to know an object.
    pub fn remember_gone(&mut self, cx: &Context<'_>, do_id: DoId) {
        let kept = cx.shared.config.client.historical_ttl();
        let historical = || Box::new(Recent::new(cx.shared.seed, kept));
        let historical = self.historical.get_or_insert_with(historical);
        historical.insert(cx.now, do_id, (), cx.shared.config.historical_objects_max);
    }

    /// Whether the client has known an object until not long ago.
    pub fn has_known(&self, cx: &Context<'_>, do_id: DoId) -> bool {
        self.historical.as_ref().is_some_and(|gone| gone.get(cx.now, do_id).is_some())
    }

    /// Notes that no interest of the client has a location any more.
    pub fn remember_closed(&mut self, cx: &Context<'_>, location: Location) {
        let closed = || Box::new(Recent::new(cx.shared.seed, REMEMBERED));
        let closed = self.closed.get_or_insert_with(closed);
        closed.insert(cx.now, location, (), cx.shared.config.historical_objects_max);
    }

    /// Whether an interest of the client had a location until not long ago.
    pub fn had_open(&self, cx: &Context<'_>, location: Location) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.get(cx.now, location).is_some())
    }

    /// Whether the client could have an object for a parent until not long ago.
    pub fn had_parent(&self, cx: &Context<'_>, do_id: DoId) -> bool {
        let grace = Duration::from_millis(cx.shared.config.rights_grace_ms);
        let historical = self.historical.as_ref();
        let saw = historical.and_then(|gone| gone.get_within(cx.now, do_id, grace)).is_some();
        saw || self.late_subject(cx, do_id).is_some()
    }
}
