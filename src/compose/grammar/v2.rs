//! Compose V2's tables: 2.40.3, with the additional flags of 2.26 to 5.5.
//!
//! Hidden flags and aliases are from its source (`MarkHidden`, `SetNormalizeFunc`).

use super::{CommandSpec, FlagSpec, many, number, switch, text};

/// The global flags of `docker`. As a plugin Compose gets them before `compose`; the standalone program accepts some of
/// them before its subcommand.
pub const DOCKER_ROOT: &[FlagSpec] = &[
    text("config"),
    text("context").short('c'),
    switch("debug").short('D'),
    many("host").short('H'),
    text("log-level").short('l'),
    switch("tls"),
    text("tlscacert"),
    text("tlscert"),
    text("tlskey"),
    switch("tlsverify"),
    switch("version").short('v'),
    switch("help").short('h'),
];

pub(super) const EVERYWHERE: &[FlagSpec] = &[switch("dry-run"), switch("help").short('h')];

pub(super) const ROOT: &[FlagSpec] = &[
    switch("all-resources"),
    text("ansi"),
    switch("compatibility"),
    many("env-file"),
    many("file").short('f'),
    number("parallel"),
    many("profile"),
    text("progress"),
    text("project-directory"),
    text("project-name").short('p'),
    text("workdir").hidden(),
    switch("version").short('v').hidden(),
    switch("no-ansi").hidden(),
    switch("verbose").hidden(),
    many("insecure-registry").hidden(),
];

const ATTACH: &[FlagSpec] = &[text("detach-keys"), number("index"), switch("no-stdin"), switch("sig-proxy")];

const BUILD: &[FlagSpec] = &[
    many("build-arg"),
    text("builder"),
    switch("check"),
    text("memory").short('m'),
    switch("no-cache"),
    switch("print"),
    text("provenance"),
    switch("pull"),
    switch("push"),
    switch("quiet").short('q'),
    text("sbom"),
    text("ssh"),
    switch("with-dependencies"),
    switch("parallel").hidden(),
    switch("compress").hidden(),
    switch("force-rm").hidden(),
    switch("no-rm").hidden(),
    text("progress").hidden(),
];

const COMMIT: &[FlagSpec] = &[
    text("author").short('a'),
    many("change").short('c'),
    number("index"),
    text("message").short('m'),
    switch("pause").short('p'),
];

const CONFIG: &[FlagSpec] = &[
    switch("environment"),
    text("format"),
    text("hash"),
    switch("images"),
    switch("lock-image-digests"),
    switch("models"),
    switch("networks"),
    switch("no-consistency"),
    switch("no-env-resolution"),
    switch("no-interpolate"),
    switch("no-normalize"),
    switch("no-path-resolution"),
    text("output").short('o'),
    switch("profiles"),
    switch("quiet").short('q'),
    switch("resolve-image-digests"),
    switch("services"),
    switch("variables"),
    switch("volumes"),
];

const CP: &[FlagSpec] =
    &[switch("all"), switch("archive").short('a'), switch("follow-link").short('L'), number("index")];

