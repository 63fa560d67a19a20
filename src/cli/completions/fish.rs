//! The script for fish.

use clap_complete::Shell;

use super::{SAFE_FLAGS, flags_with_value, generate};
use crate::compose::invocation::OWN_COMMANDS;

pub(super) fn script() -> String {
    let flags: String = SAFE_FLAGS
        .iter()
        .map(|(flag, about)| {
            let about = about.replace('\'', "\\'");
            format!("complete -c safe-compose -f -n '__safe_compose_wants_flag' -a '{flag}' -d '{about}'\n")
        })
        .collect();
    let tail = SCRIPT
        .replace("@OWN_WORDS@", &OWN_COMMANDS.join(" "))
        .replace("@VALUE_WORDS@", &flags_with_value().join(" "))
        .replace("@FLAGS@", &flags);
    format!("{}\n{tail}", generate(Shell::Fish, "safe-compose"))
}

/// Stands behind clap's script and replaces its function that finds the command: that one stops at flags that it does not
/// know, and Compose's may stand before the command.
const SCRIPT: &str = r#"
function __fish_safe_compose_needs_command
    set -l skip 0
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word @VALUE_WORDS@
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
            return 1
        end
    end
    return 0
end

function __safe_compose_own
    set -l command (__fish_safe_compose_needs_command)
    contains -- "$command" @OWN_WORDS@
end

function __safe_compose_wants_flag
    string match -q -- '-*' (commandline -ct)
end

# Asks Compose, without the flags that it does not know. Its last line is a number for the shell.
function __safe_compose_ask
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    string match -q -- '--safe-*' "$current"; and return
    set -l asked
    for word in $words[2..-1]
        string match -q -- '--safe-*' $word; or set -a asked $word
    end
    $words[1] __complete $asked "$current" 2>/dev/null | string match -rv '^(:\d+$|_activeHelp_)'
end

complete -c safe-compose -f -n 'not __safe_compose_own' -a '(__safe_compose_ask)'
@FLAGS@"#;
