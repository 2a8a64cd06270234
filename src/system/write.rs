//! Writing files atomically where the system can do that.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    files::{create_readable, is_fault, is_mount_point, make_readable},
    place::{folder_of, may_block, stream_of},
    stream::write_to_stream,
};

/// A file cannot be written; displays its path.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    pub(super) fn of(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self { path: path.to_owned(), source }
    }

    pub(super) fn into_source(self) -> io::Error {
        self.source
    }
}

/// Replaces the file `path` atomically: a reader sees the old or the new content, whole. If the file
/// system cannot do that, the file is written in place.
///
/// Anything but a regular file, such as a pipe, is written to; so is an open stream, such as
/// `/dev/stdout`, even if it is redirected to a regular file.
///
/// # Errors
///
/// [`FileError`]; then nothing is left behind, or the error says what is.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    put(path, content, None)
}

/// As [`replace`], but an existing file that cannot be replaced, such as the `/dev/termination-log`
/// that Kubernetes mounts, gets `short` in place of `whole`.
///
/// # Errors
///
/// [`FileError`] if neither can be written.
pub(crate) fn replace_or_shorten(path: &Path, whole: &[u8], short: &[u8]) -> Result<(), FileError> {
    put(path, whole, Some(short))
}

fn put(path: &Path, whole: &[u8], short: Option<&[u8]>) -> Result<(), FileError> {
    let put = || {
        if may_block(path) {
            return write_into(path, whole);
        }
        match (swap(path, whole), short) {
            // The old content is of another run.
            (Err(_), Some(short)) if path.is_file() => overwrite(path, short),
            (Err(error), _) if !is_of_the_disk(&error) => overwrite(path, whole),
            (swapped, _) => swapped,
        }
    };
    put().map_err(FileError::of(path))
}

/// Makes a temporary file that may replace another one in `folder`.
pub(super) fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wait-ready-");
    create_readable(&mut builder);
    builder.tempfile_in(folder).map_err(without_temporary_name)
}

/// Writes a temporary file and renames it to `path`.
fn swap(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_mount_point(path) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let folder = folder_of(path);
    let file = temporary_file_in(folder)?;
    file.as_file().write_all(content)?;
    // It fails on a file system without modes.
    let _ = make_readable(file.as_file());
    sync(file.as_file())?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name is on the disk only once the folder is.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Writes a regular file in place.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    // With O_CREAT, Linux refuses another user's existing file in a sticky folder
    // (fs.protected_regular).
    let is_new = !path.exists();
    let mut file = OpenOptions::new().write(true).truncate(true).create(is_new).open(path)?;
    if is_new {
        let _ = make_readable(&file);
    }
    let written = file.write_all(content).and_then(|()| sync(&file));
    let Err(error) = written else { return Ok(()) };
    if is_new {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    let there = file.stream_position().unwrap_or_default();
    let text = format!("{error} ({there} of {} bytes were written in place)", content.len());
    Err(io::Error::new(error.kind(), text))
}

/// Syncs a file to the disk if the file system can do that.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_of_the_disk(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Returns whether the disk has failed or is full: writing in place would fail too, and lose the old
/// content. Other errors mean that the file system does not support an operation.
fn is_of_the_disk(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    is_fault(error)
        || matches!(
            error.kind(),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge | Kind::OutOfMemory
        )
}

/// Removes the path of the temporary file, which the library adds to the error.
fn without_temporary_name(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

fn write_into(path: &Path, content: &[u8]) -> io::Result<()> {
    match stream_of(path) {
        // Opened anew, a redirected stream would be written from its beginning.
        Some(1) => write_to_stream(&io::stdout(), content),
        Some(2) => write_to_stream(&io::stderr(), content),
        Some(_) => OpenOptions::new().append(true).open(path)?.write_all(content),
        None => OpenOptions::new().write(true).open(path)?.write_all(content),
    }
}

/// Appends `content` on a new line to the file `path`, which need not exist.
///
/// # Errors
///
/// [`FileError`] if it cannot be written.
pub(crate) fn append(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let add = || {
        if may_block(path) {
            return write_into(path, content);
        }
        // See `overwrite` about `create`.
        let mut file = OpenOptions::new().append(true).create(!path.exists()).open(path)?;
        let new_line: &[u8] = if ends_within_a_line(path) { b"\n" } else { b"" };
        // One write, so that no other process appends between the two.
        file.write_all(&[new_line, content].concat())
    };
    add().map_err(FileError::of(path))
}

/// Returns whether a file may end without a line break; true if it cannot be read.
fn ends_within_a_line(path: &Path) -> bool {
    let last_byte = || {
        let mut file = File::open(path)?;
        if file.seek(SeekFrom::End(0))? == 0 {
            return Ok(b'\n');
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        io::Result::Ok(last[0])
    };
    last_byte().map_or(true, |byte| byte != b'\n')
}
