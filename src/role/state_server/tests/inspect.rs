//! Objects page by page, while others come and go.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::kit::*;
use crate::ids::{Channel, ClassId, DoId, Location, ZoneId};
use crate::object::testing::*;
use crate::router::{Cursor, Item, Page, Query};

const ALL: Query = Query::Objects { class_id: None, parent: None, zone: None };

fn ids(page: &Page) -> Vec<u32> {
    let ids = page.items.iter().map(|item| match item {
        Item::Object { do_id, .. } => do_id.0,
        other => panic!("{other:?}"),
    });
    ids.collect()
}

/// All pages, one after the other, and what `between` does between them.
fn pages(
    server: &mut Server,
    query: &Query,
    budget: usize,
    mut between: impl FnMut(&mut Server),
) -> Vec<Page> {
    let mut pages = vec![server.core.inspect(query, Cursor::default(), budget)];
    while let Some(next) = pages.last().and_then(|page| page.next) {
        between(server);
        pages.push(server.core.inspect(query, next, budget));
    }
    pages
}

fn all_ids(server: &mut Server, query: &Query) -> Vec<u32> {
    let pages = pages(server, query, 2, |_| {});
    let mut all: Vec<u32> = pages.iter().flat_map(ids).collect();
    all.sort_unstable();
    all
}

#[test]
fn an_object_is_shown_as_it_is() {
    let mut server = Server::new();
    server.create(1, at(9, 4));
    server.set_ai(1, AI);
    server.set_owner(1, OWNER);
    let item = Item::Object {
        do_id: DoId(1),
        class_id: class("Empty"),
        location: at(9, 4),
        ai: Channel(AI),
        owner: Channel(OWNER),
        children: 0,
    };
    let page = server.core.inspect(&ALL, Cursor::default(), 10);
    assert_eq!(page, Page { items: vec![item], next: None });
}

#[test]
fn only_what_is_asked_for_is_shown() {
    let mut server = Server::new();
    server.create(1, at(9, 4));
    server.create(2, at(9, 5));
    server.create(3, at(8, 4));
    server.create(4, Location::NONE);
    server.create_of(5, at(9, 4), "Placed", &[3, 0, 4, 0, 5]);
    let (placed, other) = (Some(class("Placed")), Some(ClassId(u16::MAX)));
    let (parent, zone) = (|id| Some(DoId(id)), |zone| Some(ZoneId(zone)));
    let cases: [(_, _, _, &[u32]); 8] = [
        (None, None, None, &[1, 2, 3, 4, 5]),
        (placed, None, None, &[5]),
        (None, parent(9), None, &[1, 2, 5]),
        (None, parent(9), zone(4), &[1, 5]),
        (placed, parent(9), zone(4), &[5]),
        (None, None, zone(4), &[1, 3, 5]),
        (placed, parent(8), None, &[]),
        (other, None, None, &[]),
    ];
    for (class_id, parent, zone, expected) in cases {
        let query = Query::Objects { class_id, parent, zone };
        assert_eq!(all_ids(&mut server, &query), expected, "{query:?}");
    }
    assert!(all_ids(&mut server, &Query::Sessions).is_empty(), "it has none");
}

#[test]
fn pages_may_be_empty_while_there_is_more() {
    let mut server = Server::new();
    assert_eq!(server.core.inspect(&ALL, Cursor::default(), 3), Page::default());
    for do_id in 1..=9 {
        server.create(do_id, Location::NONE);
    }
    for do_id in 4..=6 {
        server.delete(do_id);
    }
    let found = pages(&mut server, &ALL, 3, |_| {});
    let found: Vec<_> = found.iter().map(|page| (ids(page), page.next)).collect();
    let expected =
        [(vec![1, 2, 3], Some(Cursor(3))), (vec![], Some(Cursor(6))), (vec![7, 8, 9], None)];
    assert_eq!(found, expected);
    let beyond = server.core.inspect(&ALL, Cursor(usize::MAX), usize::MAX);
    assert_eq!(beyond, Page::default(), "a cursor may come from anyone");
    let least = server.core.inspect(&ALL, Cursor::default(), 0);
    assert_eq!((ids(&least), least.next), (vec![1], Some(Cursor(1))), "it gets on");
}

/// What happens between two pages: creations and deletions.
fn changes() -> impl Strategy<Value = Vec<Vec<(u32, bool)>>> {
    let change = (1u32..40, any::<bool>());
    prop::collection::vec(prop::collection::vec(change, 0..8), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_lives_throughout_is_on_exactly_one_page(
        before in prop::collection::vec((1u32..40, any::<bool>()), 0..80),
        changes in changes(),
        budget in 1usize..8,
    ) {
        let mut server = Server::new();
        let apply = |server: &mut Server, do_id: u32, lives: bool| match lives {
            true => { server.create(do_id, Location::NONE); }
            false => { server.delete(do_id); }
        };
        for (do_id, lives) in before {
            apply(&mut server, do_id, lives);
        }
        let mut throughout: BTreeMap<u32, usize> =
            server.core.objects().iter().map(|object| (object.do_id().0, 0)).collect();
        let mut changes = changes.into_iter();
        let pages = pages(&mut server, &ALL, budget, |server| {
            for (do_id, lives) in changes.next().unwrap_or_default() {
                apply(server, do_id, lives);
                throughout.retain(|id, _| *id != do_id || lives);
            }
        });
        for page in &pages {
            prop_assert!(page.items.len() <= budget);
            for do_id in ids(page) {
                if let Some(times) = throughout.get_mut(&do_id) {
                    *times += 1;
                }
            }
        }
        prop_assert!(throughout.values().all(|times| *times == 1), "{:?}", throughout);
    }
}
