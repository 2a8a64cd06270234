//! Enumerations of the API document that may gain values.

/// Declares an enumeration of the API document; values that it does not list are kept as received.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A value that the API document does not list.
            Undocumented($crate::text::untrusted::Untrusted),
        }

        impl $name {
            /// Every value that the API document lists.
            pub const DOCUMENTED: &[Self] = &[$(Self::$variant,)+];

            /// Returns whether the API document lists this value.
            #[must_use]
            pub fn is_documented(&self) -> bool {
                !matches!(self, Self::Undocumented(_))
            }

            /// The value as the API writes it, byte for byte.
            #[must_use]
            pub fn as_received(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Undocumented(text) => text.as_received(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Undocumented(other.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)+
                    Self::Undocumented(text) => std::fmt::Display::fmt(text, f),
                }
            }
        }
    };
}

pub(crate) use open_enum;
