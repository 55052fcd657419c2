//! Section `offences` of a client agent: what becomes of clients that break a rule.

use std::time::Duration;

use super::duration::parse_duration;
use super::section::{Found, Section, expected};
use super::value;

/// For how long somebody is banned, if nothing else is said: there may be others behind the same address.
const BAN_FOR: Duration = Duration::from_secs(60 * 60);

/// A rule that a client can break.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Offence {
    /// It may not send this field, move this object, or send to this object yet.
    Permission,
    /// It does not know the object.
    Object,
    /// A value breaks the rules of its field, or is not as long as it has to be.
    Value,
    /// A value breaks a rule that the configuration has for its field.
    Rule,
    /// It may not open or close this interest.
    Interest,
    /// It sends a message that is none, or not one for it to send now.
    Message,
    /// A message ends early, or goes on behind its end.
    Malformed,
    /// It does not begin with a hello.
    Hello,
    /// It is of another version, or has other DC files.
    Version,
    /// It has asked for more than a limit allows.
    Limit,
}

impl Offence {
    /// Each of them.
    pub const ALL: [Offence; 10] = [
        Offence::Permission,
        Offence::Object,
        Offence::Value,
        Offence::Rule,
        Offence::Interest,
        Offence::Message,
        Offence::Malformed,
        Offence::Hello,
        Offence::Version,
        Offence::Limit,
    ];

    /// Its key in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Offence::Permission => "permission",
            Offence::Object => "object",
            Offence::Value => "value",
            Offence::Rule => "rule",
            Offence::Interest => "interest",
            Offence::Message => "message",
            Offence::Malformed => "malformed",
            Offence::Hello => "hello",
            Offence::Version => "version",
            Offence::Limit => "limit",
        }
    }

    /// Why no session can go on after it; `None` if one can.
    const fn why_it_is_the_end(self) -> Option<&'static str> {
        match self {
            Offence::Permission
            | Offence::Object
            | Offence::Value
            | Offence::Rule
            | Offence::Interest
            | Offence::Message => None,
            Offence::Malformed => {
                Some("what a client means that writes its messages otherwise is not known")
            }
            Offence::Hello => Some("without a hello there is no session that could go on"),
            Offence::Version => Some(
                "with another version a client is not let in, and there is no session that could go on",
            ),
            Offence::Limit => Some(
                "a limit for which nobody is put out is none; set that to 0, or `limits.patience_ms` if clients are only \
                 to be slowed down",
            ),
        }
    }
}

/// What is done when a client has broken a rule.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Reaction {
    /// Its message is dropped.
    Ignore,
    /// The same, and it is said.
    Warn,
    /// It is put out.
    #[default]
    Eject,
    /// The same, and it is entered into the ban list.
    Ban,
}

impl Reaction {
    /// Each of them.
    pub const ALL: [Reaction; 4] =
        [Reaction::Ignore, Reaction::Warn, Reaction::Eject, Reaction::Ban];

    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Reaction::Ignore => "ignore",
            Reaction::Warn => "warn",
            Reaction::Eject => "eject",
            Reaction::Ban => "ban",
        }
    }
}

/// What is done for which offence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffencesConfig {
    reactions: [Reaction; Offence::ALL.len()],
    /// For how long somebody is banned; `None` is for ever.
    pub ban_for: Option<Duration>,
}

impl Default for OffencesConfig {
    /// Everybody is put out, as in Astron, which has no rules for fields: an honest client can break these when its line is bad.
    fn default() -> Self {
        let mut reactions = [Reaction::default(); Offence::ALL.len()];
        reactions[Offence::Rule as usize] = Reaction::Warn;
        OffencesConfig { reactions, ban_for: Some(BAN_FOR) }
    }
}

impl OffencesConfig {
    /// Whoever does what Panda3D's own server drops may stay: honest games do it.
    pub(super) fn of_panda3d() -> Self {
        let mut offences = OffencesConfig::default();
        offences.set(Offence::Permission, Reaction::Warn);
        offences.set(Offence::Object, Reaction::Warn);
        offences
    }

    /// What is done for this one.
    pub const fn reaction(&self, offence: Offence) -> Reaction {
        self.reactions[offence as usize]
    }

    /// Has something else done for this one.
    pub const fn set(&mut self, offence: Offence, reaction: Reaction) {
        self.reactions[offence as usize] = reaction;
    }
}

/// Reads the section of a client agent that has a ban list, or not; what it does not say is as in `offences`.
pub(super) fn offences(
    section: Option<Section<'_>>,
    mut offences: OffencesConfig,
    has_banlist: bool,
) -> OffencesConfig {
    let Some(mut section) = section else { return offences };
    for offence in Offence::ALL {
        let words = Reaction::ALL.map(|reaction| (reaction.name(), reaction));
        let Some(reaction) = section.optional(offence.name(), value::choice(&words)) else {
            continue;
        };
        offences.set(offence, reaction);
        match (reaction, offence.why_it_is_the_end()) {
            (Reaction::Ignore | Reaction::Warn, Some(why)) => {
                let message = format!("found `{}`, expected `eject` or `ban`: {why}", reaction.name());
                section.error(offence.name(), message);
            }
            (Reaction::Ban, _) if !has_banlist => section.error(
                offence.name(),
                "`ban` needs a list in which bans are entered: the key `banlist` of this role, with the path of a file",
            ),
            _ => {}
        }
    }
    if let Some(time) = section.optional("ban_for", ban_for) {
        offences.ban_for = time;
        if !offences.reactions.contains(&Reaction::Ban) {
            section.warning("ban_for", "nobody is banned: there is no offence with `ban`");
        }
    }
    section.finish();
    offences
}

/// How long a ban lasts.
fn ban_for(node: &Found<'_>) -> Result<Option<Duration>, String> {
    const WHAT: &str = "`0` (for ever) or a duration such as `30m`, `12h` or `7d`";
    match node.text().map(parse_duration) {
        Some(Ok(time)) if !time.is_zero() => Ok(Some(time)),
        Some(Ok(_)) if node.text() == Some("0") => Ok(None),
        _ => Err(expected(node, WHAT)),
    }
}
