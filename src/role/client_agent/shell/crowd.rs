//! The clients of an agent, for whoever wants them gone, or some of them.

use std::sync::Weak;

use super::{Handle, Shared};
use crate::banlist::Subject;
use crate::config::{Networks, ProxyHeaders};
use crate::role::client_agent::Stop;

/// All clients of an agent. It does not keep it alive; of one that has ended there are none.
#[derive(Clone)]
pub struct Crowd(Weak<Shared>);

impl Handle {
    /// Why a ban would be for others than who is meant, if that can be seen from the configuration.
    pub fn objection_to(&self, ban: Subject) -> Option<&'static str> {
        let Subject::Network(network) = ban else { return None };
        let loopback = ["127.0.0.0/8", "::1/128"].map(|text| text.parse().expect("networks"));
        let config = &self.config;
        let has_proxy = match &config.haproxy {
            ProxyHeaders::From(proxies) => proxies.overlap(&network),
            ProxyHeaders::None | ProxyHeaders::All => false,
        };
        let websocket = config.websocket.as_deref();
        if network.prefix_len() == 0 {
            Some("that is everybody")
        } else if Networks::new(loopback.into()).overlap(&network) {
            Some("this machine is in it")
        } else if has_proxy || websocket.is_some_and(|ws| ws.trusted_proxies.overlap(&network)) {
            Some("a proxy is in it for whose clients it may stand")
        } else {
            None
        }
    }

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

    /// How many of them a ban means. It waits for the router now and then.
    pub fn count_meant(&self, by: Subject) -> usize {
        let Some(shared) = self.0.upgrade() else { return 0 };
        let (mut count, mut from) = (0, Some(0));
        while let Some(place) = from {
            // A role that is lost has none.
            let some = shared.role.turn(|server, _, _| server.count_meant(by, place));
            let (more, next) = some.unwrap_or_default();
            count += more;
            from = next;
        }
        count
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
