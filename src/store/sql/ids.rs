//! Which ids new objects get: first those that were never given, ascending, then the freed ones.

use parking_lot::Mutex;

use super::session::Session;
use crate::config::DoIdRange;
use crate::ids::DoId;

/// The ids of a range that no object of the database has.
#[derive(Debug)]
pub struct Allocator {
    range: DoIdRange,
    unused: Mutex<Option<Unused>>,
}

/// Ids that were never given, as far as this process knows.
#[derive(Debug, Default)]
struct Unused {
    /// The first one, and all behind it.
    next: i64,
    /// Others below it, descending: taken, but given back.
    returned: Vec<i64>,
}

/// Ids for the objects of one batch. What is not settled when it is dropped is given back.
#[derive(Debug)]
pub struct Reservation<'a> {
    allocator: &'a Allocator,
    new: Vec<i64>,
    freed: Vec<i64>,
}

impl Allocator {
    /// Nothing is looked up yet.
    pub const fn new(range: DoIdRange) -> Self {
        Allocator { range, unused: Mutex::new(None) }
    }

    /// The range.
    pub const fn range(&self) -> DoIdRange {
        self.range
    }

    /// Ids for a batch, none so far.
    pub const fn reservation(&self) -> Reservation<'_> {
        Reservation { allocator: self, new: Vec::new(), freed: Vec::new() }
    }

    fn bounds(&self) -> (i64, i64) {
        (i64::from(self.range.min.0), i64::from(self.range.max.0))
    }
}

impl Reservation<'_> {
    /// Takes `count` ids, or as many as there are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fill(&mut self, session: &mut impl Session, count: usize) -> sqlx::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let (min, max) = self.allocator.bounds();
        if self.allocator.unused.lock().is_none() {
            let highest = session.highest(min, max).await?;
            let next = highest.map_or(min, |highest| highest + 1);
            let mut unused = self.allocator.unused.lock();
            unused.get_or_insert_with(|| Unused { next, returned: Vec::new() });
        }
        if let Some(unused) = &mut *self.allocator.unused.lock() {
            while self.new.len() < count {
                let id = unused.returned.pop().or_else(|| {
                    let next = unused.next;
                    (next <= max).then(|| {
                        unused.next += 1;
                        next
                    })
                });
                let Some(id) = id else {
                    break;
                };
                self.new.push(id);
            }
        }
        let missing = count - self.new.len();
        if missing > 0 {
            let missing = i64::try_from(missing).expect("a batch is small");
            self.freed = session.free(min, max, missing, true).await?;
        }
        Ok(())
    }

    /// The ids, in the order in which they are to be given.
    pub fn ids(&self) -> impl Iterator<Item = DoId> {
        let ids = self.new.iter().chain(&self.freed);
        ids.map(|id| DoId((*id).try_into().expect("the range has only doIds")))
    }

    /// Those of the ids that count as freed in the database, if the last `unused` are not needed.
    pub fn taken_from_free(&self, unused: usize) -> Vec<i64> {
        self.freed[..self.freed.len().saturating_sub(unused)].to_vec()
    }

    /// The ids are given, except the last `unused` ones.
    pub fn settle(&mut self, unused: usize) {
        let new_unused = unused.saturating_sub(self.freed.len());
        self.new.drain(..self.new.len() - new_unused);
    }

    /// Somebody else gives ids of the range too: what is known of unused ones is wrong.
    pub fn forget(&mut self) {
        self.new.clear();
        *self.allocator.unused.lock() = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.new.is_empty() {
            return;
        }
        if let Some(unused) = &mut *self.allocator.unused.lock() {
            unused.returned.append(&mut self.new);
            unused.returned.sort_unstable_by(|left, right| right.cmp(left));
        }
    }
}
