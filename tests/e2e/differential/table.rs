//! The command lines. `{P}` stands for the project's name; with `@DIRECTORY ` in front, a line is run there.

use safe_compose::compose::grammar::Grammar;

use super::normalize::Varying;
use crate::oracle::row::{Files, Lines};
use crate::support::Compose;

/// One command line, with what has to be known to compare two runs of it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) line: &'static str,
    pub(super) stdin: &'static str,
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Run by the real Compose before the line, and after it to undo what it did.
    pub(super) before: Lines,
    pub(super) after: Lines,
    /// Files that it writes.
    pub(super) writes: &'static [&'static str],
    pub(super) varying: Varying,
}

pub(super) const CASE: Case = Case {
    line: "",
    stdin: "",
    environment: &[],
    before: &[],
    after: &[],
    writes: &[],
    varying: Varying::Nothing,
};

const fn same(line: &'static str) -> Case {
    Case { line, ..CASE }
}

/// The same, in any order.
const fn any_order(line: &'static str) -> Case {
    Case { line, varying: Varying::Order, ..CASE }
}

/// The same but for ages, measured values, random names and the order.
const fn alike(line: &'static str) -> Case {
    Case { line, varying: Varying::Values, ..CASE }
}

/// Two services that run, one of which publishes a port, and one that does not.
pub(super) const PROJECT: Files = &[
    (
        "compose.yml",
        r#"
services:
  db:
    image: "{I}:plain"
    network_mode: none
    volumes: ["data:/data"]
    stop_signal: SIGKILL
    command: ["/bin/sh", "-c", "echo ready; echo warning >&2; while :; do sleep 86400 & wait; done"]
  web:
    image: "{I}:plain"
    stop_signal: SIGKILL
    ports: ["127.0.0.1::80"]
    depends_on: [db]
  extra: { image: "{I}:plain", network_mode: none, profiles: [extra] }
volumes: { data: }
"#,
    ),
    ("other.yml", "services: { db: { environment: { OTHER: \"${VALUE}\" } } }\n"),
    ("values.env", "VALUE=from a file\n"),
    ("invalid.yml", "services: { db: { imagine: x } }\n"),
    ("broken.yml", "services: [\n"),
    ("below/file", "text\n"),
];

/// Lines of both grammars that are handed over unread.
pub(super) const BOTH: &[Case] = &[
    same("config"),
    same("config -q"),
    any_order("config --services"),
    any_order("--profile extra config --services"),
    same("config --volumes"),
    same("-f compose.yml config --hash '*'"),
    alike("-f compose.yml -f other.yml config"),
    same("-f compose.yml -f other.yml --env-file values.env config"),
    Case {
        line: "config",
        environment: &[("COMPOSE_FILE", "compose.yml:other.yml"), ("VALUE", "é\t")],
        ..CASE
    },
    any_order("@below config --services"),
    same("-f - config"),
    Case { line: "-f - config", stdin: "services: { one: { image: busybox } }\n", ..CASE },
    same("-f nosuch.yml config"),
    same("-f invalid.yml config"),
    same("-f broken.yml ps"),
    same("version"),
    same("version --short"),
    same("--version"),
    same("-v"),
    any_order("ps -q"),
    any_order("ps --services"),
    same("ps nosuch"),
    alike("ps"),
    alike("ps -a db"),
    any_order("images -q"),
    alike("images"),
    same("logs db"),
    same("logs --no-color --tail 1 db"),
    alike("logs -t db"),
    same("logs nosuch"),
    same("port web 80"),
    same("port web 81"),
    same("port db 80"),
    same("port nosuch 80"),
    alike("top"),
    alike("top db"),
    same("top nosuch"),
    same("exec -T db /bin/ls /"),
    same("exec -T db /bin/sh -c 'echo out; echo err >&2; exit 7'"),
    same("exec -T db /bin/sh -c 'kill -9 $$'"),
    same("exec -T db /bin/cat --safe-plan"),
    Case { line: "exec -T db /bin/cat", stdin: "one\r\n\u{1b}[31mtwo\u{0}\u{fffd}", ..CASE },
    same("exec -T db /bin/busybox head -c 200000 /bin/busybox"),
    same("exec -T -e NAME=value -w /data db /bin/sh -c 'echo $NAME; pwd'"),
    same("exec -T -u app db /bin/id"),
    same("exec -T --index 2 db /bin/ls /"),
    same("exec -T db /bin/nosuch"),
    same("exec -T nosuch /bin/ls"),
    same("build"),
    same("pull nosuch"),
    any_order("push"),
    Case { line: "pause db", after: &["unpause db"], varying: Varying::Values, ..CASE },
    Case {
        line: "pause db",
        before: &["pause db"],
        after: &["unpause db"],
        varying: Varying::Values,
        ..CASE
    },
    Case { line: "unpause db", before: &["pause db"], varying: Varying::Values, ..CASE },
    Case { line: "ps db", before: &["pause db"], after: &["unpause db"], varying: Varying::Values, ..CASE },
    alike("unpause db"),
    same("pause nosuch"),
    same("nosuch"),
    same("--nosuch"),
    same("--nosuch ps"),
    same("-f"),
    same("logs --nosuch"),
    same("logs --tail"),
    same("ps -Z"),
    same("exec"),
    same("port"),
    same("help config"),
    same("help nosuch"),
];

