//! The world's rules: what happens and when is told, and what becomes of it is looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::DcFile;

use super::Spot;
use super::effect::Effect;
use super::world::{Player, World};
use crate::demo::cluster::{BACKSTAGE, DISTRICTS, SPEED, TICK, WAITING, classes};
use crate::demo::values::{self, Value};
use crate::ids::{Channel, DoId, Location, ZoneId};

const MEADOW: DoId = DISTRICTS[0].0;
const HARBOUR: DoId = DISTRICTS[1].0;

struct Stage {
    world: World,
    now: Instant,
    dc: Arc<DcFile>,
    /// What has happened, the last thing that was done alone.
    effects: Vec<Effect>,
}

fn player(number: u32) -> Player {
    let client = Channel(2_000_000_000 + u64::from(number));
    Player { client, number, account: DoId::NONE, name: format!("P{number}"), colour: 1 }
}

impl Stage {
    fn new() -> Self {
        let (world, now, dc) = (World::new(7), Instant::now(), classes());
        let mut stage = Stage { world, now, dc, effects: Vec::new() };
        stage.after(|world, _| world.begin());
        stage
    }

    fn after(&mut self, action: impl FnOnce(&mut World, Instant)) -> &[Effect] {
        action(&mut self.world, self.now);
        self.effects = self.world.effects();
        // Whatever is said is a value of its field.
        let dc = &self.dc;
        for effect in &self.effects {
            match effect {
                Effect::Make { class, fields, .. } => {
                    let required = dc.class_by_name(class).expect("a class").required();
                    let names: Vec<_> = required.iter().map(|field| field.name()).collect();
                    assert_eq!(names, fields.iter().map(|(name, _)| *name).collect::<Vec<_>>());
                    for (field, (_, values)) in required.iter().zip(fields) {
                        values::pack(field, values);
                    }
                }
                Effect::Set { field, values, .. } => {
                    values::pack(values::field(dc, field), values);
                }
                _ => {}
            }
        }
        &self.effects
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// An avatar that waits.
    fn make(&mut self, player: Player) -> DoId {
        let client = player.client;
        self.after(|world, now| world.make_avatar(player, Spot::default(), now));
        let given = self.effects.iter().find_map(|effect| match effect {
            Effect::Give { do_id, client: whose } if *whose == client => Some(*do_id),
            _ => None,
        });
        given.expect("an avatar")
    }

    /// An avatar in a District.
    fn arrive(&mut self, number: u32, district: DoId) -> DoId {
        let do_id = self.make(player(number));
        self.after(|world, now| world.enter(do_id, district, now));
        do_id
    }

    /// What an object is told by a field.
    fn said(&self, about: DoId, name: &str) -> Vec<Vec<Value>> {
        let said = self.effects.iter().filter_map(|effect| match effect {
            Effect::Set { do_id, field, values } if (*do_id, *field) == (about, name) => {
                Some(values.clone())
            }
            _ => None,
        });
        said.collect()
    }

    /// Where an object is put by a field.
    #[track_caller]
    fn place(&self, about: DoId, name: &str) -> (f64, f64) {
        match self.said(about, name)[..] {
            [ref values] => match values[..] {
                [Value::Steps(x), Value::Steps(y)] => (x, y),
                _ => panic!("{values:?}"),
            },
            ref said => panic!("{said:?} in {:?}", self.effects),
        }
    }

    fn moved(&self, about: DoId) -> Option<Location> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Move { do_id, location } if *do_id == about => Some(*location),
            _ => None,
        })
    }

    fn made(&self, name: &str) -> Vec<(DoId, Location)> {
        let made = self.effects.iter().filter_map(|effect| match effect {
            Effect::Make { do_id, class, location, .. } if *class == name => {
                Some((*do_id, *location))
            }
            _ => None,
        });
        made.collect()
    }

    fn is_deleted(&self, do_id: DoId) -> bool {
        self.effects.contains(&Effect::Delete { do_id })
    }

    fn walk(&mut self, do_id: DoId, to: (f64, f64)) {
        self.after(|world, now| world.walk(do_id, to, now));
    }
}

