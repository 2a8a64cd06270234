//! The values of options whose types belong to rooms that know no command line.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    program::output::Format,
    terminal::{appearance::When, subscriber::LogFormat},
};

macro_rules! values {
    ($type:ty: $($variant:ident = $word:literal, $help:literal;)+) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$variant => PossibleValue::new($word).help($help)),+
                })
            }
        }
    };
}

values! { Format:
    Ip = "ip", "One address a line";
    Json = "json", "One JSON object a line";
    Env = "env", "FAL_INSTANCE_ID= and FAL_INSTANCE_IP= lines";
}

values! { When:
    Auto = "auto", "Where standard error is a terminal";
    Always = "always", "Whatever standard error is";
    Never = "never", "Not at all";
}

values! { LogFormat:
    Text = "text", "For people";
    Json = "json", "One JSON object a line";
}
