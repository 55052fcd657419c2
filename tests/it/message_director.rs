//! Subscriptions, routing, post-removes and malformed input of the message director.

mod malformed_input;
mod post_removes;
mod routing;
mod subscriptions;
mod upstream_control;
mod wide;

use crate::harness::*;

const A: Channel = Channel(20_001);
const B: Channel = Channel(20_002);
const C: Channel = Channel(20_003);

/// A message whose number tells it from others; the message director looks at no message.
const fn note(number: u64) -> StateServer<'static> {
    StateServer::DeleteAiObjects { ai: Channel(number) }
}
