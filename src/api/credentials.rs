//! The API key: finding it, and keeping it out of all output.

use std::{
    borrow::Cow,
    ffi::OsString,
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{system::read::read_at_most, text::untrusted::Untrusted};

/// The replacement for a key in text.
const REDACTED: &str = "[redacted]";
/// A longer key file or config file is the wrong file.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// A shorter half of a key is not redacted: it is no secret, and could be part of any word.
const MIN_SECRET_BYTES: usize = 8;

/// Every variable that a key is read from. They are removed from the environment of COMMAND.
pub const KEY_VARIABLES: [&str; 4] = ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_FILE"];

/// An API key, which `Debug` does not show.
#[derive(Debug, Clone)]
pub struct ApiKey {
    secret: SecretString,
    /// The file that it was read from, which may get another key.
    file: Option<PathBuf>,
}

/// Why there is no usable key. No message contains any part of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// None is set anywhere.
    #[error("no API key found{0}")]
    Missing(Noticed),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The key is malformed.
    #[error("the API key in {place} {defect}")]
    Invalid {
        /// Where it was found.
        place: String,
        /// What is wrong with it.
        defect: KeyDefect,
    },
    /// fal's config file is not TOML.
    #[error("{} is not valid TOML (line {line})", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The line of the error. Its text could contain the key.
        line: usize,
    },
    /// `FAL_PROFILE` names a profile that the config file has no key for.
    #[error("FAL_PROFILE names the profile {profile:?}, and {} has no key for it", path.display())]
    NoSuchProfile {
        /// The profile.
        profile: String,
        /// The file.
        path: PathBuf,
    },
}

