//! What a single value of the file may be. Each reader says what it found and what it expected.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::address::Address;
use super::duration::parse_duration;
use super::networks;
use super::section::{Found, did_you_mean, expected, list_of};
use ipnet::IpNet;

use crate::ids::{Channel, ChannelRepr, DoId, DoIdRepr};
use crate::yaml::{Node, Value};

type Read<T> = Result<T, String>;

/// Any text.
pub(super) fn string(node: &Found<'_>) -> Read<String> {
    scalar(node, "a text").map(str::to_owned)
}

/// A text that is not empty, called `what`.
pub(super) fn name(what: &'static str) -> impl Fn(&Found<'_>) -> Read<String> {
    move |node| match scalar(node, what)? {
        "" => Err(format!("found an empty text, expected {what}")),
        text => Ok(text.to_owned()),
    }
}

/// `true` or `false`.
pub(super) fn strict_boolean(node: &Found<'_>) -> Read<bool> {
    const WHAT: &str = "`true` or `false`";
    match scalar(node, WHAT)? {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(expected(node, WHAT)),
    }
}

/// Any of the ways in which YAML 1.1 writes a boolean.
pub(super) fn boolean(node: &Found<'_>) -> Read<bool> {
    const WHAT: &str = "`true` or `false`";
    match scalar(node, WHAT)? {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On" | "ON" => {
            Ok(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "n" | "N" | "off" | "Off" | "OFF" => {
            Ok(false)
        }
        _ => Err(expected(node, WHAT)),
    }
}

/// One of a few words, each with what it stands for.
pub(super) fn choice<T: Clone>(words: &[(&str, T)]) -> impl Fn(&Found<'_>) -> Read<T> {
    move |node| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let what = format!("one of {}", list_of(&names));
        let text = scalar(node, &what)?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(meaning.clone()),
            None => {
                let hint = did_you_mean(text, names.iter().copied()).unwrap_or_default();
                Err(expected(node, &what) + &hint)
            }
        }
    }
}

/// Whether the length before a datagram has four bytes, and not two.
pub(super) fn are_lengths_wide(node: &Found<'_>) -> Read<bool> {
    choice(&[("2", false), ("4", true)])(node)
}

/// A whole number in `range`, decimal or `0x…`.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&Found<'_>) -> Read<T>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    move |node| {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let value = unsigned(node, &what)?;
        T::try_from(value)
            .ok()
            .filter(|value| range.contains(value))
            .ok_or_else(|| expected(node, &what))
    }
}

