//! Whether somebody reads the log who wants to know how severe each line is.

use std::ffi::OsStr;
use std::os::fd::AsFd;

/// Whether what is written to `output` goes to systemd's journal, which says so in `$JOURNAL_STREAM`: the device and the inode
/// of what it has given a service to write to.
pub(super) fn is_journal(output: impl AsFd, journal_stream: Option<&OsStr>) -> bool {
    // A service may have sent its output elsewhere: what it was given is still named.
    journal_stream.is_some_and(|given| {
        rustix::fs::fstat(output).is_ok_and(|is| *given == *format!("{}:{}", is.st_dev, is.st_ino))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_journal_has_given_is_the_journal() {
        let file = tempfile::tempfile().expect("a file");
        let is = rustix::fs::fstat(&file).expect("it is there");
        for (text, expected) in [
            (format!("{}:{}", is.st_dev, is.st_ino), true),
            (format!("{}:{}", is.st_dev, is.st_ino + 1), false),
            (format!("{}:{}", is.st_dev + 1, is.st_ino), false),
            (is.st_ino.to_string(), false),
            (":".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_journal(&file, Some(text.as_ref())), expected, "{text}");
        }
        assert!(!is_journal(&file, None));
    }
}
