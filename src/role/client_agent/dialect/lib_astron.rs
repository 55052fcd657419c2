//! `libastron`: Astron's own client protocol.
//!
//! A client says hello first, with its version and the hash of its DC files. After that every message
//! is a request, if the session's life admits it.

use super::{Dialect, Foreign, Gist, foreign};
use crate::config::Offence;
use crate::ids::Location;
use crate::message::{Blob, Client, ClientFamily, EjectReason, List, Message, Part, Secret};
use crate::role::client_agent::agent::{Context, News, Token, Voice};
use crate::role::client_agent::session::{Build, End, Flow, Life, Request, Session, Stop};
use crate::trace::Speech;
use crate::wire::{self, Framing, Reader};

/// The protocol of [`Client`] itself: each message is written as it is.
#[derive(Copy, Clone, Debug, Default)]
pub struct LibAstron;

impl Dialect for LibAstron {
    fn name(&self) -> &'static str {
        "libastron"
    }

    fn speech(&self) -> Speech {
        Speech::Client
    }

    fn voice(&self) -> Box<dyn Voice> {
        Box::new(LibAstron)
    }

    fn handle(&mut self, session: &mut Session, cx: &mut Context<'_>, datagram: &[u8]) -> Flow {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().map_err(|_| End::truncated())?;
        match (request_of(number).filter(|&request| session.admits(cx, request)), session.life()) {
            (Some(request), _) => {
                request.check_permission(cx.shared)?;
                handle_request(session, cx, number, reader)
            }
            (None, Life::New) => hello(session, cx, number, reader),
            (None, life) => Err(refusal(life, number)),
        }
    }

    fn gist(&self, datagram: &[u8]) -> Gist {
        let mut reader = Reader::new(datagram);
        let mut read = || -> Result<Gist, wire::Error> {
            Ok(match reader.u16()? {
                Client::CLIENT_OBJECT_SET_FIELD => {
                    Gist::FieldChanges(Part::read(&mut reader)?, Part::read(&mut reader)?)
                }
                Client::CLIENT_OBJECT_LEAVING
                | Client::CLIENT_OBJECT_LEAVING_OWNER
                | Client::CLIENT_ENTER_OBJECT_REQUIRED
                | Client::CLIENT_ENTER_OBJECT_REQUIRED_OTHER
                | Client::CLIENT_ENTER_OBJECT_REQUIRED_OWNER
                | Client::CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER => {
                    Gist::Turns(Part::read(&mut reader)?)
                }
                _ => Gist::Other,
            })
        };
        // What the cluster has passed on may be anything.
        read().unwrap_or(Gist::Other)
    }

    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign> {
        match ClientFamily::of(first_bytes) {
            // Its length tag may be the first bytes of something else.
            Some(ClientFamily::Astron) => None,
            _ => foreign::recognise(first_bytes),
        }
    }
}

