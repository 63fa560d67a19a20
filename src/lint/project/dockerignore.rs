//! `.dockerignore`: what Docker leaves out of a build context.
//!
//! The patterns are not those of `.gitignore`: each starts at the root of the context, and a `*` alone matches one
//! directory. The rules are those of `moby/patternmatcher`.

/// The patterns of one file, in order.
#[derive(Debug, Default)]
pub(in crate::lint) struct DockerIgnore(Vec<IgnorePattern>);

#[derive(Debug)]
struct IgnorePattern {
    /// `!PATTERN`: what it matches is in the context again.
    includes: bool,
    tokens: Vec<PatternToken>,
}

#[derive(Debug, PartialEq, Eq)]
enum PatternToken {
    Letter(char),
    /// `?`
    AnyLetter,
    /// `*`: anything within one name.
    Name,
    /// `**/`: any number of directories, or none.
    Directories,
    /// `**` at the end.
    Rest,
    /// `[a-z]`, `[^a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl DockerIgnore {
    pub(in crate::lint) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::trim);
        Self(lines.filter_map(IgnorePattern::parse).collect())
    }

    /// Whether a path, relative to the context, is left out. The last pattern that matches it or a directory above it decides.
    pub(in crate::lint) fn excludes(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let paths: Vec<Vec<char>> = above.chain([path]).map(|path| path.chars().collect()).collect();
        let deciding = self.0.iter().rev().find(|pattern| paths.iter().any(|path| pattern.matches(path)));
        deciding.is_some_and(|pattern| !pattern.includes)
    }
}

impl IgnorePattern {
    fn parse(line: &str) -> Option<Self> {
        let (includes, pattern) = match line.strip_prefix('!') {
            Some(pattern) => (true, pattern.trim()),
            None => (false, line),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in pattern.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let tokens = tokens(&parts.join("/"));
        (!tokens.is_empty()).then_some(Self { includes, tokens })
    }

    fn matches(&self, path: &[char]) -> bool {
        // Which positions of the path the tokens so far can reach: each token is looked at once, whatever the pattern says.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for token in &self.tokens {
            let mut next = vec![false; path.len() + 1];
            for from in (0..=path.len()).filter(|at| reached[*at]) {
                let rest = &path[from..];
                match token {
                    PatternToken::Name => {
                        let most = rest.iter().position(|letter| *letter == '/').unwrap_or(rest.len());
                        next[from..=from + most].fill(true);
                    }
                    PatternToken::Rest => next[from..].fill(true),
                    PatternToken::Directories => {
                        next[from] = true;
                        for (at, _) in rest.iter().enumerate().filter(|(_, letter)| **letter == '/') {
                            next[from + at + 1] = true;
                        }
                    }
                    PatternToken::Letter(_) | PatternToken::AnyLetter | PatternToken::Class { .. } => {
                        if rest.first().is_some_and(|letter| token.takes(*letter)) {
                            next[from + 1] = true;
                        }
                    }
                }
            }
            reached = next;
        }
        reached[path.len()]
    }
}

impl PatternToken {
    /// Whether a token for one letter takes this one.
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Letter(wanted) => *wanted == letter,
            Self::AnyLetter => letter != '/',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != *negated
            }
            Self::Name | Self::Directories | Self::Rest => false,
        }
    }
}

fn tokens(pattern: &str) -> Vec<PatternToken> {
    let mut tokens = Vec::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        tokens.push(match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                letters.next_if_eq(&'/');
                if letters.peek().is_some() { PatternToken::Directories } else { PatternToken::Rest }
            }
            '*' => PatternToken::Name,
            '?' => PatternToken::AnyLetter,
            '[' => class(&mut letters),
            '\\' => PatternToken::Letter(letters.next().unwrap_or('\\')),
            letter => PatternToken::Letter(letter),
        });
    }
    tokens
}

fn class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> PatternToken {
    let negated = letters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while let Some(first) = letters.next_if(|letter| *letter != ']') {
        let mut last = first;
        if letters.next_if_eq(&'-').is_some() {
            last = letters.next_if(|letter| *letter != ']').unwrap_or('-');
        }
        ranges.push((first, last));
    }
    letters.next();
    PatternToken::Class { negated, ranges }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured with `COPY . .` and the builder of Docker 20.10.
    #[test]
    fn patterns_match_as_in_docker() {
        let path = "backups/db/one/manifest.json";
        for excluding in [
            "backups",
            "/backups/",
            "./backups",
            "a/../backups",
            "backups/**",
            "backups/*",
            "**/backups",
            "**/one",
            "**/*.json",
            "b*",
            "*",
            "**",
            "backup?",
            "backup[a-z]",
            "backup[^a-r]",
            "  backups  ",
            "!backups\nbackups",
            "# c\nbackups\n!web",
            "\u{feff}backups",
        ] {
            assert!(DockerIgnore::parse(excluding).excludes(path), "{excluding:?}");
        }
        for including in [
            "",
            "#backups",
            "db",
            "*.json",
            "*/one",
            "backups/?",
            "backup",
            "ackups",
            "backups/db/*.json",
            "Backups",
            "backup[^s]",
            "backups\n!backups/db",
            "*\n!backups",
            "backups\n! backups",
        ] {
            assert!(!DockerIgnore::parse(including).excludes(path), "{including:?}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer() {
        let pattern = "*a".repeat(10_000);
        assert!(!DockerIgnore::parse(&pattern).excludes(&"a".repeat(200)));
    }
}
