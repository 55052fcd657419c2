//! The core and its batches, without a store: what happens when one is slow, gone or refuses.

mod lane;
mod logged;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::{DcFile, Source};

use super::core::{BatchLimit, Core, Job, Settings};
use crate::hash::Seed;
use crate::ids::{Channel, ClassId, Context, DoId, FieldId};
use crate::message::{Database, FieldValues, Rest};
use crate::role::{Effect, Effects};
use crate::store::{Error, Failure, Operation, Outcome, Schema};
use crate::wire::{Envelope, Reader, Writer};

const CONTROL: Channel = Channel(75_757);
const SENDER: Channel = Channel(20);
const TIMEOUT: Duration = Duration::from_secs(30);
const LIMIT: BatchLimit = BatchLimit { operations: 100, bytes: 1 << 20 };
const COINS: FieldId = FieldId(0);
const DO_ID: DoId = DoId(1000);

fn dc() -> Arc<DcFile> {
    let text = "dclass Account { uint32 coins db; uint8 mood; };";
    Arc::new(dclass::parse(&[Source::new("test.dc", text)]).expect("valid"))
}

struct Server {
    core: Core,
    now: Instant,
    effects: Effects,
}

impl Server {
    fn new() -> Self {
        let settings =
            Settings { control: CONTROL, broadcast: true, operation_timeout: Some(TIMEOUT) };
        let core = Core::new(Schema::new(dc()), settings, Seed::fixed(0));
        Server { core, now: Instant::now(), effects: Effects::new() }
    }

    fn send(&mut self, message: &Database<'_>) {
        use crate::message::Message;
        let mut datagram = Vec::new();
        message.write_datagram(&mut Writer::new(&mut datagram), &[CONTROL], SENDER);
        self.core.handle(self.now, &datagram, &mut self.effects);
    }

    fn create(&mut self) {
        let fields = FieldValues::default();
        let (context, class_id) = (Context(7), ClassId(0));
        self.send(&Database::CreateObject { context, class_id, fields });
    }

    fn set(&mut self, coins: u32) {
        let value = coins.to_le_bytes();
        self.send(&Database::ObjectSetField { do_id: DO_ID, field: COINS, value: Rest(&value) });
    }

    fn get(&mut self) {
        self.send(&Database::ObjectGetField { context: Context(7), do_id: DO_ID, field: COINS });
    }

    fn batch(&mut self) -> Vec<Job> {
        self.core.next_batch(LIMIT)
    }

    fn finish(&mut self, job: &Job, outcome: Outcome) {
        self.core.finish(job.ticket, outcome, &mut self.effects);
    }

    fn expire(&mut self) {
        self.now = self.core.next_deadline().expect("something waits");
        self.core.expire(self.now, &mut self.effects);
    }

    /// What has been sent since the last time: to whom, by whom, what.
    fn sent(&mut self) -> Vec<(Channel, Channel, String)> {
        let read = |effect: Effect<'_>| {
            let Effect::Route(frame) = effect else { panic!("{effect:?}") };
            let envelope = Envelope::read(frame.datagram()).expect("complete");
            let mut reader = Reader::new(envelope.body);
            let message = Database::decode(envelope.message_type, &mut reader).expect("a message");
            let recipient = envelope.recipients.iter().next().expect("a recipient");
            (recipient, envelope.sender, format!("{message:?}"))
        };
        let sent = self.effects.iter().map(read).collect();
        self.effects.clear();
        sent
    }
}

fn failed_creation() -> (Channel, Channel, String) {
    let message = Database::CreateObjectResp { context: Context(7), do_id: DoId(0) };
    (SENDER, CONTROL, format!("{message:?}"))
}

#[test]
fn nothing_is_answered_before_the_store_has_committed() {
    let mut server = Server::new();
    server.create();
    let batch = server.batch();
    assert!(server.sent().is_empty());
    server.finish(&batch[0], Outcome::Created(DO_ID));
    let message = Database::CreateObjectResp { context: Context(7), do_id: DO_ID };
    assert_eq!(server.sent(), [(SENDER, CONTROL, format!("{message:?}"))]);
    assert_eq!((server.core.pending_operations(), server.core.pending_bytes()), (0, 0));
}

