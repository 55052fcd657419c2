//! Those functions of Lua's `string` and `table` whose own ones loop without being counted.

use mlua::{Function, Lua, LuaString, MultiValue, Result, Table, Value};

use super::errors::fail;
use super::meter::Meter;
use super::pattern::{Capture, Failure, Matcher};
use super::values::shown;

/// What makes a pattern more than the text that it is.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// `string.find`, as Lua has it.
pub(super) fn find(
    lua: &Lua,
    (text, pattern, init, is_plain): (LuaString, LuaString, Option<i64>, Option<bool>),
) -> Result<MultiValue> {
    let (bytes, wanted) = (text.as_bytes(), pattern.as_bytes());
    let Some(start) = start_of(init, bytes.len()) else { return nothing() };
    let has_specials = wanted.iter().any(|byte| SPECIALS.contains(byte));
    if is_plain.unwrap_or(false) || !has_specials {
        let found = plain(lua, &bytes[start..], &wanted)?.map(|at| at + start);
        return match found {
            Some(at) => Ok(places(at, at + wanted.len()).collect()),
            None => nothing(),
        };
    }
    let is_anchored = wanted.first() == Some(&b'^');
    counted(lua, &bytes, &wanted[usize::from(is_anchored)..], |matcher| {
        matcher.search(start, is_anchored)
    })?
    .map_or_else(nothing, |((from, to), captures)| {
        let caught = captures.iter().map(|capture| caught(lua, &bytes, *capture));
        places(from, to).map(Ok).chain(caught).collect::<Result<_>>()
    })
}

/// `string.match`, as Lua has it.
pub(super) fn match_once(
    lua: &Lua,
    (text, pattern, init): (LuaString, LuaString, Option<i64>),
) -> Result<MultiValue> {
    let (bytes, wanted) = (text.as_bytes(), pattern.as_bytes());
    let Some(start) = start_of(init, bytes.len()) else { return nothing() };
    let is_anchored = wanted.first() == Some(&b'^');
    counted(lua, &bytes, &wanted[usize::from(is_anchored)..], |matcher| {
        matcher.search(start, is_anchored)
    })?
    .map_or_else(nothing, |((from, to), captures)| {
        all_caught(lua, &bytes, (from, to), &captures).map(Vec::into_iter).map(Iterator::collect)
    })
}

/// What `string.gmatch` finds next: where it ends, and what it has caught. A match that ends where the last one did is none.
pub(super) fn match_next(
    lua: &Lua,
    (text, pattern, at, last): (LuaString, LuaString, i64, Option<i64>),
) -> Result<MultiValue> {
    let (bytes, wanted) = (text.as_bytes(), pattern.as_bytes());
    let last = last.and_then(|last| usize::try_from(last).ok());
    let Some(start) = start_of(at.checked_add(1), bytes.len()) else { return nothing() };
    counted(lua, &bytes, &wanted, |matcher| {
        for start in start..=bytes.len() {
            match matcher.at(start)? {
                Some(end) if Some(end) != last => return Ok(Some((start, end))),
                _ => {}
            }
        }
        Ok(None)
    })?
    .map_or_else(nothing, |((from, to), captures)| {
        let mut all = all_caught(lua, &bytes, (from, to), &captures)?;
        all.insert(0, Value::Integer(to as i64));
        Ok(all.into_iter().collect())
    })
}

/// `string.gsub`, as Lua has it.
pub(super) fn replace(
    lua: &Lua,
    (text, pattern, new, most): (LuaString, LuaString, Value, Option<i64>),
) -> Result<(LuaString, i64)> {
    let new = New::of(lua, new)?;
    let (bytes, wanted) = (text.as_bytes(), pattern.as_bytes());
    let is_anchored = wanted.first() == Some(&b'^');
    let wanted = &wanted[usize::from(is_anchored)..];
    Meter::charge_bytes(lua, bytes.len())?;
    let (mut out, mut count, mut at, mut last) = (Vec::new(), 0, 0, None);
    while most.is_none_or(|most| count < most) {
        let found = counted(lua, &bytes, wanted, |matcher| {
            Ok(matcher.at(at)?.filter(|end| Some(*end) != last).map(|end| (at, end)))
        })?;
        match found {
            Some(((from, to), captures)) => {
                count += 1;
                new.write(lua, &bytes, (from, to), &captures, &mut out)?;
                (at, last) = (to, Some(to));
            }
            None if at < bytes.len() => {
                out.push(bytes[at]);
                at += 1;
            }
            None => break,
        }
        if is_anchored {
            break;
        }
    }
    out.extend_from_slice(&bytes[at.min(bytes.len())..]);
    Ok((lua.create_string(out)?, count))
}

