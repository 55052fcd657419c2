//! What has been done by whom.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::guard::Viewer;
use crate::recent::{Entry, Recent};
use crate::telemetry::AUDIT;

/// How many actions are remembered. The log has all.
const ENTRIES_MAX: usize = 1000;
/// The longest text of an entry, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// An action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// By whom.
    pub user: Option<String>,
    /// From where.
    pub address: String,
    /// What was done.
    pub action: &'static str,
    /// To what.
    pub object: String,
    /// How, or what became of it.
    pub detail: String,
    /// Whether it was done.
    pub ok: bool,
}

/// What has been done of late.
#[derive(Debug)]
pub struct Audit(Recent<Action>);

impl Default for Audit {
    fn default() -> Self {
        Audit(Recent::new(ENTRIES_MAX))
    }
}

impl Audit {
    /// Notes an action, and logs it with the target `audit`.
    pub fn note(
        &self,
        viewer: &Viewer,
        action: &'static str,
        object: String,
        detail: String,
        ok: bool,
    ) {
        let (object, detail) = (shortened(object), shortened(detail));
        let (user, address) = (viewer.name.as_deref().unwrap_or("nobody"), viewer.address);
        tracing::info!(target: AUDIT, user, %address, action, object, detail, ok, "an action");
        let (user, address) = (viewer.name.clone(), address.to_string());
        self.0.note(Action { user, address, action, object, detail, ok });
    }

    /// What has been done, page by page.
    pub const fn recent(&self) -> &Recent<Action> {
        &self.0
    }

    /// What is done from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry<Action>>> {
        self.0.follow()
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_done_is_remembered_and_cut() {
        let (audit, viewer) = (Audit::default(), Viewer::named("alice"));
        audit.note(&viewer, "eject", "client 1".to_owned(), "ä".repeat(1_000), true);
        let (entries, _) = audit.recent().page(None, 10, |_| true);
        let Action { user, action, object, detail, ok, .. } = &entries[0].what;
        assert_eq!(
            (user.as_deref(), *action, &**object, *ok),
            (Some("alice"), "eject", "client 1", true)
        );
        assert_eq!(detail.len(), TEXT_BYTES_MAX);
    }
}
