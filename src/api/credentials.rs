//! The API key: where it is found, and how it is kept out of sight.

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

/// What stands where a key would have been shown.
const REDACTED: &str = "[redacted]";
/// A key file or config file longer than this is some other file.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// A half of a key shorter than this is no secret, and could be part of any word.
const SHORTEST_SECRET: usize = 8;

/// Every variable that a key is read from. A COMMAND gets none of them.
pub const KEY_VARIABLES: [&str; 4] = ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_FILE"];

/// An API key that can be sent. It is in no output: `Debug` hides it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    secret: SecretString,
    /// The file that it was read from, whose content may be replaced by another key.
    file: Option<PathBuf>,
}

/// Why there is no key to use. No message contains any part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// None of the places has one.
    #[error("no API key found{0}")]
    Missing(Noticed),
    /// The named file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key cannot look like this.
    #[error("the API key in {place} {defect}")]
    Invalid {
        /// Where it was found.
        place: String,
        /// What is wrong with it.
        defect: KeyDefect,
    },
    /// fal's config file is not TOML.
    #[error("{} is not readable as TOML (line {line})", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where reading stopped. The line itself could hold the key.
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

/// What else was noticed while looking for a key.
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
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Probably two keys, or a pasted block.
    #[error("has a line break inside")]
    LineBreak,
    /// Not something that a header can carry.
    #[error("has a blank, or a character that is not printable ASCII")]
    NotPrintable,
    /// The header's scheme was copied along.
    #[error("begins with `Key `: give what follows it")]
    Scheme,
    /// The quotation marks of a shell or of a configuration file were copied along.
    #[error("is in quotation marks: give it without them")]
    Quoted,
    /// A whole line of a shell or an `.env` file was copied.
    #[error("begins with `{0}`: give what follows it")]
    Assignment(&'static str),
    /// A shell or a CI system was meant to put the key in its place.
    #[error("is a variable that nobody has replaced by its value")]
    Unexpanded,
}

impl ApiKey {
    /// Takes `text` for a key; line breaks at its end are not part of it.
    ///
    /// # Errors
    ///
    /// [`KeyDefect`] when no key looks like this.
    pub fn new(text: &str) -> Result<Self, KeyDefect> {
        let key = text.trim_end_matches(['\r', '\n']);
        if key.is_empty() {
            Err(KeyDefect::Empty)
        } else if let Some(defect) = copied_along(key) {
            Err(defect)
        } else if key.contains(['\r', '\n']) {
            Err(KeyDefect::LineBreak)
        } else if !key.bytes().all(|b| b.is_ascii_graphic()) {
            Err(KeyDefect::NotPrintable)
        } else {
            Ok(Self { secret: key.into(), file: None })
        }
    }

    /// The key itself, for the one header that carries it.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Reads the key of a file.
    fn of_file(path: &Path) -> Result<Self, CredentialsError> {
        let key = Self::new(&read_bounded(path)?).map_err(|defect| CredentialsError::Invalid {
            place: path.display().to_string(),
            defect,
        })?;
        Ok(Self { file: Some(path.to_owned()), ..key })
    }

    /// The key that its file holds by now, if that is another one. A pipe is not read twice: nobody
    /// may write to it again.
    pub(super) fn replaced(&self) -> Option<Self> {
        let file = self.file.as_deref().filter(|file| file.is_file())?;
        Self::of_file(file).ok().filter(|key| key.expose() != self.expose())
    }
}

/// What was copied along with a key.
fn copied_along(text: &str) -> Option<KeyDefect> {
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
        // What is in the quotation marks may be a line that has the key in it.
        return Some(copied_along(text.trim_matches(QUOTATION_MARKS)).unwrap_or(KeyDefect::Quoted));
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

/// Takes every key that was in use, and each half of it, out of what a server says.
#[derive(Debug, Clone)]
pub struct Redactor(Vec<ApiKey>);

impl Redactor {
    /// A redactor of `key`.
    #[must_use]
    pub fn new(key: ApiKey) -> Self {
        Self(vec![key])
    }

    /// Takes out `key` too from now on.
    pub(super) fn add(&mut self, key: ApiKey) {
        self.0.push(key);
    }

    /// `text` without the key.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.0.iter().map(ApiKey::expose).flat_map(|key| {
            let halves = key.split_once(':').map(|(id, secret)| [id, secret]).unwrap_or_default();
            [key].into_iter().chain(halves.into_iter().filter(|half| half.len() >= SHORTEST_SECRET))
        });
        let mut redacted = Cow::Borrowed(text);
        for secret in secrets {
            if redacted.contains(secret) {
                redacted = Cow::Owned(redacted.replace(secret, REDACTED));
            }
        }
        redacted
    }

    /// `text` as a value of an enumeration. What the document lists is no secret, whatever the
    /// key is; anything else is kept without the key.
    pub(super) fn value<T: for<'t> From<&'t str>>(
        &self,
        text: &str,
        is_documented: impl Fn(&T) -> bool,
    ) -> T {
        let value = T::from(text);
        if is_documented(&value) { value } else { T::from(&*self.redact(text)) }
    }

    /// `text` without the key, as a server's text.
    #[must_use]
    pub fn text(&self, text: &str) -> Untrusted {
        Untrusted::from(&*self.redact(text))
    }
}

/// Looks for a key: the given file, `FAL_KEY_FILE`, `FAL_KEY`, `FAL_KEY_ID` with
/// `FAL_KEY_SECRET`, then fal's own config file. The first that is set decides; an empty
/// variable is unset.
///
/// `variable` reads one variable of the environment.
///
/// # Errors
///
/// [`CredentialsError`] when there is no key, or the one that was set cannot be used.
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
    // A byte order mark is no part of the text.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // A byte that is not UTF-8 becomes one that no key has; its defect is then told by name.
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The part of fal's config file that concerns a key: a table for each profile.
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