/// The hash of DC files, which commands print as `0x…`.
pub(super) fn dc_hash(node: &Found<'_>) -> Read<u32> {
    number(0..=u32::MAX)(node).map_err(|error| {
        let is_hash = |text: &&str| {
            (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let hint = |text: &str| format!("; in hexadecimal it is `0x{text}`");
        error + &node.text().filter(is_hash).map(hint).unwrap_or_default()
    })
}

/// The name of a version. What reads like several is one all the same.
pub(super) fn version(node: &Found<'_>) -> Read<String> {
    let text = string(node)?;
    if text.contains(',') {
        let versions: Vec<&str> = text.split(',').map(str::trim).collect();
        node.doubt(format!(
            "this is one version with a comma in its name; a list is written `[{}]`",
            versions.join(", ")
        ));
    }
    Ok(text)
}

/// A time in milliseconds.
pub(super) fn milliseconds(node: &Found<'_>) -> Read<u32> {
    let what = format!("milliseconds: a whole number from 0 to {}", u32::MAX);
    let ms = unsigned(node, &what).map_err(|error| error + &in_milliseconds(node))?;
    u32::try_from(ms).map_err(|_| expected(node, &what))
}

/// `; 5s are 5000`, if that is what was meant.
fn in_milliseconds(node: &Found<'_>) -> String {
    let meant = |text: &str| {
        let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, unit) = text.split_at(unit_at);
        let count = digits::<u32>(count)?;
        let meant = match unit.trim() {
            "ms" => Duration::from_millis(count.into()),
            "s" => Duration::from_secs(count.into()),
            "m" | "min" => Duration::from_secs(60 * u64::from(count)),
            "h" => Duration::from_secs(60 * 60 * u64::from(count)),
            _ => return None,
        };
        let ms = u32::try_from(meant.as_millis()).ok()?;
        Some(format!("; without a unit, `{text}` is `{ms}`"))
    };
    node.text().and_then(meant).unwrap_or_default()
}

/// A time limit in milliseconds; 0 is none.
pub(super) fn time_limit(node: &Found<'_>) -> Read<Option<Duration>> {
    let ms = milliseconds(node)?;
    Ok((ms > 0).then(|| Duration::from_millis(ms.into())))
}

/// Who may read and write a file: octal, as `chmod` takes it. The daemon itself has to be able to.
pub(super) fn file_mode(node: &Found<'_>) -> Read<u32> {
    const WHAT: &str =
        "the mode of a file in octal, `0600` to `0777`, with which its owner can read and write it";
    const OWNER: u32 = 0o600;
    let text = scalar(node, WHAT)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let mode = is_octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten();
    mode.filter(|mode| mode & OWNER == OWNER && *mode <= 0o777).ok_or_else(|| expected(node, WHAT))
}

/// A channel that a role may be given.
pub(super) fn channel(node: &Found<'_>) -> Read<Channel> {
    const WHAT: &str = "a channel: a whole number from 1000 up";
    let channel = Channel(ChannelRepr::from(unsigned(node, WHAT)?));
    if channel.is_reserved() {
        let reserved = "; 0 to 999 and 4294967296 to 4290672328704 belong to the protocol";
        return Err(expected(node, WHAT) + reserved);
    }
    Ok(channel)
}

/// The id of an object.
pub(super) fn do_id(node: &Found<'_>) -> Read<DoId> {
    let what = format!("a doId: a whole number from 1000 to {}", DoIdRepr::MAX);
    let do_id = DoIdRepr::try_from(unsigned(node, &what)?).map_err(|_| expected(node, &what))?;
    if DoId(do_id).channel().is_reserved() {
        return Err(expected(node, &what) + "; 0 to 999 belong to the protocol");
    }
    Ok(DoId(do_id))
}

/// An address; `default_port` holds where none is written.
pub(super) fn address(default_port: u16) -> impl Fn(&Found<'_>) -> Read<Address> {
    move |node| {
        let what = format!("an address such as `127.0.0.1:{default_port}`");
        let text = scalar(node, &what)?;
        Address::parse(text, default_port)
            .map_err(|error| format!("{} ({error})", expected(node, &what)))
    }
}

/// An address, or `nothing` for none.
pub(super) fn address_or(
    nothing: &'static str,
    default_port: u16,
) -> impl Fn(&Found<'_>) -> Read<Option<Address>> {
    move |node| match node.text() {
        Some(text) if text == nothing && !node.is_null() => Ok(None),
        _ => address(default_port)(node).map(Some),
    }
}

/// A network, or one address.
pub(super) fn network(node: &Found<'_>) -> Read<IpNet> {
    const WHAT: &str = "a network such as `10.0.0.0/8`, or an address";
    let found = networks::parse_network(scalar(node, WHAT)?).ok_or_else(|| expected(node, WHAT))?;
    let network = found.trunc();
    if network != found {
        node.doubt(format!("this means the whole network {network}"));
    }
    Ok(network)
}

/// `0` for never, or a number with one of the units s, m, h, d.
pub(super) fn interval(node: &Found<'_>) -> Read<Option<Duration>> {
    const WHAT: &str = "`0` (never) or an interval such as `30m`, `12h` or `1d`";
    let text = scalar(node, WHAT)?;
    match parse_duration(text) {
        Ok(interval) if !interval.is_zero() => Ok(Some(interval)),
        Ok(_) if text == "0" => Ok(None),
        _ => Err(expected(node, WHAT)),
    }
}

fn scalar<'a>(node: &'a Node, what: &str) -> Read<&'a str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Ok(text),
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) => Err(expected(node, what)),
    }
}

/// A whole number as Astron reads it: decimal, `0x…`, or octal if it begins with a zero.
fn unsigned(node: &Found<'_>, what: &str) -> Read<u64> {
    let text = scalar(node, what)?;
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let value = match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(hex, 16).ok()
        }
        Some(_) => None,
        None if unsigned.len() > 1 && unsigned.starts_with('0') => {
            return octal(node, unsigned, what);
        }
        None => digits(unsigned),
    };
    value.ok_or_else(|| expected(node, what))
}

fn octal(node: &Found<'_>, text: &str, what: &str) -> Read<u64> {
    if !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        let hint = match text.bytes().all(|b| b.is_ascii_digit()) {
            true => "; leave out the leading zero: a number that begins with one is octal",
            false if text.starts_with("0o") => "; `0o` is not known here",
            false => "",
        };
        return Err(expected(node, what) + hint);
    }
    let value = u64::from_str_radix(text, 8).map_err(|_| expected(node, what))?;
    let decimal = text.trim_start_matches('0');
    // A row of zeros is the same in any base.
    if node.written.is_some() {
        node.doubt("the leading zero makes this an octal number, as in Astron".to_owned());
    } else if !decimal.is_empty() {
        node.doubt(format!(
            "the leading zero makes this an octal number, as in Astron: it is {value}; write `{value}`, or \
             `{decimal}` if that is meant"
        ));
    }
    Ok(value)
}

/// Digits and nothing else, which `FromStr` alone does not see to.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
