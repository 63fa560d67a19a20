//! The script for zsh.

use clap_complete::Shell;

use super::{OWN, SAFE_FLAGS, commands, flags_with_value, generate};
use crate::compose::invocation::OWN_COMMANDS;

pub(super) fn script() -> String {
    let described = |name: &str, about: &str| {
        format!("        '{}:{}'\n", name, about.replace('\'', "'\\''").replace(':', "\\:"))
    };
    let commands: String = commands().iter().map(|(name, about)| described(name, about)).collect();
    let flags: String = SAFE_FLAGS.iter().map(|(flag, about)| described(flag, about)).collect();
    let head = SCRIPT
        .replace("@OWN_PATTERN@", &OWN_COMMANDS.join("|"))
        .replace("@VALUE_PATTERN@", &flags_with_value().join("|"))
        .replace("@COMMANDS@", &commands)
        .replace("@FLAGS@", &flags)
        .replace("@OWN@", OWN);
    // Its first line is for a program of that name, and its last ones register the function for it.
    let own = generate(Shell::Zsh, OWN);
    let own = own.split_once('\n').map_or(own.as_str(), |(_, rest)| rest);
    let own = own.split("\nif [ \"$funcstack[1]\"").next().unwrap_or_default();
    format!("#compdef safe-compose\n{own}\n{head}")
}

const SCRIPT: &str = r#"
_safe-compose() {
    local current=${words[CURRENT]} command= line value
    local -i at
    local -a found flags commands asked

    # The command is the first word that is neither a flag nor the value of one.
    for ((at = 2; at < CURRENT; at++)); do
        case ${words[at]} in
            @VALUE_PATTERN@) ((at++)) ;;
            -*) ;;
            *) command=${words[at]}; break ;;
        esac
    done

    case $command in
        @OWN_PATTERN@)
            if [[ $current != --safe-* ]]; then
                # The flags before the command are Compose's.
                words=(@OWN@ "${(@)words[at,-1]}")
                ((CURRENT = CURRENT - at + 2))
                _@OWN@ "$@"
                return
            fi
            ;;
    esac

    flags=(
@FLAGS@    )
    commands=(
@COMMANDS@    )
    [[ $current == -* ]] && _describe -o 'safe-compose flag' flags
    [[ -z $command && $current != -* ]] && _describe 'safe-compose command' commands
    [[ $current == --safe-* ]] && return

    # Compose is asked without the flags that it does not know. Its last line is a number for the shell.
    for line in "${(@)words[2,CURRENT-1]}"; do
        [[ $line == --safe-* ]] || asked+=("$line")
    done
    local -i directive=4
    while IFS= read -r line; do
        case $line in
            :<->) directive=${line#:} ;;
            _activeHelp_*) ;;
            *)
                value=${line%%$'\t'*}
                if [[ $line == *$'\t'* ]]; then
                    found+=("${value//:/\\:}:${line#*$'\t'}")
                else
                    found+=("${value//:/\\:}")
                fi
                ;;
        esac
    done < <("${words[1]}" __complete "${(@)asked}" "$current" 2>/dev/null)
    (($#found)) && _describe 'compose' found
    (($#found == 0 && (directive & 4) == 0)) && [[ -n $command ]] && _files
    return 0
}

if [ "$funcstack[1]" = "_safe-compose" ]; then
    _safe-compose "$@"
else
    compdef _safe-compose safe-compose
fi
"#;
