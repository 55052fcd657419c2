//! What clients that do not read need not be told: older values of the fields of `client.merge`.

use std::fmt;
use std::sync::Arc;

use dclass::DcFile;

use crate::config::{ClientAgentConfig, MergedField};
use crate::hash::Seed;
use crate::ids::FieldId;
use crate::net::{Merging, Sorted, Sorter};
use crate::role::client_agent::dialect::{self, Dialect, Gist};

/// How updates are left out, if the configuration names fields that there are.
pub fn merging(config: &ClientAgentConfig, dc: &Arc<DcFile>, seed: Seed) -> Option<Merging> {
    let mut fields = Fields::default();
    let found = config.client.merge.iter().filter_map(|named| named.find(dc).ok());
    found.flatten().for_each(|field| fields.add(field));
    let dialect = dialect::of(&config.client.kind, dc);
    let has_some = !fields.0.is_empty();
    has_some.then(|| Merging { sorter: Arc::new(Newest { dialect, fields }), seed })
}

/// Which of the fields that the configuration names are not merged, and why: the DC files have been changed since the daemon was
/// started.
pub fn not_merged(config: &ClientAgentConfig, dc: &DcFile) -> Vec<String> {
    let unknown = config.client.merge.iter().filter_map(|named| {
        let reason = named.find(dc).err()?;
        let MergedField { name, number } = named;
        let name = name.shown();
        Some(format!(
            "client.merge[{number}] (`{name}`): it is not merged before a restart: {reason}"
        ))
    });
    unknown.collect()
}

/// Fields by their numbers, a bit for each.
#[derive(Default)]
struct Fields(Vec<u64>);

impl Fields {
    fn add(&mut self, field: FieldId) {
        let (word, bit) = Self::place(field);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    fn has(&self, field: FieldId) -> bool {
        let (word, bit) = Self::place(field);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn place(field: FieldId) -> (usize, u64) {
        (usize::from(field.0) / 64, 1 << (field.0 % 64))
    }
}

/// Of these fields the newest value of each object is enough.
struct Newest {
    dialect: Box<dyn Dialect>,
    fields: Fields,
}

impl Sorter for Newest {
    fn sort(&self, datagram: &[u8]) -> Sorted {
        match self.dialect.gist(datagram) {
            Gist::FieldChanges(object, field) if self.fields.has(field) => {
                Sorted::Value { of: object.0.into(), part: field.0.into() }
            }
            Gist::Turns(object) => Sorted::Barrier(object.0.into()),
            Gist::FieldChanges(..) | Gist::Other => Sorted::Other,
        }
    }
}

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientKind;
    use crate::ids::{Channel, ClassId, DoId, Location, ZoneId};
    use crate::message::{FieldValues, ObjectState, Rest};
    use crate::role::client_agent::agent::News;
    use crate::wire::{Framing, Sent};

    /// What is made of something that a client is told.
    fn sorted(fields: &[u16], news: &News<'_>) -> Sorted {
        let dialect = dialect::of(&ClientKind::LibAstron, &crate::role::client_agent::tests::dc());
        let mut bytes = Vec::new();
        dialect.voice().write(news, Framing::Tag16, &mut bytes).expect("it fits");
        let [Sent::Datagram { datagram, .. }] = Framing::Tag16.sent(&bytes).collect::<Vec<_>>()[..]
        else {
            panic!("{bytes:?}");
        };
        let mut newest = Newest { dialect, fields: Fields::default() };
        fields.iter().for_each(|field| newest.fields.add(FieldId(*field)));
        // The beginning of it says nothing.
        assert_eq!(newest.sort(&datagram[..2]), Sorted::Other);
        newest.sort(datagram)
    }

    /// Clients of Panda3D's own repository are told by other messages, and of what leaves together by one.
    #[test]
    fn it_is_the_same_for_all_types() {
        let do_id = DoId(70_000);
        let dc = crate::role::client_agent::tests::dc();
        let kind = ClientKind::Panda3d(Arc::default());
        let sorted = |news: &News<'_>| {
            let dialect = dialect::of(&kind, &dc);
            let mut bytes = Vec::new();
            dialect.voice().write(news, Framing::Tag16, &mut bytes).expect("it fits");
            let mut newest = Newest { dialect, fields: Fields::default() };
            newest.fields.add(FieldId(3));
            newest.sort(&bytes[2..])
        };
        let field = |field, sender| News::FieldChanges {
            do_id,
            field: FieldId(field),
            value: Rest(&[1]),
            sender: Channel(sender),
        };
        let value = Sorted::Value { of: 70_000, part: 3 };
        assert_eq!(sorted(&field(3, 0)), value);
        assert_eq!(sorted(&field(3, 9 << 40)), value, "whoever has set it");
        assert_eq!(sorted(&field(4, 0)), Sorted::Other);
        assert_eq!(sorted(&News::ObjectDeleted { do_id }), Sorted::Barrier(70_000));
        let location = Location { parent: DoId(5), zone: ZoneId(6) };
        let object = ObjectState { do_id, location, class_id: ClassId(1), values: Rest(&[]) };
        let enters = News::ObjectEnters { object, has_other: false };
        assert_eq!(sorted(&enters), Sorted::Barrier(70_000));
        assert_eq!(sorted(&News::ObjectsLeave { do_ids: &[do_id, DoId(1)] }), Sorted::Other);
    }

    #[test]
    fn values_of_named_fields_are_merged_up_to_where_an_object_comes_or_goes() {
        let do_id = DoId(70_000);
        let location = Location { parent: DoId(5), zone: ZoneId(6) };
        let object = ObjectState { do_id, location, class_id: ClassId(1), values: Rest(&[1, 2]) };
        let field = |field| News::FieldChanges {
            do_id,
            field: FieldId(field),
            value: Rest(&[1]),
            sender: Channel(1),
        };
        for named in [3, 64, 700] {
            let value = Sorted::Value { of: 70_000, part: named.into() };
            assert_eq!(sorted(&[named, 65], &field(named)), value);
            assert_eq!(sorted(&[65], &field(named)), Sorted::Other);
        }
        let turns = [
            News::ObjectEnters { object, has_other: false },
            News::ObjectEnters { object, has_other: true },
            News::ObjectLeaves { do_id },
            News::OwnerGained { object, has_other: false },
            News::OwnerGained { object, has_other: true },
            News::OwnerLost { do_id },
        ];
        for news in &turns {
            assert_eq!(sorted(&[3], news), Sorted::Barrier(70_000), "{}", news.name());
        }
        let others = [
            News::FieldsChange {
                do_id,
                fields: FieldValues { count: 0, bytes: &[] },
                sender: Channel(1),
            },
            News::ObjectMoves { do_id, location },
            News::AllTold,
        ];
        for news in &others {
            assert_eq!(sorted(&[3], news), Sorted::Other, "{}", news.name());
        }
    }
}
