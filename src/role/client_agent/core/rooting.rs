//! The parent of all zones that clients know which make objects: it is made if nobody has made it.
//!
//! It is asked some time after the agent has begun, when somebody has not answered an interest in its zones, and when a state
//! server is lost or back; and made, if it does not answer.

use std::time::{Duration, Instant};

use super::Core;
use crate::ids::{Channel, ClassId, Context, DoId, Location};
use crate::message::{ObjectState, Rest, StateServer};
use crate::role::Effects;
use crate::wire::{Envelope, Reader};

/// How long others have to make it when the agent begins, or a state server is back.
const BEGINNING: Duration = Duration::from_millis(500);
/// How long it has to answer.
const ANSWER: Duration = Duration::from_millis(100);
/// The class that it is of, if there is one of that name.
const CLASS: &str = "DistributedObject";

/// What becomes of it.
#[derive(Debug)]
pub struct Rooting {
    root: DoId,
    class_id: ClassId,
    /// REQUIRED.
    values: Vec<u8>,
    state_server: Channel,
    stage: Stage,
    /// Listens to the channel of its children, on which it asks who these are when it has been made.
    hears: bool,
}

#[derive(Copy, Clone, Debug)]
enum Stage {
    /// As far as is known it is there.
    Rests,
    /// It is asked then.
    Asks(Instant),
    /// It has been asked, and is made then.
    Makes(Instant),
}

impl Core {
    /// What there is to be done if clients of this agent have a parent of all zones.
    pub(super) fn rooting(&self) -> Option<Rooting> {
        let config = self.shared.config.client.kind.panda3d()?;
        let dc = &self.shared.dc;
        let class = dc.class_by_name(CLASS).or_else(|| dc.classes().next())?;
        let required = class.required().iter();
        let values = required.flat_map(|field| field.implicit_value().iter().copied()).collect();
        Some(Rooting {
            root: config.root,
            class_id: class.id(),
            values,
            state_server: config.state_server?,
            stage: Stage::Rests,
            hears: false,
        })
    }

    /// It may not be there, or not any more. Others may be about to make it.
    pub(super) fn doubt_root(&mut self, now: Instant) {
        if let Some(rooting) = &mut self.rooting
            && matches!(rooting.stage, Stage::Rests)
        {
            rooting.stage = Stage::Asks(now + BEGINNING);
        }
    }

    /// A parent has not answered.
    pub(super) fn root_is_absent(&mut self, now: Instant, parent: DoId) {
        if let Some(rooting) = &mut self.rooting
            && rooting.root == parent
        {
            rooting.stage = Stage::Makes(now);
        }
    }

    pub(super) fn root_deadline(&self) -> Option<Instant> {
        match self.rooting.as_ref()?.stage {
            Stage::Rests => None,
            Stage::Asks(at) | Stage::Makes(at) => Some(at),
        }
    }

    /// Asks it, or makes it, if it is time to.
    pub(super) fn root_due(&mut self, now: Instant, out: &mut Effects) {
        if self.root_deadline().is_none_or(|due| due > now) {
            return;
        }
        self.comparing.listen(out);
        let asker = self.comparing.asker();
        let Some(rooting) = &mut self.rooting else { return };
        let &mut Rooting { root: do_id, class_id, state_server, .. } = rooting;
        if let Stage::Asks(_) = rooting.stage {
            rooting.hears = true;
            out.subscribe(do_id.children());
            let question = StateServer::ObjectGetLocation { context: Context(0) };
            out.route(&[do_id.channel()], asker, &question).expect("it is small");
            rooting.stage = Stage::Makes(now + ANSWER);
            return;
        }
        tracing::info!(doId = %do_id, "the parent of all zones of clients is made: nobody has made it");
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
        self.root_is_there(out);
    }

    fn root_is_there(&mut self, out: &mut Effects) {
        let Some(rooting) = &mut self.rooting else { return };
        rooting.stage = Stage::Rests;
        let root = rooting.root;
        if std::mem::take(&mut rooting.hears) && !self.absent.awaits(root) {
            out.unsubscribe(root.children());
        }
    }

    /// Takes note if it has been made by somebody else: it asks its children who they are.
    pub(super) fn root_appears(&mut self, envelope: &Envelope<'_>, out: &mut Effects) {
        let Some(rooting) = self.rooting.as_ref().filter(|rooting| rooting.hears) else { return };
        let is_question = envelope.message_type == StateServer::STATESERVER_OBJECT_GET_LOCATION;
        if is_question && envelope.sender == rooting.root.channel() {
            self.root_is_there(out);
        }
    }

    /// Whether a datagram for the agent is its answer.
    pub(super) fn root_answers(&mut self, envelope: &Envelope<'_>, out: &mut Effects) -> bool {
        let Some(rooting) = &self.rooting else { return false };
        if envelope.message_type != StateServer::STATESERVER_OBJECT_GET_LOCATION_RESP {
            return false;
        }
        let mut reader = Reader::new(envelope.body);
        let answer = StateServer::decode(envelope.message_type, &mut reader);
        let is_it = |do_id| rooting.root == do_id;
        match answer {
            Ok(StateServer::ObjectGetLocationResp { do_id, .. }) if is_it(do_id) => {
                self.root_is_there(out);
                true
            }
            _ => false,
        }
    }
}
