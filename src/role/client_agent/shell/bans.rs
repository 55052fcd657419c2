//! Who may not be in.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use super::gate::Refusal;
use crate::banlist::Banlist;
use crate::role::client_agent::{Bans, Peer};

impl Shared {
    /// Whether the client's address may come in. A proxy that looks whether somebody is there is nobody.
    pub fn check_ban(&self, peer: &Peer) -> Result<(), Refusal> {
        let Some(banlist) = self.banlist.as_ref().filter(|_| !peer.is_local) else { return Ok(()) };
        let Ok(ip) = peer.remote.ip.parse() else { return Ok(()) };
        match banlist.list().of_address(ip, Timestamp::now()) {
            Some(ban) => Err(Refusal::Banned(ban.text())),
            None => Ok(()),
        }
    }
}

/// Tells the core of the list whenever it changes, and puts out who is in and banned.
pub async fn enforce(banlist: Arc<Banlist>, shared: Arc<Shared>) {
    let mut changes = banlist.changes();
    loop {
        changes.borrow_and_update();
        let list = banlist.list();
        let turn = shared.role.turn(|server, now, _| {
            server.take_bans(Bans { list, at: Some((now, Timestamp::now())) });
        });
        let mut next = turn.ok().map(|()| 0);
        while let Some(from) = next {
            let turn = shared.role.turn(|server, now, out| server.eject_banned(now, from, out));
            next = turn.ok().flatten();
            tokio::task::yield_now().await;
        }
        // It lasts as long as the list that is here.
        let _ = changes.changed().await;
    }
}
