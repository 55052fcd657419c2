//! What clients ask for, whatever their dialect.
//!
//! Nothing that a client asks for is done before all of it has been checked. Some of these are given `whole`:
//! whether the request held nothing beyond its arguments. That is judged last, since a client that may not ask
//! at all is told so first.
//!
//! What a client asks for because of a right that it has just lost is checked in the same way, as if it still had
//! the right, and then dropped: see [`Right`].

use std::borrow::Cow;

use dclass::Field;

use super::asking::distinct;
use super::{End, Flow, Life, Request, Session};
use crate::config::{InterestPermission, Offence};
use crate::ids::{self, Channel, DoId, FieldId, InterestId, Location, ZoneId};
use crate::message::{EjectReason, Rest, StateServer};
use crate::role::client_agent::agent::{Context, Shared};
use crate::role::client_agent::interest::Asked;
use crate::role::client_agent::view::{Right, Subject};

impl Session {
    /// The client updates a field. `value` must be the field's value and nothing else.
    pub fn update_field(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        field_id: FieldId,
        value: &[u8],
    ) -> Flow {
        let may_send = |field: &Field, is_owned: bool| {
            let keywords = field.keywords();
            keywords.clsend() || keywords.ownsend() && is_owned
        };
        let Some(value) = self.check_update(cx, do_id, field_id, value, may_send)? else {
            return Ok(());
        };
        if self.is_diverted(cx, do_id, field_id, &value)? {
            return Ok(());
        }
        let update = StateServer::ObjectSetField { do_id, field: field_id, value: Rest(&value) };
        self.route(cx, do_id.channel(), &update).map_err(|_| End::oversized())
    }

