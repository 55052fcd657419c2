//! Faults that tests have happen where nothing that comes from outside can make them.
//!
//! Only tests are built with this. A fault happens on the thread that wants it, once.

use std::cell::Cell;

thread_local! {
    static WANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The next one who comes by `place` on this thread is to panic.
pub fn want(place: &'static str) {
    WANTED.set(Some(place));
}

/// Panics, if a test wants that here.
pub fn happens(place: &'static str) {
    if WANTED.get() == Some(place) {
        WANTED.set(None);
        panic!("as it was told: {place}");
    }
}
