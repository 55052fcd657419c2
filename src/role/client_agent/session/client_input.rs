//! What clients send.
//!
//! Nothing that a client sends is acted on before all of it has been checked.

use dclass::Field;

use super::interest::distinct;
use super::{End, Flow, Session};
use crate::config::InterestPermission;
use crate::ids::{self, Channel, DoId, FieldId, InterestId, Location, ZoneId};
use crate::message::{Client, ClientState, EjectReason, Rest, StateServer};
use crate::role::client_agent::agent::{Context, Shared};
use crate::role::client_agent::dialect::Request;
use crate::role::client_agent::view::Subject;
use crate::wire::Reader;

impl Session {
    /// Handles a datagram from the client.
    pub fn handle_client(&mut self, cx: &mut Context<'_>, datagram: &[u8]) -> Flow {
        let mut reader = Reader::new(datagram);
        let request = cx.shared.client_type.request(&mut reader).map_err(|_| End::truncated())?;
        match self.state {
            ClientState::New => self.handle_hello(cx, request, reader),
            ClientState::Anonymous => match request {
                Request::Disconnect | Request::SetField | Request::Heartbeat => {
                    self.handle_request(cx, request, reader)
                }
                _ => Err(self.refuse(datagram, "not allowed prior to authentication")),
            },
            ClientState::Established => match request {
                Request::Hello | Request::Other(_) => Err(self.refuse(datagram, "not valid")),
                _ => self.handle_request(cx, request, reader),
            },
        }
    }

    fn refuse(&self, datagram: &[u8], why: &str) -> End {
        let number = Reader::new(datagram).u16().unwrap_or_default();
        End::security(EjectReason::InvalidMsgtype, format!("Message type {number} {why}."))
    }

    fn handle_hello(
        &mut self,
        cx: &mut Context<'_>,
        request: Request,
        mut reader: Reader<'_>,
    ) -> Flow {
        if request != Request::Hello {
            return Err(End::eject(EjectReason::NoHello, "First packet is not CLIENT_HELLO"));
        }
        self.last_heartbeat = cx.now;
        let Ok(Client::Hello { dc_hash, version }) =
            cx.shared.client_type.arguments(request, &mut reader)
        else {
            return Err(End::truncated());
        };
        let config = &cx.shared.config;
        if version.0 != config.version.as_bytes() {
            let client = String::from_utf8_lossy(version.0);
            let mut text = format!("Client version mismatch: client={client}");
            if config.client.send_version {
                text += &format!(", server={}", config.version);
            }
            return Err(End::eject(EjectReason::BadVersion, text));
        }
        let expected = cx.shared.dc_hash;
        if dc_hash != expected {
            let mut text = format!("Client DC hash mismatch: client=0x{dc_hash:x}");
            if config.client.send_hash {
                text += &format!(", server=0x{expected:x}");
            }
            return Err(End::eject(EjectReason::BadDcHash, text));
        }
        self.send(cx.shared, &Client::HelloResp {});
        self.state = ClientState::Anonymous;
        reader.finish().map_err(|_| End::excess())
    }

    fn handle_request(
        &mut self,
        cx: &mut Context<'_>,
        request: Request,
        mut reader: Reader<'_>,
    ) -> Flow {
        check_permission(cx.shared, request)?;
        let message =
            cx.shared.client_type.arguments(request, &mut reader).map_err(|_| End::truncated())?;
        let excess = reader.finish().map_err(|_| End::excess());
        match message {
            Client::Disconnect {} => {
                excess?;
                Err(End::Disconnected)
            }
            Client::Heartbeat {} => {
                self.last_heartbeat = cx.now;
                excess
            }
            Client::ObjectSetField { do_id, field, value } => {
                self.client_updates(cx, do_id, field, value.0)
            }
            Client::ObjectLocation { do_id, location } => {
                self.client_relocates(cx, do_id, location, excess)
            }
            Client::AddInterest { context, interest, location: Location { parent, zone } } => {
                let zones = [zone].into_iter();
                self.client_adds_interest(cx, interest, parent, zones, context, excess)
            }
            Client::AddInterestMultiple { context, interest, parent, zones } => {
                self.client_adds_interest(cx, interest, parent, zones.iter(), context, excess)
            }
            Client::RemoveInterest { context, interest } => {
                self.client_removes_interest(cx, interest, context, excess)
            }
            // A client type that takes a request for one of these is broken.
            Client::Hello { .. }
            | Client::HelloResp {}
            | Client::Eject { .. }
            | Client::ObjectSetFields { .. }
            | Client::ObjectLeaving { .. }
            | Client::EnterObjectRequired { .. }
            | Client::EnterObjectRequiredOther { .. }
            | Client::ObjectLeavingOwner { .. }
            | Client::EnterObjectRequiredOwner { .. }
            | Client::EnterObjectRequiredOtherOwner { .. }
            | Client::DoneInterestResp { .. } => {
                Err(End::security(EjectReason::InvalidMsgtype, "This is not for clients to send."))
            }
        }
    }

    fn client_updates(
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
        if self.state != ClientState::Established && !subject.is_anonymous {
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

    fn client_relocates(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        location: Location,
        excess: Flow,
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
        excess?;
        self.route_small(cx, do_id.channel(), &StateServer::ObjectSetLocation { location });
        Ok(())
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

    fn client_adds_interest(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        parent: DoId,
        zones: impl Iterator<Item = ZoneId>,
        context: ids::Context,
        excess: Flow,
    ) -> Flow {
        self.check_parent(cx.shared, parent, "add interest to")?;
        excess?;
        let zones = distinct(zones, cx.shared.seed);
        self.add_interest(cx, interest, parent, &zones, context, Channel::NONE)
    }

    fn client_removes_interest(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: ids::Context,
        excess: Flow,
    ) -> Flow {
        let Some(open) = self.interests.open.get(&interest) else {
            return Err(End::security(
                EjectReason::Generic,
                "Tried to remove a non-existing interest.",
            ));
        };
        self.check_parent(cx.shared, open.parent, "remove interest for")?;
        excess?;
        self.remove_interest(cx, interest, context, Channel::NONE)
    }
}

/// Refuses what this client agent allows no client, before the arguments are read.
fn check_permission(shared: &Shared, request: Request) -> Flow {
    let rules = &shared.config.client;
    let no_interests = rules.add_interest == InterestPermission::Disabled;
    let (reason, text) = match request {
        Request::SetLocation if !rules.relocate => {
            (EjectReason::ForbiddenRelocate, "Owned object relocation is disabled by server.")
        }
        Request::AddInterest | Request::AddInterestMultiple if no_interests => {
            (EjectReason::ForbiddenInterest, "Client is not allowed to add interests.")
        }
        Request::RemoveInterest if no_interests => {
            (EjectReason::ForbiddenInterest, "Client is not allowed to remove interests.")
        }
        _ => return Ok(()),
    };
    Err(End::security(reason, text))
}
