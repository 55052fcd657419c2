//! Frames: a length tag and that many bytes of datagram.

use std::ops::Range;

use super::{CONTROL_HEAD, Error, Recipients, Writer};
use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES, LengthTag};

/// One whole frame, borrowed: the length tag and the datagram.
///
/// It keeps its tag so that it can be handed on to another link with one copy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    bytes: &'a [u8],
}

/// Why bytes are not one frame.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one whole frame")]
pub struct FrameError;

impl<'a> Frame<'a> {
    /// `bytes` as a frame.
    ///
    /// # Errors
    /// When they are not exactly a length tag and as many bytes as it says.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FrameError> {
        match Frames::new(bytes).next() {
            Some(frame) if frame.bytes.len() == bytes.len() => Ok(frame),
            _ => Err(FrameError),
        }
    }

    /// `bytes` as the frame that [`write_frame`] has made of them: it is not looked at again for each use.
    #[inline]
    pub(crate) fn written(bytes: &'a [u8]) -> Self {
        debug_assert_eq!(Frame::new(bytes), Ok(Frame { bytes }));
        Frame { bytes }
    }

    /// The datagram, without the tag.
    #[inline]
    pub fn datagram(self) -> &'a [u8] {
        &self.bytes[LENGTH_TAG_BYTES..]
    }

    /// Tag and datagram, as they are on the wire.
    #[inline]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// The whole frames at the front of some bytes, in order.
///
/// What follows the last whole frame is [`Frames::remaining`]: the beginning of a frame whose other
/// bytes have not come yet. That is not an error of the peer.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Frames { bytes }
    }

    /// What has not been returned yet.
    pub const fn remaining(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes those at the front that so many bytes hold, and one at least. All of them are whole.
    pub fn take_front(&mut self, bytes_max: usize) -> Frames<'a> {
        let all = self.bytes;
        if all.len() <= bytes_max {
            return std::mem::replace(self, Frames::new(&[]));
        }
        self.next();
        let mut ahead = self.clone();
        while ahead.next().is_some() && all.len() - ahead.bytes.len() <= bytes_max {
            self.bytes = ahead.bytes;
        }
        Frames::new(&all[..all.len() - self.bytes.len()])
    }

    /// How many of `bytes` are whole frames.
    pub fn whole_bytes(bytes: &'a [u8]) -> usize {
        let mut frames = Frames::new(bytes);
        while frames.next().is_some() {}
        bytes.len() - frames.bytes.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let tag = self.bytes.first_chunk::<LENGTH_TAG_BYTES>()?;
        let length = LENGTH_TAG_BYTES + usize::from(LengthTag::from_le_bytes(*tag));
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(Frame { bytes })
    }
}

/// One or more frames in a row that are for exactly the same recipients.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    first: Frame<'a>,
    recipients: Option<Recipients<'a>>,
    bytes: &'a [u8],
}

impl<'a> Run<'a> {
    /// The first of the frames.
    #[inline]
    pub const fn first(self) -> Frame<'a> {
        self.first
    }

    /// Whom they are for; `None` if that cannot be read.
    #[inline]
    pub const fn recipients(self) -> Option<Recipients<'a>> {
        self.recipients
    }

    /// All of the frames.
    #[inline]
    pub const fn frames(self) -> Frames<'a> {
        Frames::new(self.bytes)
    }

    /// Whether there is only one frame.
    #[inline]
    pub const fn is_single(self) -> bool {
        self.first.bytes.len() == self.bytes.len()
    }
}

impl<'a> From<Frame<'a>> for Run<'a> {
    #[inline]
    fn from(first: Frame<'a>) -> Self {
        Run { first, recipients: Recipients::of(first.datagram()).ok(), bytes: first.bytes }
    }
}

/// Frames, those in a row for the same recipients taken together.
///
/// What has no recipients, or cannot be read, or is for the message director itself, stays alone.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    frames: Frames<'a>,
}

impl<'a> Runs<'a> {
    /// The runs of `frames`.
    pub const fn new(frames: Frames<'a>) -> Self {
        Runs { frames }
    }

    /// What has not been returned yet.
    pub const fn remaining(&self) -> &'a [u8] {
        self.frames.remaining()
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    #[inline]
    fn next(&mut self) -> Option<Run<'a>> {
        let all = self.frames.remaining();
        let run = Run::from(self.frames.next()?);
        let Some(head) = shared_head(run) else { return Some(run) };
        let mut ahead = self.frames.clone();
        while ahead.next().is_some_and(|frame| begins_with(frame.datagram(), head)) {
            self.frames = ahead.clone();
        }
        let bytes = &all[..all.len() - self.frames.remaining().len()];
        Some(Run { bytes, ..run })
    }
}

/// Count and recipients as they are on the wire, if other frames may share them.
#[inline]
fn shared_head(run: Run<'_>) -> Option<&[u8]> {
    let recipients = run.recipients?;
    let head = &run.first.datagram()[..recipients.head_bytes()];
    (!recipients.is_empty() && head != CONTROL_HEAD).then_some(head)
}

