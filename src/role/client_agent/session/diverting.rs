//! Fields that an UberDOG hears before anybody else does: `client.intercept`.
//!
//! What a client says so is right in all ways otherwise, and goes to the UberDOG instead of the object: as an update of a field of
//! the UberDOG's own, which has the object, the field and the value for arguments, from the client. What becomes of it is the
//! UberDOG's to say: it sends the update to the object itself, or another, or none.

use super::{End, Flow, Session};
use crate::config::Offence;
use crate::ids::{ClassId, DoId, FieldId};
use crate::message::{EjectReason, Rest, StateServer};
use crate::metrics;
use crate::role::client_agent::agent::{Context, Diverted};
use crate::wire::Writer;

impl Session {
    /// Has an UberDOG told of an update, if it is one of those. Whether that is so: then the object is not.
    ///
    /// # Errors
    /// It does not fit a datagram.
    #[inline]
    pub(super) fn is_diverted(
        &self,
        cx: &mut Context<'_>,
        do_id: DoId,
        field: FieldId,
        value: &[u8],
    ) -> Result<bool, End> {
        if cx.shared.diversions.is_none() {
            return Ok(false);
        }
        match self.diverted(cx, do_id, field) {
            Some(to) => {
                metrics::INTERCEPTED.one(&[]);
                self.divert(cx, to, (do_id, field), value).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// Checks that a field may be sent to one other alone, past its object.
    ///
    /// # Errors
    /// It is one that an UberDOG hears first.
    pub(super) fn check_direct(&self, cx: &Context<'_>, do_id: DoId, field: FieldId) -> Flow {
        match self.diverted(cx, do_id, field) {
            Some(_) => Err(forbidden(cx, do_id, field, "to one other alone")),
            None => Ok(()),
        }
    }

    /// Checks what a client says of an object that it makes.
    ///
    /// # Errors
    /// There is something that an UberDOG hears first.
    pub(super) fn check_described<'v>(
        &self,
        cx: &Context<'_>,
        (do_id, class): (DoId, ClassId),
        values: impl Iterator<Item = (FieldId, &'v [u8])>,
    ) -> Flow {
        let diversions = cx.shared.diversions.as_ref().filter(|_| !self.is_trusted());
        let Some(diversions) = diversions else { return Ok(()) };
        let mut fields = values.map(|(field, _)| field);
        match fields.find(|field| diversions.of(class, *field).is_some()) {
            Some(field) => Err(forbidden(cx, do_id, field, "with an object")),
            None => Ok(()),
        }
    }

    fn diverted(&self, cx: &Context<'_>, do_id: DoId, field: FieldId) -> Option<Diverted> {
        let diversions = cx.shared.diversions.as_ref()?;
        let class = self.view.subject(cx.shared, do_id)?.class.id();
        // The operator's own programs say what they like.
        diversions.of(class, field).filter(|_| !self.is_trusted())
    }

    fn divert(
        &self,
        cx: &mut Context<'_>,
        Diverted { uberdog, by }: Diverted,
        (do_id, field): (DoId, FieldId),
        value: &[u8],
    ) -> Flow {
        let length = u16::try_from(value.len()).map_err(|_| End::oversized())?;
        let mut told = Vec::with_capacity(value.len() + size_of::<u64>());
        let mut writer = Writer::new(&mut told);
        writer.do_id(do_id);
        writer.u16(field.0);
        writer.u16(length);
        writer.raw(value);
        let update = StateServer::ObjectSetField { do_id: uberdog, field: by, value: Rest(&told) };
        self.route(cx, uberdog.channel(), &update).map_err(|_| End::oversized())
    }
}

fn forbidden(cx: &Context<'_>, do_id: DoId, field: FieldId, how: &str) -> End {
    let field = cx.shared.dc.field(field).map_or("", dclass::Field::name);
    let text = format!(
        "Client tried to send {field} of object {do_id} {how}, which goes to an UberDOG first (client.intercept)"
    );
    End::security(Offence::Permission, EjectReason::ForbiddenField, text)
}
