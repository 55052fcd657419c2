//! A table that is never moved, or walked over, as a whole.
//!
//! An ordinary table that grows, or is made smaller, moves all that is in it, and it must not change while it is
//! walked over. With a million entries each of these takes longer than anybody is to wait. This one is made of
//! pages. The first bits of an entry's hash, its *rank*, say on which it is: a page has all ranks that begin alike, and a directory
//! says which. A page that is full is split into two by one bit more (extendible hashing). So nothing that is done moves more than a page,
//! and an entry is moved once each time the table becomes twice as large.
//!
//! A walk goes from page to page in the order of ranks. It can be put off after any page: what it has passed stays passed, whatever is
//! added, removed or split meanwhile.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::{self, Entry};

use super::Seed;

/// How many entries a page has room for: as many as fill a table of 2048 places.
const ENTRIES_MAX: usize = 1792;
/// Pages with fewer entries grow, or have their gaps filled, instead of being split: where something has been removed, a
/// table may have less room.
const SPLIT_MIN: usize = ENTRIES_MAX / 2 + 1;
/// A page with so little room is not made smaller.
const ROOM_KEPT: usize = 64;
/// The first bits of a hash, which a page's own table takes.
const BITS_OF_PAGE: u32 = 7;

/// A table in pages.
#[derive(Debug)]
pub struct Paged<K, V> {
    seed: Seed,
    len: usize,
    /// How many bits of a rank the directory tells apart: one at least, so that finding a page is one shift.
    depth: u32,
    /// Places in `pages`, by the first `depth` bits of a rank.
    directory: Vec<u32>,
    pages: Vec<Page<K, V>>,
}

#[derive(Debug)]
struct Page<K, V> {
    /// How many first bits all its ranks have in common.
    depth: u32,
    entries: HashTable<(K, V)>,
}

/// How far a walk has come: the first rank that it has not passed, if there is one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Walk(Option<u64>);

impl Walk {
    /// One that has not begun.
    pub const START: Walk = Walk(Some(0));

    /// Whether it has passed everything.
    pub const fn is_over(self) -> bool {
        self.0.is_none()
    }
}

impl<K: Copy + Eq + Hash, V> Paged<K, V> {
    /// An empty table.
    pub fn with_hasher(seed: Seed) -> Self {
        let pages = vec![Page { depth: 0, entries: HashTable::new() }];
        Paged { seed, len: 0, depth: 1, directory: vec![0, 0], pages }
    }

    /// What it is hashed with.
    pub const fn hasher(&self) -> &Seed {
        &self.seed
    }

