//! A client that makes objects itself, as those of Panda3D's own server do.
//!
//! The objects live in a state server, below the one parent whose zones such clients know. A client owns what it has made, hears
//! nothing of it that it has done itself, and has one interest: the zones that it has asked for, and those where it has put
//! something.
//!
//! All that it has made ends with its session, since its doIds are then given to somebody else; and, by post-removes, with the
//! agent. An object that is deleted by somebody else does not end the session.

mod asked;
mod lost;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::asking::distinct;
use super::following::Cause;
use super::waiting::Waits;
use super::{End, Flow, Life, Request, Session};
use crate::config::Offence;
use crate::hash::{Map, Seed, Set};
use crate::ids::{
    Channel, Context as QueryContext, DATAGRAM_BYTES_MAX, DoId, FieldId, InterestId, Location,
    ZoneId,
};
use crate::message::{ClientAgent, EjectReason, Message as _, ObjectState, Rest, StateServer};
use crate::object::{FieldList, NewObject};
use crate::role::client_agent::agent::{Context, News, Timer};
use crate::role::client_agent::interest::{Asked, InterestKey};
use crate::router::Origin;
use crate::wire::Writer;

/// The one interest of such a client.
const INTEREST: InterestId = InterestId(0);
/// So many deletions of what has gone already are kept among the post-removes before these are made anew.
const OUTDATED_MAX: usize = 64;

/// What a session has whose client makes objects.
#[derive(Debug)]
pub struct Making {
    /// The parent of all its zones.
    root: DoId,
    /// With how many doIds it makes objects.
    per_client: u32,
    /// The zones that the client has asked for, ascending.
    wanted: Box<[ZoneId]>,
    /// Where it has put objects, and how many.
    counts: Map<ZoneId, u32>,
    /// The zones that it is to see may be others than those that it sees.
    has_other_zones: bool,
    /// How many objects it has.
    objects: usize,
    /// What it has made and has not been heard of yet. Its channel may not be known everywhere, so that what is said to it
    /// is said to the state server as well, which is.
    young: Set<DoId>,
    /// What it has made since the session was asked what is to be compared with the cluster: nobody has been asked for that.
    made_meanwhile: Set<DoId>,
    /// What it has had deleted, and has not been heard to be gone. Until then it is still its own.
    ending: Set<DoId>,
    /// What it still has, and was lost with its state server: it is asked for that, and has not described it yet.
    lost: Set<DoId>,
    /// Where its objects are made.
    state_server: Channel,
    /// How many post-removes delete what has gone already.
    outdated: usize,
    /// Zones of which the client has been asked what its objects are like, and has not said anything yet.
    asked_for: SmallVec<[ZoneId; 2]>,
    /// Those of which it is to be asked when it has been told of all that it has had deleted there: it would describe that, too.
    to_ask: SmallVec<[ZoneId; 1]>,
    /// What it has had deleted after it was asked: it may have described that once more, as it had yet to be told.
    described_late: Set<DoId>,
    /// Something that it has said is on its way by an object: what goes to others directly may not come before it.
    pub(super) is_under_way: bool,
    /// What the cluster has been asked. Nothing that the client says is looked at before the answer.
    pub(super) waits: Option<Box<Waits>>,
}

impl Making {
    fn new(root: DoId, per_client: u32, state_server: Channel, seed: Seed) -> Self {
        Making {
            root,
            per_client,
            wanted: Box::default(),
            counts: Map::with_hasher(seed),
            has_other_zones: false,
            objects: 0,
            young: Set::with_hasher(seed),
            made_meanwhile: Set::with_hasher(seed),
            ending: Set::with_hasher(seed),
            lost: Set::with_hasher(seed),
            state_server,
            outdated: 0,
            asked_for: SmallVec::new(),
            to_ask: SmallVec::new(),
            described_late: Set::with_hasher(seed),
            is_under_way: false,
            waits: None,
        }
    }

    /// An object has come to a zone.
    fn comes_to(&mut self, zone: ZoneId) {
        let count = self.counts.entry(zone).or_default();
        *count += 1;
        self.objects += 1;
        self.has_other_zones |= *count == 1;
    }

    /// An object is in a zone no longer.
    fn leaves(&mut self, zone: ZoneId) {
        let Some(count) = self.counts.get_mut(&zone) else { return };
        *count -= 1;
        self.objects -= 1;
        if *count == 0 {
            self.counts.remove(&zone);
            self.has_other_zones = true;
        }
    }

