//! Where clients come in, and how.

use std::sync::Arc;

use anyhow::Context as _;

use super::Machine;
use crate::config::{Address, ClientAgentConfig, WebSocketConfig};
use crate::net::tls::Tls;
use crate::net::{HalfOpen, Listener, Liveness};
use crate::role::client_agent::session::nonzero_ms;
use crate::role::client_agent::{Peer, Transport};

/// What a connection goes through before it has a session.
#[derive(Debug, Default)]
pub struct Entrance {
    /// How it is encrypted.
    pub tls: Option<Arc<Tls>>,
    /// What it asks for then, and who has not asked yet.
    pub websocket: Option<(WebSocketConfig, HalfOpen)>,
    /// Only the operator's own programs come here.
    pub is_trusted: bool,
}

impl Entrance {
    /// By what clients come in here.
    pub const fn transport(&self) -> Transport {
        match self {
            Entrance { websocket: Some(_), .. } => Transport::WebSocket,
            Entrance { tls: Some(_), .. } => Transport::Tls,
            _ => Transport::Tcp,
        }
    }

    /// Whether a peer may say in its request for whom it connects.
    pub fn trusts(&self, peer: &Peer) -> bool {
        let Some((config, _)) = &self.websocket else { return false };
        peer.remote.ip.parse().is_ok_and(|ip| config.trusted_proxies.contain(ip))
    }

    /// How the log says that.
    pub const fn words(&self) -> &'static str {
        match self {
            Entrance { is_trusted: true, .. } => " for trusted programs",
            Entrance { tls: None, websocket: None, .. } => "",
            Entrance { tls: Some(_), websocket: None, .. } => " with TLS",
            Entrance { tls: None, websocket: Some(_), .. } => " for WebSocket",
            Entrance { tls: Some(_), websocket: Some(_), .. } => " for WebSocket with TLS",
        }
    }
}

/// A socket that listens, and what is behind it.
pub struct Door {
    pub listener: Listener,
    pub entrance: Arc<Entrance>,
}

impl Door {
    async fn open(
        address: &Address,
        entrance: Entrance,
        config: &ClientAgentConfig,
        machine: &Machine,
    ) -> anyhow::Result<Self> {
        let what = || format!("client agent: cannot listen on {address}");
        let addresses = address.resolve().await.with_context(what)?;
        let stall_max = nonzero_ms(config.client.write_timeout_ms);
        let liveness = Liveness::new(config.client.keepalive, stall_max);
        let mut listener =
            Listener::bind(&*machine.network, &addresses, liveness).with_context(what)?;
        listener.keep_spare();
        Ok(Door { listener, entrance: Arc::new(entrance) })
    }

    /// All doors that the configuration has.
    ///
    /// # Errors
    /// When none of the addresses of one can be bound, or its certificates cannot be used.
    pub async fn open_all(
        config: &ClientAgentConfig,
        machine: &Machine,
    ) -> anyhow::Result<Vec<Self>> {
        let mut doors = Vec::new();
        let (mut plain, mut encrypted) = (config.bind.as_ref(), None);
        if let Some(section) = &config.tls {
            let tls = Tls::load(&section.tls).context("client agent")?;
            let address = section.bind.as_ref().or_else(|| plain.take());
            encrypted = address.map(|address| (address, tls));
        }
        if let Some(address) = plain {
            doors.push(Door::open(address, Entrance::default(), config, machine).await?);
        }
        if let Some((address, tls)) = encrypted {
            let entrance = Entrance { tls: Some(tls), ..Entrance::default() };
            doors.push(Door::open(address, entrance, config, machine).await?);
        }
        if let Some(websocket) = config.websocket.as_deref() {
            let tls = websocket.tls.as_ref().map(Tls::load).transpose().context("client agent")?;
            let websocket_of = Some((websocket.clone(), HalfOpen::default()));
            let entrance = Entrance { tls, websocket: websocket_of, is_trusted: false };
            doors.push(Door::open(&websocket.bind, entrance, config, machine).await?);
        }
        if let Some(trusted) = config.client.kind.trusted() {
            let entrance = Entrance { is_trusted: true, ..Entrance::default() };
            doors.push(Door::open(trusted, entrance, config, machine).await?);
        }
        Ok(doors)
    }
}
