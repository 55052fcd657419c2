//! Objects of the database, at rest and alive.

use std::collections::{BTreeMap, BTreeSet};

use donet::ids::Context;
use donet::message::{Database, DbStateServer, FieldValues, Rest, StateServer};

use super::Run;
use crate::facts::Record;
use crate::peers::world::{self, DATABASE, MOTTO, SIGN, VAULT};
use crate::play::Op;

impl Run {
    /// What an AI asks of the database-state server, or of an object that it has brought to life.
    pub fn play_record(&mut self, op: Op) {
        let (Op::Activate { ai, record, .. }
        | Op::Sign { ai, record, .. }
        | Op::Shift { ai, record, .. }
        | Op::Retire { ai, record }) = op
        else {
            unreachable!("{op:?} is about no record")
        };
        let mut known = self.facts.records.iter().filter_map(|record| record.do_id).cycle();
        let Some(do_id) = known.nth(record) else { return };
        let (ai, to) = (&mut self.ais[ai], do_id.channel());
        match op {
            Op::Activate { zone, .. } => {
                let location = world::zone(zone);
                ai.send(to, &DbStateServer::ObjectActivateWithDefaults { do_id, location });
            }
            Op::Sign { value, .. } => {
                let value = value.to_le_bytes();
                let (field, value) = (SIGN, Rest(&value));
                ai.send(to, &StateServer::ObjectSetField { do_id, field, value });
            }
            Op::Shift { zone, .. } => {
                ai.send(to, &StateServer::ObjectSetLocation { location: world::zone(zone) });
            }
            _ => {
                ai.send(to, &StateServer::ObjectDeleteRam { do_id });
            }
        }
    }

    pub fn store(&mut self, ai: usize) {
        let context = Context(self.number());
        let fields = FieldValues { count: 0, bytes: &[] };
        let message = Database::CreateObject { context, class_id: VAULT, fields };
        if self.ais[ai].send(DATABASE, &message) {
            self.facts.records.push(Record {
                ai,
                create: context,
                do_id: None,
                known: None,
                stored: None,
                open: BTreeMap::new(),
                refused: BTreeSet::new(),
            });
        }
    }

    pub fn write(&mut self, ai: usize) {
        let (context, value) = (Context(self.number()), self.number());
        let mut records = self.facts.records.iter_mut().rev();
        let Some(record) = records.find(|record| record.ai == ai && record.do_id.is_some()) else {
            return;
        };
        let do_id = record.do_id.expect("just looked at");
        let new = value.to_le_bytes();
        let is_sent = match record.known {
            None => {
                let value = Rest(&new);
                let message =
                    Database::ObjectSetFieldIfEmpty { context, do_id, field: MOTTO, value };
                self.ais[ai].send(DATABASE, &message)
            }
            Some(old) => {
                let values = [old.to_le_bytes(), new].concat();
                let values = Rest(&values);
                let message =
                    Database::ObjectSetFieldIfEquals { context, do_id, field: MOTTO, values };
                self.ais[ai].send(DATABASE, &message)
            }
        };
        if is_sent {
            record.open.insert(context.0, value);
        }
    }
}
