//! What players do.

use std::time::Duration;

use donet::ids::FieldId;

use super::Run;
use super::steps::zones_of;
use crate::deeds::{Deed, PLAYERS};
use crate::peers::Player;
use crate::peers::world::{self, LOOK, MOOD};

/// A loss has been noticed by then.
const NOTICED: Duration = Duration::from_millis(300);

impl Run {
    /// Does what a player does, or has it happen to it.
    pub async fn play_deed(&mut self, deed: Deed) {
        match deed {
            Deed::Enter { agent, zones } => self.enter(agent, zones),
            Deed::Exit { player } => self.with_player(player, Player::leave),
            Deed::Make { player, zone, look } => self.make(player, zone, look),
            Deed::Look { player, object, value } => self.paint(player, object, (LOOK, value)),
            Deed::Mood { player, object, value } => self.paint(player, object, (MOOD, value)),
            Deed::Carry { player, object, zone } => {
                let zone = world::zone(zone).zone.0;
                self.with_player(player, |player| player.carry(object, zone));
            }
            Deed::Drop { player, object } => {
                self.with_player(player, |player| player.drop_one(object));
            }
            Deed::See { player, zones } => {
                self.with_player(player, |player| player.see(zones_of(zones)));
            }
            Deed::Cut { player } => {
                let net = self.net.clone();
                self.with_player(player, |player| {
                    player.is_spared = false;
                    player.port().into_iter().for_each(|port| net.cut(port.link()));
                });
            }
            Deed::Slow { player, is_slow } => self.with_player(player, |player| {
                player.is_spared = false;
                player.port().into_iter().for_each(|port| port.is_slow = is_slow);
            }),
            Deed::MakeWhileAway { player, zone, ms } => {
                self.kill(self.shape.game(), ms);
                self.pass(NOTICED).await;
                let look = self.number();
                self.make(player, zone, look);
            }
        }
    }

    fn with_player(&mut self, index: usize, act: impl FnOnce(&mut Player)) {
        if let Some(place) = index.checked_rem(self.players.len()) {
            act(&mut self.players[place]);
        }
    }

    fn enter(&mut self, agent: usize, zones: u8) {
        let agents = self.shape.agents();
        let daemon = agents[agent % agents.len()];
        if self.players.len() < PLAYERS {
            self.invite_player(daemon, zones_of(zones));
        }
    }

    /// Lets a player come; its number.
    pub fn invite_player(&mut self, daemon: usize, zones: std::collections::BTreeSet<u32>) -> u32 {
        let serial = self.number();
        self.players.push(Player::connect(&self.net, serial, daemon, zones));
        serial
    }

    fn make(&mut self, player: usize, zone: usize, look: u32) {
        let was_early = !self.cluster.runs(self.shape.game());
        let zone = world::zone(zone).zone.0;
        self.with_player(player, |player| player.make(zone, look, was_early));
    }

    fn paint(&mut self, player: usize, object: usize, (field, value): (FieldId, u32)) {
        self.with_player(player, |player| player.paint(object, field, value));
    }

    /// Has all players send and take what they can.
    pub fn pump_players(&mut self) {
        for index in 0..self.players.len() {
            let was_new = self.players[index].base.is_none();
            self.players[index].pump();
            if was_new {
                self.has_base(index);
            }
        }
        let gone = self.players.extract_if(.., |player| !player.is_here());
        self.gone_players.extend(gone);
    }

    /// Nobody else who lives has the doIds that a player has been told.
    fn has_base(&mut self, index: usize) {
        let player = &self.players[index];
        let Some(base) = player.base.filter(|_| player.lives()) else { return };
        let is_other = |other: &&Player| other.serial != player.serial && other.base == Some(base);
        if let Some(other) = self.players.iter().filter(is_other).find(|other| other.lives()) {
            let (one, other) = (player.serial, other.serial);
            self.facts.wrong.push(format!("players {other} and {one} both have doIds from {base}"));
        }
    }
}