#[test]
fn what_waits_too_long_is_answered_with_failure_and_never_runs() {
    let mut server = Server::new();
    server.create();
    server.expire();
    assert_eq!(server.sent(), [failed_creation()]);
    assert!(server.batch().is_empty());
    assert_eq!((server.core.pending_operations(), server.core.pending_bytes()), (0, 0));
    assert_eq!(server.core.next_deadline(), None);
}

#[test]
fn what_may_be_stored_yet_is_not_answered_with_failure() {
    let mut server = Server::new();
    server.create();
    let batch = server.batch();
    batch[0].progress.begin().expect("nobody was answered");
    server.expire();
    assert_eq!((server.sent(), server.core.next_deadline()), (Vec::new(), None));
    server.finish(&batch[0], Outcome::Created(DO_ID));
    let message = Database::CreateObjectResp { context: Context(7), do_id: DO_ID };
    assert_eq!(server.sent(), [(SENDER, CONTROL, format!("{message:?}"))]);
    assert_eq!((server.core.pending_operations(), server.core.pending_bytes()), (0, 0));
}

#[test]
fn a_change_that_is_stored_late_is_announced() {
    let mut server = Server::new();
    server.set(5);
    let batch = server.batch();
    batch[0].progress.begin().expect("nobody was answered");
    server.expire();
    server.finish(&batch[0], Outcome::Updated);
    let value = 5_u32.to_le_bytes();
    let message = Database::ObjectSetField { do_id: DO_ID, field: COINS, value: Rest(&value) };
    let to = DO_ID.database_broadcast();
    assert_eq!(server.sent(), [(to, SENDER, format!("{message:?}"))]);
}

#[test]
fn what_was_not_stored_after_all_is_answered_with_failure_once_that_is_known() {
    let mut server = Server::new();
    server.create();
    let batch = server.batch();
    let progress = &batch[0].progress;
    progress.begin().expect("nobody was answered");
    progress.committing(None);
    server.expire();
    server.core.expire_late(&mut server.effects);
    assert_eq!(server.sent(), []);
    progress.start_over();
    server.core.expire_late(&mut server.effects);
    assert_eq!(server.sent(), [failed_creation()]);
    assert_eq!(progress.begin(), Err(Error::Late), "it is not stored any more");
    server.finish(&batch[0], Outcome::Failed(Failure::TimedOut));
    assert_eq!(server.sent(), []);
    assert_eq!((server.core.pending_operations(), server.core.pending_bytes()), (0, 0));
}

#[test]
fn what_only_reads_is_answered_when_its_time_is_over() {
    let mut server = Server::new();
    server.get();
    let batch = server.batch();
    batch[0].progress.begin().expect("nobody was answered");
    server.expire();
    let message = Database::ObjectGetFieldResp { context: Context(7), value: None };
    assert_eq!(server.sent(), [(SENDER, CONTROL, format!("{message:?}"))]);
    server.finish(&batch[0], Outcome::Absent);
    assert_eq!(server.sent(), []);
}

#[test]
fn finished_operations_leave_no_deadline_behind() {
    let mut server = Server::new();
    server.get();
    let batch = server.batch();
    server.finish(&batch[0], Outcome::Absent);
    server.sent();
    server.expire();
    assert_eq!((server.sent(), server.core.next_deadline()), (Vec::new(), None));
}

#[test]
fn a_batch_is_limited_but_never_empty() {
    let mut server = Server::new();
    for _ in 0..5 {
        server.create();
    }
    let two = BatchLimit { operations: 2, bytes: 1 << 20 };
    assert_eq!(server.core.next_batch(two).len(), 2);
    let small = BatchLimit { operations: 100, bytes: 1 };
    assert_eq!(server.core.next_batch(small).len(), 1);
    assert_eq!(server.batch().len(), 2);
}

#[test]
fn failures_of_the_store_are_the_protocols_failure() {
    let mut server = Server::new();
    server.get();
    let batch = server.batch();
    server.finish(&batch[0], Outcome::Failed(Failure::Store("disk full".into())));
    let message = Database::ObjectGetFieldResp { context: Context(7), value: None };
    assert_eq!(server.sent(), [(SENDER, CONTROL, format!("{message:?}"))]);
}