/// What may explain that no key was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    half_a_pair: Option<(&'static str, &'static str)>,
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.half_a_pair {
            Some((set, unset)) => write!(f, " ({set} is set, but {unset} is not)"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyDefect {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is probably two keys, or a pasted block.
    #[error("has a line break inside")]
    LineBreak,
    /// It cannot be sent in a header.
    #[error("has a space, or a character that is not printable ASCII")]
    NotPrintable,
    /// The scheme of the header was copied too.
    #[error("begins with `Key `: give what follows it")]
    Scheme,
    /// The quotation marks of a shell or a configuration file were copied too.
    #[error("is in quotation marks: give it without them")]
    Quoted,
    /// A whole line of a shell script or an `.env` file was copied.
    #[error("begins with `{0}`: give what follows it")]
    Assignment(&'static str),
    /// A shell or a CI system should have replaced it by the key.
    #[error("is a variable that was not expanded")]
    Unexpanded,
}

impl ApiKey {
    /// Checks a key, and removes line breaks at its end.
    ///
    /// # Errors
    ///
    /// [`KeyDefect`] if it cannot be a key.
    pub fn new(text: &str) -> Result<Self, KeyDefect> {
        let key = text.trim_end_matches(['\r', '\n']);
        if key.is_empty() {
            Err(KeyDefect::Empty)
        } else if let Some(defect) = copying_error(key) {
            Err(defect)
        } else if key.contains(['\r', '\n']) {
            Err(KeyDefect::LineBreak)
        } else if !key.bytes().all(|b| b.is_ascii_graphic()) {
            Err(KeyDefect::NotPrintable)
        } else {
            Ok(Self { secret: key.into(), file: None })
        }
    }

    /// The key itself, for the `Authorization` header only.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    fn of_file(path: &Path) -> Result<Self, CredentialsError> {
        let key = Self::new(&read_bounded(path)?).map_err(|defect| CredentialsError::Invalid {
            place: path.display().to_string(),
            defect,
        })?;
        Ok(Self { file: Some(path.to_owned()), ..key })
    }

    /// Reads the key's file again; returns the new key if it has changed. A pipe is not read again:
    /// it may have no writer.
    pub(super) fn replaced(&self) -> Option<Self> {
        let file = self.file.as_deref().filter(|file| file.is_file())?;
        Self::of_file(file).ok().filter(|key| key.expose() != self.expose())
    }
}

/// What is wrong with a key because too much was copied.
fn copying_error(text: &str) -> Option<KeyDefect> {
    const NAMES: [&str; 3] = ["FAL_KEY_SECRET", "FAL_KEY_ID", "FAL_KEY"];
    const OTHERS: [(&str, KeyDefect); 5] = [
        ("Key ", KeyDefect::Scheme),
        ("Bearer ", KeyDefect::Assignment("Bearer ")),
        ("Authorization:", KeyDefect::Assignment("Authorization:")),
        ("export ", KeyDefect::Assignment("export ")),
        ("$", KeyDefect::Unexpanded),
    ];
    const QUOTATION_MARKS: [char; 10] = [
        '"', '\'', '`', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}',
        '\u{bb}',
    ];
    let text = text.trim();
    if text.starts_with(QUOTATION_MARKS) || text.ends_with(QUOTATION_MARKS) {
        // There may be an assignment within the quotation marks.
        return copying_error(text.trim_matches(QUOTATION_MARKS)).or(Some(KeyDefect::Quoted));
    }
    let after = |prefix: &str| {
        let begin = text.get(..prefix.len()).filter(|begin| begin.eq_ignore_ascii_case(prefix))?;
        Some(text[begin.len()..].trim_start())
    };
    let is_set = |name: &&str| after(name).is_some_and(|rest| rest.starts_with(['=', ':']));
    if let Some(name) = NAMES.into_iter().find(is_set) {
        return Some(KeyDefect::Assignment(match name {
            "FAL_KEY" => "FAL_KEY=",
            "FAL_KEY_ID" => "FAL_KEY_ID=",
            _ => "FAL_KEY_SECRET=",
        }));
    }
    OTHERS.into_iter().find(|(prefix, _)| after(prefix).is_some()).map(|(_, defect)| defect)
}

/// Removes every key that was used, and each half of it, from the text of servers.
#[derive(Debug, Clone)]
pub struct Redactor(Vec<ApiKey>);

impl Redactor {
    /// Makes a redactor of `key`.
    #[must_use]
    pub fn new(key: ApiKey) -> Self {
        Self(vec![key])
    }

    pub(super) fn add(&mut self, key: ApiKey) {
        self.0.push(key);
    }

    /// Removes the keys from `text`.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.0.iter().map(ApiKey::expose).flat_map(|key| {
            let halves = key.split_once(':').map(|(id, secret)| [id, secret]).unwrap_or_default();
            let is_secret = |half: &&str| half.len() >= MIN_SECRET_BYTES;
            [key].into_iter().chain(halves.into_iter().filter(is_secret))
        });
        let mut redacted = Cow::Borrowed(text);
        for secret in secrets {
            if redacted.contains(secret) {
                redacted = Cow::Owned(redacted.replace(secret, REDACTED));
            }
        }
        redacted
    }

    /// Parses a value of an enumeration. A documented value is no secret, whatever the key is; from
    /// any other the keys are removed.
    pub(super) fn value<T: for<'t> From<&'t str>>(
        &self,
        text: &str,
        is_documented: impl Fn(&T) -> bool,
    ) -> T {
        let value = T::from(text);
        if is_documented(&value) { value } else { T::from(&*self.redact(text)) }
    }

    /// Removes the keys from the text of a server.
    #[must_use]
    pub fn text(&self, text: &str) -> Untrusted {
        Untrusted::from(&*self.redact(text))
    }
}

