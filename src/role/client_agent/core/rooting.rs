//! The parent of all zones that clients know which make objects: it is made if nobody has made it.
//!
//! It is asked when the agent begins, when it has not answered an interest in its zones, and when a state server is lost or back. If
//! it does not answer it is made, with a state server in this daemon before the first client has asked for anything, and asked again
//! until it answers: who makes it may be away.
//!
//! Where it had to be made, a state server has come that has nothing of what clients have: it was away for longer than it is
//! waited for after a [gap](super::comparing), or has not been there yet. Nobody else says so. So all is compared then.

use std::time::{Duration, Instant};

use super::Core;
use crate::ids::{ClassId, Context, DoId, Location};
use crate::message::{ObjectState, Rest, StateServer};
use crate::role::Effects;
use crate::role::client_agent::agent::MadeRoot;
use crate::role::client_agent::session::Session;
use crate::wire::{Envelope, Reader};

/// How long it has to answer.
const ANSWER: Duration = Duration::from_millis(500);
/// When it is asked again that has been made, and does not answer.
const AGAIN: Duration = Duration::from_secs(1);
/// The class that it is of, if there is one of that name.
const CLASS: &str = "DistributedObject";

/// The object, and what becomes of it.
#[derive(Debug)]
pub struct Rooting {
    root: MadeRoot,
    class_id: ClassId,
    /// REQUIRED.
    values: Vec<u8>,
    /// It has been asked, and is made then if it has not answered; `None` if it is there as far as is known.
    makes_at: Option<Instant>,
    /// How many times it has been made since it was asked first. Each question says how many these were.
    makings: u32,
}

impl Core {
    /// What there is to be done if clients of this agent have a parent of all zones.
    pub(super) fn rooting(&self) -> Option<Rooting> {
        let root = self.shared.manners.made_root?;
        let dc = &self.shared.dc;
        let class = dc.class_by_name(CLASS).or_else(|| dc.classes().next())?;
        let required = class.required().iter();
        let values = required.flat_map(|field| field.implicit_value().iter().copied()).collect();
        Some(Rooting { root, class_id: class.id(), values, makes_at: None, makings: 0 })
    }

    /// It may not be there, or not any more: it is asked.
    pub(super) fn doubt_root(&mut self, now: Instant, out: &mut Effects) {
        let Some(rooting) = &mut self.rooting else { return };
        if rooting.makes_at.is_some() {
            return;
        }
        rooting.makes_at = Some(now + ANSWER);
        rooting.makings = 0;
        // When somebody else makes it, it asks who its children are.
        let root = rooting.root.do_id;
        self.absent.await_one(root, out);
        self.ask_root(out);
    }

    fn ask_root(&mut self, out: &mut Effects) {
        self.comparing.listen(out);
        let asker = self.comparing.asker();
        let Some(rooting) = &self.rooting else { return };
        let question = StateServer::ObjectGetLocation { context: Context(rooting.makings) };
        out.route(&[rooting.root.do_id.channel()], asker, &question).expect("it is small");
    }

    /// A parent has not answered.
    pub(super) fn parent_has_not_answered(
        &mut self,
        now: Instant,
        parent: DoId,
        out: &mut Effects,
    ) {
        if self.rooting.as_ref().is_some_and(|rooting| rooting.root.do_id == parent) {
            self.doubt_root(now, out);
        }
    }

    /// A client has come: with it there may be an interest in it at once.
    pub(super) fn need_root(&mut self, now: Instant, out: &mut Effects) {
        let lacks = |rooting: &Rooting| {
            rooting.root.is_here && rooting.makes_at.is_some() && rooting.makings == 0
        };
        if self.rooting.as_ref().is_some_and(lacks) {
            self.make_root(now, out);
        }
    }

    pub(super) fn root_deadline(&self) -> Option<Instant> {
        self.rooting.as_ref()?.makes_at
    }

    /// Makes it, if it has had the time to answer.
    pub(super) fn root_due(&mut self, now: Instant, out: &mut Effects) {
        if self.root_deadline().is_some_and(|due| due <= now) {
            self.make_root(now, out);
        }
    }

