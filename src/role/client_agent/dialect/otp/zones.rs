//! One shard and one zone, as clients of 2003 have it.
//!
//! What they see is one interest: the shard is its parent, and its zones are all that is seen from the zone where the client is, with
//! the uber zone. They tell which these are, or the file of zones does. Their avatar goes where they are.

use super::{Otp, SHARD_SET, invalid};
use crate::ids::{Context as Asked, DoId, InterestId, Location, ZoneId};
use crate::message::{Error, Run, Toontown2003 as Message};
use crate::role::client_agent::agent::Context;
use crate::role::client_agent::session::{Flow, Session};
use crate::wire::Reader;

/// The interest that such a client has.
const INTEREST: InterestId = InterestId(0);
/// The bytes of a zone in the first versions.
const ZONE_BYTES: usize = size_of::<u16>();

/// Reads a message. The first versions had zones of two bytes.
pub(super) fn read<'a>(number: u16, reader: &mut Reader<'a>) -> Result<Message<'a>, Error> {
    if number == Message::CLIENT_SET_ZONE_2003 && reader.remaining().len() == ZONE_BYTES {
        let zone = ZoneId(reader.u16()?.into());
        return Ok(Message::SetZone { zone, visible: Run::new(&[]) });
    }
    Message::decode(number, reader)
}

impl Otp {
    /// The client goes to another shard. Of that it sees the uber zone until it has said where in it it is.
    pub(super) fn set_shard(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        shard: DoId,
    ) -> Flow {
        let zones = [self.config.uber];
        session.open_interest(cx, INTEREST, shard, zones.into_iter(), SHARD_SET, Ok(()))
    }

    /// The client goes to another zone.
    pub(super) fn set_zone(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        zone: ZoneId,
        visible: Run<'_, ZoneId>,
    ) -> Flow {
        let Some(shard) = session.parent_of(INTEREST) else {
            return Err(invalid("A zone is set after its shard.".to_owned()));
        };
        let mut zones = match visible.is_empty() {
            true => self.seen_from(cx.shared, [zone].into_iter()),
            // It says itself what is seen from there.
            false => visible.iter().chain([zone]).filter(|it| *it != self.config.quiet).collect(),
        };
        zones.push(self.config.uber);
        // That is not the context by which a shard is set.
        let context = Asked(u32::from(zone.0 as u16));
        session.open_interest(cx, INTEREST, shard, zones.into_iter(), context, Ok(()))?;
        self.take_avatar_to(session, cx, shard, zone)
    }

    /// What the client plays goes to its zone.
    fn take_avatar_to(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        shard: DoId,
        zone: ZoneId,
    ) -> Flow {
        let avatar = DoId(session.channel().0 as u32);
        if !cx.shared.config.client.relocate || !session.owns(avatar) {
            return Ok(());
        }
        session.relocate(cx, avatar, Ok(Location::new(shard, zone)))
    }
}
