//! A script that has been loaded.

use std::sync::Arc;

use dclass::DcFile;

use super::{Action, Call, Client, ClientKey, Fault, Hooks, Moment, TimerId, Verdict};
use crate::ids::{Channel, ClassId, FieldId};
use crate::message::Database;

/// The text of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As errors show it, such as `game.lua`.
    pub name: String,
    /// What stands in the file.
    pub text: Vec<u8>,
}

/// A script that has been loaded, with all that it remembers.
#[derive(Debug)]
pub struct Script {
    actions: Vec<Action>,
    fields: Vec<(ClassId, FieldId)>,
}

impl Script {
    /// Compiles and runs a file. What it asks for meanwhile is among the first [actions](Script::take_actions).
    ///
    /// # Errors
    /// What is wrong in it: with Lua, or with a hook for a field that the DC files do not have.
    pub fn load(_source: &Source, _dc: &Arc<DcFile>) -> Result<Script, Fault> {
        Ok(Script { actions: Vec::new(), fields: Vec::new() })
    }

    /// The hooks that it has.
    pub fn hooks(&self) -> Hooks {
        Hooks::default()
    }

    /// Every class and field in whose values a hook for a field holds, subclasses included. A molecular field has none of its
    /// own: each of its parts may.
    pub fn fields(&self) -> impl Iterator<Item = (ClassId, FieldId)> {
        self.fields.iter().copied()
    }

    /// Where it sends from, and is answered by databases. What it has wanted to send before is sent from there, too.
    pub fn set_channel(&mut self, _channel: Channel) {}

    /// Tells it what has happened, or asks what is to become of something.
    ///
    /// # Errors
    /// What has gone wrong in it. Nothing has come of the call, and the script is usable.
    pub fn call(
        &mut self,
        _moment: Moment,
        _client: &Client<'_>,
        _call: Call<'_>,
    ) -> Result<Verdict, Fault> {
        Ok(Verdict::Pass)
    }

    /// The time of a timer has come. Nothing happens if it was cancelled.
    ///
    /// # Errors
    /// As [`call`](Script::call).
    pub fn timer(&mut self, _moment: Moment, _id: TimerId) -> Result<(), Fault> {
        Ok(())
    }

    /// A database has answered. Nothing happens if nobody has asked, or no longer waits.
    ///
    /// # Errors
    /// As [`call`](Script::call).
    pub fn answer(&mut self, _moment: Moment, _message: &Database<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// What it has wanted since the last time, in that order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// A session has ended: its variables go, and who still has its handle finds it `gone`.
    pub fn forget(&mut self, _client: ClientKey) {}
}
