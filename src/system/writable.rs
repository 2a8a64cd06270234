//! Whether a file will be writable after the wait, asked before it.

use std::{fs::OpenOptions, io, path::Path};

use super::{
    files::{check_right_to_replace, check_right_to_write},
    place::{folder_of, followed, stream_of},
    stream::check_stream,
    write::{FileError, temporary_file_in},
};

/// Checks that [`replace`](super::write::replace) can put a file there: known at the start, not
/// after ten minutes. A file that is there stays as it is, and nothing is left behind.
///
/// # Errors
///
/// [`FileError`] that names the folder where that is to blame.
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

/// Checks that [`append`](super::write::append) can add to the file.
///
/// # Errors
///
/// As [`check_place`].
pub(crate) fn check_end(path: &Path) -> Result<(), FileError> {
    if !is_regular_or_missing(path)? {
        Ok(())
    } else if path.exists() {
        check_open(path, true)
    } else {
        // A link whose target is missing names the file that will be made.
        check_folder(folder_of(&followed(path)))
    }
}

/// Returns whether `path` is one of a regular file, or may become one. Anything else that is there
/// is checked for being writable, and not opened: that would wait for whoever reads a pipe.
fn is_regular_or_missing(path: &Path) -> Result<bool, FileError> {
    let refused = |error: io::Error| FileError::of(path)(error);
    if let Some(number) = stream_of(path) {
        let checked = match number {
            1 => check_stream(&io::stdout()),
            2 => check_stream(&io::stderr()),
            _ => check_right_to_write(path),
        };
        return checked.map(|()| false).map_err(refused);
    }
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(refused(io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => check_right_to_write(path).map(|()| false).map_err(refused),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(error)),
        Err(_) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            Err(refused(io::ErrorKind::IsADirectory.into()))
        }
        Err(_) => Ok(true),
    }
}

/// Tries what will be done: a temporary file is made and removed.
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
