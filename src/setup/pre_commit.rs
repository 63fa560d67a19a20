//! The hooks in a configuration of pre-commit.

/// The hooks, as an item of the list of repositories.
pub(super) const HOOKS: &str = "- repo: local
  hooks:
    - id: safe-compose-lint
      name: Check Compose files for mistakes that lose data
      entry: safe-compose lint
      language: system
      files: (^|/)(docker-)?compose([.-][^/]*)?\\.ya?ml$
    - id: safe-compose-lint-scripts
      name: Check scripts for commands that lose data
      entry: safe-compose lint --scripts
      language: system
      types: [text]";

/// Where the list of repositories ends, and the block with the list's indentation. `None` if there is no such list.
pub(super) fn place(text: &str, block: &str) -> Option<(usize, String)> {
    if text.is_empty() {
        return Some((0, format!("repos:\n{block}")));
    }
    let mut at = 0;
    let mut end = None;
    let mut indent: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim();
        if end.is_none() {
            if line.trim_end() == "repos:" {
                end = Some(at);
            }
            continue;
        }
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let is_item = content.starts_with("- ");
        if !is_item && !line.starts_with(' ') {
            break;
        }
        if is_item && indent.is_none() {
            indent = Some(&text[start..start + (line.len() - line.trim_start().len())]);
        }
        end = Some(at);
    }
    let indent = indent.unwrap_or("");
    let block = block.lines().map(|line| format!("{indent}{line}\n")).collect();
    Some((end?, block))
}

#[cfg(test)]
mod tests {
    use super::super::block::{block, insert, take_out};
    use super::super::step::BlockPlace;
    use super::*;

    #[test]
    fn the_hooks_join_the_list_of_repositories() {
        for text in [
            "",
            "repos:\n- repo: a\n  hooks:\n  - id: x\n",
            "repos:\n  - repo: a\n    hooks:\n      - id: x",
            "# one\nrepos:\n  - repo: a\n    hooks: [{id: x}]\n\n# two\nci:\n  skip: [x]\n",
            "repos:\n",
        ] {
            let (with, inserted) =
                insert(text, &block("hooks", HOOKS), BlockPlace::Repositories).expect("a list");
            let value: serde_json::Value =
                serde_saphyr::from_str(&with).unwrap_or_else(|e| panic!("{e}: {with}"));
            let repositories = value["repos"].as_array().expect("a list");
            let last = repositories.last().expect("ours");
            assert_eq!(last["hooks"][1]["id"], "safe-compose-lint-scripts", "{with}");
            assert_eq!(repositories.len(), if text.contains("repo: a") { 2 } else { 1 });
            assert_eq!(take_out(&with, &inserted).as_deref(), Some(text));
        }
        assert_eq!(insert("repos: []\n", HOOKS, BlockPlace::Repositories), None);
        assert_eq!(insert("ci: {}\n", HOOKS, BlockPlace::Repositories), None);
    }
}
