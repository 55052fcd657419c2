//! What belongs to the agent as a whole: what its sessions share, and what they are known by.
//!
//! [`Context`] is what a session is given to handle something. Nothing here knows what a session is or does:
//! it is known by its [`SessionKey`] only.

mod asking;
mod by_field;
mod channel_pool;
mod context;
mod deadlines;
mod diversions;
mod field_rules;
mod key;
mod limit_counts;
mod located;
mod manners;
mod news;
mod offences;
mod price;
mod roster;
mod script_counts;
mod scripting;
mod time_manager;
mod token;
mod translation;
mod uberdog;

pub use asking::{Asker, Asking, Zones};
pub use by_field::ByField;
pub use channel_pool::{ChannelPool, Given};
pub use context::{Bans, Context, Shared};
pub use deadlines::{Deadlines, Silence, Timer};
pub use diversions::{Diversions, Diverted};
pub use field_rules::{Check, FieldRules, Holding, Keeps};
pub use key::{SessionIndex, SessionKey};
pub use limit_counts::LimitCounts;
pub use located::{Located, Sought};
pub use manners::{MadeRoot, Manners};
pub use news::{News, Voice};
pub use offences::{OffenceCounts, Offender, Told};
pub use price::{Nanoseconds, Prices, SECOND};
pub use roster::Roster;
pub use script_counts::{Hook, ScriptCounts};
pub use scripting::{Hooked, Scripting, client_key};
pub use time_manager::{Clock, TimeManager};
pub use token::{Counted, Resumable, Token, Tokens};
pub use translation::Translation;
pub use uberdog::{UberDog, UberDogs};
