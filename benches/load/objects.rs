//! Objects on a state server: creating them, and knowing when they are there.

use anyhow::{Result, ensure};
use bytes::{Buf, BufMut};

use crate::clients::AI;
use crate::daemon::{STATE_SERVER, WORLD};
use crate::link::{Link, break_if};
use crate::wire::{Batch, dc, envelope, msg, put_str};

/// Appends the creation of the parent of everything.
pub fn create_world(batch: &mut Batch) {
    batch.to(STATE_SERVER, AI, msg::CREATE_OBJECT_WITH_REQUIRED, |b| {
        b.put_u32_le(WORLD);
        b.put_u64_le(0);
        b.put_u16_le(dc::WORLD);
    });
}

/// Appends the creation of a thing or an avatar.
pub fn create(batch: &mut Batch, class: u16, doid: u32, zone: u32) {
    batch.to(STATE_SERVER, AI, msg::CREATE_OBJECT_WITH_REQUIRED, |b| {
        b.put_u32_le(doid);
        b.put_u32_le(WORLD);
        b.put_u32_le(zone);
        b.put_u16_le(class);
        put_str(b, &format!("thing {doid}"));
        put_place(b, 0);
    });
}

/// Appends a value of `setPlace`: where something is after its `step`th movement.
pub fn put_place(b: &mut Vec<u8>, step: u32) {
    put_place_at(b, 0, step);
}

/// The same, with when it was sent in the place of the coordinates.
pub fn put_place_at(b: &mut Vec<u8>, sent: u64, step: u32) {
    b.put_u64_le(sent);
    b.put_u32_le(step);
}

/// Appends an update of `setPlace` by the AI.
pub fn set_place(batch: &mut Batch, doid: u32, step: u32) {
    batch.to(doid.into(), AI, msg::OBJECT_SET_FIELD, |b| {
        b.put_u32_le(doid);
        b.put_u16_le(dc::SET_PLACE);
        put_place(b, step);
    });
}

/// Reads an update of `setPlace` and checks that it is this one.
pub fn expect_place(frame: &mut &[u8], doid: u32, step: u32) -> Result<()> {
    let update = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
    ensure!(frame.len() == 12, "a place of {} bytes", frame.len());
    frame.advance(8);
    let arrived = frame.get_u32_le();
    ensure!(
        update == (doid, dc::SET_PLACE) && arrived == step,
        "step {arrived} of {} where step {step} of {doid} should be",
        update.0
    );
    Ok(())
}

/// Returns when `last`, and so everything that `ai` created before it, exists and its parent knows.
pub fn await_created(ai: &mut Link, last: u32) -> Result<()> {
    for doid in [last, WORLD] {
        ai.send(
            Batch::default().to(doid.into(), AI, msg::OBJECT_GET_LOCATION, |b| b.put_u32_le(doid)),
        )?;
        ai.receive(|mut frame| {
            let resp = envelope(&mut frame)?.number == msg::OBJECT_GET_LOCATION_RESP;
            Ok(break_if(resp && frame.try_get_u32_le()? == doid))
        })?;
    }
    Ok(())
}

/// Asks for everything in the zones `0..zones` and checks that each of the objects is there once.
pub fn expect_in_zones(ai: &mut Link, zones: u32, objects: std::ops::Range<u32>) -> Result<()> {
    ai.send(Batch::default().to(WORLD.into(), AI, msg::OBJECT_GET_ZONES_OBJECTS, |b| {
        b.put_u32_le(77);
        b.put_u32_le(WORLD);
        b.put_u16_le(zones as u16);
        (0..zones).for_each(|zone| b.put_u32_le(zone));
    }))?;
    let mut seen = vec![false; objects.len()];
    let (mut left, mut counted) = (objects.len(), false);
    ai.receive(|mut frame| {
        match envelope(&mut frame)?.number {
            msg::OBJECT_GET_ZONES_COUNT_RESP => {
                frame.advance(4);
                let count = frame.try_get_u32_le()? as usize;
                ensure!(count == objects.len(), "{count} of {} objects", objects.len());
                counted = true;
            }
            msg::OBJECT_ENTER_INTEREST_WITH_REQUIRED
            | msg::OBJECT_ENTER_INTEREST_WITH_REQUIRED_OTHER => {
                frame.advance(4);
                let doid = frame.try_get_u32_le()?;
                ensure!(objects.contains(&doid), "object {doid} was never created");
                let seen = &mut seen[(doid - objects.start) as usize];
                ensure!(!*seen, "object {doid} came twice");
                *seen = true;
                left -= 1;
            }
            _ => {}
        }
        Ok(break_if(counted && left == 0))
    })
}
