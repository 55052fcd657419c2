//! `client.zones.visible`: which zones are seen from which, in a file of JSON.
//!
//! Games of the OTP era had streets of many zones, of which a player sees those around. Servers found out which these are in files of
//! models; here a program has written them down.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use dclass::input;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::ids::ZoneId;

/// No file is that long.
const BYTES_MAX: u64 = 64 << 20;

/// Which zones are seen from which.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VisibleZones {
    by_zone: BTreeMap<ZoneId, Box<[ZoneId]>>,
}

impl VisibleZones {
    /// The zones that are seen from a zone, itself included. One of which nothing is said is seen alone.
    pub fn from<'z>(&'z self, zone: &'z ZoneId) -> &'z [ZoneId] {
        self.by_zone.get(zone).map_or(std::slice::from_ref(zone), |zones| zones)
    }

    /// Of how many zones something is said.
    pub fn len(&self) -> usize {
        self.by_zone.len()
    }

    /// Whether nothing is said of any.
    pub fn is_empty(&self) -> bool {
        self.by_zone.is_empty()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let file = path.display();
        let bytes = input::read_file(path, BYTES_MAX)
            .map_err(|error| format!("{file}: the file cannot be read: {error}"))?;
        Self::parse(&bytes).map_err(|error| {
            let text = error.to_string();
            // It stands there in other words.
            let end = format!(" at line {} column {}", error.line(), error.column());
            let what = text.strip_suffix(&end).unwrap_or(&text);
            format!("{file}:{}:{}: {what}", error.line(), error.column())
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(input::without_mark(bytes))
    }
}

impl<'de> Deserialize<'de> for VisibleZones {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = VisibleZones;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of zones, each with the list of those that are seen from it, such as {\"20\": [20, 21]}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VisibleZones, A::Error> {
        let mut by_zone = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            let Some(zone) = name.parse().ok().filter(|_| is_number).map(ZoneId) else {
                let what = format!("`{name}` is no zone, a whole number from 0 to {}", u32::MAX);
                return Err(de::Error::custom(what));
            };
            let mut zones: Vec<ZoneId> =
                map.next_value::<Vec<u32>>()?.into_iter().map(ZoneId).collect();
            if !zones.contains(&zone) {
                return Err(de::Error::custom(format!("zone {zone} is missing in its own list")));
            }
            zones.sort_unstable();
            zones.dedup();
            if by_zone.insert(zone, zones.into()).is_some() {
                return Err(de::Error::custom(format!(
                    "zone {zone} stands here for the second time"
                )));
            }
        }
        Ok(VisibleZones { by_zone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_seen_with_those_around_it_or_alone() {
        let text = br#"{"2000": [2001, 2000, 2001], "2001": [2001]}"#;
        let zones = VisibleZones::parse(text).expect("a right file");
        assert_eq!(zones.len(), 2);
        assert_eq!(zones.from(&ZoneId(2000)), [ZoneId(2000), ZoneId(2001)]);
        assert_eq!(zones.from(&ZoneId(2001)), [ZoneId(2001)]);
        assert_eq!(zones.from(&ZoneId(7)), [ZoneId(7)]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("zones.json");
        for (text, expected) in [
            ("[1]", ":1:0: invalid type: sequence, expected a map of zones"),
            ("{\n\"2000\": [2001]}", ":2:15: zone 2000 is missing in its own list"),
            ("{\"1\": [1],\n \"1\": [1]}", ":2:10: zone 1 stands here for the second time"),
            ("{\"street\": [1]}", ":1:9: `street` is no zone, a whole number from 0 to 4294967295"),
            ("{\"-1\": [1]}", ":1:5: `-1` is no zone"),
            ("{\"1\": 1}", ":1:7: invalid type: integer `1`, expected a sequence"),
            ("{\"1\": [-1]}", ":1:9: invalid value: integer `-1`, expected u32"),
            ("{\"1\": [1]", ":1:9: EOF while parsing an object"),
        ] {
            std::fs::write(&file, text).expect("a file");
            let error = VisibleZones::read(&file).expect_err(text);
            let error = error.replace(&*file.display().to_string(), "");
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let error = VisibleZones::read(&folder.path().join("none.json")).expect_err("no file");
        assert!(error.contains("none.json: the file cannot be read"), "{error}");
    }
}
