//! What clients set fields to is judged by the rules of `client.fields`.
//!
//! A value is judged by the last one: what the client has set itself, or been told since. Two things may cross on the way, and
//! neither is the client's fault:
//!
//! - Somebody else has just set the field (an AI has taken an avatar somewhere), and the client goes on from where it was until it
//!   hears of that. What it says so is dropped for as long as rights are forgiven that have just been lost, and no offence.
//! - The object is shown, or compared after a gap, with a value that is not the last. The client may go on from either.
//!
//! Nothing comes of an update before all of it has been judged: of a molecular field, each part, one after the other.

use std::time::Duration;

use dclass::{Class, Keywords};
use smallvec::SmallVec;

use super::judging::{Judge, Ruled, Verdict};
use super::{End, Session, for_clients, for_owners};
use crate::config::{Offence, Reaction};
use crate::ids::{ClassId, DoId, FieldId};
use crate::message::{Cluster, EjectReason, ObjectState, Rest, StateServer};
use crate::object::{FieldError, read_value, shown_values};
use crate::role::client_agent::agent::{Context, FieldRules, Holding, Keeps, News, Shared};
use crate::role::client_agent::view::{Value, View};
use crate::wire::Reader;

type RuledParts<'c> = SmallVec<[Ruled<'c>; 4]>;

impl Session {
    /// Whether anything is to come of an update that is right otherwise, of a field of a class.
    ///
    /// # Errors
    /// It breaks a rule.
    #[inline]
    pub(super) fn check_rules(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        (class, field): (ClassId, FieldId),
        value: &[u8],
    ) -> Result<bool, End> {
        let rules = cx.shared.rules.as_ref();
        match rules.and_then(|rules| rules.of(class, field)) {
            None => Ok(true),
            Some(_) => self.judge_values(cx, do_id, class, &[(field, value)]),
        }
    }

    /// As [`Session::check_rules`], for several fields at once, of which those are not looked at that have no rules.
    pub(super) fn judge_values(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        class: ClassId,
        values: &[(FieldId, &[u8])],
    ) -> Result<bool, End> {
        // The operator's own programs have none.
        if self.is_trusted() {
            return Ok(true);
        }
        let Session { view, .. } = self;
        let (why, corrections) = match judge(&*cx, view, do_id, class, values) {
            Judgement::Right => return Ok(true),
            Judgement::Late => {
                self.drop_late(do_id);
                return Ok(false);
            }
            Judgement::Wrong(why, corrections) => (why, corrections),
        };
        let class = cx.shared.dc.class(class).map_or("", Class::name);
        let text = format!("Client broke a rule for field {class}({do_id}).{why}");
        self.correct(cx, do_id, &corrections);
        Err(End::for_offence(Offence::Rule, EjectReason::FieldConstraint, text))
    }

    /// A client that plays on is told what is the case.
    fn correct(&mut self, cx: &mut Context<'_>, do_id: DoId, corrections: &[Value]) {
        let reaction = cx.shared.config.offences.reaction(Offence::Rule);
        let plays_on = matches!(reaction, Reaction::Ignore | Reaction::Warn);
        if !plays_on || self.view.untold(do_id).is_some() {
            return;
        }
        for Value { field, bytes } in corrections {
            let sender = crate::ids::Channel::NONE;
            let news = News::FieldChanges { do_id, field: *field, value: Rest(bytes), sender };
            self.tell(cx.shared, &news);
        }
    }

