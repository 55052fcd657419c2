//! `otp` and `toontown2003`: what the games of the OTP era spoke, as far as it is about objects.
//!
//! How players log in, choose avatars and find friends is each game's own. Such messages are passed on as they are to an UberDOG,
//! `client.login_to`, which answers with what the cluster can say to any session. There is no hello: whoever says something that is
//! understood is let in, and may do what somebody may do who has not logged in. The rest is up to the UberDOG.
//!
//! In 2005 to 2013 clients opened interests by numbers of their own (`interests`). In 2003 there was one, of which they knew nothing:
//! the zone where the client is, and all that is seen from there (`zones`).

mod interests;
mod voice;
mod zones;

use std::sync::Arc;

use dclass::DcFile;

use self::voice::{OtpVoice, as_blob};
use super::{Dialect, Foreign, Gist, foreign};
use crate::config::{Era, Offence, OtpConfig, OwnerView, login_field};
use crate::ids::{Context as Asked, DoId, FieldId};
use crate::message::{
    ClientFamily, EjectReason, Error, Maybe, Message as _, Otp as New, Toontown2003 as Old,
};
use crate::role::client_agent::agent::{Context, Manners, Voice};
use crate::role::client_agent::session::{End, Flow, Life, Request, Session, Stop};
use crate::trace::Speech;
use crate::wire::Reader;

/// The bit that numbers of interests have which the cluster has opened.
const CLUSTERS: u16 = 0x8000;
/// By this a client of 2003 hears that its shard is set. No zone is as high: they are told with 16 bits.
const SHARD_SET: Asked = Asked(u32::MAX);

/// The protocol, with what it has to know of the DC files.
#[derive(Clone, Debug)]
pub struct Otp {
    config: Arc<OtpConfig>,
    dc: Arc<DcFile>,
    /// The field of the UberDOG for log-ins, and how many bytes the length in it has.
    login: Option<(FieldId, u32)>,
}

/// What a client says, as both generations say it.
enum Said<'a> {
    UpdateField(DoId, FieldId, &'a [u8]),
    Disconnect,
    Heartbeat,
    New(New<'a>),
    Old(Old<'a>),
}

impl Otp {
    /// The protocol, for a world of these classes.
    pub fn new(config: Arc<OtpConfig>, dc: Arc<DcFile>) -> Self {
        let class = config.login_to.as_ref().and_then(|to| dc.class_by_name(to.class.as_deref()?));
        let login = class.and_then(login_field).map(|(field, tag)| (field.id(), tag));
        Otp { config, dc, login }
    }

    /// What a datagram says.
    fn read<'a>(&self, number: u16, reader: &mut Reader<'a>) -> Result<Said<'a>, End> {
        let said = match self.config.era {
            Era::Otp => New::decode(number, reader).map(|message| match message {
                New::UpdateField { do_id, field, value } => {
                    Said::UpdateField(do_id, field, value.0)
                }
                New::Disconnect {} => Said::Disconnect,
                New::Heartbeat {} => Said::Heartbeat,
                message => Said::New(message),
            }),
            Era::Toontown2003 => zones::read(number, reader).map(|message| match message {
                Old::UpdateField { do_id, field, value } => {
                    Said::UpdateField(do_id, field, value.0)
                }
                Old::Disconnect {} => Said::Disconnect,
                Old::Heartbeat {} => Said::Heartbeat,
                message => Said::Old(message),
            }),
        };
        let said = said.map_err(|error| match error {
            Error::Wire(_) => End::truncated(),
            Error::UnknownType(_) => invalid(format!("Message type {number} not valid.")),
        })?;
        reader.finish().map_err(|_| End::excess())?;
        Ok(said)
    }

    /// Passes a log-in message on.
    fn pass_on(&self, session: &mut Session, cx: &mut Context<'_>, message: &[u8]) -> Flow {
        session.note_life(cx);
        if session.script_message(cx, message)? {
            return Ok(());
        }
        let (Some(to), Some((field, tag))) = (&self.config.login_to, self.login) else {
            let client = session.channel();
            tracing::warn!(%client, "a log-in message is dropped: client.login_to names nobody who could get it");
            return Ok(());
        };
        session.forward(cx, to.do_id, field, &as_blob(message, tag))
    }
}

/// Somebody has said for the first time something that is understood.
fn let_in(session: &mut Session, cx: &mut Context<'_>) -> Flow {
    if session.life() != Life::New {
        return Ok(());
    }
    session.check_room()?;
    if cx.shared.is_closing {
        return Err(End::ShutDown(Stop::Restart));
    }
    session.note_life(cx);
    session.let_in_unnamed();
    session.script_hello(cx, "", 0)
}