/// Lines that only V2 has.
pub(super) const V2: &[Case] = &[
    alike("ls --filter name={P}"),
    same("ls -q --filter name={P}"),
    any_order("ps -aq --no-trunc"),
    same("ps --status exited -q"),
    any_order("ps --orphans=false --format '{{.Name}}'"),
    alike("ps --format '{{.Service}} {{.Status}}'"),
    same("ps --filter status=paused --format json"),
    same("ps --format '{{.Nosuch}}'"),
    same("config --format json"),
    any_order("config --images"),
    any_order("config --profiles"),
    any_order("config --networks"),
    any_order("config --variables"),
    same("config --no-interpolate -f other.yml"),
    same("-f other.yml config --no-interpolate"),
    same("config --no-such"),
    Case { line: "config -o written.yml", writes: &["written.yml"], ..CASE },
    same("convert"),
    any_order("volumes -q"),
    alike("volumes"),
    Case { line: "volumes --format json", varying: Varying::Words, ..CASE },
    same("version -f json"),
    any_order("logs -n 1 --no-log-prefix db"),
    any_order("logs --since 1h --until 2h db"),
    same("logs --index 1 db"),
    same("cp --help"),
    Case { line: "export db -o db.tar", writes: &["db.tar"], varying: Varying::Values, ..CASE },
    alike("pull --policy missing db"),
    alike("events --since 2000-01-01T00:00:00Z --until 2000-01-01T00:00:01Z"),
    alike("--dry-run up -d -y"),
    alike("--dry-run down -v"),
    alike("down -v --dry-run"),
    same("down -vh"),
    same("alpha --help"),
    same("alpha nosuch"),
    any_order("alpha viz"),
    same("bridge --help"),
    same("attach nosuch"),
    same("commit nosuch x"),
    alike("stats --no-stream"),
    any_order("stats --no-stream --format '{{.Name}}'"),
    same("publish --help"),
    same("watch --help"),
    same("completion bash"),
    same("completion nosuch"),
    same("__complete do"),
    same("__complete logs ''"),
    same("__completeNoDesc ps --"),
    any_order("--ansi never --progress plain ps -q"),
    same("--ansi nosuch ps -q"),
    same("--progress nosuch ps -q"),
    any_order("--parallel 2 ps -q"),
    same("--parallel many ps -q"),
    same("--all-resources config --volumes"),
    same("-p {P}x ps -q"),
    same("-p 'not a name' ps -q"),
    any_order("--project-directory . config --services"),
    same("--project-directory nosuch config --services"),
    same("--env-file nosuch.env config -q"),
    any_order("--profile=extra --compatibility config --services"),
    Case {
        line: "config --services",
        environment: &[("COMPOSE_PROFILES", "extra")],
        varying: Varying::Order,
        ..CASE
    },
    Case { line: "ps -q", environment: &[("DOCKER_HOST", "unix:///nosuch.sock")], ..CASE },
    Case { line: "ps -q", environment: &[("DOCKER_HOST", "nosuch")], ..CASE },
    Case { line: "logs db", environment: &[("NO_COLOR", "1"), ("COMPOSE_ANSI", "always")], ..CASE },
];

/// Lines that older versions of V2 do not have.
pub(super) const NEWEST: &[Case] = &[Case {
    line: "commit db {P}:committed",
    after: &["docker image rm {P}:committed"],
    varying: Varying::Values,
    ..CASE
}];

/// A guarded line whose messages depend on which of two goroutines is faster in versions before these.
pub(super) const GUARDED_NEWEST: &[Case] = &[alike("run --rm -T --no-deps web /bin/nosuch")];

/// Lines of guarded commands, of both grammars, that Compose refuses itself or that do nothing: the guard says nothing.
pub(super) const GUARDED: &[Case] = &[
    same("rm --nosuch"),
    same("down -t"),
    same("up --nosuch"),
    same("up -d nosuch"),
    same("stop nosuch"),
    same("start nosuch"),
    same("restart nosuch"),
    same("kill nosuch"),
    same("create nosuch"),
    same("run --rm nosuch"),
    same("run"),
    same("-f nosuch.yml up -d"),
    same("-f invalid.yml up -d"),
    alike("run --rm -T --no-deps web /bin/ls /"),
    alike("run --rm -T --no-deps web /bin/sh -c 'echo out; echo err >&2; exit 9'"),
    Case {
        line: "run --rm -T --no-deps web /bin/cat",
        stdin: "in\r\n\u{0}",
        varying: Varying::Values,
        ..CASE
    },
    alike("run --rm -T --no-deps -v {D}/below:/below:ro web /bin/cat /below/file"),
    alike("up -d"),
    alike("up -d --no-recreate db"),
    alike("start"),
    alike("create web"),
    alike("scale web=1"),
    alike("rm -f"),
    alike("kill -s WINCH web"),
];

/// The same of V2 alone.
pub(super) const GUARDED_V2: &[Case] = &[
    alike("down nosuch"),
    alike("--progress quiet up -d"),
    alike("--progress json up -d"),
    alike("up --no-start --quiet-pull"),
    alike("up -d --wait"),
    alike("cp below/file nosuch:/"),
    alike("cp db:/etc/passwd -"),
    Case { line: "cp db:/etc/passwd copied", writes: &["copied"], varying: Varying::Values, ..CASE },
    same("wait nosuch"),
    same("watch --nosuch"),
    alike("-p {P}x down"),
    alike("-p {P}x stop"),
];

/// Help of the program itself, which a plugin leaves to Compose.
pub(super) const PROGRAM_HELP: &[Case] =
    &[same(""), same("-h"), same("--help"), same("help"), same("--help ps")];

/// `--help` of each command.
pub(super) fn helps(compose: Compose) -> impl Iterator<Item = Case> {
    let grammar = match compose {
        Compose::V1 => Grammar::V1,
        Compose::V2 | Compose::V2Older => Grammar::V2,
    };
    let names = grammar.commands().iter().map(|command| command.name);
    names.map(|name| Case { line: format!("{name} --help").leak(), ..CASE })
}
