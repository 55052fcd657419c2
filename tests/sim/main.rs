//! Whole clusters in one process: real daemons on a simulated network, in simulated time, from a seed.
//!
//! | | |
//! |---|---|
//! | [`net`] | connections in memory, and what goes wrong with them |
//! | [`store`] | a store in memory |
//! | [`cluster`] | daemons from configurations |
//! | [`peers`] | AIs, clients and players |
//! | [`play`] | operations, and how they are made up |
//! | [`deeds`] | those of players |
//! | [`run`] | what operations do |
//! | [`judge`] | what must hold when all is quiet |
//! | [`schedules`] | many of them: run, repeated, made shorter |
//!
//! `DONET_SCHEDULES=N` runs so many, `DONET_SEED=N` the one of this seed, with all that its peers were told.

mod chance;
mod cluster;
mod deeds;
mod facts;
mod judge;
mod logs;
mod net;
mod peers;
mod play;
mod run;
mod schedules;
mod store;
mod tests;
