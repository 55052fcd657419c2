//! Events: what roles tell the event logger, as MessagePack maps of strings over UDP.
//!
//! An [`Event`] is made by a role, an [`EventSender`] takes it, and a [`Courier`] brings it to the event logger. Events are
//! a courtesy to whoever reads the log: sending one never waits, and nothing depends on its arrival.

mod courier;
mod sender;

use std::borrow::Cow;

pub use courier::Courier;
pub use sender::EventSender;

/// Keys of a map whose header is one byte.
const FIXMAP_KEYS_MAX: usize = 15;
/// Bytes of a string whose header is one byte.
const FIXSTR_BYTES_MAX: usize = 31;
const FIXMAP: u8 = 0x80;
const FIXSTR: u8 = 0xa0;
const STR_16: u8 = 0xda;
const MAP_16: u8 = 0xde;

/// Something worth a line in the event log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// In the order of the line, and each key once.
    entries: Vec<(Cow<'static, str>, String)>,
}

impl Event {
    /// An event of type `kind`; `sender` is the part of the daemon that it happened to.
    pub fn new(kind: impl Into<String>, sender: impl Into<String>) -> Self {
        Event { entries: vec![("type".into(), kind.into()), ("sender".into(), sender.into())] }
    }

    /// The event with one key more. A key that it has already gets the new value.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
        self
    }

    /// The value of a key, if it has it.
    #[cfg(test)]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| &**value)
    }

    /// The event as MessagePack.
    ///
    /// Written by hand because event loggers have been given these very forms for ten years: strings
    /// of 32 to 255 bytes have a two-byte length, for which libraries write the newer one-byte form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        match u8::try_from(self.entries.len()) {
            Ok(keys) if usize::from(keys) <= FIXMAP_KEYS_MAX => bytes.push(FIXMAP | keys),
            _ => {
                let keys = u16::try_from(self.entries.len());
                bytes.push(MAP_16);
                bytes.extend(keys.expect("keys are written in code").to_be_bytes());
            }
        }
        for (key, value) in &self.entries {
            write_string(&mut bytes, key);
            write_string(&mut bytes, value);
        }
        bytes
    }
}

/// Writes `text`, cut where the format's length ends; no packet could hold more anyway.
fn write_string(bytes: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(u16::MAX.into())];
    match u8::try_from(text.len()) {
        Ok(length) if usize::from(length) <= FIXSTR_BYTES_MAX => bytes.push(FIXSTR | length),
        _ => {
            let length = u16::try_from(text.len()).expect("cut above");
            bytes.push(STR_16);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_astron_sends() {
        let event = Event::new("client-connected", "Client:3100")
            .with("remote_address", "127.0.0.1:56558")
            .with("local_address", "127.0.0.1:61128");
        let expected = b"\x84\
            \xa4type\xb0client-connected\
            \xa6sender\xabClient:3100\
            \xaeremote_address\xaf127.0.0.1:56558\
            \xadlocal_address\xaf127.0.0.1:61128";
        assert_eq!(event.to_bytes(), expected);
    }

    #[test]
    fn a_key_given_twice_keeps_its_place() {
        let event =
            Event::new("a", "b").with("x", "1").with("y", "2").with("x", "3").with("type", "c");
        let expected = b"\x84\xa4type\xa1c\xa6sender\xa1b\xa1x\xa13\xa1y\xa12";
        assert_eq!(event.to_bytes(), expected);
    }

    #[test]
    fn long_strings_have_a_two_byte_length() {
        for (length, header) in [
            (0, &[0xa0][..]),
            (31, &[0xbf]),
            (32, &[0xda, 0, 32]),
            (255, &[0xda, 0, 255]),
            (256, &[0xda, 1, 0]),
            (65535, &[0xda, 255, 255]),
        ] {
            let bytes = Event::new("", "x".repeat(length)).to_bytes();
            let before = b"\x82\xa4type\xa0\xa6sender";
            let rest = bytes.strip_prefix(before).expect("the first key");
            assert_eq!(rest.len(), header.len() + length, "{length}");
            assert!(rest.starts_with(header), "{length}");
        }
    }

    #[test]
    fn an_overlong_string_is_cut_between_characters() {
        let bytes = Event::new("", "é".repeat(40_000)).to_bytes();
        let rest =
            bytes.strip_prefix(b"\x82\xa4type\xa0\xa6sender\xda\xff\xfe").expect("65534 bytes");
        assert_eq!(rest, "é".repeat(32_767).as_bytes());
    }

    #[test]
    fn sixteen_keys_need_a_longer_header() {
        let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
        let event = keys.iter().fold(Event::new("t", "s"), |event, key| event.with(*key, "1"));
        assert_eq!(event.to_bytes()[0], 0x8f);
        assert!(event.with("n", "1").to_bytes().starts_with(b"\xde\x00\x10\xa4type"));
    }
}
