//! What peers send, right and wrong.

use proptest::prelude::*;

use super::*;
use crate::wire::{Framing, write_frame};

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x5a, 0x00, 0xff, 0x13];
    let header = Header::new(0, payload.len());
    let (_, length) = header.bytes().split_first().expect("a header");
    let mut bytes = [&[first], length, &mask].concat();
    bytes[1] |= 0x80;
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn message(payload: &[u8]) -> Vec<u8> {
    frame(FINAL | BINARY, payload)
}

fn tagged(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for datagram in datagrams {
        write_frame(&mut bytes, |w| w.raw(datagram)).expect("short");
    }
    bytes
}

/// What comes of bytes that are cut like this.
fn decode(has_tags: bool, bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, Heard) {
    let mut decoder = Decoder::new(has_tags);
    let (mut frames, mut all) = (Vec::new(), Heard::default());
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at((*cut).clamp(1, rest.len().max(1)).min(rest.len()));
        let Heard { answer, idle_frames, parting } = decoder.take(piece, &mut frames);
        if !answer.is_empty() {
            all.answer = answer;
        }
        all.idle_frames += idle_frames;
        all.parting = all.parting.or(parting);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    (frames, all)
}

/// What is wrong with these bytes, wherever they are cut; nothing may come of them.
#[track_caller]
fn flaw(has_tags: bool, bytes: &[u8]) -> Flaw {
    let mut found = None;
    for cut in [1, 2, 3, 7, usize::MAX] {
        let (frames, heard) = decode(has_tags, bytes, &[cut]);
        assert!(frames.is_empty());
        let Some(Parting::Flaw(flaw)) = heard.parting else { panic!("{heard:?}") };
        assert_eq!(*found.get_or_insert(flaw), flaw);
    }
    found.expect("several were tried")
}

