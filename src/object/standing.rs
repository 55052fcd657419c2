//! Who keeps objects, as others know him: what they are told when he is lost, and when he is back.
//!
//! Others derive something from what objects say: client agents the views of clients, parents how many children they have. So
//! there is one post-remove for all objects, which says that whoever keeps them is lost. That may be wrong:
//! whoever routes it has lost a connection, no more. Whoever is back says so.

use std::hash::BuildHasher;
use std::time::Instant;

use super::population::Population;
use crate::hash::Seed;
use crate::ids::Channel;
use crate::message::{Message, StateServer};
use crate::router::Effects;
use crate::wire::{Envelope, Reader, Writer};

/// Who keeps objects.
#[derive(Debug)]
pub struct Standing {
    /// A channel that no other has.
    server: Channel,
    /// The number of its life.
    epoch: u64,
}

impl Standing {
    /// One who has just come to life.
    pub fn new(server: Channel, seed: Seed) -> Self {
        Standing { server, epoch: seed.hash_one("the life of one who keeps objects") }
    }

    /// Has others be told if he is lost, and him when others are.
    pub fn begin(&self, out: &mut Effects) {
        out.subscribe(Channel::OBSERVERS);
        self.keep_last_words(out);
    }

    fn keep_last_words(&self, out: &mut Effects) {
        let Standing { server, epoch } = *self;
        let mut last_words = Vec::new();
        let lost = StateServer::Lost { server, epoch };
        lost.write_datagram(&mut Writer::new(&mut last_words), &[Channel::OBSERVERS], server);
        out.add_post_remove(server, &last_words).expect("it is small");
    }

    /// Tells others that he is here, whatever they have heard. That he is lost may have been said, and may have to be again.
    pub fn is_back(&self, out: &mut Effects) {
        out.clear_post_removes(self.server);
        self.keep_last_words(out);
        let Standing { server, epoch } = *self;
        let back = StateServer::Back { server, epoch };
        out.route(&[Channel::OBSERVERS], server, &back).expect("it is small");
    }

    /// Does what a datagram to all who observe objects asks for, if it is one.
    #[inline]
    pub fn hear(
        &self,
        now: Instant,
        envelope: &Envelope<'_>,
        objects: &mut Population,
        out: &mut Effects,
    ) {
        use StateServer as S;
        let is_known =
            matches!(envelope.message_type, S::STATESERVER_LOST..=S::STATESERVER_GET_OWNED);
        if is_known && envelope.recipients.iter().any(|channel| channel == Channel::OBSERVERS) {
            self.obey(now, envelope, objects, out);
        }
    }

    #[cold]
    fn obey(
        &self,
        now: Instant,
        envelope: &Envelope<'_>,
        objects: &mut Population,
        out: &mut Effects,
    ) {
        use StateServer as S;
        match S::decode(envelope.message_type, &mut Reader::new(envelope.body)) {
            Ok(S::Lost { server, .. }) if server != self.server => {
                objects.begin_to_compare(now, false, out);
            }
            Ok(S::Back { server, .. }) if server != self.server => {
                objects.begin_to_compare(now, true, out);
            }
            Ok(S::GetOwned { context, owners }) => {
                objects.begin_census(now, envelope.sender, context, owners, out);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(sender = %envelope.sender, %error, "bad message"),
        }
    }
}
