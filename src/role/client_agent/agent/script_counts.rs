//! What the agent's scripts have been called for, and how often: all that it has had since it began.

use crate::script::Call;

/// What a script is called for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Hook {
    Connect,
    Hello,
    Message,
    State,
    Field,
    Create,
    Move,
    Disconnect,
    /// A time is over that it has set.
    Timer,
    /// A database has answered it.
    Answer,
}

impl Hook {
    const ALL: [(Hook, &str); 10] = [
        (Hook::Connect, "connect"),
        (Hook::Hello, "hello"),
        (Hook::Message, "message"),
        (Hook::State, "state"),
        (Hook::Field, "field"),
        (Hook::Create, "create"),
        (Hook::Move, "move"),
        (Hook::Disconnect, "disconnect"),
        (Hook::Timer, "timer"),
        (Hook::Answer, "answer"),
    ];

    /// Its name in figures and in the log.
    pub const fn name(self) -> &'static str {
        Hook::ALL[self as usize].1
    }

    /// What it is called for about a client.
    pub const fn of(call: &Call<'_>) -> Hook {
        match call {
            Call::Connect => Hook::Connect,
            Call::Hello { .. } => Hook::Hello,
            Call::Message(_) => Hook::Message,
            Call::State { .. } => Hook::State,
            Call::Field { .. } => Hook::Field,
            Call::Create { .. } => Hook::Create,
            Call::Move { .. } => Hook::Move,
            Call::Disconnect { .. } => Hook::Disconnect,
        }
    }
}

/// How often scripts have been called, and how many there have been.
#[derive(Default, Debug)]
pub struct ScriptCounts {
    calls: [u64; Hook::ALL.len()],
    /// Those that have been loaded, or tried.
    pub loaded: u64,
}

impl ScriptCounts {
    /// Counts a call.
    pub const fn add(&mut self, hook: Hook) {
        self.calls[hook as usize] += 1;
    }

    /// What they have been called for, and how often.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Hook::ALL.iter().zip(&self.calls).map(|((_, name), count)| (*name, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_has_its_own_place() {
        for (place, (hook, _)) in Hook::ALL.iter().enumerate() {
            assert_eq!(*hook as usize, place);
        }
    }
}
