//! Whether somebody reads the log who wants to know how severe each line is.

use std::ffi::OsStr;
use std::fs::File;

use crate::platform::files;

/// Whether what is written to `output` goes to systemd's journal, which says so in `$JOURNAL_STREAM`: the device and the inode
/// of what it has given a service to write to.
pub(super) fn is_journal(output: &File, journal_stream: Option<&OsStr>) -> bool {
    // A service may have sent its output elsewhere: what it was given is still named.
    journal_stream.is_some_and(|given| {
        let (device, inode) = match output.metadata() {
            Ok(metadata) => files::identity(&metadata),
            Err(_) => return false,
        };
        *given == *format!("{device}:{inode}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_journal_has_given_is_the_journal() {
        let file = tempfile::tempfile().expect("a file");
        let (device, inode) = files::identity(&file.metadata().expect("it is there"));
        for (text, expected) in [
            (format!("{}:{}", device, inode), true),
            (format!("{}:{}", device, inode + 1), false),
            (format!("{}:{}", device + 1, inode), false),
            (inode.to_string(), false),
            (":".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_journal(&file, Some(text.as_ref())), expected, "{text}");
        }
        assert!(!is_journal(&file, None));
    }
}
