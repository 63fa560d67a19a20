//! Rules whose findings come from reading files, comments and settings. They have no check, only an explanation.

use crate::lint::rule::LintRule;

/// All of them.
pub(super) const RULES: &[LintRule] = &[
    invalid_yaml::RULE,
    invalid_compose::RULE,
    missing_file::RULE,
    unreasoned_ignore::RULE,
    unused_ignore::RULE,
];

mod invalid_yaml {
    use crate::lint::rule::rule;

    rule! {
        /// Finds a file that is not valid YAML.
        ///
        /// ## Why it matters
        ///
        /// Compose refuses the file, so nothing in it can be checked. This includes keys that are used twice in one
        /// mapping, files that are not text or larger than 16 MiB, and aliases that expand to more than 100,000 nodes.
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
        "invalid-yaml", Error, Reader
    }
}

mod invalid_compose {
    use crate::lint::rule::rule;

    rule! {
        /// Finds a file that Compose refuses, although it is valid YAML.
        ///
        /// ## Why it matters
        ///
        /// The project can neither be started nor stopped with the file. This includes keys that Compose does not know,
        /// keys that are not strings, values of the wrong type, references to services and networks that do not exist, a
        /// `${` without a variable, circular `extends`, `include` and dependencies, what an included file defines
        /// differently, and environment files with a mistake. Compose 2.40 was compared.
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
        "invalid-compose", Error, Reader
    }
}

mod missing_file {
    use crate::lint::rule::rule;

    rule! {
        /// Finds a file that `include`, `extends` or `env_file` names but that cannot be read.
        ///
        /// ## Why it matters
        ///
        /// Compose refuses the project without the file, and nothing in it is checked. What seems to be missing from the
        /// project may be in a file of `include` or `extends`, so rules about missing parts are not applied.
        ///
        /// An `env_file` may set where a database keeps its data. If it cannot be read, a mount that looks wrong is only a
        /// warning. With `required: false`, a missing file is no finding.
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
        "missing-file", Warning, Reader
    }
}

mod unreasoned_ignore {
    use crate::lint::rule::rule;

    rule! {
        /// Finds an `ignore[…]` without a reason, or for a rule that does not exist.
        ///
        /// ## Why it matters
        ///
        /// Whoever reads the file next has to know why the finding is not a problem. Findings are only ignored with a
        /// reason: `# safe-compose: ignore[rule] reason`.
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
        "unreasoned-ignore", Warning, Reader
    }
}

mod unused_ignore {
    use crate::lint::rule::rule;

    rule! {
        /// Finds an `ignore[…]` that ignores nothing.
        ///
        /// ## Why it matters
        ///
        /// The problem is gone. If the comment stays, it hides the next one.
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
        "unused-ignore", Warning, Reader
    }
}
