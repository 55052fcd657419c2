//! A table that is never moved, or walked over, as a whole.
//!
//! An ordinary table that grows, or is made smaller, moves all that is in it, and it must not change while it is
//! walked over. With a million entries each of these takes longer than anybody is to wait. This one is made of
//! pages. Some bits of an entry's hash say on which it is. When pages have become fuller, one of them is split into two by one bit more,
//! and they take turns (linear hashing). So nothing that is done moves more than a page.
//!
//! A walk goes from page to page in the order of *ranks*, which are those bits with the first one split by
//! in front. It can be put off after any page: what it has passed stays passed, whatever is added, removed or split meanwhile.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::{self, Entry};

use super::Seed;

/// How many entries a page has before there are more pages: one that has still to be split has up to twice as many.
const ENTRIES_PER_PAGE: usize = 2048;
/// A page with so little room is not made smaller.
const ROOM_KEPT: usize = 64;
/// The bits before those that say where an entry is: a page takes the very first ones for that, and the last ones.
const BITS_OF_PAGE: u32 = 20;

/// A table in pages.
#[derive(Debug)]
pub struct Paged<K, V> {
    seed: Seed,
    len: usize,
    /// The bits of a hash that say on which page an entry is, as long as that has not been split.
    mask: u64,
    /// Pages before this one have been split, and one bit more says on which half an entry is.
    next_split: u64,
    pages: Vec<HashTable<(K, V)>>,
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
        Paged { seed, len: 0, mask: 0, next_split: 0, pages: vec![HashTable::new()] }
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
        let found = self.pages[self.page_of(hash)].find(hash, |(other, _)| other == key);
        found.map(|(_, value)| value)
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
        let place = self.page_of(hash);
        let is_key = |(other, _): &(K, V)| *other == key;
        match self.pages[place].entry(hash, is_key, |(key, _)| seed.hash_one(key)) {
            Entry::Occupied(mut entry) => {
                change(&mut entry.get_mut().1);
                return false;
            }
            Entry::Vacant(entry) => drop(entry.insert((key, new()))),
        }
        self.len += 1;
        if self.len > self.pages.len() * ENTRIES_PER_PAGE {
            self.split();
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
        let place = self.page_of(hash);
        let mut entry = self.pages[place].find_entry(hash, |(other, _)| *other == key).ok()?;
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
        self.pages.iter().flatten().map(|(key, _)| key)
    }

    /// All entries, taken out page by page.
    pub fn into_entries(self) -> IntoEntries<K, V> {
        let Paged { len, pages, .. } = self;
        IntoEntries { left: len, pages: pages.into_iter(), page: None }
    }

    /// Goes over a page: `None` if there is no other one.
    pub fn walk(&self, walk: &mut Walk) -> Option<impl ExactSizeIterator<Item = &(K, V)>> {
        let page = self.step(walk)?;
        Some(self.pages[page].iter())
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
        let entries = &mut self.pages[place];
        let before = entries.len();
        into.extend(entries.extract_if(|(key, _)| is_wanted(key)).map(|(key, _)| key));
        self.len = self.len - before + entries.len();
        self.tidy(place);
        Some(before)
    }

    /// Whether a walk has passed the place of a key.
    #[inline]
    pub fn has_passed(&self, walk: Walk, key: &K) -> bool {
        let rank = (self.seed.hash_one(key) >> BITS_OF_PAGE).reverse_bits();
        walk.0.is_none_or(|at| rank < at)
    }

    /// The page that a walk goes over next.
    fn step(&self, walk: &mut Walk) -> Option<usize> {
        let rank = walk.0?;
        let bits = rank.reverse_bits();
        let is_split = bits & self.mask < self.next_split;
        let depth = self.mask.count_ones() + u32::from(is_split);
        let width = 1u64.checked_shl(u64::BITS - depth);
        walk.0 = width.and_then(|width| (rank & !(width - 1)).checked_add(width));
        Some(self.page_of_bits(bits))
    }

    #[inline]
    fn page_of(&self, hash: u64) -> usize {
        self.page_of_bits(hash >> BITS_OF_PAGE)
    }

    /// There is no branch in it: which pages have been split is nothing that can be foreseen.
    #[inline]
    const fn page_of_bits(&self, bits: u64) -> usize {
        let is_split = (bits & self.mask < self.next_split) as u64;
        (bits & (self.mask + is_split * (self.mask + 1))) as usize
    }

    /// Splits the page whose turn it is.
    #[cold]
    fn split(&mut self) {
        let (seed, bit) = (self.seed, self.mask + 1);
        let hash_of = |(key, _): &(K, V)| seed.hash_one(key);
        let lower = &mut self.pages[self.next_split as usize];
        let entries = std::mem::take(lower);
        lower.reserve(entries.len() / 2, hash_of);
        let mut upper = HashTable::with_capacity(entries.len() / 2);
        for entry in entries {
            let hash = hash_of(&entry);
            let half = if (hash >> BITS_OF_PAGE) & bit == 0 { &mut *lower } else { &mut upper };
            half.insert_unique(hash, entry, hash_of);
        }
        self.pages.push(upper);
        self.next_split += 1;
        if self.next_split > self.mask {
            self.next_split = 0;
            self.mask = self.mask * 2 + 1;
        }
    }

    /// Gives back the memory that a page does not need any more.
    #[inline]
    fn tidy(&mut self, place: usize) {
        let entries = &mut self.pages[place];
        if entries.capacity() > ROOM_KEPT && entries.len() < entries.capacity() / 8 {
            let seed = self.seed;
            entries.shrink_to(entries.len() * 2, |(key, _)| seed.hash_one(key));
        }
    }
}

/// The entries of a table that is no more.
#[derive(Debug)]
pub struct IntoEntries<K, V> {
    left: usize,
    pages: std::vec::IntoIter<HashTable<(K, V)>>,
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
            self.page = Some(self.pages.next()?.into_iter());
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
            self.pages.iter().map(HashTable::capacity).max().unwrap_or_default()
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
        assert!(table.largest_page() <= 4 * ENTRIES_PER_PAGE, "{}", table.largest_page());
        assert!((0..MANY).all(|key| table.get(&key) == Some(&!key)));
        assert_eq!(table.get(&MANY), None);
        // And those that have become empty are given back.
        (0..MANY)
            .filter(|key| key % 50 > 0)
            .for_each(|key| assert_eq!(table.remove(key), Some(!key)));
        assert!(table.largest_page() < ENTRIES_PER_PAGE / 8, "{}", table.largest_page());
        assert_eq!(table.keys().count() as u64, MANY / 50);
        (0..MANY).for_each(|key| assert_eq!(table.remove(key).is_some(), key % 50 == 0));
        assert_eq!((table.len(), table.keys().count()), (0, 0));
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
