//! Files that are written whole or not at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::files::{AsStream, file_of, make_readable};

/// As many links are followed to find out what a path is a name of.
const LINKS_FOLLOWED: usize = 8;

/// A file cannot be written; it names the file.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    fn of(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self { path: path.to_owned(), source }
    }
}

/// Whether `path` can be there: its folder is, and it is none itself. Known at the start, not
/// after ten minutes.
///
/// # Errors
///
/// [`FileError`] that names the folder.
pub(crate) fn check_place(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Err(FileError::of(path)(io::ErrorKind::IsADirectory.into()));
    }
    let folder = folder_of(path);
    match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
        Err(error) => Err(error),
    }
    .map_err(FileError::of(folder))
}

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
fn stream_of(path: &Path) -> Option<u32> {
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

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Puts a file with this content in place of `path`: a reader sees the old or the new one, whole.
///
/// What is no regular file, such as a pipe, is written to; so is a stream that is open already,
/// such as `/dev/stdout`, even where that is redirected to a regular file.
///
/// # Errors
///
/// [`FileError`] where that is impossible; then nothing is left behind.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if is_special(path) || stream_of(path).is_some() {
        return write_into(path, content).map_err(FileError::of(path));
    }
    let put = || {
        let folder = folder_of(path);
        let mut file = tempfile::Builder::new().prefix(".wait-ready-").tempfile_in(folder)?;
        file.write_all(content)?;
        make_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The new name is on the disk only once its folder is.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    };
    put().map_err(without_temporary_name).map_err(FileError::of(path))
}

/// What went wrong, without the name of the temporary file that the library tells with it.
fn without_temporary_name(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

/// As [`replace`]; a file that is there and cannot be replaced, such as the
/// `/dev/termination-log` that Kubernetes mounts, is written in place.
///
/// # Errors
///
/// [`FileError`] where neither is possible.
pub(crate) fn replace_or_overwrite(path: &Path, content: &[u8]) -> Result<(), FileError> {
    match replace(path, content) {
        Err(_) if path.is_file() => write_into(path, content).map_err(FileError::of(path)),
        written => written,
    }
}

fn write_into(path: &Path, content: &[u8]) -> io::Result<()> {
    match stream_of(path) {
        // Opened anew, they would be written to from elsewhere than where they are.
        Some(1) => write_to_stream(&io::stdout(), content),
        Some(2) => write_to_stream(&io::stderr(), content),
        Some(_) => OpenOptions::new().append(true).open(path)?.write_all(content),
        None => {
            let mut file = OpenOptions::new().write(true).truncate(path.is_file()).open(path)?;
            file.write_all(content)
        }
    }
}

/// Writes to an open stream, to the last byte.
///
/// # Errors
///
/// What the system says; the standard library's own handles take a stream that cannot be written
/// to for a success.
pub(crate) fn write_to_stream(stream: &impl AsStream, content: &[u8]) -> io::Result<()> {
    file_of(stream)?.write_all(content)
}

/// Adds `content` to the end of `path`, which need not be there yet.
///
/// # Errors
///
/// [`FileError`] where that is impossible.
pub(crate) fn append(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if stream_of(path).is_some() {
        return write_into(path, content).map_err(FileError::of(path));
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(FileError::of(path))
}