#[test]
fn in_the_beginning_there_are_districts_with_portals_and_critters() {
    let stage = Stage::new();
    assert_eq!(stage.made("District").len(), 2);
    assert_eq!(stage.made("Foyer").len(), 1);
    let portals = stage.made("Portal");
    let zone_7 = |district| Location::new(district, ZoneId(7));
    let places: Vec<_> = portals.iter().map(|(_, place)| *place).collect();
    assert_eq!(places, [zone_7(MEADOW), zone_7(HARBOUR)]);
    let critters = stage.made("Critter");
    assert_eq!(critters.iter().filter(|(_, place)| place.parent == MEADOW).count(), 14);
    assert!(critters.iter().all(|(_, place)| (1..=12).contains(&place.zone.0)));
}

#[test]
fn whoever_is_let_in_waits_and_then_enters_a_district() {
    let mut stage = Stage::new();
    let ann = stage.make(player(1));
    assert_eq!(stage.made("Avatar"), [(ann, WAITING)]);
    stage.walk(ann, (1.0, 1.0));
    assert!(stage.effects.is_empty(), "it is nowhere yet");
    stage.after(|world, now| world.enter(ann, DoId(4711), now));
    assert_eq!(stage.said(ann, "Avatar.told").len(), 1);
    stage.after(|world, now| world.enter(ann, HARBOUR, now));
    assert_eq!(stage.moved(ann), Some(Location::new(HARBOUR, ZoneId(7))));
    let (x, y) = stage.place(ann, "Avatar.placeAt");
    assert!((x - 90.0).hypot(y - 68.0) < 3.0, "at the portal");
    assert_eq!(stage.place(ann, "Avatar.setXY"), (x, y));
    stage.after(|world, now| world.tick(now));
    assert_eq!(stage.said(HARBOUR, "District.setPopulation"), [[Value::U16(1)]]);
    // He goes to the other one.
    stage.after(|world, now| world.enter(ann, MEADOW, now));
    assert_eq!(stage.moved(ann).map(|place| place.parent), Some(MEADOW));
    stage.after(|world, now| world.tick(now));
    assert_eq!(stage.said(HARBOUR, "District.setPopulation"), [[Value::U16(0)]]);
    assert_eq!(stage.said(MEADOW, "District.setPopulation"), [[Value::U16(1)]]);
}

#[test]
fn who_walks_is_believed_and_changes_zones() {
    let mut stage = Stage::new();
    let ann = stage.arrive(1, MEADOW);
    let (mut x, y) = stage.place(ann, "Avatar.placeAt");
    let mut zones = vec![7];
    while x > 2.0 {
        stage.pass(Duration::from_millis(100));
        x -= SPEED / 10.0;
        stage.walk(ann, (x, y));
        assert_eq!(stage.place(ann, "Avatar.setXY"), (x, y));
        if let Some(place) = stage.moved(ann) {
            // Whoever sees it come sees it where it is.
            assert!(matches!(stage.effects[..], [Effect::Set { .. }, Effect::Move { .. }]));
            zones.push(place.zone.0);
        }
    }
    assert_eq!(zones, [7, 6, 5]);
    // There is an edge.
    stage.pass(Duration::from_secs(1));
    stage.walk(ann, (-3.0, y));
    assert_eq!(stage.place(ann, "Avatar.setXY"), (0.0, y));
}

#[test]
fn nobody_walks_faster_than_he_can() {
    let mut stage = Stage::new();
    let ann = stage.arrive(1, MEADOW);
    let (x, y) = stage.place(ann, "Avatar.placeAt");
    // His client may not know yet that he is here.
    stage.walk(ann, (x - 60.0, y));
    assert_eq!(stage.place(ann, "Avatar.placeAt"), (x, y));
    assert!(stage.said(ann, "Avatar.told").is_empty());
    stage.pass(Duration::from_secs(2));
    stage.walk(ann, (x - 60.0, y));
    assert_eq!(stage.place(ann, "Avatar.placeAt"), (x, y));
    assert_eq!(stage.said(ann, "Avatar.told").len(), 1);
    assert!(stage.moved(ann).is_none() && stage.said(ann, "Avatar.setXY").is_empty());
    // He is told once, however often he tries.
    stage.walk(ann, (x - 60.0, y));
    assert!(stage.said(ann, "Avatar.told").is_empty());
    // Twice as fast for five seconds.
    let mut at = x;
    let refused = (0..50).filter(|_| {
        stage.pass(Duration::from_millis(100));
        stage.walk(ann, (at - SPEED * 0.2, y));
        let is_refused = !stage.said(ann, "Avatar.placeAt").is_empty();
        at -= if is_refused { 0.0 } else { SPEED * 0.2 };
        is_refused
    });
    assert!(refused.count() > 10);
    assert!(x - at <= SPEED * 1.25 * 6.0, "{at}");
}

