//! The script for Nushell.

use clap_complete_nushell::Nushell;

use super::{SAFE_FLAGS, commands, generate};

/// The program's own signature in clap's script. It would reject Compose's flags, so it gives way to a command that takes
/// any words.
const ROOT: &str = "  export extern safe-compose [";

pub(super) fn script() -> String {
    let generated = generate(Nushell, "safe-compose");
    let module = match generated.split_once(ROOT) {
        Some((before, after)) => {
            let rest = after.split_once("  ]\n").map_or("", |(_, rest)| rest);
            format!("{before}{}{rest}", root())
        }
        None => generated,
    };
    format!("# Load with `source safe-compose.nu`.\n{module}")
}

fn root() -> String {
    let entry =
        |(value, about): (&str, &str)| format!("      {{ value: {value:?}, description: {about:?} }}\n");
    let own = commands();
    let own: String = own.iter().map(|(name, about)| entry((name, about))).collect();
    let flags: String = SAFE_FLAGS.iter().copied().map(entry).collect();
    SCRIPT.replace("@COMMANDS@", &own).replace("@FLAGS@", &flags)
}

const SCRIPT: &str = r#"  def "nu-complete safe-compose words" [context: string] {
    let typed = ($context | split row --regex '\s+' | skip 1)
    let current = ($typed | default [""] | last)
    let before = ($typed | drop 1 | where {|word| not ($word starts-with "--safe-") })
    let own = if ($current starts-with "-") {
      [
@FLAGS@      ]
    } else if ($before | is-empty) {
      [
@COMMANDS@      ]
    } else {
      []
    }
    # Compose is asked without the flags that it does not know. Its last line is a number for the shell.
    let compose = if ($current starts-with "--safe-") {
      []
    } else {
      ^safe-compose __complete ...$before $current
      | complete
      | get stdout
      | lines
      | where {|line| not ($line starts-with ":") and not ($line starts-with "_activeHelp_") }
      | each {|line|
        let parts = ($line | split row "\t")
        { value: ($parts | first), description: ($parts | get -o 1 | default "") }
      }
    }
    $own | append $compose
  }

  # Docker Compose without accidental data loss
  export def --wrapped safe-compose [...words: string@"nu-complete safe-compose words"] {
    ^safe-compose ...$words
  }
"#;
