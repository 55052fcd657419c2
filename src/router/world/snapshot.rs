//! What a new connection to the upstream has to know.

use std::sync::Arc;

use super::{Slot, World};
use crate::ids::Channel;
use crate::router::post_remove::PostRemoves;
use crate::router::{Change, Uplink};
use crate::wire::Frame;

/// The post-removes of all participants.
pub struct PostRemovesOfAll<'s> {
    slots: &'s [Option<Slot>],
}

impl PostRemovesOfAll<'_> {
    /// Each datagram with the sender under which it is kept.
    pub fn iter(&self) -> impl Iterator<Item = (Channel, Frame<'_>)> {
        let of_slots = self.slots.iter().flatten().map(|slot| &slot.post_removes);
        of_slots
            .flat_map(PostRemoves::iter)
            .flat_map(|(sender, frames)| frames.map(move |frame| (sender, frame)))
    }
}

impl World {
    pub(in crate::router) fn set_uplink(&mut self, uplink: Arc<dyn Uplink>) {
        self.table.upstream = true;
        self.table.snapshot().for_each(|change| uplink.change(change));
        self.uplink = Some(uplink);
    }

    pub(in crate::router) fn with_snapshot(
        &self,
        with: impl FnOnce(&mut dyn Iterator<Item = Change>, &PostRemovesOfAll<'_>),
    ) {
        with(&mut self.table.snapshot(), &PostRemovesOfAll { slots: &self.slots });
    }
}
