//! Durations as they are written: `0`, `90s`, `10m`, `12h`, `1d`.

use std::time::Duration;

/// The units, the longest first.
const UNITS: [(&str, u32); 4] = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)];

/// Reads a duration: `0`, or a whole number with one of the units s, m, h, d.
///
/// # Errors
/// What would be one.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let seconds = match text {
        "0" => Some(Some(0)),
        _ => UNITS.iter().find_map(|(unit, seconds)| {
            let count = text.strip_suffix(unit)?;
            let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| count.parse::<u32>().ok()?.checked_mul(*seconds))
        }),
    };
    let seconds = seconds.ok_or("a duration is `0`, or such as `90s`, `10m`, `12h` or `1d`")?;
    let seconds = seconds.ok_or("it is too long: at most 49710d")?;
    Ok(Duration::from_secs(seconds.into()))
}

/// Writes a duration as it is read, without parts of seconds.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let exact = |(_, unit): &&(&str, u32)| seconds.is_multiple_of(u64::from(*unit));
    match UNITS.iter().find(exact) {
        Some((unit, count)) if seconds > 0 => format!("{}{unit}", seconds / u64::from(*count)),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        for (text, seconds) in
            [("0", 0), ("90s", 90), ("10m", 600), ("36h", 129_600), ("1d", 86_400)]
        {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(text), Ok(duration));
            assert_eq!(show_duration(duration), text);
        }
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for text in ["", "s", "10", "+1s", "-1s", "1.5m", "1 m", "1M", "5ms", "50000d", "m1"] {
            parse_duration(text).expect_err(text);
        }
        parse_duration("49710d").expect("it fits");
        for text in ["50000d", "99999999999d"] {
            assert_eq!(parse_duration(text), Err("it is too long: at most 49710d"));
        }
    }
}
