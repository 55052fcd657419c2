//! Answers without an end: each keeps a connection and is told of everything, so that there are few.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// How many there may be. For the next one the oldest of the same reader gives way, or of whoever has most.
const STREAMS_MAX: usize = 32;

/// All of them, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Debug)]
struct Entry {
    reader: String,
    gives_way: CancellationToken,
}

/// One of them; it is one no more when this is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    all: Streams,
    gives_way: CancellationToken,
}

impl Streams {
    /// One more.
    pub fn enter(&self, reader: String) -> StreamPlace {
        let gives_way = CancellationToken::new();
        let mut all = self.0.lock();
        // Those that give way leave by themselves.
        all.retain(|entry| !entry.gives_way.is_cancelled());
        if all.len() >= STREAMS_MAX {
            let count = |reader: &str| all.iter().filter(|entry| entry.reader == reader).count();
            let whose = match count(&reader) {
                0 => all.iter().map(|entry| &*entry.reader).max_by_key(|reader| count(reader)),
                _ => Some(&*reader),
            };
            let oldest = all.iter().find(|entry| Some(&*entry.reader) == whose);
            oldest.inspect(|entry| entry.gives_way.cancel());
        }
        all.push(Entry { reader, gives_way: gives_way.clone() });
        StreamPlace { all: self.clone(), gives_way }
    }
}

impl StreamPlace {
    /// Waits until it has to end for another one.
    pub async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        // Then it is forgotten with the next one, and counts no more.
        self.gives_way.cancel();
        self.all.0.lock().retain(|entry| !entry.gives_way.is_cancelled());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_same_reader_gives_way_or_of_whoever_has_most() {
        let streams = Streams::default();
        let enter = |reader: &str| streams.enter(reader.to_owned());
        let alice = enter("alice");
        let mut bob: Vec<StreamPlace> = (1..STREAMS_MAX).map(|_| enter("bob")).collect();
        let has_to_go = |place: &StreamPlace| place.gives_way.is_cancelled();
        assert!(!has_to_go(&alice) && !bob.iter().any(has_to_go));
        let carol = enter("carol");
        assert!(has_to_go(&bob[0]) && !bob[1..].iter().any(has_to_go) && !has_to_go(&alice));
        let other = enter("alice");
        assert!(has_to_go(&alice) && !has_to_go(&other) && !has_to_go(&carol));
        bob.pop();
        let last = enter("dave");
        assert!(
            !bob[1..].iter().chain([&carol, &other, &last]).any(has_to_go),
            "there was a place"
        );
    }
}
