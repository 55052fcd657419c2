//! What is played: operations, and how they are made up.
//!
//! Each operation means something whatever has happened before, if only nothing. So a list from which some have been
//! left out is a list, too, and a failing one can be made shorter.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::cluster::Shape;
use crate::deeds::{Deed, deed, rare_deed};

/// How many AIs there are.
pub const AIS: usize = 2;
/// How many things there may be.
pub const THINGS: usize = 6;
/// Those that only successors of AIs make, and those that only guests are given, so that nobody else has a hand in them.
pub const SUCCESSORS_THINGS: [usize; 2] = [THINGS, THINGS + 1];
pub const GUESTS_THINGS: [usize; 6] =
    [THINGS + 2, THINGS + 3, THINGS + 4, THINGS + 5, THINGS + 6, THINGS + 7];
/// All of them.
pub const ALL_THINGS: usize = THINGS + 8;
/// How many zones they are in.
pub const ZONES: usize = 4;
/// How many clients there may be at a time.
pub const CLIENTS: usize = 4;

/// One step. Whoever is named by a number that there is not is another one, or the step is left out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Op {
    // AIs
    Create { ai: usize, thing: usize, zone: usize, mark: u32 },
    Delete { ai: usize, thing: usize },
    Mark { ai: usize, thing: usize, value: u32 },
    Remark { ai: usize, thing: usize, value: u32 },
    Wish { ai: usize, thing: usize, value: u32 },
    Move { ai: usize, thing: usize, zone: usize },
    Give { ai: usize, thing: usize, client: usize },
    Say { ai: usize, count: u32, size: usize },
    Keep { ai: usize },
    Clear { ai: usize },
    Store { ai: usize },
    Write { ai: usize },
    // What a database has, and its state server brings to life.
    Activate { ai: usize, record: usize, zone: usize },
    Sign { ai: usize, record: usize, value: u32 },
    Shift { ai: usize, record: usize, zone: usize },
    Retire { ai: usize, record: usize },
    // What is tied to a client's session.
    Bequeath { ai: usize, client: usize },
    Tie { ai: usize, client: usize },
    // Clients
    Join { agent: usize, zones: u8 },
    Leave { client: usize },
    Open { client: usize, interest: u16, zones: u8 },
    Close { client: usize, interest: u16 },
    Want { client: usize, value: u32 },
    Tell { client: usize },
    // Players
    Play(Deed),
    // What goes wrong. While one flaps, its connection is lost each time, and another, if it is another, is dead. A cut midway
    // meets what an AI has just said, on its way up. An AI that ends while a daemon is away has left something to be said.
    SlowAi { ai: usize, is_slow: bool },
    SlowClient { client: usize, is_slow: bool },
    CutAi { ai: usize },
    VanishAi { ai: usize },
    CutClient { client: usize },
    CutUplink { daemon: usize },
    CutMidway { ai: usize, count: u32 },
    SayWhileAway { ai: usize, count: u32, ms: u16 },
    EndWhileAway { ai: usize, daemon: usize, ms: u16 },
    // So has a client's session. Another one loses what is tied to it while its daemon is away.
    LeaveWhileAway { agent: usize, daemon: usize, ms: u16 },
    LoseWhileAway { agent: usize, ms: u16 },
    // It comes again at another daemon, while a client agent's, where its old self is, cannot be reached for so long. That has
    // ended, or lives on.
    Succeed { ai: usize, daemon: usize, ms: u16 },
    Replace { ai: usize, daemon: usize, ms: u16 },
    PartUplink { daemon: usize, ms: u16 },
    Flap { daemon: usize, dead: usize, times: u8, ms: u16 },
    OpenWhileAway { client: usize, interest: u16, zones: u8, ms: u16 },
    Freeze { ms: u16 },
    Kill { daemon: usize, down_ms: u16 },
    Restart { daemon: usize, down_ms: u16 },
    StoreAway { ms: u16 },
    StoreLoses { commits: u32 },
    WriteInVain { ai: usize },
}

impl Op {
    /// Whether daemons end or lose each other by it.
    pub const fn disturbs_daemons(self) -> bool {
        matches!(
            self,
            Op::CutUplink { .. }
                | Op::CutMidway { .. }
                | Op::SayWhileAway { .. }
                | Op::EndWhileAway { .. }
                | Op::LeaveWhileAway { .. }
                | Op::LoseWhileAway { .. }
                | Op::Succeed { .. }
                | Op::Replace { .. }
                | Op::PartUplink { .. }
                | Op::Flap { .. }
                | Op::OpenWhileAway { .. }
                | Op::Kill { .. }
                | Op::Restart { .. }
                | Op::Play(Deed::MakeWhileAway { .. })
        )
    }
}

