//! `panda3d`: the protocol of Panda3D's own `ClientRepository`, which it speaks with `ServerRepository`.
//!
//! There is no hello: the agent speaks first, and gives the client the doIds with which it makes objects. The first of them is
//! the client's own id. What a client makes, sees and says is the session's matter (`session/making`, `session/speaking`); here is
//! how it is said.
//!
//! What Panda3D's server drops with a warning costs nobody a connection by default, what kills it does.

mod generated;
mod schema;
mod voice;

use std::sync::Arc;

use dclass::DcFile;

use self::schema::Schema;
use self::voice::PandaVoice;
use super::{Dialect, Foreign, Gist, Share, foreign};
use crate::config::{Offence, Panda3dConfig, Regenerate};
use crate::ids::{DoId, FieldId, Location};
use crate::message::{
    ClientFamily, EjectReason, Message as _, Panda3d as Message, Part, Rest, TargetedUpdate,
};
use crate::role::client_agent::agent::{Clock, Context, MadeRoot, Manners, TimeManager, Voice};
use crate::role::client_agent::session::{End, Flow, Session};
use crate::trace::Speech;
use crate::wire::{self, Reader};

/// The protocol, with what it has to know of the DC files.
#[derive(Clone, Debug)]
pub struct Panda3d {
    config: Arc<Panda3dConfig>,
    dc: Arc<DcFile>,
    schema: Arc<Schema>,
}

impl Panda3d {
    /// The protocol, for a world of these classes.
    pub fn new(config: Arc<Panda3dConfig>, dc: Arc<DcFile>) -> Self {
        let schema = Arc::new(Schema::new(&dc));
        Panda3d { config, dc, schema }
    }

    fn make(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        (do_id, location, class_id): (DoId, Location, dclass::ClassId),
        values: &[u8],
    ) -> Flow {
        let Some(class) = self.dc.class(class_id) else {
            let text = format!(
                "Client tried to make an object of unknown class {}: are its DC files those of general.dc_files, in their order?",
                class_id.0
            );
            return Err(End::security(Offence::Malformed, EjectReason::ForbiddenField, text));
        };
        let base = session.base();
        if self.config.base_of(do_id) != base || base.is_none() {
            let text =
                format!("Client tried to make object {do_id}, which is not one of its doIds");
            return Err(End::security(Offence::Permission, EjectReason::MissingObject, text));
        }
        // It may be another since the agent has begun.
        let panda3d = cx.shared.config.client.kind.panda3d();
        let may_create = panda3d.is_some_and(|panda3d| panda3d.may_create(class));
        if !session.is_trusted() && !may_create {
            let text = format!(
                "Client tried to make an object of class {}, which clients may not (client.create)",
                class.name()
            );
            return Err(End::security(Offence::Permission, EjectReason::ForbiddenField, text));
        }
        if cx.shared.time_manager.as_ref().is_some_and(|manager| manager.class_id == class_id)
            && session.made_at(do_id).is_none()
        {
            let client = session.channel();
            tracing::warn!(%client, doId = %do_id, "a TimeManager is made beside that of client.time_manager: clients are told two times");
        }
        let order = self.schema.required_as_sent(class);
        let made = generated::read(do_id, location, class, order, values)?;
        if session.answers_late(do_id, location.zone) {
            return Ok(());
        }
        // What it has just had deleted is over with the first that takes its place.
        session.ending_due(cx, do_id)?;
        match session.made_at(do_id) {
            Some(_) => session.describe_again(cx, &made),
            None => session.make_object(cx, &made),
        }
    }

    /// A field update, which may be for the object that tells the time.
    fn update(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        do_id: DoId,
        field: FieldId,
        value: &[u8],
    ) -> Flow {
        let is_it = |manager: &&Arc<TimeManager>| manager.do_id == do_id;
        let Some(manager) = cx.shared.time_manager.as_ref().filter(is_it) else {
            return session.speak(cx, do_id, field, value);
        };
        if field != manager.request || !session.sees_zone(manager.zone) {
            let text = format!(
                "Client tried to send field {} to the TimeManager: it is asked the time by those who see it, and no more",
                field.0
            );
            return Err(End::security(Offence::Permission, EjectReason::ForbiddenField, text));
        }
        let context = match *value {
            [context] => context,
            [] => return Err(End::truncated_value()),
            _ => return Err(End::excess_value()),
        };
        let answer = manager.answer_to(context, cx.now);
        let (field, value) = (manager.answer, Rest(&answer));
        let update = Message::FieldUpdated { sender: DoId::NONE, do_id, field, value };
        session.send(cx.shared, |writer| update.write(writer));
        Ok(())
    }

    /// What is asked of an object that the client has made; of others it is dropped, as Panda3D's server does.
    fn with_made(
        &self,
        session: &mut Session,
        do_id: DoId,
        what: &str,
        act: impl FnOnce(&mut Session) -> Flow,
    ) -> Flow {
        if session.made_at(do_id).is_some() {
            return act(session);
        }
        let text = format!("Client tried to {what} object {do_id}, which it has not made");
        Err(End::security(Offence::Permission, EjectReason::ForbiddenRelocate, text))
    }
}

