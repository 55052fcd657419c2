//! Recorded datagrams as a test of this repository's kind.
//!
//! What came from outside is sent again, each by a link of its own; what the daemon's roles then routed is expected, byte for byte and in the same
//! order, by a link that listens to every channel. So the test shows what happened, and changes as soon as something else does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::cli::out::one_line;
use crate::trace::record::{Path, Record};
use crate::trace::{Names, decode, time};

/// A test in the making.
#[derive(Default)]
pub(super) struct Script {
    steps: String,
    /// The links of those outside, by who they were.
    links: BTreeMap<String, String>,
}

impl Script {
    pub fn take(&mut self, record: &Record<'_>, names: &Names) {
        let Record::Datagram { micros, path, origin, bytes } = *record else {
            self.steps.push_str("    // Datagrams are missing here.\n");
            return;
        };
        let decoded = decode(names, path.speech(), bytes);
        let recipients: Vec<_> = decoded.recipients.iter().map(ToString::to_string).collect();
        let sender = decoded.sender.map_or_else(|| "?".to_owned(), |it| it.to_string());
        let (title, body) = (decoded.title(), one_line(&decoded.body()));
        let who = one_line(origin);
        let time = time(micros).strftime("%H:%M:%S.%6f").to_string();
        // It cannot fail.
        let _ = writeln!(
            self.steps,
            "    // {time} {who}: {title} {sender} → {} {body}",
            recipients.join(",")
        );
        if path != Path::Routed {
            return;
        }
        let literal = bytes.escape_ascii();
        if is_outside(origin) {
            let number = self.links.len() + 1;
            let link = self.links.entry(who).or_insert_with(|| format!("link_{number}"));
            let _ = writeln!(self.steps, "    let datagram = b\"{literal}\";");
            let _ = writeln!(self.steps, "    {link}.stream().send(datagram);");
            self.steps.push_str("    expect(&mut all, datagram);\n");
        } else {
            let _ = writeln!(self.steps, "    expect(&mut all, b\"{literal}\");");
        }
    }

    /// The test.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "//! Made by `donet trace --test` of recorded datagrams.\n\n\
             use crate::harness::*;\n\n\
             #[track_caller]\n\
             fn expect(all: &mut Link, datagram: &[u8]) {\n    \
             match all.stream().receive() {\n        \
             Received::Datagram(came) => {\n            \
             assert_eq!(came.escape_ascii().to_string(), datagram.escape_ascii().to_string())\n        \
             }\n        \
             other => panic!(\"{other:?} where a datagram should come\"),\n    \
             }\n}\n\n\
             #[test]\n\
             fn what_was_recorded_happens_again() {\n    \
             // Name its DC file with `.dc(include_str!(…))`, and its roles with `.role(…)`.\n    \
             let daemon = Setup::new().start();\n    \
             let mut all = daemon.link();\n    \
             // Above are the channels of the harness.\n    \
             all.subscribe_range(2, 0xf00c_ffff_ffff_ffff);\n",
        );
        for (who, link) in &self.links {
            let _ = writeln!(text, "    // {who}\n    let mut {link} = daemon.link();");
        }
        text + &self.steps + "}\n"
    }
}

/// Whether somebody outside of the daemon has routed it, by the name that the daemon has for him.
fn is_outside(origin: &str) -> bool {
    let address = origin.strip_prefix("link ").or_else(|| {
        let (_, address) = origin.rsplit_once('(')?;
        address.strip_suffix(')')
    });
    let gone = ["upstream", "console", "somebody who has left"].contains(&origin);
    gone || address.is_some_and(|address| address.parse::<SocketAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_do_again_what_they_did_and_others_are_sent() {
        for (origin, is_it) in [
            ("link 127.0.0.1:47976", true),
            ("ai.main (127.0.0.1:47976)", true),
            ("ClientAgent(127.0.0.1:7198)", true),
            ("upstream", true),
            ("console", true),
            ("somebody who has left", true),
            ("StateServer(4002)", false),
            ("Database(4003)", false),
        ] {
            assert_eq!(is_outside(origin), is_it, "{origin}");
        }
    }
}
