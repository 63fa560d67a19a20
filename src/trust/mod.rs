//! The user's agreement to what a project's settings run and contact.
//!
//! A Compose file may have been cloned a minute ago. Settings that run programs or contact hosts ([`ActingSettings`]) have
//! no effect until the user has agreed to them, once for each project directory ([`TrustStore`]). Only [`TrustStore::check`]
//! makes a [`Granted`], and whatever acts on such a setting takes one. A change of any of them needs a new agreement.
//!
//! `acting_keys` has the list of the settings that act.

mod acting;
mod acting_keys;
mod display;
mod store;

pub use acting::{ActingSetting, ActingSettings, SettingAction};
pub use display::printable;
pub use store::{AgreementState, Granted, Trust, TrustStore};
