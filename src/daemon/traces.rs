//! Traces: what is routed, for commands that ask for it.
//!
//! A daemon hands datagrams over as they are, and the command finds out what is in them: all that this costs here is to look at what is
//! wanted and to copy it. So many may look at a time, each has a queue of so many bytes, and what has no room in it is counted.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dclass::DcFile;
use tokio::sync::Semaphore;

use super::operator::answer;
use crate::control::{Answer, Replies};
use crate::router::{Cursor, Item, Query, Router};
use crate::trace::{Filter, Names, Schema, Wanted, record};

/// How many may look at a time.
const TRACES_MAX: usize = 4;
/// What waits for one of them, at most.
const QUEUE_BYTES: usize = 4 << 20;
/// What is handed over at a time, at most, unless a single datagram is larger.
const CHUNK_BYTES: usize = 128 * 1024;
/// How many sessions are looked at in one hold of the router.
const SESSIONS_AT_ONCE: usize = 1024;

/// Hands over what is routed.
pub(super) struct Traces {
    router: Router,
    names: Arc<Names>,
    schema: Schema,
    places: Arc<Semaphore>,
}

impl Traces {
    /// Of a router whose datagrams are read by these DC files.
    pub fn new(router: Router, dc: Arc<DcFile>, schema: Schema) -> Self {
        let names = Arc::new(Names::new(dc));
        Traces { router, names, schema, places: Arc::new(Semaphore::new(TRACES_MAX)) }
    }

    /// Says by which DC files datagrams are read.
    pub fn say_schema(&self, replies: Replies) {
        answer(Some(replies), [Answer::Schema(self.schema.clone()), Answer::Exit(0)]);
    }

    /// Hands over what is wanted until whoever has asked has gone.
    pub fn begin(&self, mut wanted: Wanted, replies: Replies) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let text = format!(
                "{TRACES_MAX} others look at this daemon's datagrams already; try again when one has ended"
            );
            return answer(Some(replies), [Answer::Complain(text), Answer::Exit(1)]);
        };
        let (router, names, schema) =
            (self.router.clone(), self.names.clone(), self.schema.clone());
        tokio::spawn(async move {
            add_other_channels(&router, &mut wanted.clients).await;
            let tap = router.tap(Filter::new(wanted, names), QUEUE_BYTES);
            let mut bytes = Vec::new();
            if replies.send(Answer::Schema(schema)).await.is_err() {
                return;
            }
            loop {
                tokio::select! {
                    () = replies.closed() => break,
                    () = tap.recv(&mut bytes) => {}
                }
                if hand_over(&bytes, &replies).await.is_none() {
                    break;
                }
            }
            drop(place);
        });
    }
}

/// Hands records over, no more at a time than the peer takes. `None` if it has gone.
async fn hand_over(mut records: &[u8], replies: &Replies) -> Option<()> {
    while !records.is_empty() {
        let mut rest = records;
        while let Some(before) = Some(rest)
            && record::next(&mut rest).is_some()
        {
            if records.len() - rest.len() > CHUNK_BYTES && before.len() < records.len() {
                rest = before;
                break;
            }
        }
        let (chunk, others) = records.split_at(records.len() - rest.len());
        if chunk.is_empty() {
            break;
        }
        records = others;
        // With one of them on its way, the next one waits in the queue that is counted.
        let mut places = replies.reserve_many(replies.max_capacity() - 1).await.ok()?;
        places.next()?.send(Answer::Records(STANDARD.encode(chunk)));
    }
    Some(())
}

/// A client has the channel that it was given first and the one that it sends from: whoever names one means both.
async fn add_other_channels(router: &Router, clients: &mut Vec<u64>) {
    if clients.is_empty() {
        return;
    }
    for (role, _) in router.roles() {
        let mut cursor = Some(Cursor::default());
        while let Some(from) = cursor {
            let page = router.inspect(role, &Query::Sessions, from, SESSIONS_AT_ONCE);
            // It is lost: so is the daemon.
            let Ok(page) = page else { return };
            for item in page.items {
                let Item::Session { allocated, channel, .. } = item else { continue };
                let both = [allocated.0, channel.0];
                if both.iter().any(|channel| clients.contains(channel)) {
                    clients.extend(
                        both.into_iter()
                            .filter(|channel| !clients.contains(channel))
                            .collect::<Vec<_>>(),
                    );
                }
            }
            cursor = page.next;
            tokio::task::yield_now().await;
        }
    }
}