    /// The same, and it is known to the client: of a zone where nothing is left it answers nothing.
    fn leaves_for_good(&mut self, zone: ZoneId) {
        self.leaves(zone);
        if !self.counts.contains_key(&zone) {
            self.asked_for.retain(|asked| *asked != zone);
        }
    }

    /// The zones that the client is to see, ascending.
    fn zones(&self) -> SmallVec<[ZoneId; 8]> {
        let mut zones: SmallVec<[ZoneId; 8]> = self.wanted.iter().copied().collect();
        zones.extend(self.counts.keys().copied());
        zones.sort_unstable();
        zones.dedup();
        zones
    }
}

/// More than what stands before values where the cluster is told of them.
const HEAD_BYTES: usize = 64;

/// Checks that values of so many bytes can be told to the cluster, before anything comes of them.
pub(super) fn check_size(bytes: usize) -> Flow {
    if bytes + HEAD_BYTES > DATAGRAM_BYTES_MAX { Err(End::oversized()) } else { Ok(()) }
}

/// An object as a client describes it.
pub struct Made<'a> {
    /// What the state server keeps of it.
    pub object: NewObject<'a>,
    /// Values of it that nobody keeps, for those who see it.
    pub passing: FieldList<'a>,
}

impl<'a> Made<'a> {
    /// All values that the client gives.
    fn values(&self) -> impl Iterator<Item = (FieldId, &'a [u8])> {
        let NewObject { required, ram, .. } = &self.object;
        required.iter().chain(ram).chain(&self.passing).copied()
    }

    /// The same object with these values, in the order of [`Made::values`].
    fn with_values<'v>(&self, values: &'v [Cow<'_, [u8]>]) -> Made<'v> {
        let NewObject { do_id, class_id, location, required, ram, has_molecular } = &self.object;
        let mut values = values.iter().map(|value| &**value);
        let mut take = |fields: &FieldList<'_>| -> FieldList<'v> {
            fields.iter().zip(&mut values).map(|(&(field, _), value)| (field, value)).collect()
        };
        let (required, ram) = (take(required), take(ram));
        let passing = take(&self.passing);
        let (do_id, class_id, location) = (*do_id, *class_id, *location);
        let has_molecular = *has_molecular;
        let object = NewObject { do_id, class_id, location, required, ram, has_molecular };
        Made { object, passing }
    }

    /// Checks that all of it can be told to the cluster: what is kept takes so many bytes.
    fn check_size(&self, kept: usize) -> Flow {
        let passing = self.passing.iter().map(|(_, value)| value.len());
        check_size(passing.max().unwrap_or(0).max(kept))
    }
}

impl Session {
    /// The client makes objects with so many doIds in this state server, below this parent, and there is nothing that it has to
    /// say first.
    pub fn begin_making(&mut self, seed: Seed, root: DoId, per_client: u32, state_server: Channel) {
        self.life = Life::Established;
        self.making = Some(Box::new(Making::new(root, per_client, state_server, seed)));
    }

    /// Whether the client is a program of the operator's.
    pub fn is_trusted(&self) -> bool {
        // Only such clients can come in there.
        self.making.is_some() && self.identity.peer.is_trusted
    }

    /// The first of its doIds, whatever channel the cluster has given it since.
    pub fn base(&self) -> Option<DoId> {
        self.identity.allocated.as_avatar()
    }

    /// Where the client has put an object, if it has made it.
    pub fn made_at(&self, do_id: DoId) -> Option<ZoneId> {
        self.view.made_at(do_id)
    }

    /// The client says which zones it wants to see, and no others.
    pub fn want_zones(
        &mut self,
        cx: &mut Context<'_>,
        zones: impl Iterator<Item = ZoneId>,
    ) -> Flow {
        Request::OpenInterest.check_permission(cx.shared)?;
        let Some(making) = &self.making else { return Ok(()) };
        let mut zones = distinct(zones, cx.shared.seed);
        self.check_may_open(cx, INTEREST, making.root, &zones)?;
        zones.sort_unstable();
        // Before they are kept.
        self.check_interest_limits(cx.shared, INTEREST, zones.len())?;
        if let Some(making) = &mut self.making {
            making.wanted = zones.into_vec().into();
            making.has_other_zones = true;
        }
        self.follow_zones(cx)
    }

    /// The client makes an object that there has not been. Its doId must be the client's to give.
    pub fn make_object(&mut self, cx: &mut Context<'_>, made: &Made<'_>) -> Flow {
        let &NewObject { do_id, class_id, location, .. } = &made.object;
        if !self.script_create(cx, (do_id, class_id), location)? {
            return Ok(());
        }
        self.with_values_of_script(cx, made, Session::make)
    }