/// An operation and how long it is until the next.
pub type Step = (Op, u16);

/// All that a run follows from.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub shape: Shape,
    /// Of the network, the store and the daemons.
    pub seed: u64,
    /// The daemons that the AIs connect to.
    pub places: [usize; AIS],
    /// Daemons do not end or lose each other.
    pub is_calm: bool,
    pub steps: Vec<Step>,
}

/// Schedules of so many steps.
pub fn schedules(steps: std::ops::Range<usize>) -> impl Strategy<Value = Schedule> {
    let shape = prop_oneof![
        1 => Just(Shape::One),
        2 => Just(Shape::Two),
        3 => Just(Shape::Three),
        1 => Just(Shape::Four),
    ];
    let places = [0..4usize, 0..4usize];
    // What is rare, or comes to nothing by what comes later, comes last in many of them.
    let last = proptest::option::weighted(0.7, (rare(), pause()));
    let steps = (vec((op(), pause()), steps), last).prop_map(|(mut steps, last)| {
        steps.extend(last);
        steps
    });
    let parts = (shape, any::<u64>(), places, proptest::bool::weighted(0.35), steps);
    parts.prop_map(|(shape, seed, places, is_calm, steps)| Schedule {
        shape,
        seed,
        places,
        is_calm,
        steps,
    })
}

fn pause() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(0u16), 3 => 1..20u16, 2 => 20..200u16, 1 => 200..2000u16]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => of_an_ai(),
        2 => of_a_record(),
        8 => of_a_client(),
        6 => deed().prop_map(Op::Play),
        5 => gone_wrong(),
    ]
}

fn of_a_record() -> impl Strategy<Value = Op> {
    let (of_one, zone, value) = ((0..AIS, 0..4usize), 0..ZONES, any::<u32>());
    prop_oneof![
        6 => (of_one.clone(), zone.clone())
            .prop_map(|((ai, record), zone)| Op::Activate { ai, record, zone }),
        3 => (of_one.clone(), value)
            .prop_map(|((ai, record), value)| Op::Sign { ai, record, value }),
        2 => (of_one.clone(), zone)
            .prop_map(|((ai, record), zone)| Op::Shift { ai, record, zone }),
        1 => of_one.prop_map(|(ai, record)| Op::Retire { ai, record }),
    ]
}

fn of_an_ai() -> impl Strategy<Value = Op> {
    let (ai, thing, zone, value) = (0..AIS, 0..THINGS, 0..ZONES, any::<u32>());
    let of_one = (ai.clone(), thing);
    prop_oneof![
        9 => (of_one.clone(), zone.clone(), value)
            .prop_map(|((ai, thing), zone, mark)| Op::Create { ai, thing, zone, mark }),
        1 => of_one.clone().prop_map(|(ai, thing)| Op::Delete { ai, thing }),
        3 => (of_one.clone(), value)
            .prop_map(|((ai, thing), value)| Op::Mark { ai, thing, value }),
        3 => (of_one.clone(), value)
            .prop_map(|((ai, thing), value)| Op::Remark { ai, thing, value }),
        1 => (of_one.clone(), value)
            .prop_map(|((ai, thing), value)| Op::Wish { ai, thing, value }),
        4 => (of_one.clone(), zone).prop_map(|((ai, thing), zone)| Op::Move { ai, thing, zone }),
        5 => (of_one, 0..CLIENTS)
            .prop_map(|((ai, thing), client)| Op::Give { ai, thing, client }),
        4 => (ai.clone(), 1..4u32).prop_map(|(ai, count)| Op::Say { ai, count, size: 8 }),
        1 => (ai.clone(), 10..60u32).prop_map(|(ai, count)| Op::Say { ai, count, size: 4000 }),
        3 => ai.clone().prop_map(|ai| Op::Keep { ai }),
        1 => ai.clone().prop_map(|ai| Op::Clear { ai }),
        2 => ai.clone().prop_map(|ai| Op::Store { ai }),
        4 => ai.clone().prop_map(|ai| Op::Write { ai }),
        1 => (ai.clone(), 0..CLIENTS).prop_map(|(ai, client)| Op::Bequeath { ai, client }),
        1 => (ai, 0..CLIENTS).prop_map(|(ai, client)| Op::Tie { ai, client }),
    ]
}

