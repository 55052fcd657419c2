//! The clients of an agent, for whoever wants them gone.

use std::sync::Weak;

use super::{Handle, Shared};
use crate::role::client_agent::Stop;

/// All clients of an agent. It does not keep it alive; of one that has ended there are none.
#[derive(Clone)]
pub struct Crowd(Weak<Shared>);

impl Handle {
    /// The clients of the agent.
    pub fn crowd(&self) -> Crowd {
        Crowd(self.shared.clone())
    }
}

impl Crowd {
    /// From now on nobody is let in. The agent's sockets are closed as soon as those have been told so who have connected
    /// before; then others can have the addresses, and balancers notice. A socket that others have, too, cannot be closed: who comes there
    /// is told so until the first is put out.
    pub fn close_doors(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.closing.cancel();
            // A role that is lost has nobody who could come back.
            let _ = shared.role.turn(|server, _, out| server.close_doors(out));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let Some(shared) = self.0.upgrade() else { return 0 };
        // A role that is lost has none.
        shared.role.turn(|server, _, _| server.count()).unwrap_or_default()
    }

    /// Has at most `most` of them leave, if nobody is let in any more, and tells them that the server restarts; returns how
    /// many. It may be fewer than there are, so that others have their turn: only 0 means that nobody is left.
    pub fn put_out(&self, most: usize) -> usize {
        let Some(shared) = self.0.upgrade() else { return 0 };
        shared.clearing.cancel();
        let put_out =
            shared.role.turn(|server, now, out| server.put_out(Stop::Restart, most, now, out));
        put_out.unwrap_or_default()
    }
}