impl Voice for LibAstron {
    #[inline]
    fn write(
        &self,
        news: &News<'_>,
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error> {
        let message = match *news {
            News::ObjectEnters { object, has_other: false } => {
                Client::EnterObjectRequired { object }
            }
            News::ObjectEnters { object, has_other: true } => {
                Client::EnterObjectRequiredOther { object }
            }
            News::ObjectLeaves { do_id } | News::ObjectDeleted { do_id } => {
                Client::ObjectLeaving { do_id }
            }
            News::ObjectsLeave { do_ids } => {
                for &do_id in do_ids {
                    self.write(&News::ObjectLeaves { do_id }, framing, buffer)?;
                }
                return Ok(());
            }
            News::ValuesWanted { .. } | News::FieldsSendable { .. } => return Ok(()),
            News::OwnerGained { object, has_other: false } => {
                Client::EnterObjectRequiredOwner { object }
            }
            News::OwnerGained { object, has_other: true } => {
                Client::EnterObjectRequiredOtherOwner { object }
            }
            News::OwnerLost { do_id } => Client::ObjectLeavingOwner { do_id },
            News::FieldChanges { do_id, field, value, .. } => {
                Client::ObjectSetField { do_id, field, value }
            }
            News::FieldsChange { do_id, fields, .. } => Client::ObjectSetFields { do_id, fields },
            News::ObjectMoves { do_id, location } => Client::ObjectLocation { do_id, location },
            News::InterestOpened { context, interest, parent, zones } => match *zones {
                [zone] => {
                    let location = Location::new(parent, zone);
                    Client::AddInterest { context, interest, location }
                }
                _ => {
                    let zones = List::new(zones);
                    Client::AddInterestMultiple { context, interest, parent, zones }
                }
            },
            News::InterestClosed { context, interest } => {
                Client::RemoveInterest { context, interest }
            }
            News::InterestDone { context, interest } => {
                Client::DoneInterestResp { context, interest }
            }
            News::ComebackOffered { offer } => {
                let (token, resume_ms) = secret_of(offer);
                Client::ResumeToken { token, resume_ms }
            }
            News::Back { offer, is_back: resumed } => {
                let (token, resume_ms) = secret_of(offer);
                Client::ResumeResp { resumed, token, resume_ms }
            }
            News::AllTold => Client::ResumeDone {},
            News::Ejected { reason, text } => Client::Eject { reason, text: Blob(text) },
        };
        framing.write(buffer, |writer| message.write(writer)).map(drop)
    }
}

/// So much of a version that is not the right one is said back.
const VERSION_BYTES_SAID: usize = 1024;
/// So many of the versions or hashes that would be right.
const RIGHT_ONES_SAID: usize = 8;

/// What a message of a client that has been let in asks for, if it is one for clients to send.
#[inline]
const fn request_of(number: u16) -> Option<Request> {
    Some(match number {
        Client::CLIENT_DISCONNECT => Request::Disconnect,
        Client::CLIENT_HEARTBEAT => Request::Heartbeat,
        Client::CLIENT_OBJECT_SET_FIELD => Request::SetField,
        Client::CLIENT_OBJECT_LOCATION => Request::SetLocation,
        Client::CLIENT_ADD_INTEREST | Client::CLIENT_ADD_INTEREST_MULTIPLE => Request::OpenInterest,
        Client::CLIENT_REMOVE_INTEREST => Request::CloseInterest,
        Client::CLIENT_RESUME_ASK => Request::Comeback,
        _ => return None,
    })
}

fn refusal(life: Life, number: u16) -> End {
    let why = match life {
        Life::New | Life::Anonymous => "not allowed prior to authentication",
        Life::Established => "not valid",
    };
    let text = format!("Message type {number} {why}.");
    End::security(Offence::Message, EjectReason::InvalidMsgtype, text)
}

fn hello(session: &mut Session, cx: &mut Context<'_>, number: u16, mut reader: Reader<'_>) -> Flow {
    if number == Client::CLIENT_RESUME {
        return resume(session, cx, reader);
    }
    session.check_room()?;
    if number != Client::CLIENT_HELLO {
        let text = "First packet is not CLIENT_HELLO";
        return Err(End::for_offence(Offence::Hello, EjectReason::NoHello, text));
    }
    if cx.shared.is_closing {
        return Err(End::ShutDown(Stop::Restart));
    }
    session.note_life(cx);
    let Ok(Client::Hello { dc_hash, version }) = Client::decode(number, &mut reader) else {
        return Err(End::truncated());
    };
    let config = &cx.shared.config;
    let known = config.versions.iter().position(|right| right.as_bytes() == version.0);
    let Some(known) = known else {
        // It has to fit a datagram, in which what is no text takes three times as much.
        let said = &version.0[..version.0.len().min(VERSION_BYTES_SAID)];
        let client = String::from_utf8_lossy(said);
        let mut text = format!("Client version mismatch: client={client}");
        let left_out = version.0.len() - said.len();
        if left_out > 0 {
            text += &format!("… and {left_out} bytes");
        }
        if config.client.send_version {
            text += &format!(", server={}", one_of(&config.versions, String::clone));
        }
        return Err(End::for_offence(Offence::Version, EjectReason::BadVersion, text));
    };
    let expected = &cx.shared.dc_hashes;
    if !expected.contains(&dc_hash) {
        let mut text = format!("Client DC hash mismatch: client=0x{dc_hash:x}");
        if config.client.send_hash {
            text += &format!(", server={}", one_of(expected, |hash| format!("0x{hash:x}")));
        }
        return Err(End::for_offence(Offence::Version, EjectReason::BadDcHash, text));
    }
    session.send(cx.shared, |writer| Client::HelloResp {}.write(writer));
    session.let_in(cx.shared, Build { version: known, dc_hash });
    reader.finish().map_err(|_| End::excess())?;
    session.script_hello(cx, String::from_utf8_lossy(version.0).as_ref(), dc_hash)
}

/// A client that comes back: the core looks to which session, once this has been handled.
fn resume(session: &mut Session, cx: &mut Context<'_>, mut reader: Reader<'_>) -> Flow {
    session.note_life(cx);
    let Ok(Client::Resume { token }) = Client::decode(Client::CLIENT_RESUME, &mut reader) else {
        return Err(End::truncated());
    };
    reader.finish().map_err(|_| End::excess())?;
    session.says_token(token.0);
    Ok(())
}

/// What a client is told of an offer.
fn secret_of<'a>(offer: Option<(&'a Token, u32)>) -> (Secret<'a>, u32) {
    offer.map_or((Secret(&[]), 0), |(token, ms)| (Secret(token.bytes()), ms))
}