    fn make(&mut self, cx: &mut Context<'_>, made: &Made<'_>) -> Flow {
        let &NewObject { do_id, class_id, location, .. } = &made.object;
        let values = made.object.values();
        made.check_size(values.len())?;
        self.check_described(cx, (do_id, class_id), made.values())?;
        if !self.check_made(cx, (do_id, class_id), made.values())? {
            return Ok(());
        }
        let Some(making) = &mut self.making else { return Ok(()) };
        making.comes_to(location.zone);
        making.is_under_way = true;
        making.young.insert(do_id);
        // Of what was lost it makes another when it is asked for it; what is new is no answer.
        if making.lost.remove(&do_id) {
            making.asked_for.retain(|asked| *asked != location.zone);
        }
        if cx.shared.is_comparing {
            making.made_meanwhile.insert(do_id);
        }
        let state_server = making.state_server;
        self.view.own(do_id, class_id, location);
        self.view.rights_mut(cx.shared.seed).has_made(do_id, location.zone);
        self.check_sight(cx.shared)?;
        // Before it is made: it is heard of there.
        self.follow_zones(cx)?;
        let object = ObjectState { do_id, class_id, location, values: Rest(&values) };
        let creation = StateServer::CreateObjectWithRequiredOther { object };
        self.route(cx, state_server, &creation).map_err(|_| End::oversized())?;
        self.keep_deletion(cx, do_id);
        let owner = self.identity.channel;
        self.say_to_made(cx, do_id, &StateServer::ObjectSetOwner { owner })?;
        self.note_moved();
        self.pass_on(cx, made)?;
        self.follow(cx, do_id, location, Cause::Client)
    }

    /// Does something with an object as the script lets the client describe it, if it does.
    fn with_values_of_script(
        &mut self,
        cx: &mut Context<'_>,
        made: &Made<'_>,
        act: impl FnOnce(&mut Self, &mut Context<'_>, &Made<'_>) -> Flow,
    ) -> Flow {
        if cx.shared.scripting.is_none() {
            return act(self, cx, made);
        }
        let &NewObject { do_id, class_id, .. } = &made.object;
        match self.script_fields(cx, (do_id, class_id), made.values())? {
            Some(values) => act(self, cx, &made.with_values(&values)),
            None => Ok(()),
        }
    }

    /// Routes a message to an object, which may be one that the client has just made.
    pub(super) fn say_to_made(
        &self,
        cx: &mut Context<'_>,
        do_id: DoId,
        message: &StateServer<'_>,
    ) -> Flow {
        let making = self.making.as_ref();
        let origin = Origin::Member(self.identity.key.index);
        let sender = self.identity.channel;
        let young = making.filter(|making| making.young.contains(&do_id));
        let routed = match young {
            None => cx.out.route_from(origin, &[do_id.channel()], sender, message),
            Some(making) => {
                let to = [do_id.channel(), making.state_server];
                cx.out.route_from(origin, &to, sender, message)
            }
        };
        routed.map_err(|_| End::oversized())
    }

    /// Something that the client has made says that it is somewhere.
    pub(super) fn made_is_heard_of(&mut self, do_id: DoId) {
        if let Some(making) = &mut self.making {
            making.young.remove(&do_id);
        }
    }

    /// What it has is going to be compared with the cluster.
    pub fn begins_to_be_compared(&mut self) {
        if let Some(making) = &mut self.making {
            making.made_meanwhile = Set::with_hasher(*making.young.hasher());
        }
    }

    /// Whether the client has made an object after it was asked for what there is.
    pub(super) fn has_made_meanwhile(&self, do_id: DoId) -> bool {
        self.making.as_ref().is_some_and(|making| making.made_meanwhile.contains(&do_id))
    }

    /// Has the object deleted if this session, or the agent, is lost.
    fn keep_deletion(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        let mut datagram = Vec::new();
        let deletion = StateServer::ObjectDeleteRam { do_id };
        let state_server = self.making.as_ref().map_or(Channel::NONE, |making| making.state_server);
        // It may be said before all know the object's channel.
        let (to, from) = ([do_id.channel(), state_server], self.identity.channel);
        deletion.write_datagram(&mut Writer::new(&mut datagram), &to, from);
        self.post_removes.add(cx, self.identity.allocated, &datagram);
    }

    /// Tells those who see an object what nobody keeps of it.
    fn pass_on(&self, cx: &mut Context<'_>, made: &Made<'_>) -> Flow {
        let do_id = made.object.do_id;
        for &(field, value) in &made.passing {
            let update = StateServer::ObjectSetField { do_id, field, value: Rest(value) };
            self.say_to_made(cx, do_id, &update)?;
        }
        Ok(())
    }

