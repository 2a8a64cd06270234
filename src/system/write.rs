//! Files that are written whole or not at all, where the system can do that.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    files::{is_fault, is_mount_point, make_readable, readable_from_the_start},
    place::{folder_of, is_special, stream_of},
    stream::write_to_stream,
};

/// A file cannot be written; it names the file.
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

/// Puts a file with this content in place of `path`: a reader sees the old or the new one, whole.
/// Where the file system cannot do that, it is written in place.
///
/// What is no regular file, such as a pipe, is written to; so is a stream that is open already,
/// such as `/dev/stdout`, even where that is redirected to a regular file.
///
/// # Errors
///
/// [`FileError`] where that is impossible; then nothing is left behind, or it says what is.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let put = || {
        if is_special(path) || stream_of(path).is_some() {
            return write_into(path, content);
        }
        match swap(path, content) {
            Err(error) if !is_of_the_disk(&error) => overwrite(path, content),
            swapped => swapped,
        }
    };
    put().map_err(FileError::of(path))
}

/// As [`replace`]; a file that is there and cannot be replaced, such as the
/// `/dev/termination-log` that Kubernetes mounts, gets what is `short`.
///
/// # Errors
///
/// [`FileError`] where neither is possible.
pub(crate) fn replace_or_shorten(path: &Path, whole: &[u8], short: &[u8]) -> Result<(), FileError> {
    let put = || {
        if is_special(path) || stream_of(path).is_some() {
            return write_into(path, whole);
        }
        match swap(path, whole) {
            // What is there tells of another run.
            Err(_) if path.is_file() => overwrite(path, short),
            Err(error) if !is_of_the_disk(&error) => overwrite(path, whole),
            swapped => swapped,
        }
    };
    put().map_err(FileError::of(path))
}

/// Makes a temporary file beside the one whose place it may take.
pub(super) fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wait-ready-");
    readable_from_the_start(&mut builder);
    builder.tempfile_in(folder).map_err(without_temporary_name)
}

/// Has another file take the place of `path`.
fn swap(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_mount_point(path) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let folder = folder_of(path);
    let file = temporary_file_in(folder)?;
    file.as_file().write_all(content)?;
    // A file system without modes has its own.
    let _ = make_readable(file.as_file());
    sync(file.as_file())?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name is on the disk only once its folder is.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Writes a regular file in place.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    // Asked to make a file that is there, Linux refuses somebody else's in a sticky folder.
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

/// Waits until a file is on the disk, where the file system knows how to.
fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_of_the_disk(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Returns whether an error is one of the disk, which another way to write would meet too, and
/// which would cost what is there; any other says that the file system cannot do something.
fn is_of_the_disk(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    is_fault(error)
        || matches!(
            error.kind(),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge | Kind::OutOfMemory
        )
}

/// What went wrong, without the name of the temporary file that the library tells with it.
fn without_temporary_name(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

fn write_into(path: &Path, content: &[u8]) -> io::Result<()> {
    match stream_of(path) {
        // Opened anew, they would be written to from elsewhere than where they are.
        Some(1) => write_to_stream(&io::stdout(), content),
        Some(2) => write_to_stream(&io::stderr(), content),
        Some(_) => OpenOptions::new().append(true).open(path)?.write_all(content),
        None => OpenOptions::new().write(true).open(path)?.write_all(content),
    }
}

/// Adds `content` to the end of `path`, which need not be there yet, on a line of its own.
///
/// # Errors
///
/// [`FileError`] where that is impossible.
pub(crate) fn append(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let add = || {
        if is_special(path) || stream_of(path).is_some() {
            return write_into(path, content);
        }
        // See `overwrite` on why it is not always asked to be made.
        let mut file = OpenOptions::new().append(true).create(!path.exists()).open(path)?;
        let new_line: &[u8] = if ends_within_a_line(path) { b"\n" } else { b"" };
        // At once, so that what others append does not come between.
        file.write_all(&[new_line, content].concat())
    };
    add().map_err(FileError::of(path))
}

/// Returns whether text added to a file would continue its last line; what cannot be read may well.
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
