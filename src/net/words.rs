//! What the system says of a connection, in one way: in the words that event logs have always had.

use std::io;

use super::Lost;

/// Why something failed: what the system says, without its number, and as part of a sentence. What somebody looks for
/// is said in the same way of links, clients and the upstream.
pub fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => END_OF_FILE.into(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".into(),
        io::ErrorKind::BrokenPipe => "broken pipe".into(),
        // One with words of its own says what was waited for.
        io::ErrorKind::TimedOut if error.get_ref().is_none() => "connection timed out".into(),
        _ => {
            let said = error.to_string();
            let said = said.split_once(" (os error ").map_or(&*said, |(said, _)| said);
            let mut letters = said.chars();
            let first = letters.next();
            // An abbreviation stays one.
            if letters.clone().next().is_some_and(char::is_uppercase) {
                return said.to_owned();
            }
            first.into_iter().flat_map(char::to_lowercase).chain(letters).collect()
        }
    }
}

/// What is said of a peer that has ended a connection.
pub const CLOSED: &str = "closed by the peer";
/// The same in events, as Astron's have it.
const END_OF_FILE: &str = "end of file";

/// What events say of a peer that has ended a connection.
pub fn end_of_file() -> String {
    END_OF_FILE.to_owned()
}

/// What the log says for a `reason` of an event.
pub fn logged(reason: &str) -> &str {
    if reason == END_OF_FILE { CLOSED } else { reason }
}

/// Why a connection between servers has been given up. Whoever writes to a peer that has closed learns that as a broken
/// pipe, which would read like a failure of the network, although the peer may but have been stopped.
pub fn reason(lost: &Lost) -> String {
    match lost {
        Lost::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => CLOSED.to_owned(),
        lost => lost.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn an_error_of_the_system_has_no_number_and_no_capital_letter() {
        let said = |errno: Errno| words(&errno.into());
        assert_eq!(said(Errno::TIMEDOUT), "connection timed out");
        assert_eq!(said(Errno::CONNRESET), "connection reset by peer");
        assert_eq!(said(Errno::HOSTUNREACH), "no route to host");
        assert_eq!(said(Errno::CONNREFUSED), "connection refused");
        assert_eq!(words(&io::ErrorKind::TimedOut.into()), "connection timed out");
        assert_eq!(words(&io::ErrorKind::UnexpectedEof.into()), "end of file");
        let own = io::Error::new(io::ErrorKind::TimedOut, "no answer within 10 s");
        assert_eq!(words(&own), "no answer within 10 s");
        assert_eq!(reason(&Lost::Io(Errno::PIPE.into())), CLOSED);
        assert_eq!(reason(&Lost::Io(Errno::CONNRESET.into())), "connection reset by peer");
    }
}
