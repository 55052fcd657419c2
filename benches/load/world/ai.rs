//! The AI of the world scenario: lets players in, gives them avatars, answers their pings.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use bytes::{Buf, BufMut};

use crate::clients::{AI, welcome};
use crate::daemon::GATE;
use crate::link::Link;
use crate::objects::create;
use crate::wire::{Batch, dc, envelope, msg};

/// Serves until the link is shut down after `stop` was set.
pub fn serve(mut link: Link, stop: &AtomicBool, zone_of: impl Fn(u32) -> u32) -> Result<()> {
    let served = link.exchange(|frame, answers| {
        answer(frame, answers, &zone_of)?;
        Ok(ControlFlow::<()>::Continue(()))
    });
    if stop.load(Ordering::Relaxed) { Ok(()) } else { served }
}

fn answer(mut frame: &[u8], answers: &mut Batch, zone_of: &impl Fn(u32) -> u32) -> Result<()> {
    let envelope = envelope(&mut frame)?;
    // The rest is what an AI hears of its objects' owners and places.
    if envelope.number != msg::OBJECT_SET_FIELD {
        return Ok(());
    }
    let (doid, field) = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
    let value = frame.try_get_u32_le()?;
    if (doid, field) == (GATE, dc::LOGIN) {
        // A player's token is the id of the avatar it wants.
        let client = envelope.sender;
        create(answers, dc::AVATAR, value, zone_of(value));
        answers.to(value.into(), AI, msg::OBJECT_SET_AI, |b| b.put_u64_le(AI));
        answers.to(client, AI, msg::CLIENTAGENT_ADD_SESSION_OBJECT, |b| b.put_u32_le(value));
        answers.to(value.into(), AI, msg::OBJECT_SET_OWNER, |b| b.put_u64_le(client));
        welcome(answers, client, value);
    } else if field == dc::PING {
        answers.to(doid.into(), AI, msg::OBJECT_SET_FIELD, |b| {
            b.put_u32_le(doid);
            b.put_u16_le(dc::PONG);
            b.put_u32_le(value);
        });
    }
    Ok(())
}
