//! What Astron gets wrong and this daemon must not. The number is that of the defect in
//! `docs/differences.md`; the name says what happens instead.

mod client_agent;
mod database_state_server;
mod event_logger;
mod interests;
mod link_limits;
mod message_director;
mod proxy;
mod state_server;
mod zones_and_trees;