fn of_a_client() -> impl Strategy<Value = Op> {
    let client = 0..CLIENTS;
    prop_oneof![
        5 => (0..2usize, 0..16u8).prop_map(|(agent, zones)| Op::Join { agent, zones }),
        1 => client.clone().prop_map(|client| Op::Leave { client }),
        6 => (client.clone(), 1..3u16, 1..16u8)
            .prop_map(|(client, interest, zones)| Op::Open { client, interest, zones }),
        2 => (client.clone(), 1..3u16)
            .prop_map(|(client, interest)| Op::Close { client, interest }),
        2 => (client.clone(), any::<u32>())
            .prop_map(|(client, value)| Op::Want { client, value }),
        4 => client.prop_map(|client| Op::Tell { client }),
    ]
}

/// What is worth most if nothing else happens to the same after it.
fn rare() -> impl Strategy<Value = Op> {
    let (ai, daemon) = (prop_oneof![2 => Just(0usize), 1 => Just(1usize)], 0..4usize);
    let successor = (ai, daemon.clone(), prop_oneof![1 => 1..3000u16, 4 => 3000..9000u16]);
    prop_oneof![
        1 => successor.clone().prop_map(|(ai, daemon, ms)| Op::Succeed { ai, daemon, ms }),
        4 => successor.prop_map(|(ai, daemon, ms)| Op::Replace { ai, daemon, ms }),
        2 => (0..AIS, daemon.clone(), 2000..9000u16)
            .prop_map(|(ai, daemon, ms)| Op::EndWhileAway { ai, daemon, ms }),
        3 => (0..2usize, daemon, 2000..9000u16)
            .prop_map(|(agent, daemon, ms)| Op::LeaveWhileAway { agent, daemon, ms }),
        1 => (0..2usize, 200..4000u16)
            .prop_map(|(agent, ms)| Op::LoseWhileAway { agent, ms }),
        2 => (0..AIS, 10..40u32, 200..4000u16)
            .prop_map(|(ai, count, ms)| Op::SayWhileAway { ai, count, ms }),
        3 => (0..AIS, 5..20u32).prop_map(|(ai, count)| Op::CutMidway { ai, count }),
        1 => (0..AIS).prop_map(|ai| Op::WriteInVain { ai }),
        1 => rare_deed().prop_map(Op::Play),
        // The game's daemon is dead for long enough to be judged, and no agent loses its own connection.
        1 => (0..2usize, 14..18u8, 850..1100u16)
            .prop_map(|(daemon, times, ms)| Op::Flap { daemon, dead: 1, times, ms }),
    ]
}

fn gone_wrong() -> impl Strategy<Value = Op> {
    let (daemon, down_ms) = (0..4usize, 0..3000u16);
    prop_oneof![
        1 => (0..AIS, any::<bool>()).prop_map(|(ai, is_slow)| Op::SlowAi { ai, is_slow }),
        2 => (0..CLIENTS, any::<bool>())
            .prop_map(|(client, is_slow)| Op::SlowClient { client, is_slow }),
        3 => (0..AIS).prop_map(|ai| Op::CutAi { ai }),
        1 => (0..AIS).prop_map(|ai| Op::VanishAi { ai }),
        2 => (0..CLIENTS).prop_map(|client| Op::CutClient { client }),
        2 => daemon.clone().prop_map(|daemon| Op::CutUplink { daemon }),
        6 => (0..AIS, 1..6u32).prop_map(|(ai, count)| Op::CutMidway { ai, count }),
        2 => (0..AIS, daemon.clone(), 2000..9000u16)
            .prop_map(|(ai, daemon, ms)| Op::EndWhileAway { ai, daemon, ms }),
        2 => (daemon.clone(), 1..9000u16)
            .prop_map(|(daemon, ms)| Op::PartUplink { daemon, ms }),
        1 => (daemon.clone(), daemon.clone(), 2..16u8, 200..2500u16)
            .prop_map(|(daemon, dead, times, ms)| Op::Flap { daemon, dead, times, ms }),
        1 => (0..CLIENTS, 1..3u16, 1..16u8, 0..8000u16).prop_map(
            |(client, interest, zones, ms)| Op::OpenWhileAway { client, interest, zones, ms }
        ),
        1 => (1..20_000u16).prop_map(|ms| Op::Freeze { ms }),
        2 => (daemon.clone(), down_ms.clone())
            .prop_map(|(daemon, down_ms)| Op::Kill { daemon, down_ms }),
        1 => (daemon, down_ms).prop_map(|(daemon, down_ms)| Op::Restart { daemon, down_ms }),
        1 => (1..5000u16).prop_map(|ms| Op::StoreAway { ms }),
        1 => (1..3u32).prop_map(|commits| Op::StoreLoses { commits }),
        2 => rare(),
    ]
}
