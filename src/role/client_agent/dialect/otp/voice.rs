//! What clients of the OTP era are told.
//!
//! Both generations have the same messages for most of it. Those of 2003 know neither parents nor owners, and nothing of interests.

use std::sync::Arc;

use dclass::{Class, DcFile};

use super::{CLUSTERS, SHARD_SET};
use crate::config::{Era, OwnerView};
use crate::ids::{Context, DoId, FieldId, InterestId, Location};
use crate::message::{Blob, Message, ObjectState, Otp, Part as _, Rest, Run, Toontown2003 as Old};
use crate::object::{FieldError, skip_value};
use crate::role::client_agent::agent::{News, Voice};
use crate::role::client_agent::session::for_owners;
use crate::wire::{self, Framing, Reader, Writer};

/// What is said of an avatar that the client has chosen and gets.
const FOUND: u8 = 0;
/// How many other fields an object has that has none.
const NO_OTHERS: [u8; 2] = 0u16.to_le_bytes();

/// Puts what clients are told into bytes.
#[derive(Debug)]
pub struct OtpVoice {
    pub era: Era,
    pub owner_view: OwnerView,
    pub dc: Arc<DcFile>,
}

/// Where frames go.
struct Out<'b> {
    framing: Framing,
    buffer: &'b mut Vec<u8>,
}

type Written = Result<(), wire::Error>;

impl Out<'_> {
    fn write(&mut self, message: &impl Message) -> Written {
        self.framing.write(self.buffer, |writer| message.write(writer)).map(drop)
    }

    /// Writes several in a row, or nothing.
    fn all_or_nothing(&mut self, write: impl FnOnce(&mut Self) -> Written) -> Written {
        let start = self.buffer.len();
        write(self).inspect_err(|_| self.buffer.truncate(start))
    }
}

impl OtpVoice {
    fn enters(&self, object: &ObjectState<'_>, has_other: bool, out: &mut Out<'_>) -> Written {
        let &ObjectState { do_id, location, class_id, values } = object;
        match (self.era, has_other) {
            (Era::Otp, false) => out.write(&Otp::Create { location, class_id, do_id, values }),
            (Era::Otp, true) => out.write(&Otp::CreateOther { location, class_id, do_id, values }),
            (Era::Toontown2003, false) => out.write(&Old::Create { class_id, do_id, values }),
            (Era::Toontown2003, true) => out.write(&Old::CreateOther { class_id, do_id, values }),
        }
    }

    /// An object is the client's own.
    fn gained(&self, object: &ObjectState<'_>, has_other: bool, out: &mut Out<'_>) -> Written {
        let &ObjectState { do_id, location, class_id, values } = object;
        if self.owner_view == OwnerView::Avatar {
            return out.all_or_nothing(|out| self.avatar(object, has_other, out));
        }
        if has_other {
            return out.write(&Otp::CreateOwner { class_id, do_id, location, values });
        }
        let values = [values.0, &NO_OTHERS].concat();
        out.write(&Otp::CreateOwner { class_id, do_id, location, values: Rest(&values) })
    }

    /// An avatar is told with its required fields; others follow as updates.
    fn avatar(&self, object: &ObjectState<'_>, has_other: bool, out: &mut Out<'_>) -> Written {
        let &ObjectState { do_id, class_id, values, .. } = object;
        let mut others = None;
        let mut required = values;
        if has_other {
            let class = self.dc.class(class_id);
            match class.map(|class| required_of(class, values.0)) {
                Some(Ok(length)) => {
                    let (first, rest) = values.0.split_at(length);
                    (required, others) = (Rest(first), Some(rest));
                }
                Some(Err(error)) => {
                    tracing::warn!(doId = %do_id, %error, "bad values of an object are not told");
                }
                None => {}
            }
        }
        self.details(do_id, required, out)?;
        let Some(others) = others else { return Ok(()) };
        let mut reader = Reader::new(others);
        let count = reader.u16()?;
        self.fields(do_id, count, reader.rest(), out)
    }

    fn details(&self, do_id: DoId, values: Rest<'_>, out: &mut Out<'_>) -> Written {
        let code = FOUND;
        match self.era {
            Era::Otp => out.write(&Otp::AvatarDetails { do_id, code, values }),
            Era::Toontown2003 => out.write(&Old::AvatarDetails { do_id, code, values }),
        }
    }

