//! The state server as a state machine.

use std::sync::Arc;

use dclass::DcFile;
use tracing::{error, warn};

use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::ids::Channel;
use crate::message::{self, Message, ObjectState};
use crate::object::{NewObject, Origin, Population};
use crate::role::Effects;
use crate::router::{Cursor, Page, Query};
use crate::wire::{Envelope, Frames, Reader};

/// The objects of one state server, and what it does itself.
#[derive(Debug)]
pub struct StateServer {
    control: Channel,
    dc: Arc<DcFile>,
    objects: Population,
    /// Memory for what was sent here and is handled here.
    frames: Vec<u8>,
}

impl StateServer {
    /// A state server without objects.
    pub fn new(config: &StateServerConfig, dc: Arc<DcFile>, seed: Seed) -> Self {
        StateServer {
            control: config.control,
            objects: Population::new(Arc::clone(&dc), seed),
            dc,
            frames: Vec::new(),
        }
    }

    /// What has to be done before the first message.
    pub fn start(&self, out: &mut Effects) {
        out.subscribe(self.control);
        out.subscribe(Channel::STATE_SERVERS);
    }

    /// The objects.
    pub fn objects(&self) -> &Population {
        &self.objects
    }

    /// A page of the objects that are asked for.
    pub fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.objects.inspect(query, cursor, budget)
    }

    /// Handles one datagram that the router delivered, and all that follows from it here.
    pub fn handle(&mut self, datagram: &[u8], out: &mut Effects) {
        self.receive(Origin::Outside, datagram, out);
        let (control, mut frames) = (self.control, std::mem::take(&mut self.frames));
        let listens = |channel| is_for_role(control, channel);
        while let Some(origin) = self.objects.next_queued(out, &mut frames, listens) {
            for frame in Frames::new(&frames) {
                self.receive(origin, frame.datagram(), out);
            }
        }
        self.frames = frames;
    }

    fn receive(&mut self, origin: Origin, datagram: &[u8], out: &mut Effects) {
        let envelope = match Envelope::read(datagram) {
            Ok(envelope) => envelope,
            Err(error) => {
                warn!(%origin, %error, "truncated datagram");
                return;
            }
        };
        self.objects.deliver(origin, &envelope, out);
        let mut recipients = envelope.recipients.iter();
        if origin != Origin::Role && recipients.any(|c| is_for_role(self.control, c)) {
            self.handle_control(&envelope, out);
        }
    }

    /// Handles a message to the state server itself.
    fn handle_control(&mut self, envelope: &Envelope<'_>, out: &mut Effects) {
        use message::StateServer as M;
        let (number, sender) = (envelope.message_type, envelope.sender);
        let msgtype = message::name_of(number);
        match M::decode(number, &mut Reader::new(envelope.body)) {
            Ok(M::CreateObjectWithRequired { object }) => self.create(object, false, sender, out),
            Ok(M::CreateObjectWithRequiredOther { object }) => {
                self.create(object, true, sender, out)
            }
            Ok(M::DeleteAiObjects { ai }) => self.delete_ai_objects(ai, sender, out),
            Ok(message) => {
                warn!(msgtype = message.name(), %sender, "not for a state server's control channel");
            }
            Err(error) => warn!(msgtype, number, %sender, %error, "bad message"),
        }
    }

    fn create(&mut self, state: ObjectState<'_>, other: bool, sender: Channel, out: &mut Effects) {
        let do_id = state.do_id;
        let channel = do_id.channel();
        if channel == Channel::NONE || is_for_role(self.control, channel) {
            error!(doId = %do_id, %sender, "not an id for an object: the channel has another meaning");
            return;
        }
        if self.objects.get(do_id).is_some() {
            warn!(doId = %do_id, %sender, "an object with this id exists already");
            return;
        }
        let Some(class) = self.dc.class(state.class_id) else {
            error!(doId = %do_id, class = state.class_id.0, %sender, "no such class");
            return;
        };
        match NewObject::read(&state, class, other) {
            Ok(new) => self.objects.create(&new, sender, out),
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %sender, %error, "object not created");
            }
        }
    }

    /// Has the objects that this AI was set for deleted.
    fn delete_ai_objects(&mut self, ai: Channel, sender: Channel, out: &mut Effects) {
        let of_ai = self.objects.iter();
        let of_ai = of_ai.filter(|object| object.ai() == ai && object.ai_is_explicit());
        let mut targets: Vec<Channel> = of_ai.map(|object| object.do_id().channel()).collect();
        targets.sort_unstable();
        let order = message::StateServer::DeleteAiObjects { ai };
        self.objects.send(&targets, sender, &order, out);
    }
}

fn is_for_role(control: Channel, channel: Channel) -> bool {
    channel == control || channel == Channel::STATE_SERVERS
}