    /// The client describes an object again that it has made. What of it is new is told to others.
    pub fn describe_again(&mut self, cx: &mut Context<'_>, made: &Made<'_>) -> Flow {
        let &NewObject { do_id, class_id, .. } = &made.object;
        if self.view.class_of(do_id).is_some_and(|known| known != class_id) {
            let text = format!("Client tried to give object {do_id} another class");
            return Err(End::security(Offence::Permission, EjectReason::ForbiddenField, text));
        }
        self.with_values_of_script(cx, made, Session::describe_made)
    }

    fn describe_made(&mut self, cx: &mut Context<'_>, made: &Made<'_>) -> Flow {
        let &NewObject { do_id, class_id, location, .. } = &made.object;
        made.check_size(made.object.values().len())?;
        self.client_has_answered(location.zone);
        self.check_described(cx, (do_id, class_id), made.values())?;
        if !self.check_made(cx, (do_id, class_id), made.values())? {
            return Ok(());
        }
        if self.view.made_at(do_id) != Some(location.zone) {
            self.move_made(cx, do_id, location.zone)?;
        }
        self.pass_on(cx, made)?;
        let own = |&(field, value): &(FieldId, &[u8])| (field, value.into());
        let values = made.object.required.iter().chain(&made.object.ram).map(own).collect();
        self.ask_for_values(cx, do_id, values);
        Ok(())
    }

    /// The client moves an object that it has made.
    pub fn move_made(&mut self, cx: &mut Context<'_>, do_id: DoId, zone: ZoneId) -> Flow {
        Request::SetLocation.check_permission(cx.shared)?;
        let Some(root) = self.making.as_ref().map(|making| making.root) else { return Ok(()) };
        let location = Location::new(root, zone);
        if self.view.made_at(do_id) != Some(zone) && !self.script_move(cx, do_id, location)? {
            return Ok(());
        }
        let Some(making) = &mut self.making else { return Ok(()) };
        let before = self.view.rights_mut(cx.shared.seed).has_made(do_id, zone);
        if before == Some(zone) {
            return Ok(());
        }
        before.into_iter().for_each(|before| making.leaves_for_good(before));
        making.comes_to(zone);
        making.is_under_way = true;
        self.note_moved();
        self.say_to_made(cx, do_id, &StateServer::ObjectSetLocation { location })?;
        self.note_relocation(cx, do_id, location);
        self.follow(cx, do_id, location, Cause::Client)?;
        self.follow_zones(cx)
    }

    /// Something that the client has made is elsewhere, by whatever has moved it there, and the client is told so.
    pub(super) fn made_is_elsewhere(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        to: Location,
    ) -> Flow {
        let (Some(making), Some(before)) = (&mut self.making, self.view.made_at(do_id)) else {
            return Ok(());
        };
        let is_told = cx.shared.voice.tells_moves(self.view.class_of(do_id));
        if to.parent != making.root || to.zone == before || !is_told {
            return Ok(());
        }
        self.view.rights_mut(cx.shared.seed).has_made(do_id, to.zone);
        making.leaves_for_good(before);
        making.comes_to(to.zone);
        self.follow_zones(cx)
    }

    /// The client deletes an object that it has made. It is told so as all others are, when it is done, and does it itself
    /// only then.
    pub fn delete_made(&mut self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        let zone = self.view.made_at(do_id);
        let Some(making) = &mut self.making else { return Ok(()) };
        making.is_under_way = true;
        if making.ending.insert(do_id) {
            if zone.is_some_and(|zone| making.asked_for.contains(&zone)) {
                making.described_late.insert(do_id);
            }
            let due = cx.now + cx.shared.patient_timeout();
            cx.shared.deadlines.set(due, Timer::Ending(self.identity.key, do_id));
        }
        self.say_to_made(cx, do_id, &StateServer::ObjectDeleteRam { do_id })
    }

    /// An object that the client has deleted is gone, or counts as gone.
    pub fn ending_due(&mut self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        match self.making.as_ref().is_some_and(|making| making.ending.contains(&do_id)) {
            true => self.made_is_deleted(cx, do_id),
            false => Ok(()),
        }
    }

    /// An object that the client has made is no more.
    pub(super) fn made_is_deleted(&mut self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        self.answers_no_more(do_id);
        self.tell(cx.shared, &News::ObjectDeleted { do_id });
        self.view.unsee(do_id);
        self.view.disown(cx, do_id);
        self.view.remember_gone(cx, do_id);
        if let (Some(zone), Some(making)) = (self.view.made_at(do_id), &mut self.making)
            && making.counts.get(&zone) == Some(&1)
        {
            // Of what is left there it says nothing.
            making.asked_for.retain(|asked| *asked != zone);
        }
        self.unmake(cx, do_id);
        self.unfollow(cx, InterestKey::Around(do_id))?;
        self.follow_zones(cx)
    }