/// `table.concat`, as Lua has it.
pub(super) fn concat(
    lua: &Lua,
    (table, between, first, last): (Table, Option<LuaString>, Option<i64>, Option<i64>),
) -> Result<LuaString> {
    let last = match last {
        Some(last) => last,
        None => table.raw_len() as i64,
    };
    let mut out = Vec::new();
    let first = first.unwrap_or(1);
    for index in first..=last {
        Meter::charge(lua, 1)?;
        let item: Value = Meter::calling(lua, || table.get(index))?;
        let text = match item {
            Value::Nil => None,
            ref item => lua.coerce_string(item.clone())?,
        };
        let Some(text) = text else {
            let found = shown(&item);
            let text = format!("table.concat: found {found} at {index}, expected a string");
            return Err(fail(lua, text));
        };
        append(lua, &mut out, &text)?;
        if index < last
            && let Some(between) = &between
        {
            append(lua, &mut out, between)?;
        }
    }
    lua.create_string(out)
}

/// Appends a text, if there is time and room for it.
fn append(lua: &Lua, out: &mut Vec<u8>, text: &LuaString) -> Result<()> {
    let text = text.as_bytes();
    Meter::charge_bytes(lua, text.len())?;
    if out.len() + text.len() > super::meter::MEMORY_BYTES {
        return Err(Meter::out_of_memory(lua));
    }
    out.extend_from_slice(&text);
    Ok(())
}

/// What `string.gsub` puts in the place of a match.
enum New {
    Text(LuaString),
    Table(Table),
    Function(Function),
}

impl New {
    fn of(lua: &Lua, value: Value) -> Result<New> {
        Ok(match value {
            Value::Table(table) => New::Table(table),
            Value::Function(function) => New::Function(function),
            value => match lua.coerce_string(value.clone())? {
                Some(text) => New::Text(text),
                None => {
                    let found = shown(&value);
                    let text =
                        format!("string.gsub: found {found}, expected a string, table or function");
                    return Err(fail(lua, text));
                }
            },
        })
    }

    fn write(
        &self,
        lua: &Lua,
        bytes: &[u8],
        (from, to): (usize, usize),
        captures: &[Capture],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let all = || all_caught(lua, bytes, (from, to), captures);
        let value: Value = match self {
            New::Text(text) => {
                return expand(lua, &text.as_bytes(), bytes, (from, to), captures, out);
            }
            New::Table(table) => {
                let key = all()?.swap_remove(0);
                Meter::calling(lua, || table.get(key))?
            }
            New::Function(function) => {
                let arguments: MultiValue = all()?.into_iter().collect();
                Meter::calling(lua, || function.call(arguments))?
            }
        };
        match value {
            Value::Nil | Value::Boolean(false) => out.extend_from_slice(&bytes[from..to]),
            value => match lua.coerce_string(value.clone())? {
                Some(text) => append(lua, out, &text)?,
                None => {
                    let found = shown(&value);
                    return Err(fail(lua, format!("string.gsub: {found} cannot replace anything")));
                }
            },
        }
        Ok(())
    }
}

