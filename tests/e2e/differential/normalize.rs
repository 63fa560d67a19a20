//! Makes equal what differs between any two runs of the same command: ages, measured values, the random part of a
//! container's name, and the order in which Compose lists what it keeps in maps or works on at the same time.

use std::sync::LazyLock;

use regex::Regex;

/// What of a line's output differs between any two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Varying {
    Nothing,
    /// The order of lines.
    Order,
    /// The order of words: Compose prints labels and attributes in any order.
    Words,
    /// Ages, measured values and random names, the widths of columns that follow from them, and the order of lines.
    Values,
}

static VALUES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"(About an? (minute|hour)|Less than a second|\d+ (seconds?|minutes?|hours?))( ago)?", "AGE"),
        (r"([-_])run([-_])[0-9a-f]{12}", "${1}run${2}RANDOM"),
        (r#"\btime="[^"]+""#, "TIME"),
        (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
        (r"\d+(\.\d+)?(%|[kKMG]?i?B\b|s\b)", "MEASURED"),
        (r"sha256:[0-9a-f]{64}", "DIGEST"),
        (r"\bPIDS?\b|[-─]{3,}|[ \t]+", " "),
        (r" +\n", "\n"),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with))
    .into()
});

/// The output of a run, without what varies.
pub(super) fn normalized(output: &[u8], varying: Varying) -> Vec<u8> {
    let text = match varying {
        Varying::Nothing => return output.to_vec(),
        Varying::Order | Varying::Words => String::from_utf8_lossy(output).into_owned(),
        Varying::Values => {
            VALUES.iter().fold(String::from_utf8_lossy(output).into_owned(), |text, (pattern, with)| {
                pattern.replace_all(&text, *with).into_owned()
            })
        }
    };
    let is_separator = |c: char| matches!(c, ' ' | '\n' | ',' | '"' | '(' | ')');
    let mut parts: Vec<&str> = match varying {
        Varying::Words => text.split(is_separator).collect(),
        Varying::Nothing | Varying::Order | Varying::Values => text.split_inclusive('\n').collect(),
    };
    parts.sort_unstable();
    match varying {
        Varying::Words => parts.join(" ").into_bytes(),
        Varying::Nothing | Varying::Order | Varying::Values => parts.concat().into_bytes(),
    }
}

#[test]
fn only_what_varies_is_made_equal() {
    let same = |one: &str, other: &str| {
        normalized(one.as_bytes(), Varying::Values) == normalized(other.as_bytes(), Varying::Values)
    };
    assert!(same("db   Up 2 seconds\nweb  Up 3 seconds\n", "web   Up 11 seconds\ndb    Up About a minute\n"));
    assert!(same("shop-db-run-0123456789ab Created", "shop-db-run-ba9876543210 Created"));
    assert!(same("db 0.02% 1.1MiB", "db 12% 900KiB"));
    assert!(!same("db Up 2 seconds", "db Exited (0) 2 seconds ago"));
    assert!(!same("db Up 2 seconds\n", "db Up 2 seconds"));
    assert!(!same("exit code 1", "exit code 2"));
    assert_eq!(normalized(b"(a=1,b=2)", Varying::Words), normalized(b"(b=2,a=1)", Varying::Words));
    assert_ne!(normalized(b"(a=1,b=2)", Varying::Words), normalized(b"(a=2,b=1)", Varying::Words));
    assert_ne!(normalized(b"1 second", Varying::Order), normalized(b"2 seconds", Varying::Order));
    assert_ne!(normalized(b"a\nb\n", Varying::Nothing), normalized(b"b\na\n", Varying::Nothing));
}
