//! Interests that follow what the client owns, as the rules of parents say.
//!
//! When an object that is followed comes below a parent, the parent is asked for all of itself, by which its rule is known whether or not
//! the client sees it. From then on an interest of the agent's own has the zones that the rule wants, wherever the object goes below
//! that parent. The client is told of the objects in them and of nothing else.
//!
//! Everything that has the same parent shares what is known of it. What is not known is asked for once; a parent that has been
//! silent is asked again when something happens below it. When nothing that is followed is below a parent any more, its rule is
//! forgotten, so that whoever comes next finds it as it is then.

use std::collections::BTreeMap;
use std::time::Instant;

use super::asking::QUERY_ZONES_MAX;
use super::{End, Flow, Session};
use crate::hash::{Map, Seed};
use crate::ids::{self, DoId, InterestId, Location, ZoneId};
use crate::message::{ObjectState, StateServer};
use crate::role::client_agent::agent::{Context, Shared};
use crate::role::client_agent::interest::InterestKey;
use crate::role::client_agent::parenting::{Rule, can_have_rule};

/// What follows, and by which rules.
#[derive(Debug)]
pub struct Following {
    /// What may have an interest of the agent's own: where it is, below the parent whose rule it has.
    subjects: Map<InterestKey, Location>,
    parents: Map<DoId, Parent>,
}

#[derive(Debug)]
struct Parent {
    /// How many subjects have its rule.
    subjects: u32,
    rule: Knowledge,
}

#[derive(Debug)]
enum Knowledge {
    Asked { context: ids::Context, since: Instant, waiting: BTreeMap<InterestKey, Cause> },
    Known(Rule),
}

/// Who has brought it about that zones are opened.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The client, which pays for what it is shown.
    Client,
    /// The cluster.
    Cluster,
}

impl Following {
    fn new(seed: Seed) -> Self {
        Following { subjects: Map::with_hasher(seed), parents: Map::with_hasher(seed) }
    }

    /// Something is no longer below a parent.
    fn leave(&mut self, key: InterestKey) {
        let Some(at) = self.subjects.remove(&key) else { return };
        if let Some(left) = self.parents.get_mut(&at.parent) {
            left.subjects -= 1;
            if let Knowledge::Asked { waiting, .. } = &mut left.rule {
                waiting.remove(&key);
            }
            if left.subjects == 0 {
                self.parents.remove(&at.parent);
            }
        }
    }
}

impl Session {
    /// An object has come to a location, or into the client's possession there.
    ///
    /// # Errors
    /// The session ends: a session object has left its sight.
    #[inline]
    pub(super) fn follow(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        at: Location,
        cause: Cause,
    ) -> Flow {
        if cx.shared.parenting.is_none() || !self.view.owns(do_id) {
            return Ok(());
        }
        self.follow_object(cx, do_id, at, cause)
    }

    fn follow_object(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        at: Location,
        cause: Cause,
    ) -> Flow {
        let is_followed =
            |class| cx.shared.parenting.as_ref().is_some_and(|all| all.follows(class));
        match self.view.class_of(do_id).is_some_and(is_followed) {
            true => self.come_below(cx, InterestKey::Around(do_id), at, cause),
            false => Ok(()),
        }
    }

    /// An interest has been opened or altered.
    ///
    /// # Errors
    /// As [`Session::follow`].
    pub(super) fn follow_interest(
        &mut self,
        cx: &mut Context<'_>,
        id: InterestId,
        cause: Cause,
    ) -> Flow {
        if cx.shared.parenting.is_none() {
            return Ok(());
        }
        match self.interests.parent_of(id) {
            Some(parent) => {
                // Its zones it has itself.
                let at = Location::new(parent, ZoneId(0));
                self.come_below(cx, InterestKey::Beside(id), at, cause)
            }
            None => Ok(()),
        }
    }

    /// Something is to be followed no longer.
    ///
    /// # Errors
    /// As [`Session::follow`].
    pub(super) fn unfollow(&mut self, cx: &mut Context<'_>, key: InterestKey) -> Flow {
        let Some(following) = &mut self.following else { return Ok(()) };
        following.leave(key);
        if following.subjects.is_empty() {
            self.following = None;
        }
        self.open_no_longer(cx, key)
    }

    /// The same for an object that the client has lost while it was away. A zone in which it sees a session object stays open, since
    /// the session could not go on without it.
    pub(super) fn unfollow_untold(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        let key = InterestKey::Around(do_id);
        let zones: Vec<Location> = self.interests.zones_of(key).collect();
        let is_needed = zones.into_iter().any(|at| {
            let seen = self.view.all_seen_at(at);
            seen.into_iter().any(|do_id| self.view.is_session_object(do_id))
        });
        match &mut self.following {
            Some(following) if is_needed => following.leave(key),
            _ => self.unfollow(cx, key).expect("no session object is seen there"),
        }
    }