const CREATE: &[FlagSpec] = &[
    switch("build"),
    switch("force-recreate"),
    switch("no-build"),
    switch("no-recreate"),
    text("pull"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    many("scale"),
    switch("yes").short('y').or(&["y"]),
];

const DOWN: &[FlagSpec] = &[
    switch("remove-orphans"),
    text("rmi"),
    number("timeout").short('t'),
    switch("volumes").short('v').or(&["volume"]),
];

const EVENTS: &[FlagSpec] = &[switch("json"), text("since"), text("until")];

const EXEC: &[FlagSpec] = &[
    switch("detach").short('d'),
    many("env").short('e'),
    number("index"),
    switch("no-tty").short('T').or(&["no-TTY"]),
    switch("privileged"),
    text("user").short('u'),
    text("workdir").short('w'),
    switch("interactive").short('i').hidden(),
    switch("tty").short('t').hidden(),
];

const EXPORT: &[FlagSpec] = &[number("index"), text("output").short('o')];

const IMAGES: &[FlagSpec] = &[text("format"), switch("quiet").short('q')];

const KILL: &[FlagSpec] = &[switch("remove-orphans"), text("signal").short('s')];

const LOGS: &[FlagSpec] = &[
    switch("follow").short('f'),
    number("index"),
    switch("no-color"),
    switch("no-log-prefix"),
    text("since"),
    text("tail").short('n'),
    switch("timestamps").short('t'),
    text("until"),
];

const LS: &[FlagSpec] =
    &[switch("all").short('a'), many("filter"), text("format"), switch("quiet").short('q')];

const PORT: &[FlagSpec] = &[number("index"), text("protocol")];

const PS: &[FlagSpec] = &[
    switch("all").short('a'),
    text("filter"),
    text("format"),
    switch("no-trunc"),
    switch("orphans"),
    switch("quiet").short('q'),
    switch("services"),
    many("status"),
];

const PUBLISH: &[FlagSpec] = &[
    switch("app"),
    text("oci-version"),
    switch("resolve-image-digests"),
    switch("with-env"),
    switch("yes").short('y').or(&["y"]),
    switch("insecure-registry").hidden(),
];

const PULL: &[FlagSpec] = &[
    switch("ignore-buildable"),
    switch("ignore-pull-failures"),
    switch("include-deps"),
    text("policy"),
    switch("quiet").short('q'),
    switch("parallel").hidden(),
    switch("no-parallel").hidden(),
];

const PUSH: &[FlagSpec] =
    &[switch("ignore-push-failures"), switch("include-deps"), switch("quiet").short('q')];

const RESTART: &[FlagSpec] = &[switch("no-deps"), number("timeout").short('t')];

const RM: &[FlagSpec] = &[
    switch("force").short('f'),
    switch("stop").short('s'),
    switch("volumes").short('v'),
    switch("all").short('a').hidden(),
];

const RUN: &[FlagSpec] = &[
    switch("build"),
    many("cap-add"),
    many("cap-drop"),
    switch("detach").short('d'),
    text("entrypoint"),
    many("env").short('e'),
    many("env-from-file"),
    switch("interactive").short('i'),
    many("label").short('l').or(&["labels"]),
    text("name"),
    switch("no-tty").short('T').or(&["no-TTY"]),
    switch("no-deps"),
    many("publish").short('p'),
    text("pull"),
    switch("quiet").short('q'),
    switch("quiet-build"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    switch("rm"),
    switch("service-ports").short('P'),
    switch("use-aliases"),
    text("user").short('u'),
    many("volume").short('v').or(&["volumes"]),
    text("workdir").short('w'),
    switch("tty").short('t').hidden(),
];

const SCALE: &[FlagSpec] = &[switch("no-deps")];

const START: &[FlagSpec] = &[switch("wait").hidden(), number("wait-timeout").hidden()];

const STATS: &[FlagSpec] =
    &[switch("all").short('a'), text("format"), switch("no-stream"), switch("no-trunc")];

const STOP: &[FlagSpec] = &[number("timeout").short('t')];

const UP: &[FlagSpec] = &[
    switch("abort-on-container-exit"),
    switch("abort-on-container-failure"),
    switch("always-recreate-deps"),
    many("attach"),
    switch("attach-dependencies"),
    switch("build"),
    switch("detach").short('d'),
    text("exit-code-from"),
    switch("force-recreate"),
    switch("menu"),
    many("no-attach"),
    switch("no-build"),
    switch("no-color"),
    switch("no-deps"),
    switch("no-log-prefix"),
    switch("no-recreate"),
    switch("no-start"),
    text("pull"),
    switch("quiet-build"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    switch("renew-anon-volumes").short('V'),
    many("scale"),
    number("timeout").short('t'),
    switch("timestamps"),
    switch("wait"),
    number("wait-timeout"),
    switch("watch").short('w'),
    switch("yes").short('y').or(&["y"]),
];

const VERSION: &[FlagSpec] = &[text("format").short('f'), switch("short")];

const VOLUMES: &[FlagSpec] = &[text("format"), switch("quiet").short('q')];

const WAIT: &[FlagSpec] = &[switch("down-project")];

const WATCH: &[FlagSpec] = &[switch("no-up"), switch("prune"), switch("quiet")];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("alpha", &[]),
    CommandSpec::new("attach", ATTACH),
    CommandSpec::new("bridge", &[]),
    CommandSpec::new("build", BUILD),
    CommandSpec::new("commit", COMMIT),
    CommandSpec::new("config", CONFIG),
    CommandSpec::new("cp", CP),
    CommandSpec::new("create", CREATE),
    CommandSpec::new("down", DOWN),
    CommandSpec::new("events", EVENTS),
    CommandSpec::new("exec", EXEC).stops(),
    CommandSpec::new("export", EXPORT),
    CommandSpec::new("images", IMAGES),
    CommandSpec::new("kill", KILL),
    CommandSpec::new("logs", LOGS),
    CommandSpec::new("ls", LS),
    CommandSpec::new("pause", &[]),
    CommandSpec::new("port", PORT),
    CommandSpec::new("ps", PS),
    CommandSpec::new("publish", PUBLISH),
    CommandSpec::new("pull", PULL),
    CommandSpec::new("push", PUSH),
    CommandSpec::new("restart", RESTART),
    CommandSpec::new("rm", RM),
    CommandSpec::new("run", RUN).stops(),
    CommandSpec::new("scale", SCALE),
    CommandSpec::new("start", START),
    CommandSpec::new("stats", STATS),
    CommandSpec::new("stop", STOP),
    CommandSpec::new("top", &[]),
    CommandSpec::new("unpause", &[]),
    CommandSpec::new("up", UP),
    CommandSpec::new("version", VERSION),
    CommandSpec::new("volumes", VOLUMES),
    CommandSpec::new("wait", WAIT),
    CommandSpec::new("watch", WATCH),
];
