//! Arguments that mean the same on every command.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

pub use crate::compose::invocation::Format;

/// The output format of a command.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct FormatArg {
    /// Output format: `text` for people, `json` for scripts [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
}

/// Whether a command only shows what it would do.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DryRunArg {
    /// Show what would be done, without changing anything
    #[arg(long)]
    pub dry_run: bool,
}

/// Whether a command is about every project instead of one.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct AllArg {
    /// Every Compose project that the engine knows, instead of one
    #[arg(long)]
    pub all: bool,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("For people"),
            Self::Json => PossibleValue::new("json").help("For scripts; docs/json.md describes it"),
        })
    }
}
