//! What the clients that a broadcast reaches get for it.

use super::{News, Voice};
use crate::wire::{self, Framing};

/// Something that clients are told, as frames: put into bytes once for each framing that one of them has, and not
/// for each client.
#[derive(Debug, Default)]
pub struct Translation {
    of_framings: [Frames; Framing::ALL.len()],
}

#[derive(Debug, Default)]
struct Frames {
    is_made: bool,
    bytes: Vec<u8>,
}

impl Translation {
    /// Forgets what was told before.
    pub fn clear(&mut self) {
        self.of_framings.iter_mut().for_each(|frames| frames.is_made = false);
    }

    /// What a client of a framing gets; nothing if clients are not told of it.
    ///
    /// # Errors
    /// [`wire::Error::Oversize`] if it does not fit a frame.
    #[inline]
    pub fn frames(
        &mut self,
        framing: Framing,
        voice: &dyn Voice,
        news: Option<&News<'_>>,
    ) -> Result<&[u8], wire::Error> {
        self.frames_of(framing, voice, news)
    }

    /// As [`Translation::frames`], for several things in a row.
    ///
    /// # Errors
    /// As [`Translation::frames`].
    #[inline]
    pub fn frames_of<'n>(
        &mut self,
        framing: Framing,
        voice: &dyn Voice,
        news: impl IntoIterator<Item = &'n News<'n>>,
    ) -> Result<&[u8], wire::Error> {
        let framing = framing.of_broadcast();
        let frames = &mut self.of_framings[framing as usize];
        if !frames.is_made {
            frames.bytes.clear();
            for news in news {
                voice.write(news, framing, &mut frames.bytes)?;
            }
            frames.is_made = true;
        }
        Ok(&frames.bytes)
    }
}