    /// What is to come of an update of a field that `may_send` lets clients send, the owner or others: the value that goes on,
    /// if any does. `value` must be the field's value and nothing else.
    #[inline]
    pub(super) fn check_update<'v>(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        field_id: FieldId,
        value: &'v [u8],
        may_send: impl Fn(&Field, bool) -> bool + Copy,
    ) -> Result<Option<Cow<'v, [u8]>>, End> {
        let subject = self.view.subject(cx.shared, do_id);
        if subject.is_none() && self.view.has_known(cx, do_id) {
            // It may not have heard yet that the object has gone.
            return Ok(None);
        }
        let (field, is_in_time) = match self.check_may_update(subject, do_id, field_id, may_send) {
            Ok(field) => (field, self.life.admits(Request::SetField)),
            Err(why) => {
                let might_update = self.check_might_update(cx, do_id, field_id, may_send);
                (might_update.map_err(|_| why.end(subject, do_id, field_id))?, false)
            }
        };
        let length = field.validate(value).map_err(|error| {
            if error.is_truncated() {
                return End::truncated_value();
            }
            let subject = self.view.late_subject(cx, do_id);
            let class = subject.map_or("", |subject| subject.class.name());
            let field = field.name();
            End::security(
                Offence::Value,
                EjectReason::FieldConstraint,
                format!(
                    "Client tried to send update that violates the constraints for field \
                     {class}({do_id}).{field}: {error}"
                ),
            )
        })?;
        if length < value.len() {
            return Err(End::excess_value());
        }
        if !is_in_time {
            self.drop_late(do_id);
            return Ok(None);
        }
        let class = subject.map_or(field.class_id(), |subject| subject.class.id());
        let field = (class, field_id);
        let Some(value) = self.script_field(cx, do_id, field, value)? else { return Ok(None) };
        let is_right = self.check_rules(cx, do_id, field, &value)?;
        Ok(is_right.then_some(value))
    }

    /// The field, if the client may send it now.
    #[inline]
    fn check_may_update<'s>(
        &self,
        subject: Option<Subject<'s>>,
        do_id: DoId,
        field_id: FieldId,
        may_send: impl Fn(&Field, bool) -> bool,
    ) -> Result<&'s Field, Refusal> {
        let standing = Standing { subject, is_established: self.life == Life::Established };
        standing.check(field_id, |field, is_owned| {
            may_send(field, is_owned) || self.view.is_sendable(do_id, field_id)
        })
    }

    /// The field, if the client could send it until not long ago.
    #[cold]
    fn check_might_update<'s>(
        &self,
        cx: &'s Context<'_>,
        do_id: DoId,
        field_id: FieldId,
        may_send: impl Fn(&Field, bool) -> bool,
    ) -> Result<&'s Field, Refusal> {
        let was_established = self.view.had(cx, Right::Established);
        let is_uberdog = cx.shared.uberdogs.get(do_id).is_some();
        let is_forgiven = cx.shared.forgives_all() || !is_uberdog;
        let standing = Standing {
            subject: self.view.late_subject(cx, do_id),
            is_established: self.life == Life::Established || was_established && is_forgiven,
        };
        standing.check(field_id, |field, is_owned| {
            let right = Right::Sendable(do_id, field_id);
            may_send(field, is_owned)
                || self.view.is_sendable(do_id, field_id)
                || self.view.had(cx, right)
        })
    }

    pub(super) fn drop_late(&self, do_id: DoId) {
        let client = self.identity.allocated;
        tracing::debug!(%client, doId = %do_id, "a request whose right has just been lost is dropped");
    }

    /// The client moves an object. Whose that is is judged before the location is looked at.
    pub fn relocate(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        location: Result<Location, End>,
    ) -> Flow {
        if !self.view.owns(do_id) {
            if self.view.has_known(cx, do_id) {
                return Ok(());
            }
            if self.view.had(cx, Right::Ownership(do_id)) {
                self.drop_late(do_id);
                return location.map(drop);
            }
            return Err(if self.view.sees(do_id) {
                End::security(
                    Offence::Permission,
                    EjectReason::ForbiddenRelocate,
                    "Can't relocate an object the client doesn't own",
                )
            } else {
                End::security(
                    Offence::Object,
                    EjectReason::MissingObject,
                    format!("Client tried to manipulate unknown object {do_id}"),
                )
            });
        }
        let location = location?;
        if self.life.admits(Request::SetLocation) && self.script_move(cx, do_id, location)? {
            self.note_moved();
            self.route_small(cx, do_id.channel(), &StateServer::ObjectSetLocation { location });
        }
        Ok(())
    }

    /// The client opens or alters an interest.
    pub fn open_interest(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        parent: DoId,
        zones: impl Iterator<Item = ZoneId>,
        context: ids::Context,
        whole: Flow,
    ) -> Flow {
        let zones = distinct(zones, cx.shared.seed);
        let is_in_time = self.check_may_open(cx, interest, parent, &zones)?;
        whole?;
        if !self.life.admits(Request::OpenInterest) && !cx.shared.manners.is_root(parent) {
            return Ok(());
        }
        if !is_in_time {
            // It may close what it believes to be open.
            self.view.lapse(cx, Right::Interest(interest), None);
            self.interest_done(cx, interest, Asked { context, caller: Channel::NONE });
            return Ok(());
        }
        self.check_interest_limits(cx.shared, interest, zones.len())?;
        let asked = Asked { context, caller: Channel::NONE };
        self.add_interest(cx, interest, parent, &zones, asked).map(drop)
    }

    /// The client closes an interest.
    pub fn close_interest(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: ids::Context,
        whole: Flow,
    ) -> Flow {
        let asked = Asked { context, caller: Channel::NONE };
        let Some(parent) = self.interests.parent_of(interest) else {
            if self.view.had(cx, Right::Interest(interest)) {
                whole?;
                self.interest_done(cx, interest, asked);
                return Ok(());
            }
            return Err(End::security(
                Offence::Interest,
                EjectReason::Generic,
                "Tried to remove a non-existing interest.",
            ));
        };
        self.check_may_close(cx, interest)?;
        whole?;
        if self.life.admits(Request::CloseInterest) || cx.shared.manners.is_root(parent) {
            self.remove_interest(cx, interest, asked)?;
        }
        Ok(())
    }

    /// The parent of an interest, if it is open.
    pub fn parent_of(&self, interest: InterestId) -> Option<DoId> {
        self.interests.parent_of(interest)
    }

    /// The cluster is about to close an interest, which the client may be doing, too.
    pub(super) fn lapse_interest(&mut self, cx: &Context<'_>, interest: InterestId) {
        let is_open = self.interests.parent_of(interest).is_some();
        if is_open && self.check_may_close(cx, interest).is_ok() {
            self.view.lapse(cx, Right::Interest(interest), None);
        }
    }
}

