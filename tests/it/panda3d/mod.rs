//! `client.type: panda3d`: clients of Panda3D's own `ClientRepository`.

use donet::message::Panda3d;

use crate::harness::*;

mod cluster;
mod crossing;
mod diverting;
mod hostile;
mod permission;
mod play;
mod rules;
#[cfg(feature = "lua")]
mod scripting;
mod stage;
