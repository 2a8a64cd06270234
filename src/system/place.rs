//! Places for files: what a path is a name of.

use std::path::{Path, PathBuf};

/// As many links are followed to find out what a path is a name of.
const LINKS_FOLLOWED: usize = 8;

/// Whether both are names of one regular file, or would be.
pub(crate) fn are_one_file(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let folder = folder_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    let is_stream = |path| is_special(path) || stream_of(path).is_some();
    place(a).is_some_and(|a| Some(a) == place(b)) && !is_stream(a)
}

/// Whether `path` is there and no regular file. Writing to a pipe waits for whoever reads it.
pub(crate) fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// Returns whether writing to `path` may wait for somebody else.
pub(crate) fn may_block(path: &Path) -> bool {
    is_special(path) || stream_of(path).is_some()
}

/// The number of the open stream that `path` is a name of, as `/dev/stdout` is of 1.
pub(crate) fn stream_of(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_FOLLOWED {
        let folder = folder_of(&path);
        if ["/dev/fd", "/proc/self/fd"].iter().any(|streams| folder == Path::new(streams)) {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = folder.join(path.read_link().ok()?);
    }
    None
}

/// What a link leads to, whether that is there or not.
pub(crate) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_FOLLOWED {
        let Ok(target) = path.read_link() else { break };
        path = folder_of(&path).join(target);
    }
    path
}

/// The folder that the file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
