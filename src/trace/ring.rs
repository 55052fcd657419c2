//! The last records, as many as some bytes hold.

use std::collections::VecDeque;
use std::sync::Arc;

use super::record::{self, Record};

/// So many chunks the ring has when it is full: what is forgotten at a time is one of them.
const CHUNKS: usize = 16;

/// The last records: so many bytes of them, and none that are older than so long. Its oldest are forgotten a chunk at a time, whose memory
/// is used again: to keep a record is to copy it. Whoever wants to see them is given the chunks, which takes no time however large they are.
#[derive(Debug)]
pub struct Ring {
    bytes_max: usize,
    micros_max: u64,
    /// Those that nothing is added to, oldest first.
    full: VecDeque<Chunk>,
    /// How many bytes they have.
    full_bytes: usize,
    /// The newest records.
    open: Vec<u8>,
    /// When the last of them was made.
    last: u64,
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Chunk {
    records: Arc<Vec<u8>>,
    /// When its last record was made.
    last: u64,
}

/// What a ring had at a moment.
#[derive(Debug)]
pub struct Kept {
    chunks: Vec<Arc<Vec<u8>>>,
    /// Older records are not shown.
    oldest: u64,
}

impl Kept {
    /// The records, in pieces, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().map(|chunk| since(chunk, self.oldest))
    }
}

/// What begins with the first record that is not older.
fn since(records: &[u8], oldest: u64) -> &[u8] {
    let mut rest = records;
    loop {
        let before = rest;
        match record::next(&mut rest) {
            Some(record) if record.micros() >= oldest => return before,
            Some(_) => {}
            None => return rest,
        }
    }
}

impl Ring {
    /// A ring of so many bytes and microseconds.
    pub const fn new(bytes_max: usize, micros_max: u64) -> Self {
        Ring {
            bytes_max,
            micros_max,
            full: VecDeque::new(),
            full_bytes: 0,
            open: Vec::new(),
            last: 0,
            spare: Vec::new(),
        }
    }

    /// Keeps a record.
    pub fn push(&mut self, record: &Record<'_>) {
        let chunk_bytes = self.bytes_max / CHUNKS;
        let (length, micros) = (record.len(), record.micros());
        if length > self.bytes_max {
            return;
        }
        if self.open.is_empty() || self.open.len() + length > chunk_bytes {
            self.fill();
            self.forget(length, micros);
            self.open = std::mem::take(&mut self.spare);
            self.open.clear();
            // Pages that are not written to are no memory.
            self.open.reserve_exact(chunk_bytes.max(length));
        }
        record.write(&mut self.open);
        self.last = micros;
    }

    /// Nothing more is added to the newest records.
    fn fill(&mut self) {
        if !self.open.is_empty() {
            let records = Arc::new(std::mem::take(&mut self.open));
            self.full_bytes += records.len();
            self.full.push_back(Chunk { records, last: self.last });
        }
    }

    /// Makes room for as many bytes, and forgets what is too old.
    fn forget(&mut self, length: usize, now: u64) {
        let length = length.max(self.bytes_max / CHUNKS);
        let oldest = now.saturating_sub(self.micros_max);
        while let Some(chunk) = self.full.front() {
            if self.full_bytes + length <= self.bytes_max && chunk.last >= oldest {
                break;
            }
            let Some(Chunk { records, .. }) = self.full.pop_front() else { return };
            self.full_bytes -= records.len();
            // Unless somebody looks at it.
            self.spare = Arc::try_unwrap(records).unwrap_or_default();
        }
    }

    /// How many bytes of records it has.
    pub const fn bytes(&self) -> usize {
        self.full_bytes + self.open.len()
    }

    /// All records that are not too old by now.
    pub fn kept(&mut self, now: u64) -> Kept {
        self.fill();
        let oldest = now.saturating_sub(self.micros_max);
        let chunks = self.full.iter().filter(|chunk| chunk.last >= oldest);
        Kept { chunks: chunks.map(|chunk| chunk.records.clone()).collect(), oldest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::Path;

    fn datagram(micros: u64) -> Record<'static> {
        Record::Datagram { micros, path: Path::Routed, origin: "ai", bytes: &[7; 77] }
    }

    fn times(kept: &Kept) -> Vec<u64> {
        let mut times = Vec::new();
        for mut rest in kept.parts() {
            while let Some(record) = record::next(&mut rest) {
                times.push(record.micros());
            }
            assert!(rest.is_empty());
        }
        times
    }

    #[test]
    fn it_keeps_the_last_of_so_many_bytes() {
        const BYTES: usize = 32 * 1024;
        let mut ring = Ring::new(BYTES, u64::MAX);
        for micros in 0..10_000 {
            ring.push(&datagram(micros));
            assert!(ring.bytes() <= BYTES);
        }
        let times = times(&ring.kept(10_000));
        assert_eq!(times.last(), Some(&9_999));
        assert!(times.is_sorted() && times.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert!(times.len() * datagram(0).len() > BYTES * 3 / 4, "{}", times.len());
    }

    #[test]
    fn what_is_too_old_is_not_shown_and_goes() {
        let mut ring = Ring::new(1 << 20, 100);
        for micros in [0, 40, 90, 120] {
            ring.push(&datagram(micros));
        }
        assert_eq!(times(&ring.kept(120)), [40, 90, 120]);
        assert_eq!(times(&ring.kept(300)), [0; 0]);
        for micros in 1_000..3_000 {
            ring.push(&datagram(micros));
        }
        assert_eq!(times(&ring.kept(2_999)), (2_899..3_000).collect::<Vec<_>>());
        assert!(ring.bytes() < 1 << 18, "{}", ring.bytes());
    }

    #[test]
    fn a_large_one_has_the_room_of_several() {
        let mut ring = Ring::new(1 << 20, u64::MAX);
        let large = vec![1; 65_535];
        for micros in 0..100 {
            ring.push(&Record::Datagram { micros, path: Path::Routed, origin: "a", bytes: &large });
            assert!(ring.bytes() <= 1 << 20);
        }
        assert_eq!(times(&ring.kept(99)), (85..100).collect::<Vec<_>>());
    }
}