    /// Several fields that have been set: each is told by itself, for there is no message for more.
    fn fields(&self, do_id: DoId, count: u16, bytes: &[u8], out: &mut Out<'_>) -> Written {
        let mut reader = Reader::new(bytes);
        for _ in 0..count {
            let field = FieldId(reader.u16()?);
            let value = self.dc.field(field).map(|field| skip_value(field, &mut reader));
            let Some(Ok(value)) = value else {
                tracing::warn!(doId = %do_id, field = field.0, "bad values of an object are not told");
                break;
            };
            out.write(&Otp::UpdateField { do_id, field, value: Rest(value) })?;
        }
        Ok(())
    }

    /// An object is no more, or no longer to be known.
    fn gone(&self, do_id: DoId, is_deleted: bool, out: &mut Out<'_>) -> Written {
        match (self.era, is_deleted) {
            (Era::Toontown2003, true) => out.write(&Old::Delete { do_id }),
            _ => out.write(&Otp::Disable { do_id }),
        }
    }

    fn disowned(&self, do_id: DoId, out: &mut Out<'_>) -> Written {
        match self.owner_view {
            OwnerView::Avatar => self.gone(do_id, false, out),
            OwnerView::Object => out.write(&Otp::DisableOwner { do_id }),
        }
    }

    fn moved(&self, do_id: DoId, location: Location, out: &mut Out<'_>) -> Written {
        match self.era {
            Era::Otp => out.write(&Otp::ObjectLocation { do_id, location }),
            Era::Toontown2003 => Ok(()),
        }
    }

    fn interest_done(&self, interest: InterestId, context: Context, out: &mut Out<'_>) -> Written {
        match self.era {
            // The client knows nothing of it.
            _ if interest.0 & CLUSTERS != 0 => Ok(()),
            Era::Otp => out.write(&Otp::DoneInterestResp { interest, context }),
            Era::Toontown2003 if context == SHARD_SET => out.write(&Old::GetStateResp {}),
            Era::Toontown2003 => out.write(&Old::DoneSetZoneResp { zone: context.0 as u16 }),
        }
    }
}

/// How many bytes the required fields take that an owner is told.
fn required_of(class: &Class, values: &[u8]) -> Result<usize, FieldError> {
    let mut reader = Reader::new(values);
    for field in class.required().iter().filter(|field| for_owners(field.keywords())) {
        skip_value(field, &mut reader)?;
    }
    Ok(values.len() - reader.remaining().len())
}

impl Voice for OtpVoice {
    #[inline]
    fn write(&self, news: &News<'_>, framing: Framing, buffer: &mut Vec<u8>) -> Written {
        let mut out = Out { framing, buffer };
        let out = &mut out;
        match *news {
            // It is the same for both.
            News::FieldChanges { do_id, field, value, .. } => {
                out.write(&Otp::UpdateField { do_id, field, value })
            }
            News::FieldsChange { do_id, fields, .. } => {
                out.all_or_nothing(|out| self.fields(do_id, fields.count, fields.bytes, out))
            }
            News::ObjectEnters { ref object, has_other } => self.enters(object, has_other, out),
            News::ObjectLeaves { do_id } => self.gone(do_id, false, out),
            News::ObjectsLeave { do_ids } => {
                do_ids.iter().try_for_each(|&do_id| self.gone(do_id, false, out))
            }
            News::ObjectDeleted { do_id } => self.gone(do_id, true, out),
            News::OwnerGained { ref object, has_other } => self.gained(object, has_other, out),
            News::OwnerLost { do_id } => self.disowned(do_id, out),
            News::ObjectMoves { do_id, location } => self.moved(do_id, location, out),
            News::InterestDone { context, interest } => self.interest_done(interest, context, out),
            News::FieldsSendable { do_id, fields } if self.era == Era::Otp => {
                out.write(&Otp::SetFieldSendable { do_id, fields: Run::new(fields) })
            }
            News::Ejected { reason, text } => {
                out.write(&Otp::GoGetLost { reason, text: Blob(text) })
            }
            News::FieldsSendable { .. }
            | News::ValuesWanted { .. }
            | News::InterestOpened { .. }
            | News::InterestClosed { .. }
            | News::ComebackOffered { .. }
            | News::Back { .. }
            | News::AllTold => Ok(()),
        }
    }
}

/// A log-in message as the value of a field: a length of so many bytes, and all of it with its number.
pub fn as_blob(message: &[u8], tag: u32) -> Vec<u8> {
    let mut value = Vec::with_capacity(message.len() + size_of::<u32>());
    let mut writer = Writer::new(&mut value);
    match tag {
        2 => Blob(message).write(&mut writer),
        _ => {
            writer.u32(message.len() as u32);
            writer.raw(message);
        }
    }
    value
}
