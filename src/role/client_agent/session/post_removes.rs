//! What is routed when a session ends.

use crate::ids::Channel;
use crate::message::Timing;
use crate::role::client_agent::agent::{Context, SessionIndex};
use crate::router::{Origin, Said};
use crate::wire::{Frames, Reader, Recipients, write_frame};

/// Datagrams for the session's end, as frames. The router keeps the same under the session's name, in case
/// that the whole role is lost.
#[derive(Debug, Default)]
pub struct PostRemoves {
    frames: Vec<u8>,
    /// Not all of them follow from what the session has.
    are_of_cluster: bool,
    /// Whoever has lost the connection to the cluster has routed them already.
    were_said: bool,
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

    /// Some have been given by the cluster.
    pub const fn are_of_cluster(&mut self) {
        self.are_of_cluster = true;
    }

    /// Whether some have been given by the cluster.
    pub const fn has_some_of_cluster(&self) -> bool {
        self.are_of_cluster
    }

    /// Forgets all.
    pub fn clear(&mut self, cx: &mut Context<'_>, client: Channel) {
        self.are_of_cluster = false;
        if !self.frames.is_empty() {
            self.frames = Vec::new();
            cx.out.clear_post_removes(client);
        }
    }

    /// Notes that they have been routed elsewhere.
    pub const fn were_said(&mut self) {
        self.were_said = true;
    }

    /// The session has ended: routes all, in their order.
    pub fn route(&mut self, cx: &mut Context<'_>, session: SessionIndex, client: Channel) {
        for frame in Frames::new(&self.frames) {
            self.say(cx, session, client, frame.datagram());
        }
        if !std::mem::take(&mut self.frames).is_empty() {
            cx.out.forget_when_said(client);
        }
    }

    /// Routes something at the end of the session, whether or not it was kept.
    pub fn say(
        &self,
        cx: &mut Context<'_>,
        session: SessionIndex,
        client: Channel,
        datagram: &[u8],
    ) {
        let timing = Timing { is_late: self.were_said, ..Timing::default() };
        let said = Said { sender: client, timing };
        let routed = cx.out.say_last_words(Origin::Member(session), said, datagram);
        routed.expect("it has been a frame already, or is small");
    }
}
