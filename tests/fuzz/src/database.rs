//! The database server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use donet::hash::Seed;
use donet::ids::{Channel, ClassId, DoId, FieldId};
use donet::message::Database;
use donet::role::database::{BatchLimit, Core, Job, Settings};
use donet::store::{Failure, Operation, Outcome, Schema, Selection, Values};
use donet::wire::Envelope;

use super::cluster::{Outside, channels, datagram, schema};
use super::input::Input;

const CONTROL: Channel = Channel(1200);
/// The answer to each has the next number.
const QUESTIONS: [u16; 8] = [
    Database::DBSERVER_CREATE_OBJECT,
    Database::DBSERVER_OBJECT_GET_FIELD,
    Database::DBSERVER_OBJECT_GET_FIELDS,
    Database::DBSERVER_OBJECT_GET_ALL,
    Database::DBSERVER_OBJECT_SET_FIELD_IF_EQUALS,
    Database::DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS,
    Database::DBSERVER_OBJECT_SET_FIELD_IF_EMPTY,
    Database::DBSERVER_OBJECT_SET_FIELDS_IF_EMPTY,
];
const LIMIT: BatchLimit = BatchLimit { operations: 3, bytes: 10_000 };

/// Datagrams to a database server, whose backend answers when and as the input says. Each request
/// that wants an answer gets one, and in the end nothing is left.
pub fn database(input: &[u8]) {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let mut input = Input::new(input);
    let channels = channels(&[CONTROL, Channel::DATABASES]);
    let settings = Settings { control: CONTROL, broadcast: true, operation_timeout: Some(TIMEOUT) };
    let mut core = Core::new(Schema::new(schema()), settings, Seed::fixed(0));
    let mut outside = Outside::default();
    let mut store = Store::default();
    let mut running: Vec<Job> = Vec::new();
    let mut questions = 0_usize;
    let mut now = Instant::now();
    let mut answers = 0_usize;
    while let Some(action) = input.byte() {
        match action % 4 {
            0 => running.extend(core.next_batch(LIMIT)),
            1 if !running.is_empty() => {
                let job = running.swap_remove(usize::from(action / 4) % running.len());
                let outcome = match action {
                    200.. => Outcome::Failed(Failure::Store("full".into())),
                    _ => store.run(&job),
                };
                core.finish(job.ticket, outcome, &mut outside.effects);
            }
            1 => {
                now += TIMEOUT / 3;
                core.expire(now, &mut outside.effects);
            }
            _ => {
                let Some(datagram) = datagram(&mut input, &channels) else { break };
                questions += usize::from(wants_answer(&datagram));
                core.handle(now, &datagram, &mut outside.effects);
            }
        }
        outside.apply(|envelope, _| answers += usize::from(is_answer(envelope)));
    }
    while core.is_ready() || !running.is_empty() {
        running.extend(core.next_batch(LIMIT));
        for job in running.drain(..) {
            let outcome = store.run(&job);
            core.finish(job.ticket, outcome, &mut outside.effects);
        }
        outside.apply(|envelope, _| answers += usize::from(is_answer(envelope)));
    }
    assert_eq!((core.pending_operations(), core.pending_bytes()), (0, 0));
    assert_eq!(answers, questions);
}

/// Whether it is a question, however short, with the context that the answer has to name.
fn wants_answer(datagram: &[u8]) -> bool {
    const CONTEXT_BYTES: usize = 4;
    Envelope::read(datagram).is_ok_and(|envelope| {
        QUESTIONS.contains(&envelope.message_type) && envelope.body.len() >= CONTEXT_BYTES
    })
}

fn is_answer(envelope: &Envelope<'_>) -> bool {
    QUESTIONS.contains(&(envelope.message_type - 1))
}

/// The plainest of all backends.
#[derive(Default)]
struct Store {
    objects: BTreeMap<DoId, (ClassId, BTreeMap<FieldId, Bytes>)>,
}

impl Store {
    /// A job whose batch must not be begun any more is not done.
    fn run(&mut self, job: &Job) -> Outcome {
        match !job.operation.is_write() || job.progress.begin().is_ok() {
            true => self.apply(&job.operation),
            false => Outcome::Failed(Failure::TimedOut),
        }
    }

    fn apply(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Create { class, values } => {
                let Some(do_id) = (1..=5).map(DoId).find(|id| !self.objects.contains_key(id))
                else {
                    return Outcome::Exhausted;
                };
                self.objects.insert(do_id, (*class, values.iter().cloned().collect()));
                Outcome::Created(do_id)
            }
            Operation::Get { do_id, selection } => {
                let Some((class, fields)) = self.objects.get(do_id) else {
                    return Outcome::Absent;
                };
                let is_wanted = |field: &FieldId| match selection {
                    Selection::All => true,
                    Selection::Fields(wanted) => wanted.contains(field),
                };
                let values = fields.iter().filter(|(field, _)| is_wanted(field));
                let values = values.map(|(field, value)| (*field, value.clone())).collect();
                Outcome::Object { class: *class, values }
            }
            Operation::Update { do_id, criteria, changes } => {
                let Some((_, fields)) = self.objects.get_mut(do_id) else {
                    return Outcome::Absent;
                };
                if criteria.iter().any(|(field, wanted)| fields.get(field) != wanted.as_ref()) {
                    return Outcome::Mismatch(present(criteria, fields));
                }
                for (field, value) in changes {
                    match value {
                        Some(value) => fields.insert(*field, value.clone()),
                        None => fields.remove(field),
                    };
                }
                Outcome::Updated
            }
            Operation::Delete { do_id } => match self.objects.remove(do_id) {
                Some(_) => Outcome::Deleted,
                None => Outcome::Absent,
            },
        }
    }
}

fn present(criteria: &[(FieldId, Option<Bytes>)], fields: &BTreeMap<FieldId, Bytes>) -> Values {
    let value = |field: &FieldId| Some((*field, fields.get(field)?.clone()));
    criteria.iter().filter_map(|(field, _)| value(field)).collect()
}