#[test]
fn others_are_not_told_of_each_of_many_small_steps() {
    let mut stage = Stage::new();
    let ann = stage.arrive(1, MEADOW);
    let (x, y) = stage.place(ann, "Avatar.placeAt");
    stage.pass(Duration::from_secs(1));
    let mut told = 0;
    for step in 1..=100 {
        stage.walk(ann, (x + f64::from(step) * 0.01, y));
        told += stage.said(ann, "Avatar.setXY").len();
    }
    assert_eq!(told, 1);
    stage.pass(TICK);
    stage.after(|world, now| world.tick(now));
    assert_eq!(stage.place(ann, "Avatar.setXY"), (x + 1.0, y));
    stage.pass(TICK);
    stage.after(|world, now| world.tick(now));
    assert!(stage.said(ann, "Avatar.setXY").is_empty());
}

#[test]
fn a_cave_is_there_as_long_as_somebody_is_in_it() {
    let mut stage = Stage::new();
    let portal = stage.made("Portal")[0].0;
    let (ann, bob) = (stage.arrive(1, MEADOW), stage.arrive(2, MEADOW));
    let other = stage.arrive(3, HARBOUR);
    stage.after(|world, now| world.use_portal(other, portal, now));
    assert_eq!(stage.said(other, "Avatar.told").len(), 1, "it is in the other District");
    stage.after(|world, now| world.use_portal(ann, portal, now));
    let [(cave, place)] = stage.made("Cave")[..] else { panic!("{:?}", stage.effects) };
    assert_eq!(place, BACKSTAGE);
    let inside = Location::new(cave, ZoneId(1));
    assert_eq!(stage.made("Critter").iter().filter(|(_, place)| *place == inside).count(), 5);
    let (back, _) = stage.made("Portal")[0];
    assert_eq!(stage.moved(ann), Some(inside));
    // It is the same for the next one.
    stage.after(|world, now| world.use_portal(bob, portal, now));
    assert!(stage.made("Cave").is_empty());
    assert_eq!(stage.moved(bob), Some(inside));
    // They are in its District.
    stage.after(World::tick);
    assert_eq!(stage.said(MEADOW, "District.setPopulation"), [vec![Value::U16(2)]]);
    stage.after(|world, now| world.use_portal(ann, back, now));
    assert_eq!(stage.moved(ann), Some(Location::new(MEADOW, ZoneId(7))));
    assert!(!stage.is_deleted(cave));
    stage.after(|world, _| world.deleted(bob));
    assert!(stage.is_deleted(cave));
    // Another one has another doId: who still looks at the last does not see it.
    stage.after(|world, now| world.use_portal(ann, portal, now));
    assert_ne!(stage.made("Cave")[0].0, cave);
}

#[test]
fn nobody_travels_without_end() {
    let mut stage = Stage::new();
    let ann = stage.arrive(1, MEADOW);
    let mut travelled = 0;
    for there in [HARBOUR, MEADOW].into_iter().cycle().take(20) {
        stage.after(|world, now| world.enter(ann, there, now));
        travelled += usize::from(stage.moved(ann).is_some());
    }
    assert_eq!(travelled, 4);
    stage.after(|world, now| world.enter(ann, HARBOUR, now));
    assert_eq!(stage.said(ann, "Avatar.told").len(), 1);
    assert_eq!(stage.said(ann, "Avatar.placeAt").len(), 1);
    // After a rest he does.
    stage.pass(Duration::from_secs(1));
    stage.after(|world, now| world.enter(ann, HARBOUR, now));
    assert!(stage.moved(ann).is_some());
}

