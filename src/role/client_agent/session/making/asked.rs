//! What a client is asked about what it has made, as somebody wants to know, or it was lost.
//!
//! It describes all that it has in a zone then; also what it has had deleted, until it was told that this is gone. So that it does not
//! make that again, it is asked when it has been told, and if it has something deleted meanwhile, what it says of that is left out.

use super::super::{Flow, Session};
use crate::ids::{DoId, Location, ZoneId};
use crate::role::client_agent::agent::{Context, News};

/// Of so many zones it is remembered that the client was asked: it can move something that is lost wherever it likes.
const ASKED_MAX: usize = 256;

impl Session {
    /// Somebody has come to a zone, and wants to know what is there.
    pub fn values_wanted(&mut self, cx: &mut Context<'_>, location: Location) {
        let Some(making) = &self.making else { return };
        let has_some = making.root == location.parent && making.counts.contains_key(&location.zone);
        if has_some && !making.asked_for.contains(&location.zone) {
            self.ask_client(cx, location.zone);
        }
    }

    pub(super) fn ask_client(&mut self, cx: &mut Context<'_>, zone: ZoneId) {
        let Some(making) = &mut self.making else { return };
        if making.asked_for.contains(&zone) {
            return;
        }
        making.to_ask.retain(|to_ask| *to_ask != zone);
        if making.ending.iter().any(|do_id| self.view.made_at(*do_id) == Some(zone)) {
            making.to_ask.push(zone);
            return;
        }
        if making.asked_for.len() >= ASKED_MAX {
            // It may be asked for that once more.
            making.asked_for.remove(0);
        }
        making.asked_for.push(zone);
        self.tell(cx.shared, &News::ValuesWanted { zone });
    }

    /// The client has described something in a zone: from now on it is asked again, if somebody wants to know.
    pub(super) fn client_has_answered(&mut self, zone: ZoneId) {
        if let Some(making) = &mut self.making {
            making.asked_for.retain(|asked| *asked != zone);
        }
    }

    /// Whether what the client describes is something that it has had deleted, and answers what it was asked before it was told so.
    pub fn answers_late(&mut self, do_id: DoId, zone: ZoneId) -> bool {
        let is_late = self.is_late(do_id);
        if is_late {
            self.client_has_answered(zone);
        }
        is_late
    }

    fn is_late(&mut self, do_id: DoId) -> bool {
        self.making.as_mut().is_some_and(|making| making.described_late.remove(&do_id))
    }

    /// The time is over in which an object must have gone that the client has deleted: it goes all the same.
    pub fn ending_is_over(&mut self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        self.is_late(do_id);
        self.ending_due(cx, do_id)
    }
}
