//! A client that is back is told all anew.
//!
//! Nobody knows what it had got before, and what has changed since was dropped. So it takes all that it knows for doubtful, and is
//! told again, as if it had just opened its interests: which these are; what the cluster answers when it is asked for the objects in
//! their zones; and what those say of themselves that it owns, or sees where it has no interest. What has not been told when
//! all has been answered, or its time is over, is gone.
//!
//! Whoever is silent, since a daemon in between stands still or is away, has not taken anything from the client: what it owns it owns
//! all the same, and is told when the object answers, however late.
//!
//! Its rights go on meanwhile. What it hears is what somebody hears who is just opening interests: of an object nothing before
//! its entrance ([`View::tell_anew`]). So nothing else has to know of it, and it can begin anew at any moment.
//!
//! [`View::tell_anew`]: crate::role::client_agent::view::View::tell_anew

use std::collections::BTreeMap;
use std::time::Instant;

use dclass::{Class, Keywords};
use smallvec::SmallVec;

use super::answers::PATIENCE;
use super::asking::QUERY_ZONES_MAX;
use super::{Session, for_clients, for_owners};
use crate::hash::Set;
use crate::ids::{self, DoId, ZoneId};
use crate::message::{ObjectState, Rest, StateServer};
use crate::object::{FieldError, shown_values};
use crate::role::client_agent::agent::{Context, News, Timer};
use crate::role::client_agent::interest::Query;
use crate::role::client_agent::view::Tie;

/// What is being told anew.
#[derive(Debug)]
pub struct Retelling {
    /// What the cluster has been asked for, and is not over.
    queries: Set<ids::Context>,
    /// The objects that have been asked for themselves, and have not answered.
    asked: Set<DoId>,
    /// By which they answer.
    context: ids::Context,
    /// Nothing has been asked yet: the client has to pay for what it has been told before.
    is_put_off: bool,
    /// When it was, or is to be.
    began: Instant,
    /// Until when they are waited for.
    due: Instant,
    /// That is over: of those asked, only what the client owns can still answer.
    is_late: bool,
    /// The client has been told that this is all.
    is_said: bool,
}

impl Session {
    /// Whether there may be something that the client has not been told anew.
    #[inline]
    pub(super) fn is_retelling(&self) -> bool {
        self.comeback.as_ref().is_some_and(|comeback| comeback.retelling.is_some())
    }

    fn retelling(&mut self) -> Option<&mut Retelling> {
        self.comeback.as_mut()?.retelling.as_mut()
    }

    /// Begins to tell the client all anew, whether or not it is being told already.
    pub(super) fn tell_anew(&mut self, cx: &mut Context<'_>) {
        self.pay_for_unheard(self.count_unheard());
        let began = self.may_be_told_at(cx.shared, cx.now);
        let operations = self.interests.ask_anew();
        self.view.tell_anew();
        self.tell_interests(cx);
        let queries = self.open_queries(cx, began);
        let mut is_waited_for = Vec::with_capacity(operations.len());
        for (id, operation) in operations {
            let queries = self.queries_of(id);
            if queries.is_empty() {
                is_waited_for.push((id, operation.asked));
            } else {
                self.interests.begin_operation(id, operation.asked, &queries, operation.since);
            }
        }
        for (id, asked) in is_waited_for {
            self.interest_done(cx, id, asked);
        }
        let context = self.identity.new_context();
        // All objects that no parent will show as the client knows them.
        let mut asked = Set::with_hasher(cx.shared.seed);
        asked.extend(self.objects_to_compare());
        let retelling = Retelling {
            queries,
            asked,
            context,
            is_put_off: true,
            began,
            due: began,
            is_late: false,
            is_said: false,
        };
        self.comeback.get_or_insert_default().retelling = Some(retelling);
        if began > cx.now {
            cx.shared.deadlines.set(began, Timer::Retelling(self.identity.key));
        } else {
            self.ask_for_all(cx);
        }
        self.check_all_told(cx);
    }

    /// How many objects are still to be told anew, or have been asked for, and are not waited for any more: they cost the cluster
    /// as much.
    fn count_unheard(&self) -> usize {
        let retelling = self.comeback.as_ref().and_then(|comeback| comeback.retelling.as_ref());
        let Some(Retelling { is_put_off: false, queries, asked, .. }) = retelling else { return 0 };
        let mut open = queries.iter().filter_map(|&query| self.interests.query(query));
        let in_zones = match open.clone().any(|query| query.is_unanswered()) {
            true => self.view.object_count(),
            false => open.by_ref().map(|query| query.answers.missing()).sum(),
        };
        in_zones + asked.len()
    }

