//! The world and its rules. It knows no sockets and no clock: what happens and when is handed to it, and it answers with [`Effect`]s.

use std::collections::{BTreeMap, HashMap};
use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::Spot;
use super::avatar::{Avatar, Verdict};
use super::critter::{self, chance};
use super::effect::Effect;
use super::places::Remembered;
use super::room::{Kind, Room, steps};
use crate::demo::cluster::{
    BACKSTAGE, CAVES, COLOURS, DISTRICTS, FIRST_OBJECT, FOYER, LOBBY, REACH, ROOT, TICK, WAITING,
};
use crate::demo::values::Value;
use crate::ids::{Channel, DoId, Location};

/// What nobody does in a second is not made up for.
const PASSED_MAX: Duration = Duration::from_secs(1);

/// Somebody whom the UberDOG has let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Player {
    /// The channel of his client's session.
    pub client: Channel,
    /// What he is known by as long as the demo runs.
    pub number: u32,
    /// His account in the database, if he has one.
    pub account: DoId,
    /// His name.
    pub name: String,
    /// His colour.
    pub colour: u8,
}

/// All there is.
pub struct World {
    rng: ChaCha8Rng,
    effects: Vec<Effect>,
    next_object: u32,
    next_cave: u32,
    /// Districts, and the Caves that are open.
    rooms: BTreeMap<DoId, Room>,
    avatars: HashMap<DoId, Avatar>,
    remembered: Remembered,
    ticked: Option<Instant>,
}

impl World {
    /// An empty one. With the same seed the same happens again.
    pub fn new(seed: u64) -> Self {
        World {
            rng: ChaCha8Rng::seed_from_u64(seed),
            effects: Vec::new(),
            next_object: FIRST_OBJECT,
            next_cave: *CAVES.start(),
            rooms: BTreeMap::new(),
            avatars: HashMap::new(),
            remembered: Remembered::default(),
            ticked: None,
        }
    }

    /// What has happened since this was asked last.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Makes what is there from the beginning.
    pub fn begin(&mut self) {
        self.make(ROOT, "Root", Location::NONE, Vec::new());
        for (do_id, name) in DISTRICTS {
            let fields =
                vec![("setName", vec![name.into()]), ("setPopulation", vec![Value::U16(0)])];
            self.make(do_id, "District", LOBBY, fields);
            self.furnish(do_id, Kind::District);
        }
        self.make(FOYER, "Foyer", WAITING, Vec::new());
    }