    fn make_root(&mut self, now: Instant, out: &mut Effects) {
        let asker = self.comparing.asker();
        let Some(rooting) = &mut self.rooting else { return };
        let MadeRoot { do_id, state_server, .. } = rooting.root;
        let class_id = rooting.class_id;
        rooting.makings = rooting.makings.saturating_add(1);
        if rooting.makings == 1 {
            tracing::info!(doId = %do_id, "the parent of all zones of clients is made: nobody has made it");
        }
        rooting.makes_at = Some(now + AGAIN);
        let object = ObjectState {
            do_id,
            class_id,
            location: Location::NONE,
            values: Rest(&rooting.values),
        };
        let creation = StateServer::CreateObjectWithRequired { object };
        if let Err(error) = out.route(&[state_server], asker, &creation) {
            tracing::error!(%error, "the parent of all zones of clients cannot be made");
        }
        // Whoever has it tells the agent of its end.
        let owner = StateServer::ObjectSetOwner { owner: asker };
        out.route(&[do_id.channel()], asker, &owner).expect("it is small");
        self.ask_root(out);
    }

    /// It is there as far as is known, or nobody is left who needs it.
    pub(super) fn forget_root(&mut self, out: &mut Effects) {
        let Some(rooting) = &mut self.rooting else { return };
        rooting.makes_at = None;
        self.absent.await_none(out);
    }

    /// It is there, and was not before.
    fn root_has_come(&mut self, now: Instant, out: &mut Effects) {
        self.forget_root(out);
        // Its state server is another one, unless it is here: that does not come and go without the agent.
        if self.rooting.as_ref().is_some_and(|rooting| !rooting.root.is_here)
            && self.somebody_knows_something()
        {
            tracing::info!("a state server has come that has nothing of what clients have made");
            self.server_was_away(now, true, out);
        }
    }

    /// Whether there is anything that could be lost.
    fn somebody_knows_something(&self) -> bool {
        let mut sessions = self.slots.iter().filter_map(|slot| slot.session.as_deref());
        sessions.any(Session::knows_something)
    }

    /// Takes note if it has been made by somebody else: it asks its children who they are.
    pub(super) fn root_appears(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        out: &mut Effects,
    ) {
        let is_awaited = |rooting: &&Rooting| self.absent.awaits(rooting.root.do_id);
        let Some(rooting) = self.rooting.as_ref().filter(is_awaited) else { return };
        let is_question = envelope.message_type == StateServer::STATESERVER_OBJECT_GET_LOCATION;
        if is_question && envelope.sender == rooting.root.do_id.channel() {
            self.root_has_come(now, out);
        }
    }

    /// Whether a datagram for the agent is its answer, or says that it is no more.
    pub(super) fn root_answers(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        out: &mut Effects,
    ) -> bool {
        let Some(rooting) = &self.rooting else { return false };
        use StateServer as S;
        // Most that comes to the agent are objects that clients have asked for.
        if !matches!(
            envelope.message_type,
            S::STATESERVER_OBJECT_GET_LOCATION_RESP
                | S::STATESERVER_OBJECT_DELETE_RAM
                | S::STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED
                | S::STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED_OTHER
                | S::STATESERVER_OBJECT_CHANGING_OWNER
                | S::STATESERVER_OBJECT_CHANGING_LOCATION
        ) {
            return false;
        }
        let mut reader = Reader::new(envelope.body);
        let Ok(message) = StateServer::decode(envelope.message_type, &mut reader) else {
            return false;
        };
        let root = rooting.root.do_id;
        match message {
            StateServer::ObjectGetLocationResp { context: Context(makings), do_id, .. }
                if do_id == root =>
            {
                let is_asked = rooting.makes_at.is_some();
                if is_asked && makings > 0 {
                    self.root_has_come(now, out);
                } else {
                    self.forget_root(out);
                }
            }
            StateServer::ObjectDeleteRam { do_id } if do_id == root => {
                let sender = envelope.sender;
                tracing::warn!(doId = %root, %sender, "the parent of all zones of clients has been deleted, with all that was below it");
                self.doubt_root(now, out);
                self.need_root(now, out);
            }
            // It is the agent's own, or another's.
            StateServer::ObjectEnterOwnerWithRequired { object }
            | StateServer::ObjectEnterOwnerWithRequiredOther { object }
                if object.do_id == root => {}
            StateServer::ObjectChangingOwner { do_id, .. }
            | StateServer::ObjectChangingLocation { do_id, .. }
                if do_id == root => {}
            _ => return false,
        }
        true
    }
}
