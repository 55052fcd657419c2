//! A build without Lua: there is no script, and none can be loaded.

use std::sync::Arc;

use dclass::DcFile;

use super::{Action, Call, Client, ClientKey, Fault, Hooks, Moment, Source, TimerId, Verdict};
use crate::ids::{Channel, ClassId, FieldId};
use crate::message::Database;

/// There is none.
#[derive(Debug)]
pub enum Script {}

#[allow(missing_docs, reason = "see the other one")]
impl Script {
    pub fn load(source: &Source, _dc: &Arc<DcFile>) -> Result<Script, Fault> {
        let text = "this donet was built without Lua (feature `lua`)".to_owned();
        Err(Fault { place: Some((source.name.clone(), 0)), text })
    }

    pub fn hooks(&self) -> Hooks {
        match *self {}
    }

    pub fn fields(&self) -> impl Iterator<Item = (ClassId, FieldId)> {
        match *self {}
        #[allow(unreachable_code, reason = "it says which iterator it would be")]
        std::iter::empty()
    }

    pub fn set_channel(&mut self, _: Channel) {
        match *self {}
    }

    pub fn call(&mut self, _: Moment, _: &Client<'_>, _: Call<'_>) -> Result<Verdict, Fault> {
        match *self {}
    }

    pub fn timer(&mut self, _: Moment, _: TimerId) -> Result<(), Fault> {
        match *self {}
    }

    pub fn answer(&mut self, _: Moment, _: &Database<'_>) -> Result<(), Fault> {
        match *self {}
    }

    pub fn take_actions(&mut self) -> Vec<Action> {
        match *self {}
    }

    pub fn forget(&mut self, _: ClientKey) {
        match *self {}
    }
}
