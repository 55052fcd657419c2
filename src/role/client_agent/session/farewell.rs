//! The beginning and the end of a session, as the world hears of them.

use super::{Departure, Ejection, End, Session};
use crate::ids::DoId;
use crate::message::{EjectReason, Message as _, StateServer};
use crate::metrics;
use crate::net;
use crate::recent::Closed;
use crate::role::client_agent::agent::{Context, News, Shared};
use crate::wire::Writer;
use crate::wire::websocket::Parting;

impl Session {
    /// Says that the session has begun: to the log and to the event logger.
    pub(super) fn greet(&self, shared: &mut Shared) {
        let peer = &self.identity.peer;
        if !peer.is_local {
            self.identity.event(shared, "client-connected", |event, peer| {
                event
                    .with("remote_address", peer.remote.to_string())
                    .with("local_address", peer.local.to_string())
            });
        }
        let client = self.identity.allocated;
        let transport = peer.transport.name();
        tracing::debug!(%client, remote = %peer.remote, transport, "client connected");
    }

    /// Ends the session. What is in the outbox still goes to the client. All that others can hear of it is said
    /// at once, in its order; what they cannot is left to be done: the channels that it listened to.
    pub fn end(&mut self, cx: &mut Context<'_>, end: &End) -> Departure {
        self.say_why(cx, end);
        self.note_end(cx, end);
        if let Some(limit) = end.limit() {
            cx.shared.limit_counts.add(limit);
        }
        self.punish(cx.shared, end);
        let session = self.identity.key.index;
        cx.shared.pool.free(self.identity.allocated, cx.now);
        for do_id in self.view.take_session_objects() {
            self.delete_session_object(cx, do_id);
        }
        self.finish_operations_of_callers(cx);
        self.post_removes.route(cx, session, self.identity.allocated);
        self.listening.leave(session)
    }

    /// Deletes what is to go with the session, also where a daemon is away now.
    fn delete_session_object(&self, cx: &mut Context<'_>, do_id: DoId) {
        let mut datagram = Vec::new();
        let deletion = StateServer::ObjectDeleteRam { do_id };
        let (to, from) = ([do_id.channel()], self.identity.channel);
        deletion.write_datagram(&mut Writer::new(&mut datagram), &to, from);
        self.post_removes.say(cx, self.identity.key.index, self.identity.allocated, &datagram);
    }

    /// Says why the session ends: to the client, to the log and to the event logger.
    fn say_why(&mut self, cx: &mut Context<'_>, end: &End) {
        let (client, remote) = (self.identity.allocated, self.identity.peer.remote.clone());
        match end {
            End::Ejected(ejection) => {
                self.tell_ejection(cx, ejection);
                self.note_ejection(cx, ejection);
            }
            End::Foreign { speaks, farewell } => {
                let what = cx.shared.manners.stranger;
                let text = format!("{what}; this looks like {speaks}");
                let ejection = Ejection::new(EjectReason::NoHello as u16, text);
                match farewell {
                    Some(farewell) => self.send_frame(cx.shared, farewell),
                    None => self.tell_ejection(cx, &ejection),
                }
                self.note_ejection(cx, &ejection);
            }
            End::Dropped => tracing::info!(%client, %remote, "client dropped by the cluster"),
            End::Disconnected => {
                tracing::debug!(%client, %remote, "client disconnected");
                self.identity.last_event(cx.shared, "client-disconnected", |event, _| event);
            }
            End::Lost(loss) => {
                match loss.limit {
                    Some(limit) => tracing::warn!(
                        %client,
                        %remote,
                        limit,
                        unsent_bytes = loss.unsent_bytes,
                        may_be_lost_bytes = loss.may_be_lost_bytes,
                        "client dropped: {}", loss.reason
                    ),
                    None => {
                        let reason = net::logged(&loss.reason);
                        tracing::debug!(%client, %remote, reason, "client lost");
                    }
                }
                self.note_loss(cx.shared, &loss.reason);
            }
            End::Parted(Parting::Closed(code)) => {
                tracing::debug!(%client, %remote, code, reason = net::CLOSED, "client lost");
                self.note_loss(cx.shared, &net::end_of_file());
            }
            End::Parted(Parting::Flaw(flaw)) => {
                let reason = flaw.to_string();
                tracing::warn!(%client, %remote, reason, code = flaw.close_code(), "client dropped: bad WebSocket");
                self.note_loss(cx.shared, &reason);
            }
            End::ShutDown(stop) => {
                let ejection = stop.ejection();
                self.tell_ejection(cx, &ejection);
                // All go: a line for each would say no more than that of the daemon.
                tracing::debug!(%client, %remote, "client ejected: the daemon ends");
                self.note_event(cx, &ejection);
            }
        }
    }

    /// Notes the end for whoever looks at the agent.
    fn note_end(&self, cx: &mut Context<'_>, end: &End) {
        let (reason, code) = end.in_short();
        cx.shared.closed.push(Closed {
            is_client: true,
            address: self.identity.peer.remote.to_string(),
            name: String::new(),
            channel: Some(self.identity.allocated),
            reason: cut(reason),
            code,
            age: cx.now.saturating_duration_since(self.identity.began),
        });
    }

    /// Says to the event logger that the client is lost.
    fn note_loss(&self, shared: &mut Shared, reason: &str) {
        if self.identity.peer.is_local {
            return;
        }
        self.identity.last_event(shared, "client-lost", |event, peer| {
            event
                .with("remote_address", peer.remote.to_string())
                .with("local_address", peer.local.to_string())
                .with("reason", reason)
        });
    }

    fn tell_ejection(&mut self, cx: &mut Context<'_>, ejection: &Ejection) {
        let Ejection { reason, text, .. } = ejection;
        self.tell(cx.shared, &News::Ejected { reason: *reason, text });
    }

    /// Says to the log and to the event logger that the client is ejected.
    fn note_ejection(&self, cx: &mut Context<'_>, ejection: &Ejection) {
        let &Ejection { reason, ref text, security, limit, .. } = ejection;
        let text = &*String::from_utf8_lossy(text);
        let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
        // A field, which is cut and escaped as such: a client may have had its own words put into it.
        if security {
            crate::security!(text, %client, %remote, reason, "client ejected");
        } else {
            tracing::warn!(text, %client, %remote, reason, limit, "client ejected");
        }
        self.note_event(cx, ejection);
    }

    fn note_event(&self, cx: &mut Context<'_>, ejection: &Ejection) {
        let &Ejection { reason, ref text, security, .. } = ejection;
        metrics::EJECTS.one(&[&reason.to_string()]);
        let kind = if security { "client-ejected-security" } else { "client-ejected" };
        let text = String::from_utf8_lossy(text).into_owned();
        self.identity.last_event(cx.shared, kind, |event, peer| {
            let event = event.with("reason_code", reason.to_string()).with("reason_msg", cut(text));
            event.with("address", &*peer.remote.ip)
        });
    }
}

/// The most bytes that an event has of a text in which there may be a client's own words.
const TEXT_BYTES_MAX: usize = 256;

pub(super) fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    if end < text.len() {
        let left_out = text.len() - end;
        text.truncate(end);
        text += &format!("… and {left_out} bytes");
    }
    text
}