impl Dialect for Panda3d {
    fn name(&self) -> &'static str {
        "panda3d"
    }

    fn speech(&self) -> Speech {
        Speech::Panda3d
    }

    fn voice(&self) -> Box<dyn Voice> {
        Box::new(PandaVoice::new(self.config.clone(), self.dc.clone(), self.schema.clone()))
    }

    fn manners(&self) -> Manners {
        let &Panda3dConfig { root, state_server, is_here, regenerate, .. } = &*self.config;
        let root = |state_server| MadeRoot { do_id: root, state_server, is_here };
        Manners {
            made_root: state_server.map(root),
            has_p2p: true,
            asks_makers: regenerate == Regenerate::Owner,
            stranger: "This is no client of Panda3D's own repository",
            ..Manners::default()
        }
    }

    fn time_manager(&self, clock: Clock) -> Option<Arc<TimeManager>> {
        TimeManager::new(&self.config, &self.dc, clock)
    }

    /// Their own server passes on what has come once a frame, and games are made for that: a few milliseconds cost them nothing,
    /// and a client that is written to less often has less to do, too.
    fn waits_from(&self) -> Share {
        Share { idle: 0.01, busy: 0.02 }
    }

    fn begin(&self, session: &mut Session, cx: &mut Context<'_>) {
        let state_server = self.config.state_server.unwrap_or_default();
        let count = self.config.per_client;
        session.begin_making(cx.shared.seed, self.config.root, count, state_server);
        let base = session.base().unwrap_or_default();
        let range = Message::SetDoIdRange { base, count };
        session.send(cx.shared, |writer| range.write(writer));
    }

    fn handle(&mut self, session: &mut Session, cx: &mut Context<'_>, datagram: &[u8]) -> Flow {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().map_err(|_| End::truncated())?;
        let message = match Message::decode(number, &mut reader) {
            Ok(message) => message,
            Err(crate::message::Error::Wire(_)) => return Err(End::truncated()),
            Err(crate::message::Error::UnknownType(_)) => {
                let text = format!("Message type {number} not valid.");
                return Err(End::security(Offence::Message, EjectReason::InvalidMsgtype, text));
            }
        };
        reader.finish().map_err(|_| End::excess())?;
        match message {
            Message::UpdateField { do_id, field, value } => {
                self.update(session, cx, do_id, field, value.0)
            }
            Message::Targeted { update: Rest([]) } => {
                session.note_life(cx);
                Ok(())
            }
            Message::Targeted { update } => {
                let TargetedUpdate { target, do_id, field, value } =
                    targeted(update.0).map_err(|_| End::truncated())?;
                session.speak_to(cx, target, do_id, field, value.0)
            }
            Message::ClientGenerate { zone, class_id, do_id, values } => {
                let location = Location::new(self.config.root, zone);
                self.make(session, cx, (do_id, location, class_id), values.0)
            }
            Message::SetZone { do_id, zone } if session.lost_is_moved(cx, do_id, zone) => Ok(()),
            Message::SetZone { do_id, zone } => {
                self.with_made(session, do_id, "move", |session| session.move_made(cx, do_id, zone))
            }
            Message::Delete { do_id } if session.lost_is_deleted(cx, do_id) => Ok(()),
            Message::Delete { do_id } => {
                self.with_made(session, do_id, "delete", |session| session.delete_made(cx, do_id))
            }
            Message::SetInterest { zones } => session.want_zones(cx, zones.iter()),
            Message::Disconnect {} => Err(End::Disconnected),
            Message::SetDoIdRange { .. }
            | Message::Generate { .. }
            | Message::FieldUpdated { .. }
            | Message::Disable { .. }
            | Message::RequestGenerates { .. } => {
                let text = "This is not for clients to send.";
                Err(End::security(Offence::Message, EjectReason::InvalidMsgtype, text))
            }
        }
    }

    fn gist(&self, datagram: &[u8]) -> Gist {
        let mut reader = Reader::new(datagram);
        let mut read = || -> Result<Gist, crate::message::Error> {
            let number = reader.u16()?;
            Ok(match Message::decode(number, &mut reader)? {
                Message::FieldUpdated { do_id, field, .. } => Gist::FieldChanges(do_id, field),
                Message::Generate { do_id, .. } | Message::Delete { do_id } => Gist::Turns(do_id),
                // An object that has left has to come again before its fields change, and that is a turn.
                _ => Gist::Other,
            })
        };
        read().unwrap_or(Gist::Other)
    }

    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign> {
        match ClientFamily::of(first_bytes) {
            Some(ClientFamily::Panda) => None,
            Some(family @ ClientFamily::Astron) => Some(Foreign::Client(family)),
            _ => foreign::recognise(first_bytes),
        }
    }
}

fn targeted(bytes: &[u8]) -> Result<TargetedUpdate<'_>, wire::Error> {
    let mut reader = Reader::new(bytes);
    Ok(TargetedUpdate {
        target: Part::read(&mut reader)?,
        do_id: Part::read(&mut reader)?,
        field: Part::read(&mut reader)?,
        value: Part::read(&mut reader)?,
    })
}
