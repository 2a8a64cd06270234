//! What a path refers to: a regular file, an open stream, or something else.

use std::path::{Path, PathBuf};

/// The most symbolic links followed to find out what a path refers to.
const MAX_LINKS: usize = 8;

/// Returns whether both paths refer to one regular file, which need not exist yet.
pub(crate) fn are_one_file(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let folder = folder_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    place(a).is_some_and(|a| Some(a) == place(b)) && !may_block(a)
}

/// Returns whether `path` refers to an open stream, or to something that is not a regular file, such
/// as a pipe: writing to it may wait for its reader.
pub(crate) fn may_block(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file()) || stream_of(path).is_some()
}

/// The number of the open stream that `path` refers to: 1 for `/dev/stdout`.
pub(crate) fn stream_of(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = folder_of(&path);
        if ["/dev/fd", "/proc/self/fd"].iter().any(|streams| folder == Path::new(streams)) {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = folder.join(path.read_link().ok()?);
    }
    None
}

/// Follows symbolic links to a target that need not exist.
pub(crate) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = path.read_link() else { break };
        path = folder_of(&path).join(target);
    }
    path
}

/// The folder that contains the file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