    /// Asks the cluster for all that is to be told anew.
    fn ask_for_all(&mut self, cx: &mut Context<'_>) {
        let due = cx.now + cx.shared.patient_timeout();
        let Some(retelling) = self.retelling() else { return };
        (retelling.is_put_off, retelling.began, retelling.due) = (false, cx.now, due);
        let context = retelling.context;
        let mut queries: Vec<_> = retelling.queries.iter().copied().collect();
        let mut objects: Vec<_> = retelling.asked.iter().copied().collect();
        queries.sort_unstable();
        objects.sort_unstable();
        for query in queries {
            self.ask_now(cx, query);
        }
        for &do_id in &objects {
            self.route_small(cx, do_id.channel(), &StateServer::ObjectGetAll { context, do_id });
        }
        if !objects.is_empty() {
            cx.shared.deadlines.set(due, Timer::Retelling(self.identity.key));
        }
    }

    /// Which interests are open: the client may have missed that, or the agent what it has asked for.
    fn tell_interests(&mut self, cx: &mut Context<'_>) {
        let all: Vec<_> = self
            .interests
            .all()
            .into_iter()
            .map(|(id, interest)| (id, interest.parent, interest.zones.clone()))
            .collect();
        for (interest, parent, zones) in all {
            let context = self.identity.new_context();
            self.tell(
                cx.shared,
                &News::InterestOpened { context, interest, parent, zones: &zones },
            );
        }
    }

    /// What the cluster is to be asked for the zones of all interests.
    fn open_queries(&mut self, cx: &mut Context<'_>, asked_at: Instant) -> Set<ids::Context> {
        let mut by_parent: BTreeMap<DoId, Vec<ZoneId>> = BTreeMap::new();
        for at in self.interests.all_open() {
            by_parent.entry(at.parent).or_default().push(at.zone);
        }
        let mut queries = Set::with_hasher(cx.shared.seed);
        for (parent, mut zones) in by_parent {
            zones.sort_unstable();
            zones.dedup();
            for zones in zones.chunks(QUERY_ZONES_MAX) {
                queries.insert(
                    self.open_query(cx, Query::new(parent, zones, true, asked_at).patient()),
                );
            }
        }
        queries
    }

    /// What has been asked for the zones of an interest.
    fn queries_of(&self, id: ids::InterestId) -> SmallVec<[ids::Context; 2]> {
        let zones = self.interests.zones_of(id);
        let mut queries: SmallVec<_> =
            zones.filter_map(|at| self.interests.query_for(at)).collect();
        queries.sort_unstable();
        queries.dedup();
        queries
    }

