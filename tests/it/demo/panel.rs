//! The panel of a tab that shows what is routed for its player.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::tab::Demo;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited until something is said again.
const AGAIN: Duration = Duration::from_millis(200);

/// A panel.
pub struct Panel {
    lines: std::io::Lines<BufReader<TcpStream>>,
    stream: TcpStream,
}

impl Panel {
    /// The one that is opened for a ticket.
    pub fn open(demo: &Demo, ticket: &str) -> Self {
        // The avatar may be still to come.
        loop {
            match Self::status(demo, ticket) {
                (panel, 200) => return panel,
                (_, 404) => {}
                (_, status) => panic!("{status}"),
            }
        }
    }

    /// What is answered to who wants to see the messages of a ticket.
    pub fn status(demo: &Demo, ticket: &str) -> (Self, u16) {
        let mut stream = TcpStream::connect(demo.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes options");
        let address = demo.address;
        write!(stream, "GET /messages?ticket={ticket} HTTP/1.1\r\nHost: {address}\r\n\r\n")
            .expect("it reads");
        let mut lines = BufReader::new(stream.try_clone().expect("another end")).lines();
        let first = lines.next().expect("an answer").expect("an answer");
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        (Panel { lines, stream }, status.expect("a status"))
    }

    /// Waits for a line about something that is said again and again: what was routed before the daemon is looked at is not shown.
    pub fn until(&mut self, mut say: impl FnMut(), mut is_it: impl FnMut(&Value) -> bool) {
        let stream = self.stream.try_clone().expect("another end");
        stream.set_read_timeout(Some(AGAIN)).expect("a socket takes options");
        let mut is_seen = false;
        while !is_seen {
            say();
            while !is_seen {
                let line = match self.lines.next().expect("it goes on") {
                    Ok(line) => line,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                };
                // The rest of one that was broken off by the time does not begin so.
                let line = line.strip_prefix("data:").unwrap_or_default();
                is_seen = serde_json::from_str(line.trim()).is_ok_and(|line| is_it(&line));
            }
        }
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes options");
    }

    /// All that comes until it is ended by the other side.
    pub fn until_the_end(mut self) -> String {
        let mut all = String::new();
        for line in &mut self.lines {
            let line = line.expect("it is ended in order");
            all.push_str(&line);
            // The last part of what comes in parts.
            if line == "0" {
                return all;
            }
        }
        panic!("it is cut off");
    }
}
