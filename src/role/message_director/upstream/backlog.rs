//! What waits for the upstream.

use std::collections::VecDeque;

use crate::ids::Channel;
use crate::message::{Blob, Control, is_deletion};
use crate::metrics;
use crate::wire::{CONTROL_HEAD, Envelope, Frame, Frames, Reader, write_frame};

/// Frames are kept in pieces, so that making room among them costs no more than looking at one. They are so large that
/// an outgoing queue takes them over without copying.
const PIECE_BYTES: usize = 256 * 1024;
/// When room is made, so much is made at once, unless the backlog is small.
const ROOM_BYTES: usize = 32 * 1024;

/// Whole frames, in order, up to a limit. What does not fit is lost; *dear* frames are lost last: for the sake of
/// them the youngest others go.
#[derive(Default)]
pub struct Backlog {
    pieces: VecDeque<Piece>,
    bytes: usize,
    bytes_max: usize,
    lost: Lost,
}

/// How many datagrams are lost.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Lost {
    /// All of them.
    pub datagrams: u64,
    /// The dear ones among them.
    pub dear: u64,
}

#[derive(Default)]
struct Piece {
    frames: Vec<u8>,
    /// For each frame.
    are_dear: Vec<bool>,
    /// Bytes of those that are not.
    cheap_bytes: usize,
    has_control: bool,
    has_last_words: bool,
}

impl Backlog {
    /// An empty one that takes so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Backlog { bytes_max, ..Backlog::default() }
    }

    /// What a connection has not sent, in buffers of whole frames, and whose that is, in order. What it was to be told of this daemon is
    /// told to the next one anew.
    pub fn of_unsent(
        bytes_max: usize,
        unsent: impl Iterator<Item = Vec<u8>>,
    ) -> (Self, Vec<Channel>) {
        let mut unsent: Vec<_> = unsent.collect();
        let all = unsent.iter().flat_map(|frames| Frames::new(frames));
        let mut senders: Vec<Channel> = all.filter_map(sender_of).collect();
        senders.sort_unstable();
        senders.dedup();
        for frames in &mut unsent {
            each_last_words(frames, |word, sender| {
                Control::make_late(word, senders.binary_search(&sender).is_ok());
            });
        }
        (Self::of_frames(bytes_max, unsent), senders)
    }

    fn of_frames(bytes_max: usize, unsent: Vec<Vec<u8>>) -> Self {
        let mut backlog = Backlog::new(bytes_max);
        for frames in unsent {
            if backlog.bytes + frames.len() <= bytes_max && !Frames::new(&frames).any(is_control) {
                backlog.bytes += frames.len();
                backlog.pieces.push_back(Piece::of(frames));
                continue;
            }
            Frames::new(&frames)
                .filter(|frame| !is_control(*frame))
                .for_each(|frame| backlog.keep(frame, false));
        }
        backlog
    }

    /// Keeps a frame, if there is room or it can be made. Deletions and last words are always dear, and the latter are late.
    pub fn keep(&mut self, frame: Frame<'_>, is_dear: bool) {
        let size = frame.bytes().len();
        let is_dear = is_dear || is_always_dear(frame);
        let missing = (self.bytes + size).saturating_sub(self.bytes_max);
        if missing > 0 && !(is_dear && self.make_room(missing)) {
            metrics::DROPPED.one(&["backlog"]);
            self.lost.datagrams += 1;
            self.lost.dear += u64::from(is_dear);
            return;
        }
        if self.pieces.back().is_none_or(|piece| piece.frames.len() + size > PIECE_BYTES) {
            self.pieces.push_back(Piece::default());
        }
        let piece = self.pieces.back_mut().expect("just made");
        let place = piece.frames.len();
        piece.push(frame, is_dear);
        if last_words_of(frame).is_some() {
            Control::make_late(&mut piece.frames[place..], false);
        }
        self.bytes += size;
    }

    /// Forgets control messages: the next connection is told what is true then.
    pub fn forget_control(&mut self) {
        for piece in self.pieces.iter_mut().filter(|piece| piece.has_control) {
            let before = piece.frames.len();
            piece.retain(|frame, _| !is_control(frame));
            self.bytes -= before - piece.frames.len();
        }
    }

    /// Makes what somebody who has left wanted said an ordinary datagram, for those who know no other.
    pub fn unwrap_last_words(&mut self) {
        for piece in self.pieces.iter_mut().filter(|piece| piece.has_last_words) {
            let before = piece.frames.len();
            piece.unwrap_last_words();
            self.bytes -= before - piece.frames.len();
        }
    }

    /// Bytes of what is kept.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing has come yet that could be kept.
    pub fn is_untouched(&self) -> bool {
        self.bytes == 0 && self.lost == Lost::default()
    }

    /// How many datagrams are kept.
    pub fn datagrams(&self) -> usize {
        self.pieces.iter().map(|piece| piece.are_dear.len()).sum()
    }

    /// How many there are that are not `of_no_matter`.
    pub fn datagrams_but(&self, of_no_matter: impl Fn(&Envelope<'_>) -> bool) -> usize {
        let matters = |frame: &Frame<'_>| {
            let datagram =
                last_words_of(*frame).map_or_else(|| frame.datagram(), |(_, datagram)| datagram);
            !Envelope::read(datagram).is_ok_and(|envelope| of_no_matter(&envelope))
        };
        self.pieces.iter().flat_map(|piece| Frames::new(&piece.frames)).filter(matters).count()
    }

    /// How many of them are dear: deletions, and what somebody who has left wanted said.
    pub fn dear(&self) -> u64 {
        self.pieces.iter().flat_map(|piece| &piece.are_dear).filter(|is_dear| **is_dear).count()
            as u64
    }

    /// What had to be dropped.
    pub const fn lost(&self) -> Lost {
        self.lost
    }

    /// What is kept, in order, in pieces of whole frames.
    pub fn into_pieces(self) -> impl Iterator<Item = Vec<u8>> {
        self.pieces.into_iter().map(|piece| piece.frames)
    }

    /// Drops so many bytes of what is not dear, or somewhat more; whether there were so many.
    fn make_room(&mut self, missing: usize) -> bool {
        let cheap_bytes: usize = self.pieces.iter().map(|piece| piece.cheap_bytes).sum();
        if cheap_bytes < missing {
            return false;
        }
        let mut wanted = missing.max(ROOM_BYTES.min(self.bytes_max / 64));
        for piece in self.pieces.iter_mut().rev().filter(|piece| piece.cheap_bytes > 0) {
            let (bytes, datagrams) = piece.drop_youngest(wanted);
            self.bytes -= bytes;
            metrics::DROPPED.add(&["backlog"], datagrams);
            self.lost.datagrams += datagrams;
            wanted = wanted.saturating_sub(bytes);
            if wanted == 0 {
                break;
            }
        }
        // Pieces that nothing is left of, but for the last one.
        self.pieces.retain(|piece| !piece.frames.is_empty());
        true
    }
}

