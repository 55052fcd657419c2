//! What Astron gets wrong and this daemon must not, as `docs/differences.md` lists it. The name says
//! what happens instead; tests of one defect share its number.

mod client_agent;
mod database_state_server;
mod event_logger;
mod interests;
mod link_limits;
mod message_director;
mod proxy;
mod state_server;
mod zones_and_trees;
