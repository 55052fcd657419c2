//! Where in a file each object stands.

use crate::ids::DoId;

/// Places by ascending ids.
#[derive(Debug)]
pub struct Index<P> {
    places: Vec<(DoId, P)>,
}

impl<P: Copy + Ord> Index<P> {
    /// An index of these objects, in whichever order they come.
    pub fn new(mut places: Vec<(DoId, P)>) -> Self {
        places.sort_unstable();
        Index { places }
    }

    /// Adds objects, in whichever order they come.
    pub fn extend(&mut self, places: impl IntoIterator<Item = (DoId, P)>) {
        self.places.extend(places);
        self.places.sort_unstable();
    }

    /// Forgets all objects.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// How many objects there are.
    pub fn count(&self) -> u64 {
        self.places.len() as u64
    }

    /// An object that stands in the file twice.
    pub fn twice(&self) -> Option<DoId> {
        let pair = self.places.windows(2).find(|pair| pair[0].0 == pair[1].0)?;
        Some(pair[0].0)
    }

    /// Up to `limit` objects with ids above `after`, ascending.
    pub fn page(&self, after: Option<DoId>, limit: usize) -> impl Iterator<Item = (DoId, P)> {
        let start = self.places.partition_point(|(id, _)| Some(*id) <= after);
        self.places[start..].iter().take(limit).copied()
    }

    /// Those of these objects that are there.
    pub fn find(&self, ids: &[DoId]) -> impl Iterator<Item = (DoId, P)> {
        ids.iter().filter_map(|id| {
            let place = self.places.binary_search_by_key(id, |(id, _)| *id).ok()?;
            Some(self.places[place])
        })
    }
}