fn invalid(text: String) -> End {
    End::security(Offence::Message, EjectReason::InvalidMsgtype, text)
}

fn not_for_clients() -> End {
    invalid("This is not for clients to send.".to_owned())
}

/// Checks that a client may ask for something now.
fn admit(session: &Session, cx: &Context<'_>, request: Request, number: u16) -> Flow {
    if session.admits(cx, request) {
        return request.check_permission(cx.shared);
    }
    Err(invalid(format!("Message type {number} not allowed prior to authentication.")))
}

impl Dialect for Otp {
    fn name(&self) -> &'static str {
        self.config.era.name()
    }

    fn speech(&self) -> Speech {
        match self.config.era {
            Era::Otp => Speech::Otp,
            Era::Toontown2003 => Speech::Toontown2003,
        }
    }

    fn voice(&self) -> Box<dyn Voice> {
        let OtpConfig { era, owner_view, .. } = *self.config;
        Box::new(OtpVoice { era, owner_view, dc: self.dc.clone() })
    }

    fn manners(&self) -> Manners {
        Manners {
            sorts_found: true,
            has_one_view: self.config.owner_view == OwnerView::Avatar,
            tells_own_moves: true,
            closes_freely: true,
            root: Some(self.config.root),
            cluster_bit: CLUSTERS,
            stranger: "This is no client of the OTP era",
            ..Manners::default()
        }
    }

    fn handle(&mut self, session: &mut Session, cx: &mut Context<'_>, datagram: &[u8]) -> Flow {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().map_err(|_| End::truncated())?;
        if self.config.is_login(number) {
            let_in(session, cx)?;
            return self.pass_on(session, cx, datagram);
        }
        let said = self.read(number, &mut reader)?;
        let_in(session, cx)?;
        match said {
            Said::UpdateField(do_id, field, value) => {
                admit(session, cx, Request::SetField, number)?;
                session.update_field(cx, do_id, field, value)
            }
            Said::Disconnect => Err(End::Disconnected),
            Said::Heartbeat => {
                session.note_life(cx);
                session.send(cx.shared, |writer| New::Heartbeat {}.write(writer));
                Ok(())
            }
            Said::New(New::AddInterest { interest, context, parent, zones }) => {
                self.open_interest(session, cx, interest, context, (parent, zones))
            }
            Said::New(New::RemoveInterest { interest, context: Maybe(context) }) => {
                self.close_interest(session, cx, interest, context)
            }
            Said::New(New::ObjectLocation { do_id, location }) => {
                admit(session, cx, Request::SetLocation, number)?;
                session.relocate(cx, do_id, Ok(location))
            }
            Said::Old(Old::SetShard { shard }) => {
                admit(session, cx, Request::OpenInterest, number)?;
                self.set_shard(session, cx, shard)
            }
            Said::Old(Old::SetZone { zone, visible }) => {
                admit(session, cx, Request::OpenInterest, number)?;
                self.set_zone(session, cx, zone, visible)
            }
            Said::New(_) | Said::Old(_) => Err(not_for_clients()),
        }
    }

    fn gist(&self, datagram: &[u8]) -> Gist {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().unwrap_or_default();
        let gist = match self.config.era {
            Era::Otp => New::decode(number, &mut reader).map(|message| match message {
                New::UpdateField { do_id, field, .. } => Gist::FieldChanges(do_id, field),
                New::AvatarDetails { do_id, .. }
                | New::Disable { do_id }
                | New::DisableOwner { do_id }
                | New::Create { do_id, .. }
                | New::CreateOther { do_id, .. }
                | New::CreateOwner { do_id, .. } => Gist::Turns(do_id),
                _ => Gist::Other,
            }),
            Era::Toontown2003 => Old::decode(number, &mut reader).map(|message| match message {
                Old::UpdateField { do_id, field, .. } => Gist::FieldChanges(do_id, field),
                Old::AvatarDetails { do_id, .. }
                | Old::Disable { do_id }
                | Old::Delete { do_id }
                | Old::Create { do_id, .. }
                | Old::CreateOther { do_id, .. } => Gist::Turns(do_id),
                _ => Gist::Other,
            }),
        };
        // What the cluster has passed on may be anything.
        gist.unwrap_or(Gist::Other)
    }

    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign> {
        let mut reader = Reader::new(first_bytes);
        if let (Ok(_length), Ok(number)) = (reader.u16(), reader.u16())
            && self.config.is_login(number)
        {
            return None;
        }
        match ClientFamily::of(first_bytes) {
            Some(ClientFamily::Otp) => None,
            Some(family @ ClientFamily::Astron) => Some(Foreign::Client(family)),
            _ => foreign::recognise(first_bytes),
        }
    }
}