#[test]
fn a_portal_is_to_be_stood_at() {
    let mut stage = Stage::new();
    let portal = stage.made("Portal")[0].0;
    let ann = stage.arrive(1, MEADOW);
    let (x, y) = stage.place(ann, "Avatar.placeAt");
    stage.pass(TICK);
    stage.walk(ann, (x + 8.0, y));
    let away = stage.place(ann, "Avatar.setXY");
    stage.after(|world, now| world.use_portal(ann, portal, now));
    assert_eq!(stage.place(ann, "Avatar.placeAt"), away);
    assert!(stage.made("Cave").is_empty() && stage.moved(ann).is_none());
}

#[test]
fn who_comes_back_is_where_he_was() {
    let mut stage = Stage::new();
    let ann = stage.arrive(1, HARBOUR);
    let (x, y) = stage.place(ann, "Avatar.placeAt");
    stage.walk(ann, (x + 5.0, y));
    stage.after(|world, _| world.deleted(ann));
    let again = stage.arrive(1, DoId::NONE);
    assert_eq!(stage.moved(again).map(|place| place.parent), Some(HARBOUR));
    assert_eq!(stage.place(again, "Avatar.placeAt"), (x + 5.0, y));
    // In another tab, before the first has gone.
    let third = stage.arrive(1, DoId::NONE);
    assert_eq!(stage.place(third, "Avatar.placeAt"), (x + 5.0, y));
    // Somebody whom nobody knows begins in the first District.
    let other = stage.arrive(2, DoId::NONE);
    assert_eq!(stage.moved(other).map(|place| place.parent), Some(MEADOW));
}

#[test]
fn where_an_account_was_is_kept_also_if_that_was_a_cave() {
    let mut stage = Stage::new();
    let portal = stage.made("Portal")[0].0;
    let account = DoId(900_000_001);
    let ann = stage.make(Player { account, ..player(1) });
    stage.after(|world, now| world.enter(ann, MEADOW, now));
    stage.after(|world, now| world.use_portal(ann, portal, now));
    stage.after(|world, _| world.deleted(ann));
    let kept = stage.effects.iter().find_map(|effect| match effect {
        Effect::Keep { account: whose, spot } if *whose == account => Some(*spot),
        _ => None,
    });
    let spot = kept.expect("it is kept");
    assert_eq!(spot.district, MEADOW);
    assert!((spot.xy.0 - 90.0).hypot(spot.xy.1 - 68.0) < 3.0);
    // What a database says is not believed if there is no such place.
    let nowhere = Spot { district: DoId(7), xy: (3e3, -3e3) };
    stage.after(|world, now| world.make_avatar(player(9), nowhere, now));
    let bob = stage.made("Avatar")[0].0;
    stage.after(|world, now| world.enter(bob, DoId::NONE, now));
    assert_eq!(stage.moved(bob).map(|place| place.parent), Some(MEADOW));
}

#[test]
fn who_has_gone_before_his_avatar_was_there_leaves_none() {
    let mut stage = Stage::new();
    let ann = stage.make(player(1));
    stage.after(|world, _| world.player_left(player(1).client));
    assert!(stage.is_deleted(ann));
    stage.after(|world, _| world.player_left(player(1).client));
    assert!(stage.effects.is_empty());
}

#[test]
fn critters_move_where_somebody_sees_them_and_stay_inside() {
    let mut stage = Stage::new();
    stage.after(|world, now| world.tick(now));
    assert!(stage.effects.is_empty(), "nobody is there");
    stage.arrive(1, MEADOW);
    let (mut steps, mut moves) = (0, 0);
    for _ in 0..2_000 {
        stage.pass(TICK);
        stage.after(|world, now| world.tick(now));
        for effect in &stage.effects {
            match effect {
                Effect::Set { field: "Critter.setXY", values, .. } => {
                    let [Value::Steps(x), Value::Steps(y)] = values[..] else { panic!() };
                    assert!((0.0..=160.0).contains(&x) && (0.0..=120.0).contains(&y));
                    steps += 1;
                }
                Effect::Move { location, .. } => {
                    assert_eq!(location.parent, MEADOW);
                    assert!((1..=12).contains(&location.zone.0));
                    moves += 1;
                }
                _ => {}
            }
        }
    }
    assert!(steps > 1_000 && moves > 10, "{steps} {moves}");
}
