//! Active objects page by page.

use super::kit::*;
use crate::ids::{Channel, DoId};
use crate::object::testing::*;
use crate::router::{Cursor, Item, Page, Query};

#[test]
fn active_objects_are_shown_and_no_others() {
    let mut server = Server::new();
    let query = Query::Objects { class_id: None, parent: Some(DoId(9)), zone: None };
    let context = server.activate(at(9, 4));
    let page = |server: &Server| server.core.inspect(&query, Cursor::default(), 10);
    assert_eq!(page(&server), Page::default(), "it is loading");
    let nothing = other(&[]);
    server.answer(&stored(context, "Account", &nothing));
    let item = Item::Object {
        do_id: DoId(ID),
        class_id: class("Account"),
        location: at(9, 4),
        ai: Channel::NONE,
        owner: Channel::NONE,
        children: 0,
    };
    assert_eq!(page(&server), Page { items: vec![item], next: None });
}
