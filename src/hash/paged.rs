//! A table that is never moved, or walked over, as a whole.
//!
//! An ordinary table that grows, or is made smaller, moves all that is in it, and it must not change while it is
//! walked over. With a million entries each of these takes longer than anybody is to wait. This one is made of
//! pages. An entry is on the page that the first bits of its *rank* say, which is its hash; a full page is split into two by
//! one bit more. So nothing that is done moves more than a page, and a walk goes from page to page in the order of
//! ranks: it can be put off after any of them, and what it has passed stays passed, whatever is added, removed or split
//! meanwhile.

use std::hash::{BuildHasher, Hash};

use hashbrown::hash_table::{self, Entry, HashTable};

use super::Seed;

/// The most that is on a page: as much as a table takes that has 2,048 places.
const PAGE_MAX: usize = 1792;
/// A page with so few places is not made smaller.
const PLACES_KEPT: usize = 64;
/// Pages are not told apart by more bits than this.
const DEPTH_MAX: u32 = 32;

/// A table in pages.
#[derive(Debug)]
pub struct Paged<K, V> {
    seed: Seed,
    len: usize,
    /// How many bits of a rank say where in the directory its page is.
    depth: u32,
    /// Pages by the first bits of ranks.
    directory: Vec<u32>,
    pages: Vec<Page<K, V>>,
}

#[derive(Debug)]
struct Page<K, V> {
    /// How many first bits the ranks on it have in common.
    depth: u32,
    /// A table that is given hashes: one is reckoned for each lookup, which finds the page, too.
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
        Paged { seed, len: 0, depth: 0, directory: vec![0], pages: vec![Page::empty()] }
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

    /// Has `change` do something about a key's entry.
    #[inline]
    pub fn change<R>(&mut self, key: K, change: impl FnOnce(Entry<'_, (K, V)>) -> R) -> R {
        let hash = self.seed.hash_one(key);
        let rank = rank_of(hash);
        let mut place = self.page_of(rank);
        if self.pages[place].is_full() {
            self.split(rank);
            place = self.page_of(rank);
        }
        let page = &mut self.pages[place];
        let before = page.entries.len();
        let seed = self.seed;
        let entry =
            page.entries.entry(hash, |(other, _)| *other == key, |(other, _)| seed.hash_one(other));
        let done = change(entry);
        let after = page.entries.len();
        self.len = self.len - before + after;
        if after < before {
            self.tidy(place);
        }
        done
    }

    /// Adds an entry, in place of the one of this key, whose value it returns.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.change(key, |entry| match entry {
            Entry::Occupied(mut entry) => Some(std::mem::replace(&mut entry.get_mut().1, value)),
            Entry::Vacant(entry) => {
                entry.insert((key, value));
                None
            }
        })
    }

    /// Removes an entry, and returns its value.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.change(key, |entry| match entry {
            Entry::Occupied(entry) => Some(entry.remove().0.1),
            Entry::Vacant(_) => None,
        })
    }

    /// All keys; their order means nothing.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.pages.iter().flat_map(|page| page.entries.iter().map(|(key, _)| key))
    }

    /// All entries, taken out page by page.
    pub fn into_entries(self) -> IntoEntries<K, V> {
        let Paged { len, pages, .. } = self;
        IntoEntries { left: len, pages: pages.into_iter(), page: None }
    }

    /// Goes over a page: `None` if there is no other one.
    pub fn walk(&self, walk: &mut Walk) -> Option<impl ExactSizeIterator<Item = (&K, &V)>> {
        let page = self.step(walk)?;
        Some(self.pages[page].entries.iter().map(|(key, value)| (key, value)))
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
        let rank = walk.0?;
        let place = self.page_of(rank);
        let width = 1u64.checked_shl(u64::BITS - self.pages[place].depth);
        walk.0 = width.and_then(|width| (rank & !(width - 1)).checked_add(width));
        Some(place)
    }

    /// Where in the directory a rank is: a shift by all bits is none.
    #[inline]
    const fn index_of(&self, rank: u64) -> usize {
        ((rank >> 1) >> (u64::BITS - 1 - self.depth)) as usize
    }

    #[inline]
    fn page_of(&self, rank: u64) -> usize {
        self.directory[self.index_of(rank)] as usize
    }

    /// Splits the page of a rank.
    #[cold]
    fn split(&mut self, rank: u64) {
        let lower = self.page_of(rank);
        let depth = self.pages[lower].depth + 1;
        if depth > DEPTH_MAX {
            return;
        }
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|&page| [page, page]).collect();
            self.depth = depth;
        }
        let bit = 1u64 << (u64::BITS - depth);
        let seed = self.seed;
        let hasher = |(key, _): &(K, V)| seed.hash_one(key);
        let [mut page, mut upper] =
            [(); 2].map(|()| Page { depth, entries: HashTable::with_capacity(PAGE_MAX / 2) });
        // Both are new: where something has been taken out of a table, its place is not free at once.
        for entry in self.pages[lower].entries.drain() {
            let hash = hasher(&entry);
            let half = if rank_of(hash) & bit == 0 { &mut page } else { &mut upper };
            half.entries.insert_unique(hash, entry, hasher);
        }
        self.pages[lower] = page;
        let width = 1 << (self.depth - depth);
        let first = self.index_of(rank | bit) & !(width - 1);
        let place = u32::try_from(self.pages.len()).expect("far fewer pages");
        self.directory[first..first + width].fill(place);
        self.pages.push(upper);
    }

    /// Gives back the memory that a page does not need any more.
    #[inline]
    fn tidy(&mut self, place: usize) {
        let entries = &mut self.pages[place].entries;
        if entries.capacity() > PLACES_KEPT && entries.len() < entries.capacity() / 8 {
            let seed = self.seed;
            entries.shrink_to(entries.len() * 2, |(key, _)| seed.hash_one(key));
            if self.is_empty() {
                *self = Paged::with_hasher(self.seed);
            }
        }
    }
}

/// A page takes the last bits of a hash for the place of an entry, and the first seven to tell neighbours from one
/// another. What comes first here are others.
#[inline]
const fn rank_of(hash: u64) -> u64 {
    hash.rotate_left(7)
}

impl<K, V> Page<K, V> {
    const fn empty() -> Self {
        Page { depth: 0, entries: HashTable::new() }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.entries.len() >= PAGE_MAX
    }
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
        keys.for_each(|key| assert!(table.insert(key, !key).is_none()));
        table
    }

    #[test]
    fn no_page_is_larger_than_what_may_be_moved_at_once() {
        const MANY: u64 = 100_000;
        let mut table = table(0..MANY);
        assert_eq!(table.len() as u64, MANY);
        assert!(table.largest_page() <= PAGE_MAX, "{}", table.largest_page());
        assert!((0..MANY).all(|key| table.get(&key) == Some(&!key)));
        assert_eq!(table.get(&MANY), None);
        // And those that have become empty are given back.
        (0..MANY)
            .filter(|key| key % 50 > 0)
            .for_each(|key| assert_eq!(table.remove(key), Some(!key)));
        assert!(table.largest_page() < PAGE_MAX / 8, "{}", table.largest_page());
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
                        prop_assert_eq!(table.insert(key, !key), model.insert(key, !key));
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