/// Whether a datagram has this head. That of one recipient, which is what it nearly always is, is compared without a call.
#[inline]
fn begins_with(datagram: &[u8], head: &[u8]) -> bool {
    const ONE: usize = size_of::<u8>() + size_of::<u64>();
    match <&[u8; ONE]>::try_from(head) {
        Ok(one) => datagram.first_chunk() == Some(one),
        Err(_) => datagram.starts_with(head),
    }
}

/// Appends one frame to `buffer`, whose datagram is what `content` writes, and returns where it is.
///
/// # Errors
/// [`Error::Oversize`] if the datagram does not fit; `buffer` is then as it was before.
#[inline]
pub fn write_frame(
    buffer: &mut Vec<u8>,
    content: impl FnOnce(&mut Writer<'_>),
) -> Result<Range<usize>, Error> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH_TAG_BYTES]);
    content(&mut Writer::new(buffer));
    let length = buffer.len() - start - LENGTH_TAG_BYTES;
    match LengthTag::try_from(length) {
        Ok(tag) => {
            buffer[start..start + LENGTH_TAG_BYTES].copy_from_slice(&tag.to_le_bytes());
            Ok(start..buffer.len())
        }
        Err(_) => {
            buffer.truncate(start);
            debug_assert!(length > DATAGRAM_BYTES_MAX);
            Err(Error::Oversize { bytes: length })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_oversize_datagram_leaves_the_buffer_alone() {
        let mut buffer = vec![7];
        let written = write_frame(&mut buffer, |w| w.raw(&vec![0; DATAGRAM_BYTES_MAX + 1]));
        assert_eq!(written, Err(Error::Oversize { bytes: DATAGRAM_BYTES_MAX + 1 }));
        assert_eq!(buffer, [7]);
        let written = write_frame(&mut buffer, |w| w.raw(&vec![0; DATAGRAM_BYTES_MAX]));
        assert_eq!(written, Ok(1..buffer.len()));
    }

    #[test]
    fn a_frame_is_exactly_its_length() {
        assert_eq!(Frame::new(&[1, 0, 9]).map(Frame::datagram), Ok(&[9][..]));
        assert_eq!(Frame::new(&[1, 0]), Err(FrameError));
        assert_eq!(Frame::new(&[0, 0, 9]), Err(FrameError));
    }

    #[test]
    fn runs_are_of_the_same_recipients_only() {
        let to = |recipients: &[u8], body: &[u8]| {
            let mut datagram = vec![recipients.len() as u8];
            for &recipient in recipients {
                datagram.extend_from_slice(&u64::from(recipient).to_le_bytes());
            }
            datagram.extend_from_slice(body);
            datagram
        };
        let datagrams = [
            to(&[7], b"a"),
            to(&[7], b"bc"),
            to(&[7], b""),
            to(&[7, 8], b"d"),
            to(&[7], b"e"),
            // Nobody, the message director, and what is cut short.
            to(&[], b"f"),
            to(&[], b"f"),
            to(&[1], b"g"),
            to(&[1], b"g"),
            to(&[7], b"")[..5].to_vec(),
            to(&[7], b"")[..5].to_vec(),
            Vec::new(),
            to(&[9], b"h"),
            to(&[9], b"i"),
        ];
        let mut bytes = Vec::new();
        for datagram in &datagrams {
            write_frame(&mut bytes, |w| w.raw(datagram)).expect("small");
        }
        let runs: Vec<Vec<Vec<u8>>> = Runs::new(Frames::new(&bytes))
            .map(|run| run.frames().map(|frame| frame.datagram().to_vec()).collect())
            .collect();
        let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(runs.concat(), datagrams);
    }

    proptest! {
        #[test]
        fn what_is_taken_from_the_front_is_as_much_as_there_is_room_for(
            lengths in prop::collection::vec(0usize..20, 1..12),
            bytes_max in 0usize..120,
        ) {
            let mut bytes = Vec::new();
            for length in &lengths {
                write_frame(&mut bytes, |w| w.raw(&vec![7; *length])).expect("small");
            }
            let mut left = Frames::new(&bytes);
            let taken = left.take_front(bytes_max);
            prop_assert_eq!([taken.remaining(), left.remaining()].concat(), bytes.clone());
            let next = left.clone().next().map_or(usize::MAX, |frame| frame.bytes().len());
            let count = taken.clone().count();
            prop_assert_eq!(count + left.count(), lengths.len());
            prop_assert!(count == 1 || taken.remaining().len() <= bytes_max);
            prop_assert!(taken.remaining().len().saturating_add(next) > bytes_max);
        }

        #[test]
        fn any_cut_gives_the_same_frames(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            for datagram in &datagrams {
                write_frame(&mut bytes, |w| w.raw(datagram)).expect("small");
            }
            let cut = cut.index(bytes.len() + 1);
            let whole = Frames::whole_bytes(&bytes[..cut]);
            let mut found: Vec<Vec<u8>> =
                Frames::new(&bytes[..cut]).map(|f| f.datagram().to_vec()).collect();
            found.extend(Frames::new(&bytes[whole..]).map(|f| f.datagram().to_vec()));
            prop_assert_eq!(found, datagrams);
        }
    }
}
