//! Pages that go over several roles.
//!
//! Each hold of the router is for a few entries, and others have their turn in between: who asks for a million objects holds up
//! nobody. A page ends after so many entries have been looked at, whether or not it is full.

use crate::router::{Cursor, Item, Key, Query, Router};

/// So many entries are looked at in one hold of the router.
const VISITS_PER_HOLD: usize = 256;
/// So many are for one page: some milliseconds.
const VISITS_PER_PAGE: usize = 64 * 1024;

/// Where a page ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Which of the roles.
    role: usize,
    /// Where in it.
    cursor: Cursor,
}

impl Place {
    /// As it is given to whoever asks for the next page.
    pub fn words(self) -> String {
        format!("{}.{}", self.role, self.cursor.0)
    }

    /// From what whoever asks gives back.
    pub fn of_words(words: &str) -> Option<Self> {
        let (role, cursor) = words.split_once('.')?;
        Some(Place { role: role.parse().ok()?, cursor: Cursor(cursor.parse().ok()?) })
    }
}

/// Hands over what roles answer to a query, with the place of the role in the list, from a place on, until `most` have been taken: where to go
/// on, if there may be more.
pub async fn walk(
    router: &Router,
    roles: &[Key],
    query: &Query,
    from: Place,
    most: usize,
    take: impl FnMut(usize, Item) -> bool,
) -> Option<Place> {
    walk_some(router, roles, query, from, (most, VISITS_PER_PAGE), take).await
}

/// As [`walk`], to the end, however long that takes.
pub async fn walk_all(
    router: &Router,
    roles: &[Key],
    query: &Query,
    mut take: impl FnMut(usize, Item),
) {
    let all = (usize::MAX, usize::MAX);
    let take = |role, item| {
        take(role, item);
        true
    };
    walk_some(router, roles, query, Place::default(), all, take).await;
}

async fn walk_some(
    router: &Router,
    roles: &[Key],
    query: &Query,
    from: Place,
    (most, visits_max): (usize, usize),
    mut take: impl FnMut(usize, Item) -> bool,
) -> Option<Place> {
    let (mut place, mut taken, mut visits) = (from, 0, 0);
    while let Some(&role) = roles.get(place.role) {
        if taken >= most || visits >= visits_max {
            return Some(place);
        }
        // No more than there is room for, or some would be left out.
        let budget = VISITS_PER_HOLD.min(most - taken);
        // A role that is lost has nothing.
        let page = router.inspect(role, query, place.cursor, budget).unwrap_or_default();
        visits += budget;
        taken +=
            page.items.into_iter().filter_map(|item| take(place.role, item).then_some(())).count();
        place = match page.next {
            Some(cursor) => Place { cursor, ..place },
            None => Place { role: place.role + 1, cursor: Cursor::default() },
        };
        tokio::task::yield_now().await;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::router::{Effects, Origin, Page, Role};
    use crate::wire::Envelope;

    /// Has so many objects.
    struct Holder(usize);

    impl Role for Holder {
        fn handle(&mut self, _: Instant, _: Origin, _: &Envelope<'_>, _: &mut Effects) {}

        fn inspect(&self, _: &Query, cursor: Cursor, budget: usize) -> Page {
            Page::of(self.0, cursor, budget, |place| {
                Some(Item::Totals { objects: place, sessions: 0 })
            })
        }
    }

    async fn pages(
        roles: &[usize],
        most: usize,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Vec<(usize, usize)> {
        let router = Router::new();
        let roles: Vec<_> =
            roles.iter().map(|&count| router.join_role("holder", Holder(count))).collect();
        let keys: Vec<Key> = roles.iter().map(|role| role.participant().key()).collect();
        let (mut all, mut place) = (Vec::new(), Some(Place::default()));
        while let Some(from) = place {
            let from = Place::of_words(&from.words()).expect("its own words");
            let mut count = 0;
            place = walk(&router, &keys, &Query::Sessions, from, most, |role, item| {
                let Item::Totals { objects, .. } = item else { panic!("nothing else") };
                if !is_wanted(objects) {
                    return false;
                }
                all.push((role, objects));
                count += 1;
                true
            })
            .await;
            assert!(count <= most);
        }
        all
    }

    #[tokio::test]
    async fn each_entry_of_all_roles_comes_once() {
        let roles = [3, 0, 700];
        let all = (0..3).map(|n| (0, n)).chain((0..700).map(|n| (2, n)));
        let all: Vec<_> = all.collect();
        for most in [1, 2, 3, 100, 1000] {
            assert_eq!(pages(&roles, most, |_| true).await, all, "{most}");
        }
        let some: Vec<_> = all.iter().copied().filter(|(_, n)| n % 7 == 0).collect();
        assert_eq!(pages(&roles, 2, |n| n % 7 == 0).await, some);
    }

    #[test]
    fn a_place_may_come_from_anybody() {
        for words in ["", ".", "1", "1.", ".1", "1.2.3", "-1.0", "99999999999999999999.0"] {
            assert_eq!(Place::of_words(words), None, "{words}");
        }
    }
}