    /// How many entries there are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        let hash = self.seed.hash_one(key);
        let page = &self.pages[self.page_of(rank_of(hash))];
        page.entries.find(hash, |(other, _)| other == key).map(|(_, value)| value)
    }

    /// Whether there is an entry of this key.
    #[inline]
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Adds an entry, or has `change` do something about the one of this key. Whether it is new.
    #[inline]
    pub fn add(&mut self, key: K, new: impl FnOnce() -> V, change: impl FnOnce(&mut V)) -> bool {
        let (seed, hash) = (self.seed, self.seed.hash_one(key));
        let place = self.page_of(rank_of(hash));
        let entries = &mut self.pages[place].entries;
        match entries.entry(hash, |(other, _)| *other == key, |(key, _)| seed.hash_one(key)) {
            Entry::Occupied(mut entry) => {
                change(&mut entry.get_mut().1);
                return false;
            }
            Entry::Vacant(entry) => drop(entry.insert((key, new()))),
        }
        self.len += 1;
        if entries.len() >= SPLIT_MIN && entries.len() == entries.capacity() {
            self.split(rank_of(hash));
        }
        true
    }

    /// Adds an entry, if there is none of this key. Whether it is new.
    #[inline]
    pub fn insert(&mut self, key: K, value: V) -> bool {
        self.add(key, || value, |_| {})
    }

    /// Removes an entry, and returns its value.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.remove_if(key, |_| true)
    }

    /// Removes an entry if `is_over` says so, which may change it, and returns its value.
    #[inline]
    pub fn remove_if(&mut self, key: K, is_over: impl FnOnce(&mut V) -> bool) -> Option<V> {
        let hash = self.seed.hash_one(key);
        let place = self.page_of(rank_of(hash));
        let entries = &mut self.pages[place].entries;
        let mut entry = entries.find_entry(hash, |(other, _)| *other == key).ok()?;
        if !is_over(&mut entry.get_mut().1) {
            return None;
        }
        let ((_, value), _) = entry.remove();
        self.len -= 1;
        self.tidy(place);
        Some(value)
    }

    /// All keys; their order means nothing.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.pages.iter().flat_map(|page| &page.entries).map(|(key, _)| key)
    }

    /// All entries, taken out page by page.
    pub fn into_entries(self) -> IntoEntries<K, V> {
        IntoEntries { left: self.len, pages: self.pages.into_iter(), page: None }
    }

    /// Goes over a page: `None` if there is no other one.
    pub fn walk(&self, walk: &mut Walk) -> Option<impl ExactSizeIterator<Item = &(K, V)>> {
        let place = self.step(walk)?;
        Some(self.pages[place].entries.iter())
    }

    /// Goes over a page, and appends the keys for which `is_wanted` to `into`, of which it removes the entries.
    /// How many it has looked at; `None` if there is no other page.
    pub fn walk_removing(
        &mut self,
        walk: &mut Walk,
        is_wanted: impl Fn(&K) -> bool,
        into: &mut Vec<K>,
    ) -> Option<usize> {
        let place = self.step(walk)?;
        let entries = &mut self.pages[place].entries;
        let before = entries.len();
        into.extend(entries.extract_if(|(key, _)| is_wanted(key)).map(|(key, _)| key));
        self.len = self.len - before + entries.len();
        self.tidy(place);
        Some(before)
    }

    /// Whether a walk has passed the place of a key.
    #[inline]
    pub fn has_passed(&self, walk: Walk, key: &K) -> bool {
        walk.0.is_none_or(|at| rank_of(self.seed.hash_one(key)) < at)
    }

    /// The page that a walk goes over next.
    fn step(&self, walk: &mut Walk) -> Option<usize> {
        let at = walk.0?;
        let place = self.page_of(at);
        // Where the walk is may be in the middle of a page: one that has not been split does not become one.
        walk.0 = match self.pages[place].depth {
            0 => None,
            depth => (at | (u64::MAX >> depth)).checked_add(1),
        };
        Some(place)
    }

    /// The place of the page that a rank is on.
    #[inline]
    fn page_of(&self, rank: u64) -> usize {
        self.directory[first_bits(rank, self.depth)] as usize
    }

    /// Splits the page that a rank is on.
    #[cold]
    fn split(&mut self, rank: u64) {
        let place = self.page_of(rank);
        let depth = self.pages[place].depth + 1;
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|&place| [place, place]).collect();
            self.depth = depth;
        }
        let (seed, bit) = (self.seed, 1 << (u64::BITS - depth));
        let hash_of = |(key, _): &(K, V)| seed.hash_one(key);
        let page = &mut self.pages[place];
        page.depth = depth;
        // Both are made anew: what has left a table leaves gaps in which there is no room for others, so that it would be full
        // with half as many.
        let old = std::mem::replace(&mut page.entries, HashTable::with_capacity(ENTRIES_MAX));
        let mut upper = HashTable::with_capacity(ENTRIES_MAX);
        for entry in old {
            let hash = hash_of(&entry);
            let half = if rank_of(hash) & bit > 0 { &mut upper } else { &mut page.entries };
            half.insert_unique(hash, entry, hash_of);
        }
        let new = u32::try_from(self.pages.len()).expect("fewer pages than 2^32");
        self.pages.push(Page { depth, entries: upper });
        // Those ranks that begin as this page's and go on with a one.
        let first = first_bits((rank & !(bit - 1)) | bit, self.depth);
        self.directory[first..first + (1 << (self.depth - depth))].fill(new);
    }

    /// Gives back the memory that a page does not need any more.
    #[inline]
    fn tidy(&mut self, place: usize) {
        let entries = &mut self.pages[place].entries;
        if entries.capacity() > ROOM_KEPT && entries.len() < entries.capacity() / 8 {
            let seed = self.seed;
            entries.shrink_to(entries.len() * 2, |(key, _)| seed.hash_one(key));
        }
    }
}

/// What says where an entry is, and in which order a walk passes it.
#[inline]
const fn rank_of(hash: u64) -> u64 {
    hash << BITS_OF_PAGE
}

/// The first `count` bits of a rank, as a number: one at least, and fewer than 64.
#[inline]
const fn first_bits(rank: u64, count: u32) -> usize {
    // Modulo 64, this is shifting by 64 - `count`.
    rank.wrapping_shr(count.wrapping_neg()) as usize
}

/// The entries of a table that is no more.
#[derive(Debug)]
pub struct IntoEntries<K, V> {
    left: usize,
    pages: std::vec::IntoIter<Page<K, V>>,
    page: Option<hash_table::IntoIter<(K, V)>>,
}

