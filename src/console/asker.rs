//! Asking the cluster: the console has a channel of its own, by which it is answered.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::ids::{Channel, Context};
use crate::message::Message;
use crate::router::{Inbox, Participant, Router};
use crate::wire::{Envelope, Frames, Reader, write_frame};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many answers are waited for at a time.
const WAITING_MAX: usize = 64;
/// What may wait to be looked at, in bytes: some answers of the longest kind.
const INBOX_BYTES_MAX: usize = 1 << 20;

/// Somebody who asks.
pub struct Asker {
    channel: Channel,
    participant: Participant,
    inbox: Arc<Inbox>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last: u32,
    answers: HashMap<u32, oneshot::Sender<Answer>>,
}

/// Too many wait for answers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Busy;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The number of the message.
    pub number: u16,
    /// Its arguments.
    pub body: Vec<u8>,
}

impl Asker {
    /// Takes part in the router, by the channel that `random` says.
    pub fn new(router: &Router, random: u64) -> Arc<Self> {
        // As others do who have no channel of the configuration: in the upper half of all, nobody is given one.
        let channel = Channel(random | 1 << 63);
        let inbox = Inbox::new("console", INBOX_BYTES_MAX, INBOX_BYTES_MAX);
        let participant = router.join("console", inbox.clone());
        participant.batch().subscribe(channel);
        Arc::new(Asker { channel, participant, inbox, waiting: Mutex::default() })
    }

    /// As whom it asks.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Hands answers to those who wait for them, for as long as this runs.
    pub async fn listen(self: Arc<Self>) -> Infallible {
        let mut frames = Vec::new();
        loop {
            self.inbox.recv(&mut frames).await;
            for frame in Frames::new(&frames) {
                let Ok(envelope) = Envelope::read(frame.datagram()) else { continue };
                // All that is asked for is answered with what it was asked by.
                let Ok(context) = Reader::new(envelope.body).u32() else { continue };
                if let Some(waiting) = self.waiting.lock().answers.remove(&context) {
                    let (number, body) = (envelope.message_type, envelope.body.to_vec());
                    // Whoever has asked may have gone.
                    let _ = waiting.send(Answer { number, body });
                }
            }
        }
    }

    /// Asks something; nothing, if there is no answer in time.
    ///
    /// # Errors
    /// Too many wait for answers: nothing has been asked.
    pub async fn ask<M: Message>(
        &self,
        to: Channel,
        question: impl FnOnce(Context) -> M,
    ) -> Result<Option<Answer>, Busy> {
        let (sender, answer) = oneshot::channel();
        let context = {
            let mut waiting = self.waiting.lock();
            if waiting.answers.len() >= WAITING_MAX {
                return Err(Busy);
            }
            waiting.last = waiting.last.wrapping_add(1);
            let context = waiting.last;
            waiting.answers.insert(context, sender);
            context
        };
        self.send(&[to], self.channel, &question(Context(context)));
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        self.waiting.lock().answers.remove(&context);
        Ok(answer.ok().and_then(Result::ok))
    }

    /// Routes a message; whether it fits a datagram.
    pub fn send(&self, to: &[Channel], from: Channel, message: &impl Message) -> bool {
        let mut frame = Vec::new();
        let written =
            write_frame(&mut frame, |writer| message.write_datagram(writer, to, from)).is_ok();
        if written {
            self.route(&frame);
        }
        written
    }

    /// Routes a frame.
    pub fn route(&self, frame: &[u8]) {
        let mut batch = self.participant.batch();
        for frame in Frames::new(frame) {
            batch.route(frame);
        }
    }
}