/// What an update of a field is judged by.
#[derive(Copy, Clone)]
struct Standing<'s> {
    subject: Option<Subject<'s>>,
    is_established: bool,
}

/// Why an update of a field is refused.
#[derive(Copy, Clone)]
enum Refusal {
    NoObject,
    NotAnonymous,
    NoField,
    NotSendable,
}

impl<'s> Standing<'s> {
    /// The field, if a client that stands so may send it.
    #[inline]
    fn check(
        &self,
        field_id: FieldId,
        may_send: impl FnOnce(&Field, bool) -> bool,
    ) -> Result<&'s Field, Refusal> {
        let subject = self.subject.ok_or(Refusal::NoObject)?;
        if !self.is_established && !subject.is_anonymous() {
            return Err(Refusal::NotAnonymous);
        }
        let field = subject.class.field(field_id).ok_or(Refusal::NoField)?;
        if may_send(field, subject.is_owned()) { Ok(field) } else { Err(Refusal::NotSendable) }
    }
}

impl Refusal {
    #[cold]
    fn end(self, subject: Option<Subject<'_>>, do_id: DoId, field_id: FieldId) -> End {
        let class = subject.map(|subject| subject.class);
        let object = format!("{}({do_id})", class.map_or("", |class| class.name()));
        let offence = match self {
            Refusal::NoObject => Offence::Object,
            Refusal::NotAnonymous | Refusal::NoField | Refusal::NotSendable => Offence::Permission,
        };
        let (reason, text) = match self {
            Refusal::NoObject => (
                EjectReason::MissingObject,
                format!("Client tried to send update to nonexistent object {do_id}"),
            ),
            Refusal::NotAnonymous => (
                EjectReason::AnonymousViolation,
                format!("Client tried to send update to non-anonymous object {object}"),
            ),
            Refusal::NoField => (
                EjectReason::ForbiddenField,
                format!(
                    "Client tried to send update for nonexistent field {} to object {object}",
                    field_id.0
                ),
            ),
            Refusal::NotSendable => (
                EjectReason::ForbiddenField,
                format!(
                    "Client tried to send update for non-sendable field: {object}.{}",
                    class.and_then(|class| class.field(field_id)).map_or("", Field::name)
                ),
            ),
        };
        End::security(offence, reason, text)
    }
}

impl Request {
    /// Refuses what this client agent allows no client, before the arguments are read.
    pub fn check_permission(self, shared: &Shared) -> Flow {
        let rules = &shared.config.client;
        let no_interests = rules.add_interest == InterestPermission::Disabled;
        let (offence, reason, text) = match self {
            Request::SetLocation if !rules.relocate => (
                Offence::Permission,
                EjectReason::ForbiddenRelocate,
                "Owned object relocation is disabled by server.",
            ),
            Request::OpenInterest if no_interests => (
                Offence::Interest,
                EjectReason::ForbiddenInterest,
                "Client is not allowed to add interests.",
            ),
            Request::CloseInterest if no_interests => (
                Offence::Interest,
                EjectReason::ForbiddenInterest,
                "Client is not allowed to remove interests.",
            ),
            Request::Disconnect
            | Request::Heartbeat
            | Request::SetField
            | Request::SetLocation
            | Request::OpenInterest
            | Request::CloseInterest
            | Request::Comeback => return Ok(()),
        };
        Err(End::security(offence, reason, text))
    }
}
