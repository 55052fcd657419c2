//! Bytes as they come from sockets.

use donet::message::{
    Client, ClientAgent, Control, Database, DbStateServer, Error, Message, StateServer, table,
};
use donet::net::proxy_protocol;
use donet::role::client_agent::dialect::foreign;
use donet::role::event_logger::write_entries;
use donet::wire::{Envelope, Frames, Reader, Writer, write_frame};

/// Bytes as a stream of frames, cut at any place, and each frame as a datagram.
pub fn frames(input: &[u8]) {
    let Some((cut, stream)) = input.split_first() else { return };
    let cut = usize::from(*cut).min(stream.len());
    let all: Vec<&[u8]> = Frames::new(stream).map(|frame| frame.bytes()).collect();
    let early = Frames::whole_bytes(&stream[..cut]);
    let of_two_reads = Frames::new(&stream[..cut]).chain(Frames::new(&stream[early..]));
    assert!(of_two_reads.map(|frame| frame.bytes()).eq(all.iter().copied()));

    let mut again = Vec::new();
    for frame in Frames::new(stream) {
        write_frame(&mut again, |writer| writer.raw(frame.datagram())).expect("it was a frame");
        envelope(frame.datagram());
    }
    assert_eq!(again, stream[..Frames::whole_bytes(stream)]);
    envelope(stream);
}

fn envelope(datagram: &[u8]) {
    let Ok(envelope) = Envelope::read(datagram) else { return };
    let recipients: Vec<_> = envelope.recipients.iter().collect();
    assert_eq!(recipients.len(), envelope.recipients.len());
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again);
    Envelope::write_head(&mut writer, &recipients, envelope.sender);
    writer.u16(envelope.message_type);
    writer.raw(envelope.body);
    assert_eq!(again, datagram);
}

/// Two bytes as a message's number and the rest as its arguments, in every family. What is decoded
/// encodes to the bytes that were read.
pub fn messages(input: &[u8]) {
    let Some((number, arguments)) = input.split_first_chunk() else { return };
    let number = u16::from_le_bytes(*number);
    // Few numbers are messages'.
    let numbers: Vec<u16> = table().map(|row| row.number).collect();
    let number = match numbers.get(usize::from(number)) {
        Some(known) => *known,
        None => number,
    };
    identity(number, arguments, Client::decode);
    identity(number, arguments, ClientAgent::decode);
    identity(number, arguments, Control::decode);
    identity(number, arguments, Database::decode);
    identity(number, arguments, DbStateServer::decode);
    identity(number, arguments, StateServer::decode);
}

fn identity<'a, M: Message + PartialEq + std::fmt::Debug>(
    number: u16,
    arguments: &'a [u8],
    decode: impl Fn(u16, &mut Reader<'a>) -> Result<M, Error>,
) {
    let mut reader = Reader::new(arguments);
    let Ok(message) = decode(number, &mut reader) else { return };
    let read = &arguments[..arguments.len() - reader.remaining().len()];
    let mut again = Vec::new();
    message.write(&mut Writer::new(&mut again));
    assert_eq!(again[..2], number.to_le_bytes());
    assert_eq!(&again[2..], read, "{message:?}");
    assert_eq!(decode(number, &mut Reader::new(read)), Ok(message));
}

/// The first bytes of a client's connection: a PROXY header, or another protocol. What is decided
/// does not depend on how few bytes come at a time.
pub fn proxy_protocol(input: &[u8]) {
    let whole = proxy_protocol::read(input);
    if let Ok(Some((_, bytes))) = &whole {
        assert!((1..=input.len()).contains(bytes));
    }
    let decided = (0..=input.len())
        .map(|end| proxy_protocol::read(&input[..end]))
        .find(|read| !matches!(read, Ok(None)));
    assert_eq!(decided.unwrap_or(Ok(None)), whole);
    let _ = foreign::recognise(input);
}

/// A packet of the event logger. What is taken becomes JSON, and not much longer than it was.
pub fn event_log(input: &[u8]) {
    const GROWTH_MAX: usize = 200;
    let mut entries = String::new();
    let result = write_entries(input, &mut entries);
    assert!(entries.len() <= GROWTH_MAX * (input.len() + 1), "{} bytes", entries.len());
    if result.is_ok() {
        let line = format!("{{\"_time\": 0{entries}}}");
        let parsed = serde_json::from_str::<serde_json::Value>(&line);
        assert!(parsed.is_ok_and(|value| value.is_object()), "{line}");
    }
}
