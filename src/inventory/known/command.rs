//! What the entry point and the command of a container tell about its server.

use std::path::Path;

use super::KnownProgram;

impl KnownProgram {
    /// Whether a container with this entry point and command runs the server, and not a client or a shell. An empty one is
    /// that of the image.
    pub fn is_served_by(&self, command: &[String]) -> bool {
        let is_entry_point = |word: &&String| word.ends_with("entrypoint.sh");
        let words: Vec<&str> =
            command.iter().filter(|word| !is_entry_point(word)).map(String::as_str).collect();
        let Some(first) = words.first() else { return true };
        let is_server = |word: &&str| {
            self.servers.contains(word)
                || word.rsplit('/').next().is_some_and(|name| self.servers.contains(&name))
        };
        self.servers.is_empty()
            || first.starts_with('-')
            || Path::new(first).extension().is_some_and(|extension| extension == "conf")
            || words.iter().any(is_server)
    }
}

/// Whether a command of Redis, or of what descends from it, turns off both ways in which it writes to disk.
pub fn keeps_in_memory(command: &[String]) -> bool {
    let words: Vec<&str> = command
        .iter()
        // A word may be a line for a shell.
        .flat_map(|word| if word.is_empty() { vec![""] } else { word.split_whitespace().collect() })
        .collect();
    let value = |flag: &str| {
        words
            .windows(2)
            .filter(|pair| pair[0] == flag)
            .map(|pair| pair[1].trim_matches(['"', '\'']))
            .next_back()
    };
    value("--save") == Some("") && value("--appendonly").is_none_or(|value| value == "no")
}

#[cfg(test)]
mod tests {
    use super::super::program;
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_client_and_a_shell_are_no_server() {
        let postgres = program("postgres:17").expect("known");
        for server in [
            &[] as &[&str],
            &["postgres", "-c", "fsync=off"],
            &["-c", "fsync=off"],
            &["docker-entrypoint.sh", "postgres"],
            &["/usr/lib/postgresql/17/bin/postgres"],
        ] {
            assert!(postgres.is_served_by(&words(server)), "{server:?}");
        }
        for other in
            [&["pg_dump", "-h", "db"] as &[&str], &["sh", "-c", "sleep 1"], &["docker-entrypoint.sh", "psql"]]
        {
            assert!(!postgres.is_served_by(&words(other)), "{other:?}");
        }
        assert!(program("redis").expect("known").is_served_by(&words(&["/etc/redis.conf"])));
    }

    #[test]
    fn a_redis_writes_unless_both_ways_are_off() {
        for (command, in_memory) in [
            (&["redis-server"] as &[&str], false),
            (&["redis-server", "--save", ""], true),
            (&["redis-server", "--save", "", "--appendonly", "no"], true),
            (&["redis-server", "--save", "", "--appendonly", "yes"], false),
            (&["sh", "-c", "redis-server --save '' --maxmemory 1gb"], true),
            (&["--save", "60", "1"], false),
        ] {
            assert_eq!(keeps_in_memory(&words(command)), in_memory, "{command:?}");
        }
    }
}