/// Writes a replacement, in which `%0` to `%9` are what was found.
fn expand(
    lua: &Lua,
    new: &[u8],
    bytes: &[u8],
    (from, to): (usize, usize),
    captures: &[Capture],
    out: &mut Vec<u8>,
) -> Result<()> {
    Meter::charge_bytes(lua, new.len())?;
    let mut rest = new;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [digit @ b'0'..=b'9', after @ ..]) => {
                rest = after;
                let number = usize::from(digit - b'0');
                let value = match number.checked_sub(1).map(|index| captures.get(index)) {
                    None => Value::String(lua.create_string(&bytes[from..to])?),
                    Some(None) if number == 1 => {
                        Value::String(lua.create_string(&bytes[from..to])?)
                    }
                    Some(Some(capture)) => caught(lua, bytes, *capture)?,
                    Some(None) => {
                        let text = format!("string.gsub: there is no capture %{number}");
                        return Err(fail(lua, text));
                    }
                };
                if let Some(text) = lua.coerce_string(value)? {
                    append(lua, out, &text)?;
                }
            }
            (b'%', [b'%', after @ ..]) => {
                rest = after;
                out.push(b'%');
            }
            (b'%', _) => {
                return Err(fail(lua, "string.gsub: invalid use of '%' in replacement string"));
            }
            (byte, _) => out.push(*byte),
        }
    }
    Ok(())
}

type Found = Option<((usize, usize), Vec<Capture>)>;

/// Lets a matcher search with the steps that are left, and takes those that it needs.
fn counted(
    lua: &Lua,
    bytes: &[u8],
    pattern: &[u8],
    search: impl FnOnce(&mut Matcher<'_>) -> std::result::Result<Option<(usize, usize)>, Failure>,
) -> Result<Found> {
    Meter::charge_bytes(lua, pattern.len())?;
    let left = Meter::left(lua);
    let mut matcher = Matcher::new(bytes, pattern, left);
    match search(&mut matcher) {
        Ok(found) => {
            // What is found has to be handed over, too.
            Meter::charge(lua, left - matcher.steps + 4)?;
            Ok(found.map(|found| (found, matcher.captures)))
        }
        Err(Failure::Steps) => Meter::charge(lua, i64::MAX).map(|()| None),
        Err(Failure::Pattern(why)) => Err(fail(lua, why)),
    }
}

/// Where a text is part of another.
fn plain(lua: &Lua, bytes: &[u8], wanted: &[u8]) -> Result<Option<usize>> {
    if wanted.is_empty() {
        return Ok(Some(0));
    }
    let mut work = 0;
    for (at, window) in bytes.windows(wanted.len()).enumerate() {
        let same = window.iter().zip(wanted).take_while(|(found, wanted)| found == wanted).count();
        work += 1 + same;
        if same == wanted.len() {
            Meter::charge_bytes(lua, work)?;
            return Ok(Some(at));
        }
        if work > 1 << 16 {
            Meter::charge_bytes(lua, work)?;
            work = 0;
        }
    }
    Meter::charge_bytes(lua, work)?;
    Ok(None)
}

/// Where a search begins that is to begin at this place of Lua's.
fn start_of(init: Option<i64>, length: usize) -> Option<usize> {
    let length = length as i64;
    let start = match init.unwrap_or(1) {
        0 => 0,
        init if init > 0 => init - 1,
        init => length.saturating_add(init).max(0),
    };
    if start > length { None } else { usize::try_from(start).ok() }
}

fn nothing() -> Result<MultiValue> {
    Ok([Value::Nil].into_iter().collect())
}

/// From where to where, as Lua counts.
fn places(from: usize, to: usize) -> impl Iterator<Item = Value> {
    [Value::Integer(from as i64 + 1), Value::Integer(to as i64)].into_iter()
}

fn caught(lua: &Lua, bytes: &[u8], capture: Capture) -> Result<Value> {
    match capture {
        Capture::Part(from, to) => lua.create_string(&bytes[from..to]).map(Value::String),
        Capture::Place(at) => Ok(Value::Integer(at as i64 + 1)),
        Capture::Open(_) => Err(fail(lua, "unfinished capture")),
    }
}

/// All captures; the whole match if there are none.
fn all_caught(
    lua: &Lua,
    bytes: &[u8],
    (from, to): (usize, usize),
    captures: &[Capture],
) -> Result<Vec<Value>> {
    match captures {
        [] => Ok(vec![caught(lua, bytes, Capture::Part(from, to))?]),
        all => all.iter().map(|capture| caught(lua, bytes, *capture)).collect(),
    }
}
