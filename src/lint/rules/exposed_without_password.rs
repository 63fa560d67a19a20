//! A database without a password that other machines can reach.

use std::path::Path;

use crate::compose::image::Reference;
use crate::lint::project::{CommandWords, LintProject, LintService, LintStore};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database that other machines can reach without a password.
    ///
    /// ## Why it matters
    ///
    /// A port that is published without an address is open on every network interface, and bypasses most firewalls.
    /// Open databases are found within hours, and are deleted for ransom.
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
    "exposed-without-password", Warning, Project(check)
}

/// How a program is set to require a password.
struct PasswordSetting {
    program: &'static str,
    /// One of these variables sets it.
    variables: &'static [&'static str],
    /// One of these words in its command sets it.
    words: &'static [&'static str],
    advice: &'static str,
}

const PASSWORD_SETTINGS: &[PasswordSetting] = &[
    PasswordSetting {
        program: "qdrant",
        variables: &["QDRANT__SERVICE__API_KEY", "QDRANT__SERVICE__ALT_API_KEY"],
        words: &[],
        advice: "set `QDRANT__SERVICE__API_KEY`",
    },
    PasswordSetting {
        program: "mongo",
        variables: &[
            "MONGO_INITDB_ROOT_PASSWORD",
            "MONGO_INITDB_ROOT_PASSWORD_FILE",
            "MONGODB_INITDB_ROOT_PASSWORD",
        ],
        words: &["--auth", "--keyFile", "--config", "-f"],
        advice: "set `MONGO_INITDB_ROOT_USERNAME` and `MONGO_INITDB_ROOT_PASSWORD`",
    },
    PasswordSetting {
        program: "redis",
        variables: &["REDIS_ARGS"],
        words: &["--requirepass", "--aclfile", "--user"],
        advice: "add `--requirepass` to its command",
    },
    PasswordSetting {
        program: "valkey",
        variables: &["VALKEY_EXTRA_FLAGS"],
        words: &["--requirepass", "--aclfile", "--user"],
        advice: "add `--requirepass` to its command",
    },
    PasswordSetting {
        program: "keydb",
        variables: &[],
        words: &["--requirepass", "--aclfile"],
        advice: "add `--requirepass` to its command",
    },
    PasswordSetting {
        program: "dragonfly",
        variables: &["DFLY_requirepass"],
        words: &["--requirepass", "--aclfile"],
        advice: "add `--requirepass` to its command",
    },
    PasswordSetting {
        program: "meilisearch",
        variables: &["MEILI_MASTER_KEY"],
        words: &["--master-key"],
        advice: "set `MEILI_MASTER_KEY`",
    },
    PasswordSetting {
        program: "weaviate",
        variables: &[
            "AUTHENTICATION_APIKEY_ENABLED",
            "AUTHENTICATION_OIDC_ENABLED",
            "AUTHENTICATION_DB_USERS_ENABLED",
        ],
        words: &[],
        advice: "set `AUTHENTICATION_APIKEY_ENABLED` and the keys",
    },
    PasswordSetting {
        program: "chroma",
        variables: &[
            "CHROMA_SERVER_AUTHN_PROVIDER",
            "CHROMA_SERVER_AUTHN_CREDENTIALS",
            "CHROMA_SERVER_AUTHN_CREDENTIALS_FILE",
        ],
        words: &[],
        advice: "put it behind a proxy that requires a password",
    },
    PasswordSetting {
        program: "clickhouse-server",
        variables: &["CLICKHOUSE_PASSWORD", "CLICKHOUSE_PASSWORD_FILE"],
        words: &[],
        advice: "set `CLICKHOUSE_PASSWORD`",
    },
];

/// Settings that turn passwords off: program, variable, values.
const PASSWORD_OFF: &[(&str, &str, &[&str])] = &[
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

fn check(project: &LintProject, report: &mut RuleReport) {
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
        let Some(advice) = open_to_all(service, store) else { continue };
        let message = format!(
            "other machines can reach {} without a password, so anybody can delete its data",
            store.program.name()
        );
        report
            .for_service(service, port.span, message)
            .help(format!("Publish the port on this machine only (`127.0.0.1:…`), or {advice}."));
    }
}

/// What to do if no password is required; `None` if one is, or if that is not known.
fn open_to_all(service: &LintService, store: &LintStore) -> Option<String> {
    let name = store.program.name();
    for (program, variable, values) in PASSWORD_OFF {
        let off = service
            .variable(variable)
            .is_some_and(|value| values.contains(&value.as_str().to_ascii_lowercase().as_str()));
        if *program == name && off {
            return Some(format!("remove `{variable}`"));
        }
    }
    // An environment file, a configuration file or the image of another vendor may set a password.
    let reference = service.image.as_ref().map(|image| Reference::parse(image.as_str()));
    let vendor = reference.is_some_and(|reference| reference.repository.contains("bitnami"));
    if service.unknown_environment || vendor || !store.certain {
        return None;
    }
    let setting = PASSWORD_SETTINGS.iter().find(|setting| setting.program == name)?;
    let words =
        service.command.iter().chain(&service.entrypoint).flat_map(CommandWords::flat).collect::<Vec<_>>();
    let required = words.iter().any(|word| {
        setting.words.iter().any(|wanted| word.split('=').next() == Some(wanted))
            || Path::new(word).extension().is_some_and(|end| end == "conf")
    });
    (!required && !service.sets_any(setting.variables)).then(|| setting.advice.to_owned())
}
