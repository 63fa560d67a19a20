//! Compose's hash of each service's configuration, which it compares with the label of a container to decide whether to
//! recreate it (`config --hash`, measured equal to the labels).

use std::collections::BTreeMap;

use crate::compose::binary::ComposeBinary;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Reading};
use crate::env;
use crate::process::{self, Capture};

/// By service; `None` if Compose does not print them.
pub fn hashes(
    binary: &ComposeBinary,
    reading: &Reading,
    stdin: Option<&[u8]>,
) -> Option<BTreeMap<String, String>> {
    let mut args = reading.globals.argv.clone();
    if reading.grammar == Grammar::V2 {
        args.push("--profile=*".into());
    }
    args.extend(["config", "--hash", "*"].map(Into::into));
    let env_remove: &[&str] = match reading.caller {
        Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
        Caller::Docker => &[env::PLUGIN_SOCKET],
    };
    let output = process::capture(&Capture { program: &binary.path, args: &args, env_remove, stdin }).ok()?;
    (output.code == 0).then(|| parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Lines of `service hash`.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(service, hash)| (service.to_owned(), hash.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_each_service() {
        let hashes = parse("db e68f\nweb 0873\n\n");
        assert_eq!(hashes.get("db").map(String::as_str), Some("e68f"));
        assert_eq!(hashes.len(), 2);
    }
}
