//! What players do, and what is done to them.

use proptest::prelude::*;

use crate::play::ZONES;

/// How many players there may be at a time.
pub const PLAYERS: usize = 4;

/// What a player does, or suffers. Whoever is named by a number that there is not is another one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    Enter {
        agent: usize,
        zones: u8,
    },
    Exit {
        player: usize,
    },
    Make {
        player: usize,
        zone: usize,
        look: u32,
    },
    Look {
        player: usize,
        object: usize,
        value: u32,
    },
    Mood {
        player: usize,
        object: usize,
        value: u32,
    },
    Carry {
        player: usize,
        object: usize,
        zone: usize,
    },
    Drop {
        player: usize,
        object: usize,
    },
    See {
        player: usize,
        zones: u8,
    },
    Cut {
        player: usize,
    },
    Slow {
        player: usize,
        is_slow: bool,
    },
    /// The state server's daemon is killed, and one makes something before it is back.
    MakeWhileAway {
        player: usize,
        zone: usize,
        ms: u16,
    },
}

pub fn deed() -> impl Strategy<Value = Deed> {
    let (player, zone, value) = (0..PLAYERS, 0..ZONES, any::<u32>());
    let of_one = (player.clone(), 0..3usize);
    prop_oneof![
        6 => (0..2usize, 0..16u8).prop_map(|(agent, zones)| Deed::Enter { agent, zones }),
        1 => player.clone().prop_map(|player| Deed::Exit { player }),
        6 => (player.clone(), zone.clone(), value)
            .prop_map(|(player, zone, look)| Deed::Make { player, zone, look }),
        3 => (of_one.clone(), value)
            .prop_map(|((player, object), value)| Deed::Look { player, object, value }),
        3 => (of_one.clone(), value)
            .prop_map(|((player, object), value)| Deed::Mood { player, object, value }),
        3 => (of_one.clone(), zone)
            .prop_map(|((player, object), zone)| Deed::Carry { player, object, zone }),
        2 => of_one.prop_map(|(player, object)| Deed::Drop { player, object }),
        3 => (player.clone(), 0..16u8).prop_map(|(player, zones)| Deed::See { player, zones }),
        1 => player.clone().prop_map(|player| Deed::Cut { player }),
        1 => (player, any::<bool>()).prop_map(|(player, is_slow)| Deed::Slow { player, is_slow }),
    ]
}

/// What is worth most if nothing else happens to the same after it.
pub fn rare_deed() -> impl Strategy<Value = Deed> {
    let parts = (0..PLAYERS, 0..ZONES, 1..8000u16);
    parts.prop_map(|(player, zone, ms)| Deed::MakeWhileAway { player, zone, ms })
}
