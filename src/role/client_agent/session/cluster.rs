//! What the cluster sends to sessions.

use smallvec::SmallVec;

use super::asking::distinct;
use super::following::Cause;
use super::{Ejection, End, Flow, Session};
use crate::ids::{Channel, DoId, FieldId, InterestId, ZoneId};
use crate::message::{Blob, ClientAgent, ClientState, Cluster, Message, StateServer};
use crate::object::skip_value;
use crate::role::client_agent::agent::{Context, FieldRules, News, Shared, Sought};
use crate::role::client_agent::interest::Asked;
use crate::wire::Reader;

/// A datagram of the cluster, decoded and translated once for all sessions that get it.
#[derive(Copy, Clone)]
pub struct Arrival<'a> {
    sender: Channel,
    message: &'a Cluster<'a>,
    /// Whether the agent's script has sent it.
    is_scripts: bool,
    /// The object whose fields it sets. Most datagrams do, so that each session need only look here.
    updated: Option<Sought>,
    /// Whether it is about an object that every client knows.
    is_of_uberdog: bool,
    /// Whether it sets a field for which there are rules.
    is_ruled: bool,
}

impl<'a> Arrival<'a> {
    /// A datagram for sessions. What they get for it comes with each of them.
    #[inline]
    pub fn new(
        shared: &Shared,
        sender: Channel,
        message: &'a Cluster<'a>,
        is_scripts: bool,
    ) -> Self {
        use StateServer as S;
        let (updated, deleted) = match message {
            Cluster::StateServer(
                S::ObjectSetField { do_id, .. } | S::ObjectSetFields { do_id, .. },
            ) => (Some(*do_id), None),
            Cluster::StateServer(S::ObjectDeleteRam { do_id }) => (None, Some(*do_id)),
            _ => (None, None),
        };
        let is_of_uberdog =
            updated.or(deleted).is_some_and(|do_id| shared.uberdogs.get(do_id).is_some());
        let is_ruled =
            shared.rules.as_ref().is_some_and(|rules| sets_ruled(shared, rules, message));
        let updated = updated.map(|do_id| Sought::new(shared.seed, do_id));
        Arrival { sender, message, is_scripts, updated, is_of_uberdog, is_ruled }
    }
}

impl Arrival<'_> {
    /// Whether it sets fields of an object.
    pub const fn is_update(&self) -> bool {
        self.updated.is_some()
    }
}

impl Session {
    /// How many objects the client knows.
    pub fn object_count(&self) -> usize {
        self.view.object_count()
    }

    /// Whether a message sets fields of an object that the client knows.
    #[inline]
    pub fn knows_object_of(&self, arrival: &Arrival<'_>) -> bool {
        let knows = |sought| arrival.is_of_uberdog || self.view.knows_sought(sought);
        arrival.updated.as_ref().is_some_and(knows)
    }

    /// Handles a message that came to one of the session's channels. `knows` is what [`Session::knows_object_of`] says of
    /// it. The client gets these frames for it, if that does not depend on the client.
    #[inline]
    pub fn handle_cluster(
        &mut self,
        cx: &mut Context<'_>,
        arrival: &Arrival<'_>,
        knows: bool,
        frames: &[u8],
    ) -> Flow {
        if arrival.sender == self.identity.channel {
            return self.note_own_message(cx, arrival.message);
        }
        if let Some(updated) = &arrival.updated {
            return self.object_updated(cx, arrival, (updated.do_id(), knows), frames);
        }
        match arrival.message {
            Cluster::StateServer(message) => self.handle_state_server(cx, arrival, message, frames),
            Cluster::ClientAgent(message) => {
                let before = self.life;
                self.handle_client_agent(cx, arrival.sender, message)?;
                // What a script does itself calls nothing of it.
                match arrival.is_scripts || before == self.life {
                    true => Ok(()),
                    false => self.script_state(cx, before),
                }
            }
            Cluster::DbStateServer(message) => {
                self.unexpected(arrival.sender, message);
                Ok(())
            }
            Cluster::Database(message) => {
                self.unexpected(arrival.sender, message);
                Ok(())
            }
        }
    }

    fn unexpected(&self, sender: Channel, message: &impl Message) {
        let (client, name) = (self.identity.allocated, message.name());
        tracing::error!(%client, %sender, "{name} is not for a client's session");
    }

    /// Of what the client itself caused, only the location of its objects is of interest, since what it
    /// sees must not be judged by where they were; and the end of those that it has made.
    fn note_own_message(&mut self, cx: &mut Context<'_>, message: &Cluster<'_>) -> Flow {
        match *message {
            Cluster::StateServer(StateServer::ObjectChangingLocation { do_id, new, .. }) => {
                self.note_relocation(cx, do_id, new);
                self.follow(cx, do_id, new, Cause::Client)
            }
            Cluster::StateServer(StateServer::ObjectDeleteRam { do_id }) => {
                self.ending_due(cx, do_id)
            }
            _ => Ok(()),
        }
    }

