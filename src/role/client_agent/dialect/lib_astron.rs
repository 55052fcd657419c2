//! `libastron`: Astron's own client protocol.

use super::{ClientType, Foreign, Request, foreign};
use crate::message::{self, Client, Message};
use crate::wire::{self, Reader, write_frame};

/// The protocol of [`Client`] itself: each message is written as it is.
#[derive(Copy, Clone, Debug, Default)]
pub struct LibAstron;

impl ClientType for LibAstron {
    fn name(&self) -> &'static str {
        "libastron"
    }

    #[inline]
    fn request(&self, reader: &mut Reader<'_>) -> Result<Request, wire::Error> {
        Ok(match reader.u16()? {
            Client::CLIENT_HELLO => Request::Hello,
            Client::CLIENT_DISCONNECT => Request::Disconnect,
            Client::CLIENT_HEARTBEAT => Request::Heartbeat,
            Client::CLIENT_OBJECT_SET_FIELD => Request::SetField,
            Client::CLIENT_OBJECT_LOCATION => Request::SetLocation,
            Client::CLIENT_ADD_INTEREST => Request::AddInterest,
            Client::CLIENT_ADD_INTEREST_MULTIPLE => Request::AddInterestMultiple,
            Client::CLIENT_REMOVE_INTEREST => Request::RemoveInterest,
            number => Request::Other(number),
        })
    }

    #[inline]
    fn arguments<'a>(
        &self,
        request: Request,
        reader: &mut Reader<'a>,
    ) -> Result<Client<'a>, message::Error> {
        let number = match request {
            Request::Hello => Client::CLIENT_HELLO,
            Request::Disconnect => Client::CLIENT_DISCONNECT,
            Request::Heartbeat => Client::CLIENT_HEARTBEAT,
            Request::SetField => Client::CLIENT_OBJECT_SET_FIELD,
            Request::SetLocation => Client::CLIENT_OBJECT_LOCATION,
            Request::AddInterest => Client::CLIENT_ADD_INTEREST,
            Request::AddInterestMultiple => Client::CLIENT_ADD_INTEREST_MULTIPLE,
            Request::RemoveInterest => Client::CLIENT_REMOVE_INTEREST,
            Request::Other(number) => return Err(message::Error::UnknownType(number)),
        };
        Client::decode(number, reader)
    }

    #[inline]
    fn write(&self, message: &Client<'_>, buffer: &mut Vec<u8>) -> Result<(), wire::Error> {
        write_frame(buffer, |writer| message.write(writer)).map(drop)
    }

    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign> {
        if is_hello(first_bytes) { None } else { foreign::recognise(first_bytes) }
    }
}

/// Whether bytes are the beginning of a CLIENT_HELLO whose lengths agree: nothing else looks like it.
fn is_hello(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let head = (reader.u16(), reader.u16(), reader.u32(), reader.u16());
    let (Ok(frame), Ok(Client::CLIENT_HELLO), Ok(_hash), Ok(version)) = head else {
        return false;
    };
    usize::from(frame) == usize::from(version) + 2 + 4 + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Blob;

    #[test]
    fn a_hello_is_never_taken_for_something_else() {
        // Of every length, among them those whose tag is the first bytes of TLS or HTTP.
        let version = vec![b'1'; 0x5500];
        for length in (0..0x5500).step_by(7).chain([0x316 - 8, 0x4547 - 8, 0x4f50 - 8]) {
            let hello = Client::Hello { dc_hash: 0x0101, version: Blob(&version[..length]) };
            let mut frame = Vec::new();
            LibAstron.write(&hello, &mut frame).expect("fits");
            assert_eq!(LibAstron.recognise(&frame), None, "{length}");
        }
    }
}
