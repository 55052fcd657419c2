//! What clients ask for, whatever their dialect.
//!
//! Nothing that a client asks for is done before all of it has been checked. Some of these are given `whole`:
//! whether the request held nothing beyond its arguments. That is judged last, since a client that may not ask
//! at all is told so first.

use dclass::Field;

use super::asking::distinct;
use super::{End, Flow, Life, Request, Session};
use crate::config::InterestPermission;
use crate::ids::{self, Channel, DoId, FieldId, InterestId, Location, ZoneId};
use crate::message::{EjectReason, Rest, StateServer};
use crate::role::client_agent::agent::{Context, Shared};
use crate::role::client_agent::interest::Asked;
use crate::role::client_agent::view::Subject;

impl Session {
    /// The client has said what its dialect wants to hear first.
    pub fn let_in(&mut self) {
        self.life = Life::Anonymous;
    }

    /// The client is alive.
    pub fn note_life(&mut self, cx: &Context<'_>) {
        self.last_heartbeat = cx.now;
    }

    /// The client updates a field. `value` must be the field's value and nothing else.
    pub fn update_field(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        field_id: FieldId,
        value: &[u8],
    ) -> Flow {
        let Some(subject) = self.view.subject(cx.shared, do_id) else {
            if self.view.has_known(cx.now, do_id) {
                // It may not have heard yet that the object has gone.
                return Ok(());
            }
            return Err(End::security(
                EjectReason::MissingObject,
                format!("Client tried to send update to nonexistent object {do_id}"),
            ));
        };
        let field = self.check_may_update(do_id, subject, field_id)?;
        let length = field.validate(value).map_err(|error| {
            if error.is_truncated() {
                return End::truncated();
            }
            let (class, field) = (subject.class.name(), field.name());
            End::security(
                EjectReason::FieldConstraint,
                format!(
                    "Client tried to send update that violates the constraints for field \
                     {class}({do_id}).{field}: {error}"
                ),
            )
        })?;
        if length < value.len() {
            return Err(End::excess());
        }
        let update = StateServer::ObjectSetField { do_id, field: field_id, value: Rest(value) };
        self.route(cx, do_id.channel(), &update).map_err(|_| End::oversized())
    }

    /// The field, if the client may send it now.
    fn check_may_update<'s>(
        &self,
        do_id: DoId,
        subject: Subject<'s>,
        field_id: FieldId,
    ) -> Result<&'s Field, End> {
        let object = || format!("{}({do_id})", subject.class.name());
        if self.life != Life::Established && !subject.is_anonymous {
            return Err(End::security(
                EjectReason::AnonymousViolation,
                format!("Client tried to send update to non-anonymous object {}", object()),
            ));
        }
        let Some(field) = subject.class.field(field_id) else {
            return Err(End::security(
                EjectReason::ForbiddenField,
                format!(
                    "Client tried to send update for nonexistent field {} to object {}",
                    field_id.0,
                    object()
                ),
            ));
        };
        let keywords = field.keywords();
        let may_send = keywords.clsend()
            || keywords.ownsend() && subject.is_owned
            || self.view.is_sendable(do_id, field_id);
        if !may_send {
            return Err(End::security(
                EjectReason::ForbiddenField,
                format!(
                    "Client tried to send update for non-sendable field: {}.{}",
                    object(),
                    field.name()
                ),
            ));
        }
        Ok(field)
    }

    /// The client moves an object.
    pub fn relocate(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        location: Location,
        whole: Flow,
    ) -> Flow {
        if !self.view.owns(do_id) {
            if self.view.has_known(cx.now, do_id) {
                return Ok(());
            }
            return Err(if self.view.sees(do_id) {
                End::security(
                    EjectReason::ForbiddenRelocate,
                    "Can't relocate an object the client doesn't own",
                )
            } else {
                End::security(
                    EjectReason::MissingObject,
                    format!("Client tried to manipulate unknown object {do_id}"),
                )
            });
        }
        whole?;
        self.route_small(cx, do_id.channel(), &StateServer::ObjectSetLocation { location });
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
        self.check_parent(cx.shared, parent, "add interest to")?;
        whole?;
        let zones = distinct(zones, cx.shared.seed);
        self.add_interest(cx, interest, parent, &zones, Asked { context, caller: Channel::NONE })
    }

    /// The client closes an interest.
    pub fn close_interest(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: ids::Context,
        whole: Flow,
    ) -> Flow {
        let Some(parent) = self.interests.parent_of(interest) else {
            return Err(End::security(
                EjectReason::Generic,
                "Tried to remove a non-existing interest.",
            ));
        };
        self.check_parent(cx.shared, parent, "remove interest for")?;
        whole?;
        self.remove_interest(cx, interest, Asked { context, caller: Channel::NONE })
    }

    /// Where only visible parents are allowed, checks that the client knows this one.
    fn check_parent(&self, shared: &Shared, parent: DoId, what: &str) -> Flow {
        let must_know = shared.config.client.add_interest == InterestPermission::Visible;
        if must_know && self.view.subject(shared, parent).is_none() {
            return Err(End::security(
                EjectReason::ForbiddenInterest,
                format!(
                    "Cannot {what} parent with id {parent} because parent is not visible to client."
                ),
            ));
        }
        Ok(())
    }
}

impl Request {
    /// Refuses what this client agent allows no client, before the arguments are read.
    pub fn check_permission(self, shared: &Shared) -> Flow {
        let rules = &shared.config.client;
        let no_interests = rules.add_interest == InterestPermission::Disabled;
        let (reason, text) = match self {
            Request::SetLocation if !rules.relocate => {
                (EjectReason::ForbiddenRelocate, "Owned object relocation is disabled by server.")
            }
            Request::OpenInterest if no_interests => {
                (EjectReason::ForbiddenInterest, "Client is not allowed to add interests.")
            }
            Request::CloseInterest if no_interests => {
                (EjectReason::ForbiddenInterest, "Client is not allowed to remove interests.")
            }
            Request::Disconnect
            | Request::Heartbeat
            | Request::SetField
            | Request::SetLocation
            | Request::OpenInterest
            | Request::CloseInterest => return Ok(()),
        };
        Err(End::security(reason, text))
    }
}