    fn make(
        &mut self,
        do_id: DoId,
        class: &'static str,
        location: Location,
        fields: Vec<(&'static str, Vec<Value>)>,
    ) {
        self.effects.push(Effect::Make { do_id, class, location, fields });
    }

    fn set(&mut self, do_id: DoId, field: &'static str, values: Vec<Value>) {
        self.effects.push(Effect::Set { do_id, field, values });
    }

    fn new_object(&mut self) -> DoId {
        self.next_object += 1;
        DoId(self.next_object)
    }

    /// Puts a Portal and critters into a room.
    fn furnish(&mut self, do_id: DoId, kind: Kind) {
        let mut room = Room::new(do_id, kind, self.new_object());
        self.effects.push(room.make_portal());
        let next = &mut self.next_object;
        let new_object = || {
            *next += 1;
            DoId(*next)
        };
        critter::populate(&mut room, &mut self.rng, new_object, &mut self.effects);
        self.rooms.insert(do_id, room);
    }

    /// Makes an avatar for somebody, which waits until he says where he wants to be.
    pub fn make_avatar(&mut self, player: Player, spot: Spot, now: Instant) {
        // He may still be here, in another tab that is about to go.
        let same = |avatar: &&Avatar| avatar.player.number == player.number;
        let here = self.avatars.values().find(same).and_then(|avatar| self.spot_of(avatar));
        let spot = here.or_else(|| self.remembered.of(player.number)).unwrap_or(spot);
        // What a database says may be of another demo.
        if DISTRICTS.iter().any(|(district, _)| *district == spot.district) {
            self.remembered.note(player.number, spot);
        }
        let do_id = self.new_object();
        let fields = vec![
            ("setName", vec![Value::Text(player.name.clone())]),
            ("setColour", vec![Value::U8(player.colour.min(COLOURS - 1))]),
            ("setXY", steps((0.0, 0.0))),
        ];
        self.make(do_id, "Avatar", WAITING, fields);
        self.effects.push(Effect::Give { do_id, client: player.client });
        self.avatars.insert(do_id, Avatar::new(player, WAITING, now));
    }

    /// Somebody has gone, perhaps before his avatar was there, so that it has not gone with him.
    pub fn player_left(&mut self, client: Channel) {
        let his = self.avatars.iter().find(|(_, avatar)| avatar.player.client == client);
        if let Some(do_id) = his.map(|(do_id, _)| *do_id) {
            self.effects.push(Effect::Delete { do_id });
            self.deleted(do_id);
        }
    }

    /// An object is no more.
    pub fn deleted(&mut self, do_id: DoId) {
        let Some(avatar) = self.avatars.remove(&do_id) else { return };
        if let Some(spot) = self.spot_of(&avatar) {
            self.remembered.note(avatar.player.number, spot);
            if avatar.player.account.is_some() {
                let account = avatar.player.account;
                self.effects.push(Effect::Keep { account, spot });
            }
        }
        self.leave(avatar.room);
    }

    /// Where somebody should be put when he comes back.
    fn spot_of(&self, avatar: &Avatar) -> Option<Spot> {
        let room = self.rooms.get(&avatar.room?)?;
        Some(match room.kind {
            Kind::District => Spot { district: room.do_id, xy: avatar.xy },
            Kind::Cave { district } => {
                let xy = self.rooms.get(&district)?.arrival(0.0);
                Spot { district, xy }
            }
        })
    }

    /// Somebody is in a room no more.
    fn leave(&mut self, room: Option<DoId>) {
        let Some(room) = room.and_then(|room| self.rooms.get_mut(&room)) else { return };
        room.population -= 1;
        let do_id = room.do_id;
        if room.population == 0 && matches!(room.kind, Kind::Cave { .. }) {
            self.rooms.remove(&do_id);
            self.effects.push(Effect::Delete { do_id });
        }
    }

    /// Somebody wants to be in a District; 0 is where he was last.
    pub fn enter(&mut self, do_id: DoId, district: DoId, now: Instant) {
        let Some(avatar) = self.avatars.get(&do_id) else { return };
        let remembered = self.remembered.of(avatar.player.number);
        let district = match district {
            DoId::NONE => remembered.map_or(DISTRICTS[0].0, |spot| spot.district),
            district => district,
        };
        let is_one = |room: &Room| room.kind == Kind::District;
        if !self.rooms.get(&district).is_some_and(is_one) {
            return self.set(do_id, "Avatar.told", vec!["There is no such district.".into()]);
        }
        if avatar.room == Some(district) {
            // He is there already.
            let xy = avatar.xy;
            return self.set(do_id, "Avatar.placeAt", steps(xy));
        }
        let is_new = avatar.room.is_none();
        let spot = remembered.filter(|spot| spot.district == district);
        if !self.may_travel(do_id, now) {
            return;
        }
        let Some(room) = self.rooms.get(&district) else { return };
        let xy = match spot {
            Some(spot) if is_new => room.within(spot.xy),
            _ => room.arrival(TAU * chance(&mut self.rng)),
        };
        self.put(do_id, district, xy, now);
    }

    /// Whether somebody may go to another room now. If not, he is told.
    fn may_travel(&mut self, do_id: DoId, now: Instant) -> bool {
        let Some(avatar) = self.avatars.get_mut(&do_id) else { return false };
        let (may, xy) = (avatar.may_travel(now), avatar.xy);
        if !may {
            self.set(do_id, "Avatar.placeAt", steps(xy));
            self.set(do_id, "Avatar.told", vec!["Not so fast: rest for a moment.".into()]);
        }
        may
    }

    /// Puts an avatar into a room.
    fn put(&mut self, do_id: DoId, room: DoId, xy: (f64, f64), now: Instant) {
        let Some(avatar) = self.avatars.get_mut(&do_id) else { return };
        let Some(arriving) = self.rooms.get_mut(&room) else { return };
        arriving.population = arriving.population.saturating_add(1);
        let location = arriving.location(xy);
        let before = avatar.room.replace(room);
        avatar.location = location;
        avatar.put(xy, now);
        // Whoever sees the avatar come sees it where it is. Its owner is told besides.
        self.set(do_id, "Avatar.setXY", steps(xy));
        self.effects.push(Effect::Move { do_id, location });
        self.set(do_id, "Avatar.placeAt", steps(xy));
        self.leave(before);
    }

    /// Somebody wants to be here now.
    pub fn walk(&mut self, do_id: DoId, to: (f64, f64), now: Instant) {
        let Some(avatar) = self.avatars.get_mut(&do_id) else { return };
        let Some(room) = avatar.room.and_then(|room| self.rooms.get(&room)) else { return };
        match avatar.step(room.within(to), now) {
            Verdict::Believed => {
                let (location, xy) = (room.location(avatar.xy), avatar.xy);
                let has_moved = std::mem::replace(&mut avatar.location, location) != location;
                let is_told = avatar.is_to_be_told(now) || has_moved;
                if is_told {
                    self.set(do_id, "Avatar.setXY", steps(xy));
                }
                if has_moved {
                    self.effects.push(Effect::Move { do_id, location });
                }
            }
            Verdict::TooFar { is_said } => {
                let xy = avatar.xy;
                self.set(do_id, "Avatar.placeAt", steps(xy));
                if is_said {
                    let text = "Nobody walks so fast: the AI has put you back.";
                    self.set(do_id, "Avatar.told", vec![text.into()]);
                }
            }
        }
    }

    /// Somebody wants to go through a Portal.
    pub fn use_portal(&mut self, do_id: DoId, portal: DoId, now: Instant) {
        let Some(avatar) = self.avatars.get(&do_id) else { return };
        let Some(room) = avatar.room.and_then(|room| self.rooms.get(&room)) else { return };
        let (x, y) = room.portal_at();
        if room.portal != portal || (x - avatar.xy.0).hypot(y - avatar.xy.1) > REACH {
            let xy = avatar.xy;
            self.set(do_id, "Avatar.placeAt", steps(xy));
            return self.set(do_id, "Avatar.told", vec!["There is no portal here.".into()]);
        }
        let (kind, from) = (room.kind, room.do_id);
        if !self.may_travel(do_id, now) {
            return;
        }
        let there = match kind {
            Kind::Cave { district } => district,
            Kind::District => self.cave_of(from),
        };
        let Some(room) = self.rooms.get(&there) else { return };
        let xy = room.arrival(TAU * chance(&mut self.rng));
        self.put(do_id, there, xy, now);
    }

    /// The Cave behind a District's Portal. It is made if nobody is in it.
    fn cave_of(&mut self, district: DoId) -> DoId {
        let kind = Kind::Cave { district };
        if let Some(room) = self.rooms.values().find(|room| room.kind == kind) {
            return room.do_id;
        }
        while self.rooms.contains_key(&DoId(self.next_cave)) {
            self.next_cave = next_of_caves(self.next_cave);
        }
        let do_id = DoId(self.next_cave);
        self.next_cave = next_of_caves(self.next_cave);
        let name = DISTRICTS.iter().find(|(id, _)| *id == district).map_or("", |(_, name)| name);
        let name = format!("Cave below {name}");
        self.make(do_id, "Cave", BACKSTAGE, vec![("setName", vec![Value::Text(name)])]);
        self.furnish(do_id, kind);
        do_id
    }

    /// Time has passed: what moves by itself moves, and what has waited to be told is.
    pub fn tick(&mut self, now: Instant) {
        let passed = self.ticked.map_or(TICK, |last| now.saturating_duration_since(last));
        self.ticked = Some(now);
        let World { rooms, rng, effects, avatars, .. } = self;
        // Who is in a District's Cave is in the District.
        let mut below = HashMap::new();
        for room in rooms.values() {
            if let Kind::Cave { district } = room.kind {
                *below.entry(district).or_insert(0) += room.population;
            }
        }
        for room in rooms.values_mut() {
            // Nobody sees those in an empty room.
            if room.population > 0 {
                critter::walk(room, passed.min(PASSED_MAX), now, rng, effects);
            }
            let population = room.population + below.get(&room.do_id).copied().unwrap_or(0);
            if room.kind == Kind::District && room.told != population {
                room.told = population;
                let values = vec![Value::U16(population)];
                let field = "District.setPopulation";
                effects.push(Effect::Set { do_id: room.do_id, field, values });
            }
        }
        for (do_id, avatar) in avatars.iter_mut().filter(|(_, avatar)| avatar.is_untold) {
            if avatar.is_to_be_told(now) {
                let (do_id, values) = (*do_id, steps(avatar.xy));
                effects.push(Effect::Set { do_id, field: "Avatar.setXY", values });
            }
        }
    }
}

const fn next_of_caves(cave: u32) -> u32 {
    if cave == *CAVES.end() { *CAVES.start() } else { cave + 1 }
}
