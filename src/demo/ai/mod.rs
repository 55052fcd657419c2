//! The demo's AI: the program that decides what happens in the world.
//!
//! donet keeps objects and tells whoever sees them what changes; it does not know what an Avatar is. The AI does. It creates objects,
//! which then are its own: what a player wants of one (`airecv` fields, such as `Avatar.walk`) comes to it, and it says what becomes of that,
//! by updates of fields and by moving objects from zone to zone. Clients never say where they are, only where they want to be.
//!
//! Here are the conversation with donet and the clock. What the world is like and what its rules are is in [`World`], which knows
//! neither: it is told what has happened, and answers with [`Effect`]s.

mod avatar;
mod critter;
mod effect;
mod places;
mod room;
#[cfg(test)]
mod tests;
mod world;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::MissedTickBehavior;

use super::air::Air;
use super::board::Board;
use super::cluster::{AI, DATABASE, FOYER, STATE_SERVER, TICK};
use super::values;
use crate::ids::DoId;
use crate::message::{ClientAgent, Database, Rest, StateServer};
use crate::wire::{self, Envelope, Reader};
use effect::Effect;
pub use places::Spot;
use world::{Player, World};

/// The program.
pub struct Ai {
    air: Air,
    world: World,
    board: Arc<Board>,
    /// The doId of who is to be created last of what there is from the beginning, until donet says that it is there.
    has_begun: bool,
}

impl Ai {
    /// Makes the world. When this returns, it is there.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn begin(air: Air, board: Arc<Board>, seed: u64) -> io::Result<Self> {
        let mut ai = Ai { air, world: World::new(seed), board, has_begun: false };
        // 1. If we are lost, our objects go, too: nobody would look after them.
        ai.air.say_when_lost(STATE_SERVER, &StateServer::DeleteAiObjects { ai: AI });
        // 2. What is there from the beginning. The Foyer comes last.
        ai.world.begin();
        ai.carry_out();
        // 3. Everything on a link is done in its order. When the Foyer has come to us, all of it is there.
        while !ai.has_begun {
            let datagram = ai.air.next().await?;
            ai.hear(&datagram, Instant::now());
        }
        Ok(ai)
    }

    /// Lets the world live.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn run(mut self) -> io::Result<()> {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                datagram = self.air.next() => self.hear(&datagram?, Instant::now()),
                _ = clock.tick() => self.world.tick(Instant::now()),
            }
            self.carry_out();
        }
    }

    /// Takes a datagram. What it does not understand it does not mind: whoever is on the cluster may say anything.
    fn hear(&mut self, datagram: &[u8], now: Instant) {
        let Ok(Envelope { message_type, body, .. }) = Envelope::read(datagram) else { return };
        let mut reader = Reader::new(body);
        match StateServer::decode(message_type, &mut reader) {
            // An object has become ours.
            Ok(StateServer::ObjectEnterAiWithRequired { object }) => {
                self.has_begun |= object.do_id == FOYER;
            }
            // Somebody wants something of one of them.
            Ok(StateServer::ObjectSetField { do_id, field, value: Rest(value) }) => {
                let dc = self.air.dc();
                let name = dc.field(field).map_or("", |field| field.name());
                // donet has checked that it is a value of that field.
                let _ = self.update(do_id, name, &mut Reader::new(value), now);
            }
            // One of them is no more: its client has gone, say.
            Ok(StateServer::ObjectDeleteRam { do_id }) => self.world.deleted(do_id),
            _ => {}
        }
    }

    fn update(
        &mut self,
        do_id: DoId,
        name: &str,
        value: &mut Reader<'_>,
        now: Instant,
    ) -> Result<(), wire::Error> {
        match name {
            // The UberDOG has let somebody in.
            "makeAvatar" => {
                let player = Player {
                    client: value.channel()?,
                    number: value.u32()?,
                    account: DoId(value.u32()?),
                    name: values::text(value)?,
                    colour: value.u8()?,
                };
                self.world.make_avatar(player, Spot::read(value)?, now);
            }
            "playerLeft" => self.world.player_left(value.channel()?),
            // What players want.
            "enter" => self.world.enter(do_id, DoId(value.u32()?), now),
            "walk" => {
                let (x, y) = (values::steps(value)?, values::steps(value)?);
                self.world.walk(do_id, (x, y), now);
            }
            "usePortal" => self.world.use_portal(do_id, DoId(value.u32()?), now),
            _ => {}
        }
        Ok(())
    }

    /// Tells donet what has become of it.
    fn carry_out(&mut self) {
        for effect in self.world.effects() {
            let air = &mut self.air;
            match effect {
                Effect::Make { do_id, class, location, fields } => {
                    air.create(do_id, class, location, &fields);
                }
                Effect::Set { do_id, field, values } => air.set(do_id, field, &values),
                Effect::Move { do_id, location } => {
                    air.send(do_id.channel(), &StateServer::ObjectSetLocation { location });
                }
                Effect::Delete { do_id } => {
                    air.send(do_id.channel(), &StateServer::ObjectDeleteRam { do_id });
                }
                Effect::Give { do_id, client } => {
                    // The object goes with its client, and the other way round; and only its owner may say its ownsend fields.
                    air.send(client, &ClientAgent::AddSessionObject { do_id });
                    air.send(do_id.channel(), &StateServer::ObjectSetOwner { owner: client });
                    self.board.plays(client, do_id);
                }
                Effect::Keep { account, spot } => {
                    let kept = air.packed("Account.setSpot", &spot.values());
                    let (field, value) = (kept.field, Rest(&kept.value));
                    let keep = Database::ObjectSetField { do_id: account, field, value };
                    air.send(DATABASE, &keep);
                }
            }
        }
    }
}