    /// An object that may have been asked for itself has told all.
    pub(super) fn object_answers(
        &mut self,
        cx: &mut Context<'_>,
        context: ids::Context,
        object: &ObjectState<'_>,
    ) {
        let is_asked = |retelling: &mut Retelling| {
            retelling.context == context && retelling.asked.contains(&object.do_id)
        };
        if !self.retelling().is_some_and(is_asked) {
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %object.do_id, "answers what nobody waits for");
            return;
        }
        cx.shared.last_answer = Some(cx.now);
        self.tell_if_untold(cx, object);
    }

    /// An object has told all, whoever has asked it: the client is told what it has not been told anew.
    pub fn tell_if_untold(&mut self, cx: &mut Context<'_>, object: &ObjectState<'_>) {
        if !self.is_retelling() {
            return;
        }
        if let Err(error) = self.tell_itself(cx, object) {
            let client = self.identity.allocated;
            tracing::warn!(%client, doId = %object.do_id, %error, "bad values of an object are ignored");
        }
        self.is_told(cx, object.do_id);
    }

    fn tell_itself(
        &mut self,
        cx: &mut Context<'_>,
        object: &ObjectState<'_>,
    ) -> Result<(), FieldError> {
        let dc = cx.shared.dc.clone();
        let do_id = object.do_id;
        // Another one may have its id.
        let class = dc.class(object.class_id);
        let class = class.filter(|class| self.view.class_of(do_id) == Some(class.id()));
        let (Some(class), Some(untold), Some(location)) =
            (class, self.view.untold(do_id), self.view.known_at(do_id))
        else {
            return Ok(());
        };
        let is_seen_alone = untold.is_seen() && !self.interests.covers(location);
        if is_seen_alone {
            let (values, has_other) = shown_to(class, object, for_clients)?;
            let object = ObjectState { values: Rest(&values), location, ..*object };
            self.tell(cx.shared, &News::ObjectEnters { object, has_other });
            self.view.see(do_id, Some(class.id()), location);
            self.pay_for_entry(cx, values.len());
        }
        if untold.is_owned() {
            let (values, has_other) = shown_to(class, object, for_owners)?;
            let object = ObjectState { values: Rest(&values), location, ..*object };
            self.tell(cx.shared, &News::OwnerGained { object, has_other });
            self.view.own(do_id, class.id(), location);
            self.pay_for_entry(cx, values.len());
        }
        Ok(())
    }

    /// An object of which the client has not been told anew is no more.
    pub(super) fn forget_untold(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        if !self.is_retelling() {
            return;
        }
        self.forget_untold_sight(cx, do_id);
        if self.view.untold(do_id).is_some_and(Tie::is_owned) {
            self.view.disown(cx, do_id);
            self.unfollow_untold(cx, do_id);
        }
    }

    fn forget_untold_sight(&mut self, cx: &Context<'_>, do_id: DoId) {
        if self.view.untold(do_id).is_some_and(Tie::is_seen) {
            self.view.unsee(do_id);
            self.view.remember_gone(cx, do_id);
        }
    }

    /// Whether the client sees an object, and has not been told so anew.
    pub(super) fn is_untold_sight(&self, do_id: DoId) -> bool {
        self.is_retelling() && self.view.untold(do_id).is_some_and(|untold| untold.is_seen())
    }

    /// An object need not be waited for: it has said all, or is no longer known.
    pub(super) fn is_told(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        if self.retelling().is_some_and(|retelling| retelling.asked.remove(&do_id)) {
            self.check_all_told(cx);
        }
    }

    /// A query has been told.
    pub(super) fn query_is_retold(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        if self.retelling().is_some_and(|retelling| retelling.queries.remove(&context)) {
            self.check_all_told(cx);
        }
    }

    /// The time is over for objects that have been asked for themselves, unless answers to somebody are still coming.
    pub fn retelling_due(&mut self, cx: &mut Context<'_>) {
        let (key, now, timeout) = (self.identity.key, cx.now, cx.shared.patient_timeout());
        let (last_answer, longest) =
            (cx.shared.last_answer, cx.shared.interest_timeout() * PATIENCE);
        let client = self.identity.allocated;
        let Some(retelling) = self.retelling().filter(|retelling| retelling.due <= now) else {
            return;
        };
        if retelling.is_put_off {
            self.ask_for_all(cx);
            return;
        }
        let is_recent = |at: &Instant| *at + timeout > now;
        if let Some(last) = last_answer.filter(is_recent)
            && now < retelling.began + longest
        {
            retelling.due = (last + timeout).min(retelling.began + longest);
            let due = retelling.due;
            cx.shared.deadlines.set(due, Timer::Retelling(key));
            return;
        }
        retelling.is_late = true;
        let silent = retelling.asked.len();
        if silent > 0 {
            tracing::warn!(%client, silent, "objects of a client that is back have not answered in time");
        }
        self.check_all_told(cx);
    }

    /// If all has been told, says so; the client forgets what has not been, and so do we, but for what it owns and has not answered.
    fn check_all_told(&mut self, cx: &mut Context<'_>) {
        let Some(retelling) = self.retelling() else { return };
        if !retelling.queries.is_empty() || !(retelling.asked.is_empty() || retelling.is_late) {
            return;
        }
        let is_said = std::mem::replace(&mut retelling.is_said, true);
        let mut silent = std::mem::replace(&mut retelling.asked, Set::with_hasher(cx.shared.seed));
        silent.retain(|do_id| self.view.untold(*do_id).is_some_and(Tie::is_owned));
        for (do_id, at, _) in self.view.all_untold() {
            if silent.contains(&do_id) {
                self.forget_untold_sight(cx, do_id);
                continue;
            }
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %do_id, %at, "not found again by a client that is back");
            self.forget_untold(cx, do_id);
        }
        match self.retelling() {
            Some(retelling) if !silent.is_empty() => retelling.asked = silent,
            _ => self.comeback.get_or_insert_default().retelling = None,
        }
        if !is_said {
            self.tell(cx.shared, &News::AllTold);
        }
    }
}

/// What an object that has told all of itself would have shown to somebody who is shown fields of these keywords, and whether
/// there are more than the required ones.
fn shown_to(
    class: &Class,
    object: &ObjectState<'_>,
    are_shown: impl Fn(Keywords) -> bool,
) -> Result<(Vec<u8>, bool), FieldError> {
    let list = shown_values(object, class, true, |_| true, &are_shown)?;
    let value_of = |id| list.iter().find(|(field, _)| *field == id).map(|(_, value)| *value);
    let required: Vec<_> = class.required().iter().map(|field| field.id()).collect();
    let mut values = Vec::new();
    for field in class.required().iter().filter(|field| are_shown(field.keywords())) {
        values.extend_from_slice(value_of(field.id()).unwrap_or_default());
    }
    let others: Vec<_> = list.iter().filter(|(field, _)| !required.contains(field)).collect();
    if others.is_empty() {
        return Ok((values, false));
    }
    values.extend_from_slice(&(others.len() as u16).to_le_bytes());
    for (field, value) in others {
        values.extend_from_slice(&field.0.to_le_bytes());
        values.extend_from_slice(value);
    }
    Ok((values, true))
}
