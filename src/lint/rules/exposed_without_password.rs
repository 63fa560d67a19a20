//! A database that anybody may empty.

use std::path::Path;

use crate::compose::image::Reference;
use crate::lint::project::{Project, Service, Store, Words};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a store that other machines can reach and that asks for no password.
    ///
    /// ## Why it matters
    ///
    /// A published port without an address is open on every interface, past most firewalls. Open databases are found
    /// within hours and wiped for ransom.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mongo:8
    ///     ports: ["27017:27017"]
    ///     volumes: ["data:/data/db"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mongo:8
    ///     ports: ["127.0.0.1:27017:27017"]
    ///     volumes: ["data:/data/db"]
    /// volumes:
    ///   data:
    /// ```
    "exposed-without-password", Warning, check
}

/// How a program asks for a password, if it was told to.
struct Lock {
    program: &'static str,
    /// One of these variables sets it.
    variables: &'static [&'static str],
    /// One of these words in its command sets it.
    words: &'static [&'static str],
    advice: &'static str,
}

const LOCKS: &[Lock] = &[
    Lock {
        program: "qdrant",
        variables: &["QDRANT__SERVICE__API_KEY", "QDRANT__SERVICE__ALT_API_KEY"],
        words: &[],
        advice: "set `QDRANT__SERVICE__API_KEY`",
    },
    Lock {
        program: "mongo",
        variables: &[
            "MONGO_INITDB_ROOT_PASSWORD",
            "MONGO_INITDB_ROOT_PASSWORD_FILE",
            "MONGODB_INITDB_ROOT_PASSWORD",
        ],
        words: &["--auth", "--keyFile", "--config", "-f"],
        advice: "set `MONGO_INITDB_ROOT_USERNAME` and `MONGO_INITDB_ROOT_PASSWORD`",
    },
    Lock {
        program: "redis",
        variables: &["REDIS_ARGS"],
        words: &["--requirepass", "--aclfile", "--user"],
        advice: "add `--requirepass` to its command",
    },
    Lock {
        program: "valkey",
        variables: &["VALKEY_EXTRA_FLAGS"],
        words: &["--requirepass", "--aclfile", "--user"],
        advice: "add `--requirepass` to its command",
    },
    Lock {
        program: "keydb",
        variables: &[],
        words: &["--requirepass", "--aclfile"],
        advice: "add `--requirepass` to its command",
    },
    Lock {
        program: "dragonfly",
        variables: &["DFLY_requirepass"],
        words: &["--requirepass", "--aclfile"],
        advice: "add `--requirepass` to its command",
    },
    Lock {
        program: "meilisearch",
        variables: &["MEILI_MASTER_KEY"],
        words: &["--master-key"],
        advice: "set `MEILI_MASTER_KEY`",
    },
    Lock {
        program: "weaviate",
        variables: &[
            "AUTHENTICATION_APIKEY_ENABLED",
            "AUTHENTICATION_OIDC_ENABLED",
            "AUTHENTICATION_DB_USERS_ENABLED",
        ],
        words: &[],
        advice: "set `AUTHENTICATION_APIKEY_ENABLED` and its keys",
    },
    Lock {
        program: "chroma",
        variables: &[
            "CHROMA_SERVER_AUTHN_PROVIDER",
            "CHROMA_SERVER_AUTHN_CREDENTIALS",
            "CHROMA_SERVER_AUTHN_CREDENTIALS_FILE",
        ],
        words: &[],
        advice: "put it behind a proxy that asks for a password",
    },
    Lock {
        program: "clickhouse-server",
        variables: &["CLICKHOUSE_PASSWORD", "CLICKHOUSE_PASSWORD_FILE"],
        words: &[],
        advice: "set `CLICKHOUSE_PASSWORD`",
    },
];

/// Settings that switch a lock off, with a word for what is done.
const OPEN: &[(&str, &str, &[&str])] = &[
    ("postgres", "POSTGRES_HOST_AUTH_METHOD", &["trust"]),
    ("mysql", "MYSQL_ALLOW_EMPTY_PASSWORD", &["yes", "true", "1"]),
    ("mariadb", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", &["yes", "true", "1"]),
    ("mariadb", "MYSQL_ALLOW_EMPTY_PASSWORD", &["yes", "true", "1"]),
    ("elasticsearch", "xpack.security.enabled", &["false"]),
    ("opensearch", "DISABLE_SECURITY_PLUGIN", &["true"]),
    ("opensearch", "plugins.security.disabled", &["true"]),
    ("neo4j", "NEO4J_AUTH", &["none"]),
    ("couchbase", "ALLOW_ANONYMOUS", &["true"]),
    ("redis", "ALLOW_EMPTY_PASSWORD", &["yes", "true", "1"]),
    ("arangodb", "ARANGO_NO_AUTH", &["1", "true", "yes"]),
    ("etcd", "ALLOW_NONE_AUTHENTICATION", &["yes", "true", "1"]),
];

fn check(project: &Project, report: &mut Report) {
    if project.partial {
        return;
    }
    for (service, store) in project.stores() {
        let Some(server) = store.program.port else { continue };
        let near = [server, server + 1];
        let Some(port) = service.ports.iter().find(|port| port.is_open() && near.contains(&port.target))
        else {
            continue;
        };
        let Some(advice) = unlocked(service, store) else { continue };
        let message = format!(
            "{} can be reached from other machines and asks for no password: anybody can delete its data",
            store.program.name()
        );
        report
            .of(service, port.span, message)
            .help(format!("Publish it on this machine only (`127.0.0.1:…`), or {advice}."));
    }
}

/// What to do, when no password is asked for.
fn unlocked(service: &Service, store: &Store) -> Option<String> {
    let name = store.program.name();
    for (program, variable, values) in OPEN {
        let off = service
            .variable(variable)
            .is_some_and(|value| values.contains(&value.as_str().to_ascii_lowercase().as_str()));
        if *program == name && off {
            return Some(format!("take `{variable}` away"));
        }
    }
    // A file with variables, a configuration or a vendor's own image may set what is looked for.
    let reference = service.image.as_ref().map(|image| Reference::parse(image.as_str()));
    let vendor = reference.is_some_and(|reference| reference.repository.contains("bitnami"));
    if service.env_file || vendor || !store.sure {
        return None;
    }
    let lock = LOCKS.iter().find(|lock| lock.program == name)?;
    let words = service.command.iter().chain(&service.entrypoint).flat_map(Words::flat).collect::<Vec<_>>();
    let told = words.iter().any(|word| {
        lock.words.iter().any(|wanted| word.split('=').next() == Some(wanted))
            || Path::new(word).extension().is_some_and(|end| end == "conf")
    });
    (!told && !service.sets_any(lock.variables)).then(|| lock.advice.to_owned())
}