    /// Whether anything is to come of a client's description of an object of its own. As a new one, it may be anything that
    /// ranges allow.
    ///
    /// # Errors
    /// It breaks a rule.
    pub(super) fn check_made<'v>(
        &mut self,
        cx: &mut Context<'_>,
        (do_id, class): (DoId, ClassId),
        values: impl Iterator<Item = (FieldId, &'v [u8])>,
    ) -> Result<bool, End> {
        if cx.shared.rules.is_none() {
            return Ok(true);
        }
        // What is as it was is said again because somebody has asked.
        let checked = self.view.checked();
        let is_known = |field: FieldId, value: &[u8]| {
            let last = checked.and_then(|checked| checked.get(do_id, field)?.last.as_ref());
            last.is_some_and(|last| last.field == field && *last.bytes == *value)
        };
        let values: Vec<_> = values.filter(|(field, value)| !is_known(*field, value)).collect();
        self.judge_values(cx, do_id, class, &values)
    }

    // What the client is told.

    /// The cluster shows the session an object.
    pub(super) fn note_shown(&mut self, cx: &Context<'_>, message: &StateServer<'_>) {
        use StateServer as S;
        let (object, has_other, are_shown): (_, _, fn(Keywords) -> bool) = match message {
            S::ObjectEnterLocationWithRequired { object }
            | S::ObjectEnterInterestWithRequired { object, .. } => (object, false, for_clients),
            S::ObjectEnterLocationWithRequiredOther { object }
            | S::ObjectEnterInterestWithRequiredOther { object, .. } => (object, true, for_clients),
            S::ObjectEnterOwnerWithRequired { object } => (object, false, for_owners),
            S::ObjectEnterOwnerWithRequiredOther { object } => (object, true, for_owners),
            S::ObjectGetAllResp { object, .. } => (object, true, |_| true),
            _ => return,
        };
        let is_owners = matches!(
            message,
            S::ObjectEnterOwnerWithRequired { .. } | S::ObjectEnterOwnerWithRequiredOther { .. }
        );
        self.note_values(cx, object, has_other, are_shown, is_owners);
    }

    /// The client is shown an object with values of fields of which those that `are_shown` are there; as its owner, perhaps.
    pub fn note_values(
        &mut self,
        cx: &Context<'_>,
        object: &ObjectState<'_>,
        has_other: bool,
        are_shown: impl Fn(Keywords) -> bool,
        is_owners: bool,
    ) {
        let shared = &*cx.shared;
        let Some(rules) = &shared.rules else { return };
        let is_owned = is_owners || self.view.owns(object.do_id);
        if !is_remembered(rules.keeps(object.class_id), is_owned) {
            return;
        }
        let Some(class) = shared.dc.class(object.class_id) else { return };
        // What is wrong with it is said where it is told.
        let shown = shown_values(object, class, has_other, are_shown, |_| true);
        let Ok(shown) = shown else { return };
        let mut ruled = RuledParts::new();
        for &(field, value) in &shown {
            gather(rules, shared, (class.id(), field), value, &mut ruled);
        }
        let checked = self.view.checked_mut(shared.seed);
        for Ruled { check, field, value } in ruled {
            if check.keeps() && (is_owned || check.for_all) {
                let value = Value { field: field.id(), bytes: value.into() };
                checked.entry(object.do_id, check.of, check.for_all).is_shown(value);
            }
        }
        if checked.has_grown() {
            self.tidy_checked(shared);
        }
    }

    /// What was shown of objects that have never come into sight is forgotten by and by.
    #[cold]
    fn tidy_checked(&mut self, shared: &Shared) {
        let Session { view, interests, .. } = self;
        view.tidy_checked(|do_id| {
            shared.uberdogs.get(do_id).is_some() || interests.pending_at(do_id).is_some()
        });
    }

