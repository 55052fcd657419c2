//! Datagrams of stock clients, written independently of the daemon's own codec.

use bytes::BufMut;

use crate::wire::{Batch, put_str};

/// Message numbers.
pub mod msg {
    /// By clients. The number is that of Astron's, too.
    pub const CLIENT_OBJECT_UPDATE_FIELD: u16 = 120;
    pub const SET_DOID_RANGE: u16 = 9001;
    pub const CLIENT_OBJECT_GENERATE: u16 = 9002;
    pub const OBJECT_GENERATE: u16 = 9003;
    pub const OBJECT_UPDATE_FIELD: u16 = 9004;
    pub const OBJECT_DISABLE: u16 = 9005;
    pub const OBJECT_DELETE: u16 = 9006;
    pub const REQUEST_GENERATES: u16 = 9007;
    pub const CLIENT_DISCONNECT: u16 = 9008;
    pub const CLIENT_SET_INTEREST: u16 = 9009;
}

/// Classes and fields of `panda3d.dc`: both are numbered in order of declaration.
pub mod dc {
    pub const AVATAR: u16 = 1;
    pub const SET_PLACE: u16 = 1;
}

/// Bytes of a value of `setPlace`.
pub const PLACE: usize = 12;

/// What an avatar is called.
pub fn label(doid: u32) -> String {
    format!("avatar {doid}")
}

/// A client wants to see one zone and no other.
pub fn interest(zone: u32) -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_SET_INTEREST, |b| b.put_u32_le(zone));
    batch
}

/// A client makes its avatar, or says again what it is like: after `step` movements, the last of which was at `sent`.
pub fn generate(batch: &mut Batch, doid: u32, zone: u32, (sent, step): (u64, u32)) {
    batch.client(msg::CLIENT_OBJECT_GENERATE, |b| {
        b.put_u32_le(zone);
        b.put_u16_le(dc::AVATAR);
        b.put_u32_le(doid);
        put_str(b, &label(doid));
        b.put_u16_le(1);
        b.put_u16_le(dc::SET_PLACE);
        b.put_u64_le(sent);
        b.put_u32_le(step);
    });
}

/// A client moves its avatar.
pub fn movement(batch: &mut Batch, doid: u32, (sent, step): (u64, u32)) {
    batch.client(msg::CLIENT_OBJECT_UPDATE_FIELD, |b| {
        b.put_u32_le(doid);
        b.put_u16_le(dc::SET_PLACE);
        b.put_u64_le(sent);
        b.put_u32_le(step);
    });
}

/// A client says that it goes.
pub fn goodbye() -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_DISCONNECT, |_| ());
    batch
}
