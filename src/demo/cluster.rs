//! The numbers by which the demo's parts know each other. `demo.yml` has them too.

use std::sync::Arc;
use std::time::Duration;

use dclass::{DcFile, Source};

use crate::ids::{Channel, DoId, Location, ZoneId};

/// The classes.
pub const DC: &str = include_str!("demo.dc");
/// What clients have to name.
pub const VERSION: &str = "demo 1";

/// The UberDOG at which clients log in.
pub const GATE: DoId = DoId(1001);
/// The state server.
pub const STATE_SERVER: Channel = Channel(2001);
/// The AI.
pub const AI: Channel = Channel(100_001);
/// The program that has the UberDOG.
pub const UBERDOG: Channel = Channel(100_002);
/// The database server.
pub const DATABASE: Channel = Channel(4003);
/// The first object in the database, which is the Register.
pub const REGISTER: DoId = DoId(900_000_000);

/// What all of the world is in.
pub const ROOT: DoId = DoId(4000);
/// The Districts.
pub const DISTRICTS: [(DoId, &str); 2] = [(DoId(4001), "Meadow"), (DoId(4002), "Harbour")];
/// The AI's end for the UberDOG.
pub const FOYER: DoId = DoId(4100);
/// The doIds of Caves: those that clients may look into.
pub const CAVES: std::ops::RangeInclusive<u32> = 5000..=5999;
/// The first doId of everything else.
pub const FIRST_OBJECT: u32 = 10_000_000;

/// Where Districts are, which all who are logged in see.
pub const LOBBY: Location = Location::new(ROOT, ZoneId(1));
/// Where avatars are until they enter a District. Nobody sees it.
pub const WAITING: Location = Location::new(ROOT, ZoneId(2));
/// Where Caves are. Nobody sees it.
pub const BACKSTAGE: Location = Location::new(ROOT, ZoneId(3));

/// How wide and high a zone is, in steps.
pub const CELL: f64 = 40.0;
/// How many of them a District has in a row.
pub const COLUMNS: u32 = 4;
/// How many rows.
pub const ROWS: u32 = 3;
/// How far around a client sees, in zones.
pub const SIGHT: u32 = 1;
/// How many steps a second players walk.
pub const SPEED: f64 = 8.0;
/// How near one has to be to a Portal.
pub const REACH: f64 = 4.0;
/// How many colours there are.
pub const COLOURS: u8 = 12;
/// How often the AI moves what it moves.
pub const TICK: Duration = Duration::from_millis(250);

/// Reads the classes.
///
/// # Panics
/// If the file has errors, which a test would have found.
pub fn classes() -> Arc<DcFile> {
    let dc = dclass::parse(&[Source::new("demo.dc", DC)]);
    Arc::new(dc.unwrap_or_else(|errors| panic!("{errors}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_same_numbers() {
        let config = include_str!("demo.yml");
        let caves = format!("{}-{}", CAVES.start(), CAVES.end());
        let districts = format!("{}-{}", DISTRICTS[0].0, DISTRICTS[1].0);
        let zones = COLUMNS * ROWS;
        for line in [
            format!("- id: {GATE}\n"),
            format!("control: {STATE_SERVER}\n"),
            format!("control: {DATABASE}\n"),
            format!("generate: {{min: {REGISTER}, "),
            format!("version: {VERSION}\n"),
            format!("- allow: {{parent: {}, zones: {}}}\n", LOBBY.parent, LOBBY.zone),
            format!("- allow: {{parent: {districts}, zones: 1-{zones}}}\n"),
            format!("- allow: {{parent: {caves}, zones: 1}}\n"),
        ] {
            assert!(config.contains(&line), "{line}");
        }
    }
}