/// Finds the key: in the given file, `FAL_KEY_FILE`, `FAL_KEY`, `FAL_KEY_ID` with `FAL_KEY_SECRET`,
/// or fal's own config file. The first that is set decides; an empty variable is unset.
///
/// `variable` reads an environment variable.
///
/// # Errors
///
/// [`CredentialsError`] if there is no key, or the first one cannot be used.
pub fn find_key(
    key_file: Option<&Path>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<ApiKey, CredentialsError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let text = |name: &'static str| {
        set(name).map(|value| (name, value.into_string().unwrap_or_else(|_| "\u{fffd}".into())))
    };
    let invalid = |place: String| move |defect| CredentialsError::Invalid { place, defect };
    if let Some(path) = key_file.map(Path::to_owned).or_else(|| set("FAL_KEY_FILE").map(Into::into))
    {
        return ApiKey::of_file(&path);
    }
    if let Some((name, key)) = text("FAL_KEY") {
        return ApiKey::new(&key).map_err(invalid(name.to_owned()));
    }
    let half_a_pair = match (text("FAL_KEY_ID"), text("FAL_KEY_SECRET")) {
        (Some((id_name, id)), Some((secret_name, secret))) => {
            let (id, secret) = (id.trim_end(), secret.trim_end());
            for (half, name) in [(id, id_name), (secret, secret_name)] {
                ApiKey::new(half).map_err(invalid(name.to_owned()))?;
            }
            return ApiKey::new(&format!("{id}:{secret}")).map_err(invalid(id_name.to_owned()));
        }
        (Some((set, _)), None) => Some((set, "FAL_KEY_SECRET")),
        (None, Some((set, _))) => Some((set, "FAL_KEY_ID")),
        (None, None) => None,
    };
    match key_of_config_file(&set)? {
        Some(key) => Ok(key),
        None => Err(CredentialsError::Missing(Noticed { half_a_pair })),
    }
}

fn read_bounded(path: &Path) -> Result<String, CredentialsError> {
    let unreadable = |source| CredentialsError::Unreadable { path: path.to_owned(), source };
    let bytes =
        File::open(path).and_then(|file| read_at_most(MAX_FILE_BYTES, file)).map_err(unreadable)?;
    // A byte order mark is not part of the text.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // Invalid UTF-8 becomes a character that no key contains, and is reported as such.
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The relevant part of a table of fal's config file, which has one for each profile.
#[derive(Deserialize)]
struct Profile {
    key: Option<toml::Value>,
    profile: Option<toml::Value>,
}

fn key_of_config_file(
    set: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ApiKey>, CredentialsError> {
    let Some(path) = config_path(set) else { return Ok(None) };
    let content = match read_bounded(&path) {
        Ok(content) => content,
        Err(CredentialsError::Unreadable { source, .. })
            if source.kind() == io::ErrorKind::NotFound && set("FAL_CONFIG_PATH").is_none() =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let tables: toml::Table = content.parse().map_err(|error: toml::de::Error| {
        let upto = error.span().map_or(0, |span| span.start.min(content.len()));
        let line = content.get(..upto).unwrap_or_default().matches('\n').count() + 1;
        CredentialsError::Config { path: path.clone(), line }
    })?;
    let profile = |name: &str| -> Option<Profile> { tables.get(name)?.clone().try_into().ok() };
    let named = set("FAL_PROFILE").map(|name| name.to_string_lossy().into_owned());
    let name = named
        .clone()
        .or_else(|| profile("__internal__")?.profile?.as_str().map(str::to_owned))
        .unwrap_or_else(|| "default".to_owned());
    let key = profile(&name).and_then(|profile| profile.key);
    match (key.as_ref().and_then(toml::Value::as_str).filter(|key| !key.is_empty()), named) {
        (Some(key), _) => {
            let place = format!("{}, profile {name:?},", path.display());
            ApiKey::new(key).map(Some).map_err(|defect| CredentialsError::Invalid { place, defect })
        }
        (None, Some(profile)) => Err(CredentialsError::NoSuchProfile { profile, path }),
        (None, None) => Ok(None),
    }
}

fn config_path(set: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from);
    match set("FAL_CONFIG_PATH").map(PathBuf::from) {
        Some(path) => match path.strip_prefix("~") {
            Ok(below_home) => home().map(|home| home.join(below_home)),
            Err(_) => Some(path),
        },
        None => home().map(|home| home.join(".fal/config.toml")),
    }
}
