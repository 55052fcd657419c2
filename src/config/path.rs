//! Paths as people would write them.

use std::path::{Component, Path, PathBuf};

/// The path without `.` and without `..` where these lead back: through a symbolic link they may lead elsewhere.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        let leads_back = matches!(tidied.components().next_back(), Some(Component::Normal(_)))
            && !tidied.is_symlink();
        match component {
            Component::CurDir => {}
            Component::ParentDir if leads_back => drop(tidied.pop()),
            component => tidied.push(component),
        }
    }
    // Nothing is the folder itself.
    if tidied.as_os_str().is_empty() { PathBuf::from(".") } else { tidied }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_nothing_twice() {
        for (path, expected) in [
            ("./a/../b.yml", "b.yml"),
            ("b.yml", "b.yml"),
            ("../b.yml", "../b.yml"),
            ("a/../../b", "../b"),
            ("/a/./b/../c//d", "/a/c/d"),
            ("/../a", "/../a"),
            ("./", "."),
            ("a/..", "."),
        ] {
            assert_eq!(tidy(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_way_through_a_link_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let far = folder.path().join("far/away");
        std::fs::create_dir_all(&far).expect("a folder");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&far, &link).expect("a link");
        let path = link.join("../b");
        assert_eq!(tidy(&path), path);
    }
}
