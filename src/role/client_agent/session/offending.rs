//! What becomes of a client that has broken a rule: what the configuration says of it.

use std::net::IpAddr;

use super::{Ejection, End, Session};
use crate::banlist::Subject;
use crate::config::{ClientAgentConfig, Offence, ProxyHeaders, Reaction};
use crate::role::client_agent::agent::{Context, Offender, Shared};

impl Session {
    /// Whether the client may stay though it has broken a rule. Then nothing has come of its message, nothing will, and that
    /// is noted.
    #[cold]
    pub fn is_spared(&self, cx: &mut Context<'_>, end: &End) -> bool {
        let End::Ejected(ejection @ Ejection { offence: Some(offence), .. }) = end else {
            return false;
        };
        let reaction = cx.shared.config.offences.reaction(*offence);
        match reaction {
            Reaction::Eject | Reaction::Ban => return false,
            Reaction::Warn => self.warn_of(cx, *offence, ejection),
            Reaction::Ignore => {
                let (client, offence) = (self.identity.allocated, offence.name());
                let text = &*String::from_utf8_lossy(&ejection.text);
                tracing::debug!(text, %client, offence, "a client's message is dropped");
            }
        }
        cx.shared.offence_counts.add(*offence, reaction);
        true
    }

    fn warn_of(&self, cx: &mut Context<'_>, offence: Offence, ejection: &Ejection) {
        let Ejection { reason, ref text, .. } = *ejection;
        let text = String::from_utf8_lossy(text).into_owned();
        let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
        let offence = offence.name();
        tracing::warn!(text, %client, %remote, offence, reason, "a client's message is dropped");
        // Lines are limited where they are written.
        if cx.shared.offences_told.may_be_told(cx.now) {
            self.identity.event(cx.shared, "client-offence", |event, _| {
                event
                    .with("offence", offence)
                    .with("reason_code", reason.to_string())
                    .with("reason_msg", super::farewell::cut(text))
            });
        }
    }

    /// The session ends: counts the offence that it ends for, if there is one, and has the client banned if that is to be.
    pub(super) fn punish(&self, shared: &mut Shared, end: &End) {
        let Some(offence) = end.offence() else { return };
        let reaction = shared.config.offences.reaction(offence);
        shared.offence_counts.add(offence, reaction);
        if reaction == Reaction::Ban {
            self.ban(shared, offence);
        }
    }

    fn ban(&self, shared: &mut Shared, offence: Offence) {
        let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
        let name = offence.name();
        if shared.config.banlist.is_none() {
            tracing::warn!(%client, %remote, offence = name, "client not banned: `banlist` needs a restart");
            return;
        }
        let Some(subject) = self.bannable(&shared.config) else {
            tracing::warn!(
                %client,
                %remote,
                offence = name,
                "client not banned: its address is this machine's or a proxy's, and may be everybody's"
            );
            return;
        };
        tracing::warn!(%client, %remote, offence = name, "{subject} is to be banned");
        self.identity.event(shared, "client-banned", |event, _| {
            event.with("offence", name).with("banned", subject.to_string())
        });
        let ban_for = shared.config.offences.ban_for;
        shared.offenders.push(Offender { subject, offence, ban_for });
    }

    /// Whom to ban for what the client does: what it is logged in as, since there may be others at its address; otherwise its
    /// address, unless that may be everybody's.
    fn bannable(&self, config: &ClientAgentConfig) -> Option<Subject> {
        if let Some(account) = self.identity.account() {
            return Some(Subject::Account(account));
        }
        let peer = &self.identity.peer;
        let ip: IpAddr = peer.remote.ip.parse().ok().filter(|_| !peer.is_local)?;
        (!is_everybodys(config, ip)).then(|| Subject::host(ip))
    }
}

/// Whether many may come from this address, for whom somebody else connects without saying it.
fn is_everybodys(config: &ClientAgentConfig, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_headers = matches!(&config.haproxy, ProxyHeaders::From(proxies) if proxies.contain(ip));
    let websocket = config.websocket.as_deref();
    // All of a LAN have the network of the second kind, and nobody the address of the first.
    let is_nobodys =
        ip.is_unspecified() || matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    ip.is_loopback()
        || is_nobodys
        || is_headers
        || websocket.is_some_and(|websocket| websocket.trusted_proxies.contain(ip))
}
