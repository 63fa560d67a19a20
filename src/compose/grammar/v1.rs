//! Compose V1's tables: 1.29.2, the last version.

use super::{CommandSpec, FlagSpec, many, number, switch, text};

pub(super) const EVERYWHERE: &[FlagSpec] = &[switch("help").short('h')];

pub(super) const ROOT: &[FlagSpec] = &[
    many("file").short('f'),
    text("project-name").short('p'),
    many("profile"),
    text("context").short('c'),
    switch("verbose"),
    text("log-level"),
    text("ansi"),
    switch("no-ansi"),
    switch("version").short('v'),
    text("host").short('H'),
    switch("tls"),
    text("tlscacert"),
    text("tlscert"),
    text("tlskey"),
    switch("tlsverify"),
    switch("skip-hostname-check"),
    text("project-directory"),
    switch("compatibility"),
    text("env-file"),
];

const BUILD: &[FlagSpec] = &[
    many("build-arg"),
    switch("compress"),
    switch("force-rm"),
    text("memory").short('m'),
    switch("no-cache"),
    switch("no-rm"),
    switch("parallel"),
    text("progress"),
    switch("pull"),
    switch("quiet").short('q'),
];

const CONFIG: &[FlagSpec] = &[
    switch("resolve-image-digests"),
    switch("no-interpolate"),
    switch("quiet").short('q'),
    switch("profiles"),
    switch("services"),
    switch("volumes"),
    text("hash"),
];

const CREATE: &[FlagSpec] =
    &[switch("force-recreate"), switch("no-recreate"), switch("no-build"), switch("build")];

const DOWN: &[FlagSpec] =
    &[text("rmi"), switch("volumes").short('v'), switch("remove-orphans"), number("timeout").short('t')];

const EVENTS: &[FlagSpec] = &[switch("json")];

const EXEC: &[FlagSpec] = &[
    switch("detach").short('d'),
    switch("privileged"),
    text("user").short('u'),
    switch("no-tty").only_short('T'),
    text("index"),
    many("env").short('e'),
    text("workdir").short('w'),
];

const IMAGES: &[FlagSpec] = &[switch("quiet").short('q')];

const KILL: &[FlagSpec] = &[text("signal").only_short('s')];

const LOGS: &[FlagSpec] = &[
    switch("no-color"),
    switch("follow").short('f'),
    switch("timestamps").short('t'),
    text("tail"),
    switch("no-log-prefix"),
];

const PORT: &[FlagSpec] = &[text("protocol"), text("index")];

const PS: &[FlagSpec] =
    &[switch("quiet").short('q'), switch("services"), text("filter"), switch("all").short('a')];

const PULL: &[FlagSpec] = &[
    switch("ignore-pull-failures"),
    switch("parallel"),
    switch("no-parallel"),
    switch("quiet").short('q'),
    switch("include-deps"),
];

const PUSH: &[FlagSpec] = &[switch("ignore-push-failures")];

const RESTART: &[FlagSpec] = &[number("timeout").short('t')];

const RM: &[FlagSpec] = &[
    switch("force").short('f'),
    switch("stop").short('s'),
    switch("volumes").only_short('v'),
    switch("all").short('a'),
];

const RUN: &[FlagSpec] = &[
    switch("detach").short('d'),
    text("name"),
    text("entrypoint"),
    many("env").only_short('e'),
    many("label").short('l'),
    text("user").short('u'),
    switch("no-deps"),
    switch("rm"),
    many("publish").short('p'),
    switch("service-ports"),
    switch("use-aliases"),
    many("volume").short('v'),
    switch("no-tty").only_short('T'),
    text("workdir").short('w'),
];

const SCALE: &[FlagSpec] = &[number("timeout").short('t')];

const STOP: &[FlagSpec] = &[number("timeout").short('t')];

const UP: &[FlagSpec] = &[
    switch("detach").short('d'),
    // A line of the help text begins with this word, so docopt treats it as a flag: `--abort` is ambiguous.
    switch("abort-on-container-exit."),
    switch("no-color"),
    switch("quiet-pull"),
    switch("no-deps"),
    switch("force-recreate"),
    switch("always-recreate-deps"),
    switch("no-recreate"),
    switch("no-build"),
    switch("no-start"),
    switch("build"),
    switch("abort-on-container-exit"),
    switch("attach-dependencies"),
    number("timeout").short('t'),
    switch("renew-anon-volumes").short('V'),
    switch("remove-orphans"),
    text("exit-code-from"),
    many("scale"),
    switch("no-log-prefix"),
];

const VERSION: &[FlagSpec] = &[switch("short")];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("build", BUILD),
    CommandSpec::new("config", CONFIG).alone(),
    CommandSpec::new("create", CREATE),
    CommandSpec::new("down", DOWN).alone(),
    CommandSpec::new("events", EVENTS),
    CommandSpec::new("exec", EXEC).stops(),
    CommandSpec::new("help", &[]),
    CommandSpec::new("images", IMAGES),
    CommandSpec::new("kill", KILL),
    CommandSpec::new("logs", LOGS),
    CommandSpec::new("pause", &[]),
    CommandSpec::new("port", PORT),
    CommandSpec::new("ps", PS),
    CommandSpec::new("pull", PULL),
    CommandSpec::new("push", PUSH),
    CommandSpec::new("restart", RESTART),
    CommandSpec::new("rm", RM),
    CommandSpec::new("run", RUN).stops(),
    CommandSpec::new("scale", SCALE),
    CommandSpec::new("start", &[]),
    CommandSpec::new("stop", STOP),
    CommandSpec::new("top", &[]),
    CommandSpec::new("unpause", &[]),
    CommandSpec::new("up", UP),
    CommandSpec::new("version", VERSION).alone(),
];
