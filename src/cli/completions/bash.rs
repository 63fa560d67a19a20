//! The script for bash.

use clap_complete::Shell;

use super::{OWN, SAFE_FLAGS, commands, flags_with_value, generate};
use crate::compose::invocation::OWN_COMMANDS;

pub(super) fn script() -> String {
    let commands: Vec<String> = commands().into_iter().map(|(name, _)| name).collect();
    let flags: Vec<&str> = SAFE_FLAGS.iter().map(|(flag, _)| *flag).collect();
    let head = SCRIPT
        .replace("@OWN_PATTERN@", &OWN_COMMANDS.join("|"))
        .replace("@VALUE_PATTERN@", &flags_with_value().join("|"))
        .replace("@COMMANDS@", &commands.join(" "))
        .replace("@FLAGS@", &flags.join(" "))
        .replace("@OWN@", OWN);
    // The last lines of clap's script register its function for a program of that name, which there is none of.
    let own = generate(Shell::Bash, OWN);
    let own = own.split("\nif [[ \"${BASH_VERSINFO").next().unwrap_or_default();
    format!("{own}\n{head}")
}

const SCRIPT: &str = r#"
_safe_compose() {
    local current=${COMP_WORDS[COMP_CWORD]} at command= line
    COMPREPLY=()

    # The command is the first word that is neither a flag nor the value of one.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            @VALUE_PATTERN@) ((at++)) ;;
            -*|=) ;;
            *) command=${COMP_WORDS[at]}; break ;;
        esac
    done

    case $command in
        @OWN_PATTERN@)
            if [[ $current != --safe-* ]]; then
                # The flags before the command are Compose's.
                local -a own=("@OWN@" "${COMP_WORDS[@]:at}")
                local -a COMP_WORDS=("${own[@]}")
                local COMP_CWORD=$((COMP_CWORD - at + 1))
                _@OWN@ "@OWN@" "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
                return
            fi
            ;;
    esac

    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "@FLAGS@" -- "$current"))
    elif [[ -z $command ]]; then
        COMPREPLY=($(compgen -W "@COMMANDS@" -- "$current"))
    fi
    [[ $current == --safe-* ]] && return

    # Compose is asked without the flags that it does not know. Its last line is a number for the shell.
    local -a words=()
    for line in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $line == --safe-* ]] || words+=("$line")
    done
    local answered=
    while IFS= read -r line; do
        case $line in
            :*) [[ $(( ${line#:} & 4 )) -eq 0 && -n $command ]] && compopt -o default 2>/dev/null ;;
            _activeHelp_*) ;;
            *) answered=${line%%$'\t'*}; [[ $answered == "$current"* ]] && COMPREPLY+=("$answered") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" "$current" 2>/dev/null)
}

complete -o nosort -F _safe_compose safe-compose 2>/dev/null || complete -F _safe_compose safe-compose
"#;
