//! Whether a socket is its owner's, or something that somebody else has put in its place.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Who may write to a folder besides its owner, as its mode says it.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;

/// Whether root may believe that the socket at `path` is that of `owner`, who listens there: whatever folder leads to it, nobody
/// else could have put something there. Everybody could in one like `/tmp`.
///
/// # Errors
/// What the system says.
pub fn is_in_safe_place(path: &Path, owner: u32) -> io::Result<bool> {
    let (named, real) = (std::path::absolute(path)?, path.canonicalize()?);
    if fs::metadata(&real)?.uid() != owner {
        return Ok(false);
    }
    // Links may lead from a folder that is safe to one that is not, and the other way round.
    for folder in named.ancestors().chain(real.ancestors()) {
        let metadata = fs::metadata(folder)?;
        if metadata.is_dir() && !is_kept(&metadata, owner) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a folder is kept by root or the owner alone. Whom the owner lets in is his matter: he is known to be the one who listens.
fn is_kept(folder: &Metadata, owner: u32) -> bool {
    let is_shared = folder.mode() & OTHERS != 0 || folder.mode() & GROUP != 0 && folder.gid() != 0;
    folder.uid() == owner || folder.uid() == 0 && !is_shared
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    const OWNER: u32 = 65_534;

    /// Needs root, who alone may give files away, and a folder that only root can write to.
    #[test]
    fn a_socket_counts_as_its_owner_s_where_nobody_else_could_have_put_it() {
        let Ok(folder) = tempfile::tempdir_in("/run") else { return };
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let make = |name: &str, owner: u32, mode: u32| {
            let made = folder.path().join(name);
            fs::create_dir(&made).expect("a folder");
            let socket = made.join("control");
            drop(UnixListener::bind(&socket).expect("a socket"));
            chown(&socket, Some(OWNER), None).expect("root may");
            fs::set_permissions(&made, fs::Permissions::from_mode(mode)).expect("ours");
            chown(&made, Some(owner), Some(OWNER)).expect("root may");
            socket
        };
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
        let own = make("own", OWNER, 0o755);
        for (socket, expected) in [
            (own.clone(), true),
            (make("shared", OWNER, 0o777), true),
            (make("root", 0, 0o755), true),
            (make("group", 0, 0o775), false),
            (make("tmp", 0, 0o1777), false),
            (make("another", 1, 0o755), false),
        ] {
            let is_safe = is_in_safe_place(&socket, OWNER).expect("it is there");
            assert_eq!(is_safe, expected, "{}", socket.display());
        }
        assert!(!is_in_safe_place(&own, 1).expect("it is there"), "it is not his");
        // A link that anybody could have put there.
        let link = folder.path().join("tmp/link");
        symlink(own.parent().expect("a folder"), &link).expect("ours");
        assert!(!is_in_safe_place(&link.join("control"), OWNER).expect("it is there"));
        let link = folder.path().join("link");
        symlink(own.parent().expect("a folder"), &link).expect("ours");
        assert!(is_in_safe_place(&link.join("control"), OWNER).expect("it is there"));
    }
}
