//! The state server as a state machine.

use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;
use tracing::{error, warn};

use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::ids::Channel;
use crate::message::{self, Message, ObjectState};
use crate::metrics::Figures;
use crate::object::{NewObject, Population, Standing};
use crate::role::Effects;
use crate::router::{Cursor, Gap, Origin, Page, Query, Role};
use crate::wire::{Envelope, Reader};

/// The objects of one state server, and what it does itself.
#[derive(Debug)]
pub struct StateServer {
    control: Channel,
    standing: Standing,
    dc: Arc<DcFile>,
    objects: Population,
}

impl StateServer {
    /// A state server without objects.
    pub fn new(config: &StateServerConfig, dc: Arc<DcFile>, seed: Seed) -> Self {
        let standing = Standing::new(config.control, seed);
        let objects = Population::new(Arc::clone(&dc), seed);
        StateServer { control: config.control, standing, objects, dc }
    }

    /// What has to be done before the first message.
    pub fn start(&self, out: &mut Effects) {
        out.subscribe(self.control);
        out.subscribe(Channel::STATE_SERVERS);
        self.standing.begin(out);
    }

    /// The objects.
    pub fn objects(&self) -> &Population {
        &self.objects
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
            Ok(M::DeleteAiObjects { ai }) => self.objects.delete_ai_objects(ai, sender, out),
            // It is for an object that has just been made, whose channel may not be known everywhere yet.
            Ok(_) if envelope.recipients.len() > 1 => {}
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
        self.objects.catch_up(do_id, out);
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
}

impl Role for StateServer {
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        self.objects.note_time(now, envelope);
        self.objects.deliver(origin, envelope, out);
        let mut recipients = envelope.recipients.iter();
        if origin != Origin::Role && recipients.any(|c| is_for_role(self.control, c)) {
            self.handle_control(envelope, out);
        }
        self.standing.hear(now, envelope, &mut self.objects, out);
    }

    fn gap(&mut self, now: Instant, _gap: Gap, out: &mut Effects) {
        self.standing.is_back(out);
        self.objects.begin_to_compare(now, true, out);
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        self.objects.next_deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        self.objects.on_deadline(now, out);
    }

    fn resume(&mut self, now: Instant, budget: usize, out: &mut Effects) -> bool {
        let has_letters = self.objects.go_on(budget, out);
        let compares = self.objects.go_on_comparing(now, out);
        self.objects.go_on_with_census(out) || compares || has_letters
    }

    fn measure(&self, _: Cursor, _: usize, figures: &mut Figures) -> Option<Cursor> {
        self.objects.measure(figures);
        None
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.objects.inspect(query, cursor, budget)
    }
}

fn is_for_role(control: Channel, channel: Channel) -> bool {
    channel == control || channel == Channel::STATE_SERVERS
}
