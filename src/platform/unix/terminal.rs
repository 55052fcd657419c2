//! A terminal at which a password is typed.

use std::io;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// A terminal that shows nothing, as long as this lives. Nor does it end the process, or it would stay so.
#[derive(Debug)]
pub struct Dark(Termios);

impl Dark {
    /// That of standard input.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut dark = before.clone();
        dark.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG | LocalModes::ICANON);
        dark.special_codes[SpecialCodeIndex::VMIN] = 1;
        dark.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Flush, &dark)?;
        Ok(Dark(before))
    }
}

impl Drop for Dark {
    fn drop(&mut self) {
        // Nothing is left to be done if the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
