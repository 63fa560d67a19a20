//! The catalogue of rules. Those for Compose files are in this directory, one file each; those for scripts in
//! `scripts/rules`.

mod backup_label_without_effect;
mod backups_in_build_context;
mod backups_inside_data;
mod bind_below_mount_point;
mod bind_in_home;
mod bind_without_dot;
mod changing_node_name;
mod data_is_project_directory;
mod data_on_anonymous_volume;
mod data_on_host_file_system;
mod data_on_network_file_system;
mod data_on_tmpfs;
mod data_path_not_covered;
mod data_path_wrong;
mod data_read_only;
mod data_wiped_by_command;
mod durability_switched_off;
mod exposed_without_password;
mod grace_period_too_short;
mod image_unpinned;
mod major_unpinned;
mod missing_project_name;
mod no_healthcheck;
mod one_letter_volume;
mod persistence_switched_off;
mod qdrant_entrypoint;
mod reader;
mod secret_in_settings;
mod shared_container_name;
mod shared_data_directory;
mod shared_volume_name;
mod stop_signal_kills;
mod undeclared_volume;
mod unknown_setting;
mod unused_volume;
mod variable_without_default;
mod watch_overwrites_data;

use super::rule::LintRule;
use super::scripts;

/// The rules that check a project.
const PROJECT: &[LintRule] = &[
    data_path_not_covered::RULE,
    data_path_wrong::RULE,
    data_on_anonymous_volume::RULE,
    data_on_tmpfs::RULE,
    data_read_only::RULE,
    data_on_network_file_system::RULE,
    data_on_host_file_system::RULE,
    data_is_project_directory::RULE,
    data_wiped_by_command::RULE,
    shared_data_directory::RULE,
    changing_node_name::RULE,
    undeclared_volume::RULE,
    unused_volume::RULE,
    one_letter_volume::RULE,
    shared_volume_name::RULE,
    shared_container_name::RULE,
    bind_without_dot::RULE,
    bind_below_mount_point::RULE,
    bind_in_home::RULE,
    variable_without_default::RULE,
    missing_project_name::RULE,
    image_unpinned::RULE,
    major_unpinned::RULE,
    grace_period_too_short::RULE,
    stop_signal_kills::RULE,
    qdrant_entrypoint::RULE,
    persistence_switched_off::RULE,
    durability_switched_off::RULE,
    watch_overwrites_data::RULE,
    exposed_without_password::RULE,
    no_healthcheck::RULE,
    backups_inside_data::RULE,
    backups_in_build_context::RULE,
    unknown_setting::RULE,
    secret_in_settings::RULE,
    backup_label_without_effect::RULE,
];

/// The rule for settings, whose findings come from several places.
pub(super) const UNKNOWN_SETTING: &LintRule = &unknown_setting::RULE;

/// The rules for Compose files, which the settings can change.
pub fn compose() -> impl Iterator<Item = &'static LintRule> {
    PROJECT.iter().chain(reader::RULES)
}

/// The rules for scripts.
pub fn scripts() -> impl Iterator<Item = &'static LintRule> {
    scripts::rules::RULES.iter()
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static LintRule> {
    compose().chain(scripts())
}

/// A rule by its id.
pub fn find(id: &str) -> Option<&'static LintRule> {
    all().find(|rule| rule.id == id)
}
