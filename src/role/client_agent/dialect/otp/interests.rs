//! Interests by numbers of the client's own: opened, altered and closed.
//!
//! A number that is open already is altered: only the zones are asked for that are new, and only what is in the others leaves. No
//! zones at all are an interest, too, and answered at once; so is the quiet zone, in which nobody sees anything.

use super::{CLUSTERS, Otp};
use crate::config::{Offence, VisibleZones};
use crate::hash::{Seed, Set};
use crate::ids::{Context as Asked, DoId, InterestId, ZoneId};
use crate::message::{EjectReason, Message as _, Otp as Message, Run};
use crate::role::client_agent::agent::{Context, Shared};
use crate::role::client_agent::session::{End, Flow, Request, Session};

impl Otp {
    pub(super) fn open_interest(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: Asked,
        (parent, zones): (DoId, Run<'_, ZoneId>),
    ) -> Flow {
        self.check_may_ask(session, cx, Request::OpenInterest, parent)?;
        if interest.0 & CLUSTERS != 0 {
            let text = format!("Interests from {CLUSTERS} on are the server's to open.");
            return Err(End::security(Offence::Interest, EjectReason::ForbiddenInterest, text));
        }
        let zones = self.seen_from(cx.shared, zones.iter());
        session.open_interest(cx, interest, parent, zones.into_iter(), context, Ok(()))
    }

    /// Closes an interest. One that is not open is done.
    pub(super) fn close_interest(
        &self,
        session: &mut Session,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: Option<Asked>,
    ) -> Flow {
        let parent = session.parent_of(interest);
        self.check_may_ask(
            session,
            cx,
            Request::CloseInterest,
            parent.unwrap_or(self.config.root),
        )?;
        let asked = context.unwrap_or_default();
        if parent.is_some() {
            session.close_interest(cx, interest, asked, Ok(()))?;
        }
        let is_clusters = interest.0 & CLUSTERS != 0;
        // Of what the cluster has opened nothing is told, unless the client waits for it.
        if context.is_some() && is_clusters || parent.is_none() && !is_clusters {
            let done = Message::DoneInterestResp { interest, context: asked };
            session.send(cx.shared, |writer| done.write(writer));
        }
        Ok(())
    }

    /// Checks that a client may open and close interests below a parent: before it has logged in only below the root.
    fn check_may_ask(
        &self,
        session: &Session,
        cx: &Context<'_>,
        request: Request,
        parent: DoId,
    ) -> Flow {
        if !session.admits(cx, request) && parent != self.config.root {
            let text = format!(
                "Client tried to open or close an interest below {parent} prior to authentication; {} is for all.",
                self.config.root
            );
            return Err(End::security(Offence::Interest, EjectReason::AnonymousViolation, text));
        }
        request.check_permission(cx.shared)
    }

    /// The zones that are seen from these: those that the file of zones says, and not the quiet one. If they are more than the
    /// limits allow, not all of them, but too many.
    pub(super) fn seen_from(
        &self,
        shared: &Shared,
        zones: impl Iterator<Item = ZoneId>,
    ) -> Vec<ZoneId> {
        let zones = zones.filter(|zone| *zone != self.config.quiet);
        match &self.config.visible {
            None => zones.collect(),
            Some(visible) => {
                expand(visible, zones, shared.config.limits.zones_per_interest, shared.seed)
            }
        }
    }
}

fn expand(
    visible: &VisibleZones,
    zones: impl Iterator<Item = ZoneId>,
    most: usize,
    seed: Seed,
) -> Vec<ZoneId> {
    let (mut asked, mut known) = (Set::with_hasher(seed), Set::with_hasher(seed));
    let mut seen = Vec::new();
    for zone in zones.filter(|zone| asked.insert(*zone)) {
        seen.extend(visible.from(&zone).iter().copied().filter(|zone| known.insert(*zone)));
        if most > 0 && seen.len() > most {
            break;
        }
    }
    seen
}