impl<K, V> Iterator for IntoEntries<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.page.as_mut().and_then(Iterator::next) {
                self.left -= 1;
                return Some(entry);
            }
            self.page = Some(self.pages.next()?.entries.into_iter());
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> ExactSizeIterator for IntoEntries<K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    impl<K: Copy + Eq + Hash, V> Paged<K, V> {
        /// The most that any page has room for.
        fn largest_page(&self) -> usize {
            self.pages.iter().map(|page| page.entries.capacity()).max().unwrap_or_default()
        }
    }

    fn table(keys: impl Iterator<Item = u64>) -> Paged<u64, u64> {
        let mut table = Paged::with_hasher(Seed::fixed(3));
        keys.for_each(|key| assert!(table.insert(key, !key)));
        table
    }

    #[test]
    fn no_page_is_larger_than_what_may_be_moved_at_once() {
        const MANY: u64 = 100_000;
        let mut table = table(0..MANY);
        assert_eq!(table.len() as u64, MANY);
        assert_eq!(table.largest_page(), ENTRIES_MAX);
        assert!((0..MANY).all(|key| table.get(&key) == Some(&!key)));
        assert_eq!(table.get(&MANY), None);
        // And those that have become empty are given back.
        (0..MANY)
            .filter(|key| key % 50 > 0)
            .for_each(|key| assert_eq!(table.remove(key), Some(!key)));
        assert!(table.largest_page() <= ENTRIES_MAX / 8, "{}", table.largest_page());
        assert_eq!(table.keys().count() as u64, MANY / 50);
        (0..MANY).for_each(|key| assert_eq!(table.remove(key).is_some(), key % 50 == 0));
        assert_eq!((table.len(), table.keys().count()), (0, 0));
    }

    #[test]
    fn keys_that_are_alike_are_spread_over_the_pages() {
        for (seed, stride) in [(1, 1), (2, 1000), (3, 1 << 20), (4, 1 << 32), (5, (1 << 32) + 1)] {
            let mut table = Paged::with_hasher(Seed::fixed(seed));
            (0..100_000).for_each(|number: u64| assert!(table.insert(number * stride, ())));
            // 64 would do if all were filled alike.
            assert!(table.pages.len() <= 80, "{} pages by {stride}", table.pages.len());
            assert!(table.depth <= 8, "{} bits by {stride}", table.depth);
        }
    }

    #[test]
    fn all_can_be_taken_out() {
        let mut entries = table(0..10_000).into_entries();
        assert_eq!(entries.len(), 10_000);
        assert!(entries.next().is_some_and(|(key, value)| value == !key));
        assert_eq!(entries.len(), 9_999);
        assert_eq!(entries.map(|(key, _)| key).collect::<BTreeSet<_>>().len(), 9_999);
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// So many numbers from one on.
        Insert(u64, u64),
        Remove(u64, u64),
        Walk,
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_walk_sees_all_that_stay_and_knows_which_it_has_passed(
            steps in prop::collection::vec(prop_oneof![
                3 => (0..30_000u64, 0..6_000u64).prop_map(|(from, count)| Step::Insert(from, count)),
                2 => (0..30_000u64, 0..6_000u64).prop_map(|(from, count)| Step::Remove(from, count)),
                5 => Just(Step::Walk),
            ], 1..40),
        ) {
            let mut table = table(0..5_000);
            let mut model: BTreeMap<u64, u64> = (0..5_000).map(|key| (key, !key)).collect();
            // What somebody knows who is told of all changes of what the walk has passed.
            let mut known = BTreeSet::new();
            let mut walk = Walk::START;
            for step in steps.into_iter().chain((0..100).map(|_| Step::Walk)) {
                match step {
                    Step::Insert(from, count) => for key in from..from + count {
                        prop_assert_eq!(table.insert(key, !key), model.insert(key, !key).is_none());
                        if table.has_passed(walk, &key) {
                            known.insert(key);
                        }
                    },
                    Step::Remove(from, count) => for key in from..from + count {
                        prop_assert_eq!(table.remove(key), model.remove(&key));
                        if table.has_passed(walk, &key) {
                            known.remove(&key);
                        }
                    },
                    Step::Walk => {
                        let page = table.walk(&mut walk).into_iter().flatten();
                        page.for_each(|(key, _)| assert!(known.insert(*key), "{key} twice"));
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
            prop_assert!(walk.is_over());
            prop_assert!(known.iter().eq(model.keys()));
            let mut walk = Walk::START;
            let mut removed = Vec::new();
            while table.walk_removing(&mut walk, |key| key % 3 == 0, &mut removed).is_some() {}
            removed.sort_unstable();
            prop_assert!(removed.iter().eq(model.keys().filter(|key| *key % 3 == 0)));
            prop_assert_eq!(table.len(), model.len() - removed.len());
            prop_assert_eq!(table.into_entries().count(), model.len() - removed.len());
        }
    }
}
