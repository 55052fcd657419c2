//! The last records, as many as some bytes hold.

use std::collections::VecDeque;

use super::record::Record;

/// So many chunks the ring has when it is full: what is forgotten at a time is one of them.
const CHUNKS: usize = 16;

/// The last records: so many bytes of them, and none that are older than so long. Its oldest are forgotten a chunk at a time, whose memory
/// is used again: to keep a record is to copy it.
#[derive(Debug)]
pub struct Ring {
    bytes_max: usize,
    micros_max: u64,
    /// Oldest first.
    chunks: VecDeque<Chunk>,
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Chunk {
    records: Vec<u8>,
    /// When its last record was made.
    last: u64,
}

impl Ring {
    /// A ring of so many bytes and microseconds.
    pub const fn new(bytes_max: usize, micros_max: u64) -> Self {
        Ring { bytes_max, micros_max, chunks: VecDeque::new(), spare: Vec::new() }
    }

    /// Keeps a record.
    pub fn push(&mut self, record: &Record<'_>) {
        let chunk_bytes = self.bytes_max / CHUNKS;
        let (length, micros) = (record.len(), record.micros());
        if length > self.bytes_max {
            return;
        }
        let fits = |chunk: &Chunk| chunk.records.len() + length <= chunk_bytes;
        if !self.chunks.back().is_some_and(fits) {
            self.forget(length, micros);
            let mut records = std::mem::take(&mut self.spare);
            records.clear();
            self.chunks.push_back(Chunk { records, last: micros });
        }
        if let Some(chunk) = self.chunks.back_mut() {
            record.write(&mut chunk.records);
            chunk.last = micros;
        }
    }

    /// Makes room for as many bytes, and forgets what is too old.
    fn forget(&mut self, length: usize, now: u64) {
        let length = length.max(self.bytes_max / CHUNKS);
        let oldest = now.saturating_sub(self.micros_max);
        while let Some(chunk) = self.chunks.front() {
            if self.bytes() + length <= self.bytes_max && chunk.last >= oldest {
                break;
            }
            self.spare = self.chunks.pop_front().map(|chunk| chunk.records).unwrap_or_default();
        }
    }

    /// How many bytes of records it has.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.records.len()).sum()
    }

    /// Copies all records that are not too old by now.
    pub fn records(&self, now: u64) -> Vec<u8> {
        let oldest = now.saturating_sub(self.micros_max);
        let mut all = Vec::with_capacity(self.bytes());
        for chunk in self.chunks.iter().filter(|chunk| chunk.last >= oldest) {
            let mut rest = &chunk.records[..];
            loop {
                let before = rest;
                match super::record::next(&mut rest) {
                    Some(record) if record.micros() >= oldest => {
                        all.extend_from_slice(before);
                        break;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::{self, Path};

    fn datagram(micros: u64) -> Record<'static> {
        Record::Datagram { micros, path: Path::Routed, origin: "ai", bytes: &[7; 77] }
    }

    fn times(records: &[u8]) -> Vec<u64> {
        let mut rest = records;
        let mut times = Vec::new();
        while let Some(record) = record::next(&mut rest) {
            times.push(record.micros());
        }
        assert!(rest.is_empty());
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
        let times = times(&ring.records(10_000));
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
        assert_eq!(times(&ring.records(120)), [40, 90, 120]);
        assert_eq!(times(&ring.records(300)), [0; 0]);
        for micros in 1_000..3_000 {
            ring.push(&datagram(micros));
        }
        assert_eq!(times(&ring.records(2_999)), (2_899..3_000).collect::<Vec<_>>());
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
        assert_eq!(times(&ring.records(99)), (85..100).collect::<Vec<_>>());
    }
}