    /// An object that the client has made is not where it was made: its state server is another. The client, which still has it,
    /// is asked to describe it again, and makes it anew by that.
    pub(super) fn made_is_lost(&mut self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        let Some(zone) = self.view.made_at(do_id) else { return Ok(()) };
        if self.making.as_ref().is_some_and(|making| making.ending.contains(&do_id)) {
            return self.made_is_deleted(cx, do_id);
        }
        let client = self.identity.allocated;
        tracing::debug!(%client, doId = %do_id, "an object is lost, and its maker is asked for it");
        self.view.disown(cx, do_id);
        self.unmake(cx, do_id);
        if let Some(making) = &mut self.making {
            making.lost.insert(do_id);
        }
        self.unfollow(cx, InterestKey::Around(do_id))?;
        self.ask_client(cx, zone);
        // What the client sees stays as it is until then.
        Ok(())
    }

    fn unmake(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        let Some(zone) = self.view.unmake(do_id) else { return };
        let Some(making) = &mut self.making else { return };
        making.leaves(zone);
        making.young.remove(&do_id);
        making.made_meanwhile.remove(&do_id);
        making.ending.remove(&do_id);
        let is_to_ask = making.to_ask.contains(&zone);
        making.outdated += 1;
        if making.outdated > OUTDATED_MAX + making.objects {
            making.outdated = 0;
            if self.keeps_only_deletions() {
                self.keep_deletions(cx);
            }
        }
        if is_to_ask {
            self.ask_client(cx, zone);
        }
    }

    /// Whether all its post-removes delete what the client has made.
    pub(super) fn keeps_only_deletions(&self) -> bool {
        self.making.is_some() && !self.post_removes.has_some_of_cluster()
    }

    /// Makes the post-removes anew that delete what the client has made.
    pub(super) fn keep_deletions(&mut self, cx: &mut Context<'_>) {
        self.post_removes.clear(cx, self.identity.allocated);
        for do_id in self.view.all_made() {
            self.keep_deletion(cx, do_id);
        }
    }

    /// The client sees what it is to see now, if that is something else.
    fn follow_zones(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(making) = &mut self.making else { return Ok(()) };
        if !std::mem::take(&mut making.has_other_zones) {
            return Ok(());
        }
        let (root, zones) = (making.root, making.zones());
        let before: SmallVec<[ZoneId; 8]> = self.interests.zone_list(INTEREST).into();
        if before == zones {
            return Ok(());
        }
        self.check_interest_limits(cx.shared, INTEREST, zones.len())?;
        let asked = Asked { context: QueryContext(0), caller: Channel::NONE };
        let left = self.add_interest(cx, INTEREST, root, &zones, asked)?;
        if left == 0 {
            // That its zones are others it is told all the same.
            self.tell(cx.shared, &News::ObjectsLeave { do_ids: &[] });
        }
        let has_come = |zone: &&ZoneId| before.binary_search(zone).is_err();
        let come: SmallVec<[ZoneId; 8]> = zones.iter().filter(has_come).copied().collect();
        if cx.shared.manners.asks_makers {
            for &zone in &come {
                let location = Location::new(root, zone);
                let question = ClientAgent::WantValues { location };
                self.route_small(cx, location.channel(), &question);
            }
        }
        self.meet_time_manager(cx, &before, &zones);
        Ok(())
    }

    /// The object that tells the time is seen by whoever sees its zone.
    fn meet_time_manager(&mut self, cx: &mut Context<'_>, before: &[ZoneId], now: &[ZoneId]) {
        let Some(manager) = cx.shared.time_manager.clone() else { return };
        let sees = |zones: &[ZoneId]| zones.binary_search(&manager.zone).is_ok();
        let root = self.making.as_ref().map_or(DoId::NONE, |making| making.root);
        match (sees(before), sees(now)) {
            (false, true) => {
                let object = manager.state(root);
                self.tell(cx.shared, &News::ObjectEnters { object, has_other: false });
            }
            (true, false) => {
                self.tell(cx.shared, &News::ObjectsLeave { do_ids: &[manager.do_id] });
            }
            _ => {}
        }
    }

    /// Whether the client sees the object that tells the time.
    pub fn sees_zone(&self, zone: ZoneId) -> bool {
        self.interests.zone_list(INTEREST).binary_search(&zone).is_ok()
    }
}
