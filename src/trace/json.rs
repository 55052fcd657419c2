//! A datagram as JSON.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::Decoded;
use super::record::{Path, Record};

/// As one JSON object.
pub fn json(record: &Record<'_>, decoded: Option<&Decoded>) -> Json {
    let mut object = Map::new();
    object.insert("time".to_owned(), json!(time(record.micros()).to_string()));
    match record {
        Record::Lost { count, .. } => {
            object.insert("lost".to_owned(), json!(count));
        }
        Record::Datagram { path, origin, .. } => {
            object.insert("origin".to_owned(), json!(origin));
            let way = match path {
                Path::Routed => "routed",
                Path::FromClient(..) => "from_client",
                Path::ToClient(..) => "to_client",
            };
            object.insert("way".to_owned(), json!(way));
            if let Some(client) = path.client() {
                object.insert("client".to_owned(), json!(client.to_string()));
            }
        }
    }
    object.extend(decoded.map(Decoded::to_json).unwrap_or_default());
    Json::Object(object)
}

/// When that was.
pub fn time(micros: u64) -> Timestamp {
    i64::try_from(micros)
        .ok()
        .and_then(|it| Timestamp::from_microsecond(it).ok())
        .unwrap_or_default()
}
