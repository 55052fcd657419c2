//! What moves by itself: it walks to some place not far away, rests there, and goes on.

use std::time::Duration;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore as _;

use super::effect::Effect;
use super::room::{Kind, Room, steps};
use crate::demo::values::Value;
use crate::ids::{DoId, Location};

/// How many steps a second each kind moves: sheep, ducks, foxes, butterflies, bats.
const PACES: [f64; 5] = [1.5, 2.0, 4.0, 3.0, 5.0];
/// The longest rest.
const REST_MAX: f64 = 4.0;
/// How far it goes at a time.
const WAY_MAX: f64 = 14.0;
/// How near to the edge it goes.
const MARGIN: f64 = 2.0;
/// Which kinds, and how many of each, there are in a District, and in a Cave.
const OF_DISTRICT: [(u8, usize); 4] = [(0, 5), (1, 3), (2, 2), (3, 4)];
const OF_CAVE: [(u8, usize); 1] = [(4, 5)];

/// One of them.
pub struct Critter {
    do_id: DoId,
    kind: u8,
    xy: (f64, f64),
    target: (f64, f64),
    rests_until: Option<Instant>,
    location: Location,
}

/// A number from 0 to 1.
pub fn chance(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// Puts them into a room.
pub fn populate(
    room: &mut Room,
    rng: &mut ChaCha8Rng,
    mut do_id: impl FnMut() -> DoId,
    effects: &mut Vec<Effect>,
) {
    let kinds = match room.kind {
        Kind::District => &OF_DISTRICT[..],
        Kind::Cave { .. } => &OF_CAVE[..],
    };
    for kind in kinds.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count)) {
        let (width, height) = room.size();
        let xy = inside(room, (width * chance(rng), height * chance(rng)));
        let (do_id, location) = (do_id(), room.location(xy));
        let fields = vec![("setKind", vec![Value::U8(kind)]), ("setXY", steps(xy))];
        effects.push(Effect::Make { do_id, class: "Critter", location, fields });
        let critter = Critter { do_id, kind, xy, target: xy, rests_until: None, location };
        room.critters.push(critter);
    }
}

fn inside(room: &Room, (x, y): (f64, f64)) -> (f64, f64) {
    let (width, height) = room.size();
    (x.clamp(MARGIN, width - MARGIN), y.clamp(MARGIN, height - MARGIN))
}

/// Has those in a room move for as long as has passed.
pub fn walk(
    room: &mut Room,
    passed: Duration,
    now: Instant,
    rng: &mut ChaCha8Rng,
    effects: &mut Vec<Effect>,
) {
    let mut critters = std::mem::take(&mut room.critters);
    for critter in &mut critters {
        critter.step(room, passed, now, rng, effects);
    }
    room.critters = critters;
}

impl Critter {
    fn step(
        &mut self,
        room: &Room,
        passed: Duration,
        now: Instant,
        rng: &mut ChaCha8Rng,
        effects: &mut Vec<Effect>,
    ) {
        if self.rests_until.is_some_and(|until| now < until) {
            return;
        }
        if self.rests_until.take().is_some() {
            let far = |rng: &mut _| WAY_MAX * (2.0 * chance(rng) - 1.0);
            self.target = inside(room, (self.xy.0 + far(rng), self.xy.1 + far(rng)));
        }
        let (dx, dy) = (self.target.0 - self.xy.0, self.target.1 - self.xy.1);
        let (way, left) = (PACES[usize::from(self.kind)] * passed.as_secs_f64(), dx.hypot(dy));
        if left <= way {
            self.xy = self.target;
            // Bats do not rest.
            let rest = if self.kind == 4 { 0.0 } else { REST_MAX * chance(rng) };
            self.rests_until = Some(now + Duration::from_secs_f64(rest));
        } else {
            self.xy = (self.xy.0 + dx * way / left, self.xy.1 + dy * way / left);
        }
        let do_id = self.do_id;
        effects.push(Effect::Set { do_id, field: "Critter.setXY", values: steps(self.xy) });
        let location = room.location(self.xy);
        if location != self.location {
            self.location = location;
            effects.push(Effect::Move { do_id, location });
        }
    }
}
