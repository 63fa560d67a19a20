//! What the reader says by itself, with words for `--explain`.

use super::super::rule::Rule;

/// Rules whose findings come from reading and from the comments, not from a check.
pub(super) const RULES: &[Rule] = &[
    invalid_yaml::RULE,
    invalid_compose::RULE,
    missing_file::RULE,
    unreasoned_ignore::RULE,
    unused_ignore::RULE,
];

mod invalid_yaml {
    use crate::lint::rule::rule;

    rule! {
        /// A file that is not YAML.
        ///
        /// ## Why it matters
        ///
        /// Nothing in it can be checked, and Compose refuses it. Besides syntax this is said of keys that stand twice
        /// in one mapping, of files that are not text or larger than 16 MiB, and of aliases that stand for more than
        /// 100,000 nodes.
        ///
        /// ## Bad
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        ///     image: nginx:1.28
        /// ```
        ///
        /// ## Good
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        /// ```
        "invalid-yaml", Error, |_, _| {}
    }
}

mod invalid_compose {
    use crate::lint::rule::rule;

    rule! {
        /// A file that is YAML, and that Compose refuses.
        ///
        /// ## Why it matters
        ///
        /// The stack cannot be started, nor stopped with its own file. Said of keys that Compose does not know, of
        /// values of the wrong kind, of a `${` that begins no variable, and of `extends` and `include` in circles.
        ///
        /// ## Bad
        ///
        /// ```yaml
        /// service:
        ///   web:
        ///     image: nginx:1.29
        /// ```
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        ///     environment: { PRICE: "5 ${1}" }
        /// ```
        ///
        /// ## Good
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        ///     environment: { PRICE: "5 $${1}" }
        /// ```
        "invalid-compose", Error, |_, _| {}
    }
}

mod missing_file {
    use crate::lint::rule::rule;

    rule! {
        /// A file that `include` or `extends` names and that cannot be read.
        ///
        /// ## Why it matters
        ///
        /// Compose refuses the project without it, and nothing of it was checked. What seems to be missing may be in
        /// that file, so rules about what is missing are silent.
        ///
        /// ## Bad
        ///
        /// ```yaml
        /// include:
        ///   - not-there/compose.yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        /// ```
        ///
        /// ## Good
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        /// ```
        "missing-file", Warning, |_, _| {}
    }
}

mod unreasoned_ignore {
    use crate::lint::rule::rule;

    rule! {
        /// An `ignore[…]` without a reason, or of a rule that does not exist.
        ///
        /// ## Why it matters
        ///
        /// Who reads the file next has to know why it is safe. A finding is only ignored with a reason:
        /// `# safe-compose: ignore[rule] reason`.
        ///
        /// ## Bad
        ///
        /// ```yaml
        /// services:
        ///   db:
        ///     image: postgres:17 # safe-compose: ignore[data-path-not-covered]
        /// ```
        ///
        /// ## Good
        ///
        /// ```yaml
        /// services:
        ///   db:
        ///     image: postgres:17 # safe-compose: ignore[data-path-not-covered] filled by each test run
        /// ```
        "unreasoned-ignore", Warning, |_, _| {}
    }
}

mod unused_ignore {
    use crate::lint::rule::rule;

    rule! {
        /// An `ignore[…]` that ignores nothing.
        ///
        /// ## Why it matters
        ///
        /// What it was for is gone; left there, it hides the next one.
        ///
        /// ## Bad
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29 # safe-compose: ignore[image-unpinned] pinned by the registry
        /// ```
        ///
        /// ## Good
        ///
        /// ```yaml
        /// services:
        ///   web:
        ///     image: nginx:1.29
        /// ```
        "unused-ignore", Warning, |_, _| {}
    }
}