    /// Fields of an object have been set.
    #[inline]
    fn object_updated(
        &mut self,
        cx: &mut Context<'_>,
        arrival: &Arrival<'_>,
        (do_id, knows): (DoId, bool),
        frames: &[u8],
    ) -> Flow {
        if arrival.is_ruled
            && let Err(error) = self.note_update(cx, do_id, arrival.message)
        {
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %do_id, %error, "bad values of an object");
        }
        if knows {
            self.send_frame(cx.shared, frames);
            if self.interests.holds(do_id) {
                self.hold_state(cx, arrival.message, do_id, frames);
            }
        } else if self.interests.hold_update(do_id, frames) {
            return self.check_held_bytes(cx.shared);
        } else {
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %do_id, "update of an unknown object");
        }
        Ok(())
    }

    fn handle_state_server(
        &mut self,
        cx: &mut Context<'_>,
        arrival: &Arrival<'_>,
        message: &StateServer<'_>,
        frame: &[u8],
    ) -> Flow {
        use StateServer as S;
        if cx.shared.rules.is_some() {
            self.note_shown(cx, message);
        }
        match message {
            S::ObjectDeleteRam { do_id } => self.object_deleted(cx, *do_id, arrival.is_of_uberdog),
            S::ObjectChangingLocation { do_id, new, .. } => {
                self.object_moved(cx, *do_id, *new, frame)
            }
            S::ObjectEnterLocationWithRequired { object }
            | S::ObjectEnterLocationWithRequiredOther { object } => {
                self.object_shown(cx, arrival.sender, object, frame);
                self.check_sight(cx.shared)
            }
            S::ObjectEnterInterestWithRequired { context, object }
            | S::ObjectEnterInterestWithRequiredOther { context, object } => {
                self.query_object(cx, *context, object, frame);
                self.check_sight(cx.shared)
            }
            S::ObjectGetZonesCountResp { context, count } => {
                self.query_count(cx, *context, count.0);
                self.check_sight(cx.shared)
            }
            S::ObjectEnterOwnerWithRequired { object }
            | S::ObjectEnterOwnerWithRequiredOther { object } => {
                self.ownership_gained(cx, object, frame)?;
                self.check_sight(cx.shared)
            }
            S::ObjectGetAllResp { context, object } => {
                if !self.parent_answers(cx, *context, object)?
                    && !self.values_answer(cx, *context, object)
                {
                    self.object_answers(cx, *context, object);
                }
                self.check_sight(cx.shared)
            }
            S::ObjectGetOwnerResp { context, owner, .. }
                if self.owner_answers(cx, *context, *owner) =>
            {
                Ok(())
            }
            S::ObjectGetAiResp { context, ai, .. } if self.ai_answers(cx, *context, *ai) => Ok(()),
            S::ObjectChangingOwner { do_id, new, .. } => self.owner_changed(cx, *do_id, *new),
            other => {
                self.unexpected(arrival.sender, other);
                Ok(())
            }
        }
    }

    fn handle_client_agent(
        &mut self,
        cx: &mut Context<'_>,
        sender: Channel,
        message: &ClientAgent<'_>,
    ) -> Flow {
        use ClientAgent as C;
        match *message {
            C::Eject { reason, text: Blob(text) } => {
                let text = text.to_vec();
                return Err(End::Ejected(Ejection::new(reason, text)));
            }
            C::Drop {} => return Err(End::Dropped),
            C::SetState { state } => {
                self.set_life(cx, state);
                return self.check_absence();
            }
            C::SetClientId { channel } => {
                self.set_channel(cx, channel);
                return self.check_account(cx.shared, cx.now);
            }
            C::SendDatagram { datagram: Blob(datagram) } => {
                self.send(cx.shared, |writer| writer.raw(datagram));
            }
            C::OpenChannel { channel } => self.subscribe(cx, channel),
            C::CloseChannel { channel } => self.unsubscribe(cx, channel),
            C::AddPostRemove { datagram: Blob(datagram) } => {
                self.post_removes.add(cx, self.identity.allocated, datagram);
                self.post_removes.are_of_cluster();
            }
            C::ClearPostRemoves {} => self.post_removes.clear(cx, self.identity.allocated),
            C::AddInterest { interest, location } => {
                return self.interest_added(
                    cx,
                    sender,
                    interest,
                    location.parent,
                    &[location.zone],
                );
            }
            C::AddInterestMultiple { interest, parent, zones } => {
                let zones: SmallVec<[ZoneId; 8]> = zones.iter().collect();
                return self.interest_added(cx, sender, interest, parent, &zones);
            }
            C::RemoveInterest { interest } => return self.interest_removed(cx, sender, interest),
            C::WantValues { location } => self.values_wanted(cx, location),
            C::GetTlvs { context } => {
                let tlvs = Blob(&self.identity.peer.tlvs);
                let response = C::GetTlvsResp { context, tlvs };
                if let Err(error) = self.route(cx, sender, &response) {
                    tracing::error!(client = %self.identity.allocated, %error, "the TLVs cannot be sent");
                }
            }
            C::GetNetworkAddress { context } => {
                let (remote, local) = (&self.identity.peer.remote, &self.identity.peer.local);
                let response = C::GetNetworkAddressResp {
                    context,
                    remote_ip: Blob(remote.ip.as_bytes()),
                    remote_port: remote.port,
                    local_ip: Blob(local.ip.as_bytes()),
                    local_port: local.port,
                };
                self.route_small(cx, sender, &response);
            }
            C::DeclareObject { .. }
            | C::UndeclareObject { .. }
            | C::AddSessionObject { .. }
            | C::RemoveSessionObject { .. }
            | C::SetFieldsSendable { .. } => self.set_rights(cx, message),
            C::GetTlvsResp { .. }
            | C::GetNetworkAddressResp { .. }
            | C::DoneInterestResp { .. } => self.unexpected(sender, message),
        }
        Ok(())
    }

    fn set_life(&mut self, cx: &mut Context<'_>, state: u16) {
        match ClientState::try_from(state) {
            Ok(state) => self.enter(cx, state.into()),
            Err(state) => {
                tracing::warn!(client = %self.identity.allocated, state, "there is no such client state");
            }
        }
    }

    fn set_channel(&mut self, cx: &mut Context<'_>, channel: Channel) {
        if self.identity.channel != self.identity.allocated {
            self.unsubscribe(cx, self.identity.channel);
        }
        if channel != self.identity.channel {
            self.identity.channel_since = cx.now;
        }
        self.identity.channel = channel;
        self.subscribe(cx, channel);
    }

    /// What the client may do with objects beyond what it sees and owns.
    fn set_rights(&mut self, cx: &mut Context<'_>, message: &ClientAgent<'_>) {
        use ClientAgent as C;
        let client = self.identity.allocated;
        let view = &mut self.view;
        let (do_id, is_news, otherwise) = match *message {
            C::DeclareObject { do_id, class_id } => {
                let Some(class) = cx.shared.dc.class(class_id) else {
                    let class = class_id.0;
                    tracing::warn!(%client, doId = %do_id, class, "declared with an unknown class");
                    return;
                };
                let rights = view.rights_mut(cx.shared.seed);
                (do_id, rights.declare(do_id, class.id()), "object declared again")
            }
            C::UndeclareObject { do_id } => {
                (do_id, view.undeclare(cx, do_id), "undeclared without having been declared")
            }
            C::AddSessionObject { do_id } => {
                let rights = view.rights_mut(cx.shared.seed);
                (do_id, rights.add_session_object(do_id), "is a session object already")
            }
            C::RemoveSessionObject { do_id } => {
                (do_id, view.remove_session_object(do_id), "is no session object")
            }
            C::SetFieldsSendable { do_id, fields } => {
                let fields: Box<[FieldId]> = fields.iter().collect();
                self.tell(cx.shared, &News::FieldsSendable { do_id, fields: &fields });
                return self.view.set_sendable(cx, do_id, fields);
            }
            _ => return,
        };
        if !is_news {
            tracing::warn!(%client, doId = %do_id, "{otherwise}");
        }
    }

    /// The cluster opens or alters an interest: the client hears of it before its objects.
    fn interest_added(
        &mut self,
        cx: &mut Context<'_>,
        caller: Channel,
        interest: InterestId,
        parent: DoId,
        zones: &[ZoneId],
    ) -> Flow {
        let interest = cx.shared.manners.of_cluster(interest);
        let context = self.identity.new_context();
        let zones = distinct(zones.iter().copied(), cx.shared.seed);
        self.tell(cx.shared, &News::InterestOpened { context, interest, parent, zones: &zones });
        self.add_interest(cx, interest, parent, &zones, Asked { context, caller }).map(drop)
    }

    fn interest_removed(
        &mut self,
        cx: &mut Context<'_>,
        caller: Channel,
        interest: InterestId,
    ) -> Flow {
        let interest = cx.shared.manners.of_cluster(interest);
        let context = self.identity.new_context();
        self.tell(cx.shared, &News::InterestClosed { context, interest });
        self.lapse_interest(cx, interest);
        self.remove_interest(cx, interest, Asked { context, caller })
    }
}

/// Whether a message sets a field for which there are rules, as far as one can tell without its object.
fn sets_ruled(shared: &Shared, rules: &FieldRules, message: &Cluster<'_>) -> bool {
    match message {
        Cluster::StateServer(StateServer::ObjectSetField { field, .. }) => rules.has_some(*field),
        Cluster::StateServer(StateServer::ObjectSetFields { fields, .. }) => {
            let mut reader = Reader::new(fields.bytes);
            let mut next = || {
                let id = FieldId(reader.u16().ok()?);
                skip_value(shared.dc.field(id)?, &mut reader).ok().map(|_| id)
            };
            (0..fields.count).map_while(|_| next()).any(|field| rules.has_some(field))
        }
        _ => false,
    }
}