impl Piece {
    /// Takes over frames without control messages.
    fn of(frames: Vec<u8>) -> Self {
        let mut piece = Piece::default();
        for frame in Frames::new(&frames) {
            piece.note(frame, is_always_dear(frame));
        }
        Piece { frames, ..piece }
    }

    fn push(&mut self, frame: Frame<'_>, is_dear: bool) {
        self.frames.extend_from_slice(frame.bytes());
        self.note(frame, is_dear);
    }

    fn note(&mut self, frame: Frame<'_>, is_dear: bool) {
        self.are_dear.push(is_dear);
        self.has_control |= is_control(frame);
        self.has_last_words |= last_words_of(frame).is_some();
        if !is_dear {
            self.cheap_bytes += frame.bytes().len();
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(Frame<'_>, bool) -> bool) {
        let Piece { frames, are_dear, .. } = std::mem::take(self);
        for (frame, is_dear) in Frames::new(&frames).zip(are_dear) {
            if keep(frame, is_dear) {
                self.push(frame, is_dear);
            }
        }
    }

    fn unwrap_last_words(&mut self) {
        let Piece { frames, are_dear, .. } = std::mem::take(self);
        for (frame, is_dear) in Frames::new(&frames).zip(are_dear) {
            match last_words_of(frame) {
                None => self.push(frame, is_dear),
                Some((_, datagram)) => {
                    let mut bytes = Vec::new();
                    write_frame(&mut bytes, |writer| writer.raw(datagram))
                        .expect("shorter than what it came in");
                    self.push(Frame::new(&bytes).expect("just written"), is_dear);
                }
            }
        }
    }

    /// Drops the youngest frames that are not dear; how many bytes and frames.
    fn drop_youngest(&mut self, wanted: usize) -> (usize, u64) {
        let (before, mut dropped) = (self.frames.len(), 0);
        // As many of the eldest stay as fit.
        let mut room = self.cheap_bytes.saturating_sub(wanted);
        self.retain(|frame, is_dear| {
            let size = frame.bytes().len();
            let stays = is_dear || room >= size;
            match stays {
                true if !is_dear => room -= size,
                true => {}
                false => {
                    room = 0;
                    dropped += 1;
                }
            }
            stays
        });
        (before - self.frames.len(), dropped)
    }
}

/// Whether a frame is about one connection.
fn is_control(frame: Frame<'_>) -> bool {
    frame.datagram().starts_with(&CONTROL_HEAD) && last_words_of(frame).is_none()
}

/// The sender and the datagram in CONTROL_LAST_WORDS.
fn last_words_of(frame: Frame<'_>) -> Option<(Channel, &[u8])> {
    let mut reader = Reader::new(frame.datagram().strip_prefix(&CONTROL_HEAD[..])?);
    let number = reader.u16().ok().filter(|number| *number == Control::CONTROL_LAST_WORDS)?;
    match Control::decode(number, &mut reader) {
        Ok(Control::LastWords { sender, datagram: Blob(datagram), .. }) => Some((sender, datagram)),
        _ => None,
    }
}

/// Whose an ordinary datagram is.
fn sender_of(frame: Frame<'_>) -> Option<Channel> {
    let is_ordinary = !frame.datagram().starts_with(&CONTROL_HEAD);
    let envelope = is_ordinary.then(|| Envelope::read(frame.datagram()))?;
    envelope.ok().map(|envelope| envelope.sender)
}

/// Does something with each frame that is last words, and their sender.
fn each_last_words(frames: &mut [u8], mut act: impl FnMut(&mut [u8], Channel)) {
    let mut words = Vec::new();
    let mut start = 0;
    for frame in Frames::new(frames) {
        let end = start + frame.bytes().len();
        words.extend(last_words_of(frame).map(|(sender, _)| (start..end, sender)));
        start = end;
    }
    words.into_iter().for_each(|(place, sender)| act(&mut frames[place], sender));
}

fn is_always_dear(frame: Frame<'_>) -> bool {
    deletes(frame) || last_words_of(frame).is_some()
}

fn deletes(frame: Frame<'_>) -> bool {
    Envelope::read(frame.datagram()).is_ok_and(|envelope| is_deletion(envelope.message_type))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{DoId, FieldId};
    use crate::message::{Message, Rest, StateServer, Timing};
    use crate::wire::write_frame;

    const A: Channel = Channel(20_001);

    fn frame_of(message: &StateServer<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, |writer| message.write_datagram(writer, &[A], A)).expect("small");
        bytes
    }

    fn noise(number: u32, size: usize) -> Vec<u8> {
        let value = Rest(&[7; 4000][..size]);
        frame_of(&StateServer::ObjectSetField { do_id: DoId(number), field: FieldId(1), value })
    }

    fn deletion(number: u32) -> Vec<u8> {
        frame_of(&StateServer::ObjectDeleteRam { do_id: DoId(number) })
    }

    fn keep(backlog: &mut Backlog, bytes: &[u8], is_dear: bool) {
        backlog.keep(Frame::new(bytes).expect("one frame"), is_dear);
    }

    fn kept(backlog: Backlog) -> Vec<u8> {
        backlog.into_pieces().collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_full_backlog_drops_deletions_and_last_words_last() {
        let mut backlog = Backlog::new(10_000);
        let frames: Vec<Vec<u8>> = (0..400).map(|number| noise(number, 20)).collect();
        frames.iter().for_each(|frame| keep(&mut backlog, frame, false));
        let mut dear = Vec::new();
        for number in 0..10 {
            keep(&mut backlog, &deletion(number), false);
            dear.extend(deletion(number));
        }
        keep(&mut backlog, &noise(777, 20), true);
        dear.extend(noise(777, 20));
        let cheap = backlog.datagrams() - 11;
        assert_eq!(backlog.lost(), Lost { datagrams: 400 - cheap as u64, dear: 0 });
        // Not much more is dropped than has to be.
        assert!(backlog.bytes() > 9_700, "{} bytes", backlog.bytes());
        assert_eq!(kept(backlog), [frames[..cheap].concat(), dear].concat());
    }

    #[test]
    fn when_all_is_dear_the_youngest_is_lost_and_counted() {
        let mut backlog = Backlog::new(deletion(0).len() * 3);
        for number in 0..5 {
            keep(&mut backlog, &deletion(number), false);
        }
        keep(&mut backlog, &noise(1, 1), false);
        assert_eq!(backlog.lost(), Lost { datagrams: 3, dear: 2 });
        assert_eq!(kept(backlog), [deletion(0), deletion(1), deletion(2)].concat());
    }

    #[test]
    fn control_messages_are_for_one_connection() {
        let mut control = Vec::new();
        let clear = Control::ClearPostRemoves { sender: A };
        write_frame(&mut control, |writer| clear.write_control(writer)).expect("small");
        let unsent = [[noise(0, 9), noise(1, 9)].concat(), [control.clone(), noise(2, 9)].concat()];
        let (mut backlog, senders) = Backlog::of_unsent(10_000, unsent.into_iter());
        assert_eq!(senders, [A]);
        keep(&mut backlog, &control, true);
        keep(&mut backlog, &deletion(3), false);
        backlog.forget_control();
        let expected = [noise(0, 9), noise(1, 9), noise(2, 9), deletion(3)].concat();
        assert_eq!((backlog.datagrams(), backlog.dear()), (4, 1));
        assert_eq!(backlog.bytes(), expected.len());
        assert_eq!(kept(backlog), expected);
    }

    #[test]
    fn last_words_wait_for_any_connection_and_are_plain_for_those_who_know_no_other() {
        let word = noise(1, 9);
        let wrapped = |sender: u64, is_late: bool, has_sent_since: bool| {
            let timing = Timing { is_late, has_sent_since };
            Control::frame_of_last_words(Channel(sender), timing, &word[2..]).expect("short")
        };
        let [noise_of_a, of_a] = [noise(0, 9), wrapped(A.0, false, false)];
        let unsent = [[noise_of_a.clone(), of_a, wrapped(7, false, false)].concat()];
        let size = noise_of_a.len() + 3 * wrapped(7, true, true).len();
        let (mut backlog, _) = Backlog::of_unsent(size, unsent.into_iter());
        backlog.forget_control();
        keep(&mut backlog, &wrapped(8, false, true), false);
        // They are dear.
        keep(&mut backlog, &deletion(2), false);
        assert_eq!(backlog.lost(), Lost { datagrams: 1, dear: 0 });
        let mut other = Backlog::new(size);
        backlog.into_pieces().for_each(|frames| {
            // They come late. One whose sender has sent more that waits, too, says so.
            let [of_a, of_7, of_8] =
                [wrapped(A.0, true, true), wrapped(7, true, false), wrapped(8, true, true)];
            assert_eq!(frames, [of_a, of_7, of_8, deletion(2)].concat());
            Frames::new(&frames).for_each(|frame| other.keep(frame, false));
        });
        other.unwrap_last_words();
        let expected = [word.clone(), word.clone(), word, deletion(2)].concat();
        assert_eq!(other.bytes(), expected.len());
        assert_eq!(kept(other), expected);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_in_order_and_the_rest_is_counted(
            limit in 0usize..300_000,
            sizes in prop::collection::vec((0usize..4000, any::<bool>()), 0..200),
        ) {
            let mut backlog = Backlog::new(limit);
            let frames: Vec<(Vec<u8>, bool)> =
                (0..).zip(&sizes).map(|(number, &(size, is_dear))| (noise(number, size), is_dear)).collect();
            for (frame, is_dear) in &frames {
                keep(&mut backlog, frame, *is_dear);
            }
            let (lost, count, bytes) = (backlog.lost(), backlog.datagrams(), backlog.bytes());
            prop_assert_eq!(count + lost.datagrams as usize, frames.len());
            let kept = kept(backlog);
            prop_assert!(kept.len() == bytes && bytes <= limit);
            // A subsequence: each of the kept is found behind the one before.
            let mut all = frames.iter();
            let mut dear = 0;
            for frame in Frames::new(&kept) {
                let found = all.find(|(other, _)| other == frame.bytes());
                dear += u64::from(found.expect("in order").1);
            }
            let all_dear = frames.iter().filter(|(_, is_dear)| *is_dear).count() as u64;
            prop_assert_eq!(dear + lost.dear, all_dear);
            let dear_bytes: usize =
                frames.iter().filter(|(_, is_dear)| *is_dear).map(|(frame, _)| frame.len()).sum();
            if dear_bytes <= limit {
                prop_assert_eq!(lost.dear, 0);
            }
        }
    }
}
