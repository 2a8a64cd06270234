//! The values of options whose types belong to rooms that know no command line.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    program::output::Format,
    terminal::{appearance::When, subscriber::LogFormat},
};

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Ip, Self::Json, Self::Env]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Ip => ("ip", "One address a line"),
            Self::Json => ("json", "One JSON object a line"),
            Self::Env => ("env", "FAL_INSTANCE_ID= and FAL_INSTANCE_IP= lines"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}

impl ValueEnum for When {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Always, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Auto => ("auto", "Where standard error is a terminal"),
            Self::Always => ("always", "Whatever standard error is"),
            Self::Never => ("never", "Not at all"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Text => ("text", "For people"),
            Self::Json => ("json", "One JSON object a line"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}
