//! What belongs to the agent as a whole and not to one session.

mod channel_pool;
mod deadlines;
mod subscribers;
mod uberdog;

pub use channel_pool::ChannelPool;
pub use deadlines::{Deadlines, Timer};
pub use subscribers::{SessionIndex, Subscribers};
pub use uberdog::{UberDog, UberDogs};
