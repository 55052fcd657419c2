//! Hash tables whose keys a peer can choose.
//!
//! A zone, a context, an interest, a doId, and so a channel, are numbers that clients and AIs make up. With a
//! hash that everybody knows, somebody can make them up so that all of them collide, and a lookup costs as
//! much as a walk over the table. So such tables are hashed with a [`Seed`] that nobody outside knows.
//!
//! The seed comes from the shell, as time does: with the same seed a run can be repeated, to the order in which
//! a table is walked. Tables whose keys are ours may use a plain fast hash.

mod few;
mod paged;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use foldhash::fast::{FixedState, FoldHasher};

use rand_chacha::rand_core::{OsRng, TryRngCore as _};

pub use few::Few;
pub use paged::{IntoEntries, Paged, Walk};

/// A table by a key that a peer can choose: `Map::with_hasher(seed)`.
pub type Map<K, V> = HashMap<K, V, Seed>;
/// A set of keys that a peer can choose: `Set::with_hasher(seed)`.
pub type Set<K> = HashSet<K, Seed>;

/// A number that nobody knows, another one each time.
pub fn random() -> u64 {
    // The standard library's hash has keys from the system's random source.
    RandomState::new().hash_one(0)
}

/// Bytes from the system's random source, which nobody can guess.
///
/// # Panics
/// If it has none.
pub fn secret() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).expect("the system has random numbers");
    bytes
}

/// What tables are hashed with.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A seed that nobody knows, for a daemon.
    pub fn random() -> Self {
        Seed(random())
    }

    /// A seed that is known, for tests and whoever wants to repeat a run.
    pub const fn fixed(seed: u64) -> Self {
        Seed(seed)
    }
}

/// It is a secret: logs do not show it.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

impl BuildHasher for Seed {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        FixedState::with_seed(self.0).build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_table_follows_from_its_seed() {
        let order = |seed: Seed| {
            let mut set = Set::with_hasher(seed);
            set.extend(0..1000);
            set.into_iter().collect::<Vec<u32>>()
        };
        assert_eq!(order(Seed::fixed(7)), order(Seed::fixed(7)));
        assert_ne!(order(Seed::fixed(7)), order(Seed::fixed(8)));
        assert_ne!(order(Seed::random()), order(Seed::random()));
    }
}