    /// Something that is followed is below a parent.
    fn come_below(
        &mut self,
        cx: &mut Context<'_>,
        key: InterestKey,
        at: Location,
        cause: Cause,
    ) -> Flow {
        let parent = at.parent;
        let before = self.following.as_ref().and_then(|following| following.subjects.get(&key));
        if before.is_some_and(|before| before.parent != parent) {
            self.unfollow(cx, key)?;
        }
        let class = self.view.subject(cx.shared, parent).map(|subject| subject.class);
        if parent == DoId(0) || class.is_some_and(|class| !can_have_rule(class)) {
            return self.unfollow(cx, key);
        }
        let (seed, timeout) = (cx.shared.seed, cx.shared.interest_timeout());
        let following = self.following.get_or_insert_with(|| Box::new(Following::new(seed)));
        let is_new = following.subjects.insert(key, at).is_none();
        let asks = match following.parents.get(&parent).map(|its| &its.rule) {
            Some(Knowledge::Known(_)) => false,
            Some(Knowledge::Asked { since, .. }) => *since + timeout <= cx.now,
            None => true,
        };
        let context = if asks { self.identity.new_context() } else { ids::Context(0) };
        let unknown = Knowledge::Asked { context, since: cx.now, waiting: BTreeMap::new() };
        let its = following.parents.entry(parent);
        let its = its.or_insert(Parent { subjects: 0, rule: unknown });
        its.subjects += u32::from(is_new);
        match &mut its.rule {
            Knowledge::Known(rule) => {
                let rule = rule.clone();
                self.obey(cx, key, &rule, cause)
            }
            Knowledge::Asked { context: last, since, waiting } => {
                if is_new {
                    waiting.insert(key, cause);
                }
                if asks {
                    (*last, *since) = (context, cx.now);
                    let question = StateServer::ObjectGetAll { context, do_id: parent };
                    self.route_small(cx, parent.channel(), &question);
                }
                Ok(())
            }
        }
    }

    /// An object has told all of itself; whether that was asked for its rule.
    ///
    /// # Errors
    /// As [`Session::follow`].
    pub(super) fn parent_answers(
        &mut self,
        cx: &mut Context<'_>,
        context: ids::Context,
        object: &ObjectState<'_>,
    ) -> Result<bool, End> {
        let Some(following) = &mut self.following else { return Ok(false) };
        let its = following.parents.get_mut(&object.do_id).map(|its| &mut its.rule);
        let Some(Knowledge::Asked { context: asked, waiting, .. }) = its else { return Ok(false) };
        if *asked != context {
            return Ok(false);
        }
        let waiting = std::mem::take(waiting);
        let Shared { parenting, dc, .. } = &mut *cx.shared;
        let rule = parenting.as_mut().map_or(Rule::Stated, |all| all.rule_of(dc, object));
        if let Some(its) = following.parents.get_mut(&object.do_id) {
            its.rule = Knowledge::Known(rule.clone());
        }
        for (key, cause) in waiting {
            self.obey(cx, key, &rule, cause)?;
        }
        Ok(true)
    }

    /// Has an interest of the agent's own be what the rule of its parent wants.
    fn obey(&mut self, cx: &mut Context<'_>, key: InterestKey, rule: &Rule, cause: Cause) -> Flow {
        let subject = self.following.as_ref().and_then(|it| it.subjects.get(&key).copied());
        let Some(Location { parent, zone }) = subject else { return Ok(()) };
        let limits = &cx.shared.config.limits;
        let most = match limits.zones_per_interest {
            0 => QUERY_ZONES_MAX,
            most => most.min(QUERY_ZONES_MAX),
        };
        let (zones, is_too_much) = match key {
            InterestKey::Around(_) => {
                (rule.zones_around(zone, most), !matches!(rule, Rule::Auto(..)))
            }
            InterestKey::Beside(id) => {
                let has = |zone| self.interests.zones_of(id).any(|at| at.zone == zone);
                let zones = rule.zones_beside(has, most).to_vec();
                let is_any = !zones.is_empty();
                (zones, is_any)
            }
            InterestKey::Numbered(_) => return Ok(()),
        };
        if is_too_much && rule.asks_for_more_than(most) {
            self.warn_of_parent(cx, parent, "a parenting rule asks for more zones than limits.zones_per_interest, or a query, allows");
        }
        if zones.is_empty() {
            return self.open_no_longer(cx, key);
        }
        if !self.has_room_for(cx.shared, key, zones.len()) {
            self.warn_of_parent(cx, parent, "by parenting rules a client has more interests or zones than limits.interests and limits.zones allow");
            return self.open_no_longer(cx, key);
        }
        self.keep_open(cx, key, parent, &zones, cause)
    }

    fn warn_of_parent(&self, cx: &mut Context<'_>, parent: DoId, what: &str) {
        if let Some(parenting) = &mut cx.shared.parenting {
            parenting.warn(parent, what);
        }
    }

    /// Whether the session may have so many zones in an interest of the agent's own. These count apart from the others: what the agent
    /// opens takes nothing from what the client may.
    fn has_room_for(&self, shared: &Shared, key: InterestKey, zones: usize) -> bool {
        let limits = &shared.config.limits;
        let own = self.interests.own();
        let before = self.interests.zone_count_of(key);
        let interests = own.interests + usize::from(before.is_none());
        let zones = own.zones - before.unwrap_or(0) + zones;
        let is_within = |count: usize, most: usize| most == 0 || count <= most;
        is_within(interests, limits.interests) && is_within(zones, limits.zones)
    }

    /// The zones of an open interest, if they are these already.
    pub(super) fn is_open_in(&self, key: InterestKey, parent: DoId, zones: &[ZoneId]) -> bool {
        let is_same_size = self.interests.zone_count_of(key) == Some(zones.len());
        let wanted = zones.iter().map(|&zone| Location::new(parent, zone));
        is_same_size && self.interests.zones_of(key).eq(wanted)
    }
}