#[test]
fn what_no_peer_may_send_ends_it_and_nothing_after_it_is_read() {
    let after = message(b"later");
    for (bytes, expected, code) in [
        (frame(0xc2, b"a"), Flaw::ReservedBits, 1002),
        (frame(0x92, b"a"), Flaw::ReservedBits, 1002),
        (frame(0x83, b"a"), Flaw::Opcode(3), 1002),
        (frame(0x8f, b""), Flaw::Opcode(15), 1002),
        (b"\x82\x01a".to_vec(), Flaw::Unmasked, 1002),
        (frame(0x89, &[7; 126]), Flaw::LongControl, 1002),
        (frame(0x88, &[7; 70_000]), Flaw::LongControl, 1002),
        (frame(0x09, b""), Flaw::ControlInPieces, 1002),
        (frame(0x80, b"a"), Flaw::NotBegun, 1002),
        (frame(0x00, b"a"), Flaw::NotBegun, 1002),
        ([frame(0x02, b"a"), message(b"b")].concat(), Flaw::NotEnded, 1002),
        (b"\x82\xfe\x00\x7d\0\0\0\0".to_vec(), Flaw::Length(125), 1002),
        (b"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0".to_vec(), Flaw::Length(65_535), 1002),
        (frame(0x88, b"\x03"), Flaw::CloseCode, 1002),
        (frame(0x88, b"\x03\xed"), Flaw::CloseCode, 1002),
        (frame(0x88, b"\x13\x88"), Flaw::CloseCode, 1002),
        (frame(0x88, b"\x03\xe8\xff"), Flaw::CloseText, 1007),
        (frame(0x81, b"hello"), Flaw::Text, 1003),
        (frame(0x01, b"hel"), Flaw::Text, 1003),
        (frame(0x82, &[0; 65_536]), Flaw::TooLong(65_536), 1009),
        ([frame(0x02, &[0; 65_535]), frame(0x80, b"a")].concat(), Flaw::TooLong(65_536), 1009),
        (b"\x82\xff\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec(), Flaw::TooLong(1 << 32), 1009),
        (
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(),
            Flaw::TooLong(u64::MAX),
            1009,
        ),
    ] {
        let found = flaw(false, &[bytes, after.clone()].concat());
        assert_eq!(found, expected);
        assert_eq!(found.close_code(), code, "{found}");
    }
    assert_eq!(flaw(true, &message(&[0; 65_538])), Flaw::TooLong(65_538));
    for torn in [&b"\x01"[..], b"\x01\0", b"\x01\0ab", b"\x01\0a\x02\0b"] {
        assert_eq!(flaw(true, &message(torn)), Flaw::NoFrames);
    }
}

#[test]
fn a_length_that_never_comes_costs_no_memory() {
    let mut decoder = Decoder::new(true);
    let heard = decoder.take(b"\x02\xfe\xff\xff\0\0\0\0ab", &mut Vec::new());
    assert_eq!(heard, Heard::default());
    assert!(format!("{decoder:?}").len() < 1000);
}

#[test]
fn control_frames_come_between_the_pieces_of_a_message_and_are_answered() {
    let bytes = [
        frame(0x02, b"a"),
        frame(0x89, b"one"),
        frame(0x00, b""),
        frame(0x89, b"two"),
        frame(0x8a, b"unasked"),
        frame(0x80, b"b"),
        frame(0x88, b"\x03\xe9away"),
        message(b"later"),
    ];
    for cut in [1, 2, 5, 9, usize::MAX] {
        let (frames, heard) = decode(false, &bytes.concat(), &[cut]);
        assert_eq!(frames, b"\x02\0ab");
        assert_eq!(heard.answer, b"\x8a\x03two");
        assert_eq!(heard.idle_frames, 6);
        assert_eq!(heard.parting, Some(Parting::Closed(Some(1001))));
    }
    let (_, heard) = decode(false, &frame(0x88, b""), &[1]);
    assert_eq!(heard.parting, Some(Parting::Closed(None)));
}

#[test]
fn a_message_of_no_bytes_is_an_empty_datagram_and_without_frames_none() {
    assert_eq!(decode(false, &message(b""), &[1]).0, b"\0\0");
    let (frames, heard) = decode(true, &message(b""), &[1]);
    assert!(frames.is_empty());
    assert_eq!((heard.idle_frames, heard.parting), (1, None));
}

#[test]
fn what_is_more_than_a_message_holds_is_several_of_whole_frames() {
    for lengths in [vec![65_535, 65_535, 1], vec![40_000, 30_000], vec![30_000; 9], vec![65_535]] {
        let datagrams: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
        let frames = tagged(&datagrams);
        let mut rest = Vec::new();
        Framing::Frames.begin(&mut rest);
        rest.extend_from_slice(&frames);
        Framing::Frames.finish(&mut rest);
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (header, length) = match rest[..] {
                [0x82, length @ ..126, ..] => (2, length.into()),
                [0x82, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
                [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 1, ..] => (10, 65_537),
                _ => panic!("no header"),
            };
            let message = &rest[header..header + length];
            assert_eq!(Frames::whole_bytes(message), length);
            found.extend_from_slice(message);
            rest.drain(..header + length);
        }
        assert!(found == frames);
    }
}

proptest! {
    #[test]
    fn datagrams_come_out_whole_however_they_are_cut(
        datagrams in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(0usize..300, 0..4)),
            0..8,
        ),
        cuts in prop::collection::vec(1usize..40, 1..6),
        pings in any::<bool>(),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (datagram, splits) in &datagrams {
            let mut splits: Vec<usize> = splits.iter().map(|at| at % (datagram.len() + 1)).collect();
            splits.sort_unstable();
            let ends = splits.iter().copied().chain([datagram.len()]);
            let mut start = 0;
            for (number, end) in ends.enumerate() {
                let first = if number == 0 { BINARY } else { CONTINUATION };
                let is_last = number == splits.len();
                let first = first | if is_last { FINAL } else { 0 };
                bytes.extend(frame(first, &datagram[start..end]));
                if pings {
                    bytes.extend(frame(FINAL | PING, b"there?"));
                }
                start = end;
            }
            expected.push(datagram.clone());
        }
        let (frames, heard) = decode(false, &bytes, &cuts);
        prop_assert_eq!(frames, tagged(&expected));
        prop_assert_eq!(heard.parting, None);
        // The same in messages with tags.
        let frames = tagged(&expected);
        let (found, heard) = decode(true, &message(&frames), &cuts);
        prop_assert_eq!(found, frames);
        prop_assert_eq!(heard.parting, None);
    }

    #[test]
    fn whatever_comes_means_the_same_however_it_is_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        is_masked in any::<bool>(),
        has_tags in any::<bool>(),
        cuts in prop::collection::vec(1usize..40, 1..6),
    ) {
        let mut bytes = bytes;
        if is_masked && bytes.len() > 1 {
            // Or hardly anything would get beyond the first two bytes.
            bytes[0] &= 0x8f;
            bytes[1] |= 0x80;
        }
        prop_assert_eq!(decode(has_tags, &bytes, &cuts), decode(has_tags, &bytes, &[usize::MAX]));
    }
}