fn handle_request(
    session: &mut Session,
    cx: &mut Context<'_>,
    number: u16,
    mut reader: Reader<'_>,
) -> Flow {
    if number == Client::CLIENT_OBJECT_LOCATION {
        return relocate(session, cx, reader);
    }
    let message = Client::decode(number, &mut reader).map_err(|_| End::truncated())?;
    let whole = reader.finish().map_err(|_| End::excess());
    match message {
        Client::Disconnect {} => {
            whole?;
            Err(End::Disconnected)
        }
        Client::Heartbeat {} => {
            session.note_life(cx);
            whole
        }
        Client::ObjectSetField { do_id, field, value } => {
            session.update_field(cx, do_id, field, value.0)
        }
        Client::AddInterest { context, interest, location: Location { parent, zone } } => {
            session.open_interest(cx, interest, parent, [zone].into_iter(), context, whole)
        }
        Client::AddInterestMultiple { context, interest, parent, zones } => {
            session.open_interest(cx, interest, parent, zones.iter(), context, whole)
        }
        Client::RemoveInterest { context, interest } => {
            session.close_interest(cx, interest, context, whole)
        }
        Client::ResumeAsk {} => {
            whole?;
            session.offer_comeback(cx.shared);
            Ok(())
        }
        // None of these is a request, or it has been handled.
        Client::Hello { .. }
        | Client::HelloResp {}
        | Client::Eject { .. }
        | Client::ObjectSetFields { .. }
        | Client::ObjectLeaving { .. }
        | Client::ObjectLocation { .. }
        | Client::EnterObjectRequired { .. }
        | Client::EnterObjectRequiredOther { .. }
        | Client::ObjectLeavingOwner { .. }
        | Client::EnterObjectRequiredOwner { .. }
        | Client::EnterObjectRequiredOtherOwner { .. }
        | Client::DoneInterestResp { .. }
        | Client::ResumeToken { .. }
        | Client::Resume { .. }
        | Client::ResumeResp { .. }
        | Client::ResumeDone {} => {
            let text = "This is not for clients to send.";
            Err(End::security(Offence::Message, EjectReason::InvalidMsgtype, text))
        }
    }
}

/// "a or b or c", of a long list the first ones.
fn one_of<T>(right: &[T], shown: impl Fn(&T) -> String) -> String {
    let said = &right[..right.len().min(RIGHT_ONES_SAID)];
    let mut text = said.iter().map(shown).collect::<Vec<_>>().join(" or ");
    let left_out = right.len() - said.len();
    if left_out > 0 {
        text += &format!(" or {left_out} others");
    }
    text
}

/// A request to move an object, of which the object is looked at before the rest.
fn relocate(session: &mut Session, cx: &mut Context<'_>, mut reader: Reader<'_>) -> Flow {
    let do_id = { reader }.do_id().map_err(|_| End::truncated())?;
    let location = match Client::decode(Client::CLIENT_OBJECT_LOCATION, &mut reader) {
        Ok(Client::ObjectLocation { location, .. }) => {
            reader.finish().map(|()| location).map_err(|_| End::excess())
        }
        _ => Err(End::truncated()),
    };
    session.relocate(cx, do_id, location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_never_taken_for_something_else() {
        // Of every length, among them those whose tag is the first bytes of TLS or HTTP.
        let version = vec![b'1'; 0x5500];
        for length in (0..0x5500).step_by(7).chain([0x316 - 8, 0x4547 - 8, 0x4f50 - 8]) {
            let hello = Client::Hello { dc_hash: 0x0101, version: Blob(&version[..length]) };
            let mut frame = Vec::new();
            Framing::Tag16.write(&mut frame, |writer| hello.write(writer)).expect("fits");
            assert_eq!(LibAstron.recognise(&frame), None, "{length}");
        }
    }
}
