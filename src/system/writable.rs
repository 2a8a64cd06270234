//! Checks before the wait that files can be written after it.

use std::{fs::OpenOptions, io, path::Path};

use super::{
    files::{check_right_to_replace, check_right_to_write},
    place::{folder_of, followed, stream_of},
    stream::check_stream,
    write::{FileError, temporary_file_in},
};

/// Checks that [`replace`](super::write::replace) can write the file `path`, without changing it.
///
/// # Errors
///
/// [`FileError`], which names the folder if that is the cause.
pub(crate) fn check_place(path: &Path) -> Result<(), FileError> {
    if !is_regular_or_missing(path)? {
        return Ok(());
    }
    if path.symlink_metadata().is_err() {
        return check_folder(folder_of(path));
    }
    let folder = || check_folder(folder_of(path)).map_err(FileError::into_source);
    match folder().and_then(|()| check_right_to_replace(path)) {
        Err(_) if path.is_file() => check_open(path, false),
        checked => checked.map_err(FileError::of(path)),
    }
}

/// Checks that [`append`](super::write::append) can write to the file `path`.
///
/// # Errors
///
/// As for [`check_place`].
pub(crate) fn check_end(path: &Path) -> Result<(), FileError> {
    if !is_regular_or_missing(path)? {
        Ok(())
    } else if path.exists() {
        check_open(path, true)
    } else {
        // The target of a dangling link is the file that will be made.
        check_folder(folder_of(&followed(path)))
    }
}

/// Returns whether `path` is a regular file, or does not exist. Anything else is checked for write
/// permission and not opened: opening a pipe waits for its reader.
fn is_regular_or_missing(path: &Path) -> Result<bool, FileError> {
    let check = || match (stream_of(path), path.metadata()) {
        (Some(1), _) => check_stream(&io::stdout()).map(|()| false),
        (Some(2), _) => check_stream(&io::stderr()).map(|()| false),
        (Some(_), _) => check_right_to_write(path).map(|()| false),
        (None, Ok(metadata)) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        (None, Ok(metadata)) if metadata.is_file() => Ok(true),
        (None, Ok(_)) => check_right_to_write(path).map(|()| false),
        (None, Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
        (None, Err(_)) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            Err(io::ErrorKind::IsADirectory.into())
        }
        (None, Err(_)) => Ok(true),
    };
    check().map_err(FileError::of(path))
}

/// Makes and removes a temporary file, as the write will.
fn check_folder(folder: &Path) -> Result<(), FileError> {
    let check = || {
        if !folder.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        temporary_file_in(folder)?.close()
    };
    check().map_err(FileError::of(folder))
}

fn check_open(path: &Path, appends: bool) -> Result<(), FileError> {
    let opened = OpenOptions::new().write(true).append(appends).open(path);
    opened.map(drop).map_err(FileError::of(path))
}
