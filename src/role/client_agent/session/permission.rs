//! Which interests a client may open and close, as `client.add_interest` says.
//!
//! What the cluster opens for a client is nobody's permission but the cluster's. All that is judged here is what the client
//! asks for itself.

use smallvec::SmallVec;

use super::{End, Flow, Session};
use crate::config::{InterestPermission, InterestRules, Offence};
use crate::ids::{DoId, InterestId, ZoneId};
use crate::message::EjectReason;
use crate::role::client_agent::agent::Context;

const TO_OPEN: &str = "add interest to";
const TO_CLOSE: &str = "remove interest for";

impl Session {
    /// Whether the client may open an interest now: it may not if it has just lost sight of the parent.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn check_may_open(
        &self,
        cx: &Context<'_>,
        interest: InterestId,
        parent: DoId,
        zones: &[ZoneId],
    ) -> Result<bool, End> {
        match &cx.shared.config.client.add_interest {
            InterestPermission::Enabled | InterestPermission::Disabled => Ok(true),
            InterestPermission::Visible => self.check_visible(cx, parent, TO_OPEN),
            InterestPermission::Rules(rules) => {
                // What it gives other zones loses those that it has.
                self.check_may_take_back(cx, rules, interest)?;
                self.judge_zones(cx, rules, TO_OPEN, parent, zones)
            }
        }
    }

    /// Checks that the client may close an interest that is open. If its parent has just gone it may: that gives it nothing.
    pub(super) fn check_may_close(&self, cx: &Context<'_>, interest: InterestId) -> Flow {
        let Some(parent) = self.interests.parent_of(interest) else { return Ok(()) };
        if cx.shared.manners.closes_freely {
            return Ok(());
        }
        match &cx.shared.config.client.add_interest {
            InterestPermission::Enabled | InterestPermission::Disabled => Ok(()),
            InterestPermission::Visible => self.check_visible(cx, parent, TO_CLOSE).map(drop),
            InterestPermission::Rules(rules) => self.check_may_take_back(cx, rules, interest),
        }
    }

    /// Rules let a client close what it has opened. What the cluster has opened it may close if it could have opened it.
    fn check_may_take_back(
        &self,
        cx: &Context<'_>,
        rules: &InterestRules,
        interest: InterestId,
    ) -> Flow {
        let of_cluster = self.interests.parent_of(interest);
        match of_cluster.filter(|_| !self.interests.is_of_client(interest)) {
            Some(parent) => {
                let zones: SmallVec<[ZoneId; 8]> =
                    self.interests.zones_of(interest).map(|at| at.zone).collect();
                self.judge_zones(cx, rules, TO_CLOSE, parent, &zones).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Whether rules allow all of these zones now, or would if the client still saw the parent.
    fn judge_zones(
        &self,
        cx: &Context<'_>,
        rules: &InterestRules,
        what: &str,
        parent: DoId,
        zones: &[ZoneId],
    ) -> Result<bool, End> {
        let is_visible = self.knows_parent(cx, parent);
        let Some(zone) = rules.first_denied(parent, is_visible, zones) else {
            return Ok(true);
        };
        let was_visible = !is_visible && self.view.had_parent(cx, parent);
        if was_visible && rules.first_denied(parent, true, zones).is_none() {
            return Ok(false);
        }
        Err(forbidden(format!(
            "Cannot {what} zone {zone} of parent with id {parent} because the server does not allow it."
        )))
    }

    fn knows_parent(&self, cx: &Context<'_>, parent: DoId) -> bool {
        cx.shared.manners.is_root(parent) || self.view.subject(cx.shared, parent).is_some()
    }

    /// Checks that the client knows a parent; whether it still does.
    fn check_visible(&self, cx: &Context<'_>, parent: DoId, what: &str) -> Result<bool, End> {
        if self.knows_parent(cx, parent) {
            return Ok(true);
        }
        if self.view.had_parent(cx, parent) {
            return Ok(false);
        }
        Err(forbidden(format!(
            "Cannot {what} parent with id {parent} because parent is not visible to client."
        )))
    }
}

fn forbidden(text: String) -> End {
    End::security(Offence::Interest, EjectReason::ForbiddenInterest, text)
}