    /// Somebody else has set fields of an object that the client knows, or is about to be told of.
    #[cold]
    pub(super) fn note_update(
        &mut self,
        cx: &Context<'_>,
        do_id: DoId,
        message: &Cluster<'_>,
    ) -> Result<(), FieldError> {
        let shared = &*cx.shared;
        let Some(rules) = &shared.rules else { return Ok(()) };
        let known = self.view.subject(shared, do_id).map(|subject| subject.class);
        let pending = || shared.dc.class(self.interests.pending_class(do_id)?);
        let Some(class) = known.or_else(pending) else { return Ok(()) };
        let mut ruled = RuledParts::new();
        match message {
            Cluster::StateServer(StateServer::ObjectSetField { field, value, .. }) => {
                gather(rules, shared, (class.id(), *field), value.0, &mut ruled);
            }
            Cluster::StateServer(StateServer::ObjectSetFields { fields, .. }) => {
                let mut reader = Reader::new(fields.bytes);
                for _ in 0..fields.count {
                    let id = FieldId(reader.u16()?);
                    let field = class.field(id).ok_or(FieldError::Unknown(id))?;
                    let value = read_value(field, &mut reader)?;
                    gather(rules, shared, (class.id(), id), value, &mut ruled);
                }
            }
            _ => {}
        }
        let until = cx.now + Duration::from_millis(shared.config.rights_grace_ms);
        let is_owned = self.view.owns(do_id);
        for Ruled { check, field, value } in ruled {
            let is_known = self.view.checked().is_some_and(|it| it.get(do_id, check.of).is_some());
            if check.keeps() && (is_known || is_owned || check.for_all) {
                let value = Value { field: field.id(), bytes: value.into() };
                let checked = self.view.checked_mut(shared.seed);
                checked.entry(do_id, check.of, check.for_all).is_set_by_another(value, until);
            }
        }
        Ok(())
    }

    /// Of how many objects something is remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.view.checked().map_or(0, |checked| checked.len())
    }

    /// There are other rules.
    pub fn review_rules(&mut self, shared: &Shared) {
        self.view.review_checked(|field| {
            shared.rules.as_ref().is_some_and(|rules| rules.may_keep(field))
        });
    }
}

/// What becomes of what a client sets.
enum Judgement {
    Right,
    Late,
    /// Why, and what it is to be told.
    Wrong(String, Vec<Value>),
}

/// Judges values, and remembers what is to be remembered of them.
fn judge(
    cx: &Context<'_>,
    view: &mut View,
    do_id: DoId,
    class: ClassId,
    values: &[(FieldId, &[u8])],
) -> Judgement {
    let shared = &*cx.shared;
    let Some(rules) = &shared.rules else { return Judgement::Right };
    let mut ruled = RuledParts::new();
    for &(field, value) in values {
        gather(rules, shared, (class, field), value, &mut ruled);
    }
    if ruled.is_empty() {
        return Judgement::Right;
    }
    let checked = view.checked_mut(shared.seed);
    let mut judge = Judge { dc: &shared.dc, checked, now: cx.now, do_id };
    match judge.verdict(&ruled) {
        Verdict::Right => {
            judge.set(&ruled);
            Judgement::Right
        }
        Verdict::Late => {
            judge.outdate(&ruled);
            Judgement::Late
        }
        Verdict::Wrong(why) => Judgement::Wrong(why, judge.corrections(&ruled)),
    }
}

fn is_remembered(keeps: Keeps, is_owned: bool) -> bool {
    match keeps {
        Keeps::Nothing => false,
        Keeps::Owners => is_owned,
        Keeps::All => true,
    }
}

/// Adds what there are rules for in a value of a field of a class: all of it, or parts. One that is none has no parts.
fn gather<'c>(
    rules: &'c FieldRules,
    shared: &'c Shared,
    (class, field): (ClassId, FieldId),
    value: &'c [u8],
    ruled: &mut RuledParts<'c>,
) {
    let Some(holding) = rules.of(class, field) else { return };
    let Some(field) = shared.dc.field(field) else { return };
    match holding {
        Holding::One(check) => {
            ruled.push(Ruled { check: rules.check(*check), field, value });
        }
        Holding::Parts(checks) => {
            let Ok(parts) = field.split(value) else { return };
            for ((field, value), check) in parts.zip(checks) {
                ruled.extend(check.map(|check| Ruled { check: rules.check(check), field, value }));
            }
        }
    }
}
