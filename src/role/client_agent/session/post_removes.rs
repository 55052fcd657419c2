//! What is routed when a session ends.

use crate::ids::Channel;
use crate::role::client_agent::agent::{Context, SessionIndex};
use crate::router::Origin;
use crate::wire::{Frames, Reader, Recipients, write_frame};

/// Datagrams for the session's end, as frames. The router keeps the same under the session's name, in case
/// that the whole role is lost.
#[derive(Debug, Default)]
pub struct PostRemoves {
    frames: Vec<u8>,
}

impl PostRemoves {
    /// Keeps a datagram.
    pub fn add(&mut self, cx: &mut Context<'_>, client: Channel, datagram: &[u8]) {
        if Recipients::read(&mut Reader::new(datagram)).is_err() {
            tracing::warn!(%client, "a post-remove without recipients is not kept");
            return;
        }
        let kept = write_frame(&mut self.frames, |writer| writer.raw(datagram))
            .and_then(|_| cx.out.add_post_remove(client, datagram));
        if let Err(error) = kept {
            tracing::warn!(%client, %error, "a post-remove is not kept");
        }
    }

    /// Whether there is nothing to be routed.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self, cx: &mut Context<'_>, client: Channel) {
        if !self.frames.is_empty() {
            self.frames = Vec::new();
            cx.out.clear_post_removes(client);
        }
    }

    /// The session has ended: routes all, in their order.
    pub fn route(&mut self, cx: &mut Context<'_>, session: SessionIndex, client: Channel) {
        for frame in Frames::new(&self.frames) {
            let routed = cx.out.route_datagram(Some(Origin::Member(session)), frame.datagram());
            routed.expect("it was a frame already");
        }
        self.clear(cx, client);
    }
}
