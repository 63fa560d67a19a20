//! The words as people type them, in both grammars.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt as _;

use proptest::prelude::*;

use super::*;
use crate::compose::grammar::{Arity, FlagSpec, is_subcommand};
use crate::compose::subcommand::GuardedCommand;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn typed(line: &str) -> Invocation {
    Invocation::parse(words(line)).expect("the words make sense")
}

fn v1(line: &str) -> Reading {
    typed(line).read(Grammar::V1)
}

fn v2(line: &str) -> Reading {
    typed(line).read(Grammar::V2)
}

#[test]
fn none_of_our_commands_is_a_command_of_compose() {
    let planned = [
        "backup",
        "backups",
        "restore",
        "undo",
        "verify",
        "check",
        "lint",
        "status",
        "history",
        "protect",
        "unprotect",
        "setup",
    ];
    for word in OWN_COMMANDS.iter().chain(&planned) {
        assert!(!is_subcommand(Grammar::V1, word) && !is_subcommand(Grammar::V2, word), "{word}");
    }
}

#[test]
fn our_flags_are_taken_out_where_flags_may_stand() {
    let invocation = typed("--safe-plan -f a.yml down -v --safe-allow abc db --safe-skip-backup");
    assert_eq!(invocation.compose_words(), words("-f a.yml down -v db"));
    let safe = invocation.safe();
    assert!(safe.plan && safe.skip_backup && !safe.help);
    assert_eq!(safe.allow.as_deref(), Some("abc"));
    assert_eq!(typed("down --safe-allow=abc").safe().allow.as_deref(), Some("abc"));
    assert_eq!(typed("down --safe-format=json").safe().format, Format::Json);
    assert_eq!(typed("down").safe(), &SafeFlags::default());
}

#[test]
fn words_that_belong_to_another_program_are_left_alone() {
    for line in [
        "exec db mysql --safe-updates",
        "run --rm -e A=b db tool --safe-plan",
        "up -- --safe-plan",
        "-- --safe-plan",
        "exec -T db x --safe-nonsense",
    ] {
        let invocation = typed(line);
        assert_eq!(invocation.compose_words(), words(line));
        assert_eq!(invocation.safe(), &SafeFlags::default(), "{line}");
    }
    let before = typed("exec --safe-plan db x --safe-plan");
    assert!(before.safe().plan);
    assert_eq!(before.compose_words(), words("exec db x --safe-plan"));
}

#[test]
fn our_flags_said_wrongly_are_errors() {
    let error = |line| Invocation::parse(words(line)).expect_err(line).to_string();
    assert_eq!(
        error("down --safe-paln"),
        "unknown flag `--safe-paln`; the flags of safe-compose are `--safe-plan`, `--safe-skip-backup`, \
         `--safe-skip-checks`, `--safe-allow`, `--safe-format`, `--safe-help`, `--safe-version`"
    );
    assert_eq!(error("down --safe-allow"), "`--safe-allow` needs a value: `--safe-allow=TOKEN`");
    assert_eq!(error("down --safe-allow -v"), "`--safe-allow` needs a value: `--safe-allow=TOKEN`");
    assert_eq!(error("down --safe-plan=no"), "`--safe-plan` takes no value");
    assert_eq!(error("down --safe-format=yaml"), "`--safe-format` must be `text` or `json`, not `yaml`");
    assert_eq!(error("down -vt --safe-plan"), "`--safe-plan` is where `-vt` expects its value");
    assert_eq!(error("-p --safe-plan down"), "`--safe-plan` is where `-p` expects its value");
}

#[test]
fn an_own_command_is_found_in_the_place_of_the_subcommand_only() {
    let (globals, word, rest) = typed("-f a.yml --safe-plan backup qdrant --all").own_command().expect("own");
    assert_eq!((globals, word, rest), (words("-f a.yml"), "backup".into(), words("qdrant --all")));
    assert_eq!(typed("-c ctx backup").own_command().expect("own").1, "backup");
    for line in ["up backup", "-p backup down", "compose backup", "run backup", "-- backup", "version"] {
        assert_eq!(typed(line).own_command(), None, "{line}");
    }
    let reading = typed("-f a.yml -p x backup").read(Grammar::V2);
    assert_eq!(reading.globals.files, words("a.yml"));
    assert_eq!(reading.subcommand, None, "it is no subcommand of Compose");
    assert!(!typed("backup down").is_guarded());
}

#[test]
fn a_leading_compose_means_compose_itself() {
    assert_eq!(typed("compose down -v").compose_words(), words("down -v"));
    assert_eq!(typed("--safe-plan compose down").compose_words(), words("down"));
    assert_eq!(typed("up compose").compose_words(), words("up compose"));
    assert!(typed("compose down").is_guarded());
}

#[test]
fn as_a_plugin_dockers_own_words_come_first_and_stay() {
    let line = "--context far -H=tcp://x compose -f a.yml down -v --safe-plan";
    let invocation = Invocation::parse_from(Caller::Docker, words(line)).expect("sound");
    assert_eq!(invocation.compose_words(), words("--context far -H=tcp://x compose -f a.yml down -v"));
    assert!(invocation.is_guarded());
    let reading = invocation.read(Grammar::V2);
    assert_eq!(reading.name(), "down");
    assert!(reading.is_set("volumes"));
    assert_eq!(reading.globals.context.as_deref(), Some("far"));
    assert_eq!(reading.globals.host.as_deref(), Some("tcp://x"));
    assert_eq!(reading.globals.argv, words("--context=far --host=tcp://x compose --file=a.yml"));

    let own = Invocation::parse_from(Caller::Docker, words("-c x compose backup qdrant")).expect("sound");
    assert_eq!(own.own_command().expect("own").2, words("qdrant"));
    for line in ["docker-cli-plugin-metadata", "__complete compose down -v", "help compose down", ""] {
        let invocation = Invocation::parse_from(Caller::Docker, words(line)).expect("sound");
        assert!(!invocation.is_guarded(), "{line}");
        assert_eq!(invocation.compose_words(), words(line));
        assert_eq!(invocation.read(Grammar::V2).subcommand, None);
    }
}

#[test]
fn v2_volumes_flag_in_every_spelling() {
    let on = [
        "down -v",
        "down --volumes",
        "down -vt 0",
        "down -vt0",
        "down -t 0 -v",
        "down --volumes=true",
        "down --volumes=1",
        "down --volumes=T",
        "down -v=true",
        "down --volume",
        "down --volumes=false -v",
        "down db -v",
        "down -v -- db",
        "-fx down -v",
        "--profile a,b down -v",
        "down -v=1 -t=3",
    ];
    for line in on {
        let reading = v2(line);
        assert!(reading.is_set("volumes"), "{line}");
        assert_eq!(reading.parse_issues, Vec::<String>::new(), "{line}");
    }
    let off = [
        "down",
        "down --volumes=false",
        "down --volumes=0",
        "down -v=false",
        "down -v --volumes=false",
        "down -- -v",
        "down -tv",
        "up -v",
        "down -t0",
    ];
    for line in off {
        assert!(!v2(line).is_set("volumes"), "{line}");
    }
    for line in ["down --volumes=yes", "down -tv", "down -t0v", "down --vol", "down -v -f x", "down -t"] {
        assert_eq!(v2(line).parse_issues.len(), 1, "{line}");
        assert!(typed(line).is_guarded(), "{line}");
    }
    assert_eq!(v2("down -v -- -t db").operands, ["-t", "db"]);
}

#[test]
fn v1_flags_by_prefix_and_before_operands_only() {
    for line in ["down -v", "down -vt 0", "down --vol", "down --volume", "down -t 0 -v", "-- down -v"] {
        let reading = v1(line);
        assert!(reading.is_set("volumes"), "{line}");
        assert_eq!(reading.parse_issues, Vec::<String>::new(), "{line}");
        assert!(typed(line).is_guarded(), "{line}");
    }
    for line in
        ["down --volumes=true", "down -v db", "down -v -v", "down --dry-run", "down --v=", "--pro x down"]
    {
        let reading = v1(line);
        assert!(!reading.parse_issues.is_empty() && reading.refused, "{line}: {reading:?}");
    }
    let rm = v1("rm -f db -v");
    assert!(!rm.is_set("volumes") && rm.is_set("force"));
    assert_eq!(rm.operands, ["db", "-v"]);
    assert!(v1("rm -fsv").is_set("volumes") && !v1("rm --volumes").is_set("volumes"));
    assert_eq!(v1("up --sc a=1 --scale b=2").values("scale").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert!(!v1("up --abort").parse_issues.is_empty(), "the help text makes this ambiguous");
    assert_eq!(v1("--project-n x down").globals.project_name.as_deref(), Some("x"));
    assert!(v1("down -tv").parse_issues.len() == 1 && !v1("down -tv").is_set("volumes"));
}

#[test]
fn v2_standalone_words_are_converted_as_the_real_one_does() {
    let reading = v2("--context far --verbose -f a down");
    assert_eq!(reading.globals.context.as_deref(), Some("far"));
    assert_eq!(reading.globals.argv, words("--context=far --file=a"));
    assert_eq!(v2("-p -v down").globals.project_name.as_deref(), Some("version"));
    assert_eq!(v2("-v down").name(), "version");
    let odd = v2("-- x down -v");
    assert!(odd.is_set("volumes") && odd.name() == "down");
    assert!(typed("-- x down -v").is_guarded());
    assert!(!v2("-f a -D down").parse_issues.is_empty());
    assert!(typed("-f a -D down").is_guarded() && typed("--bogus down").is_guarded());
    assert!(typed("alpha watch").is_guarded() && !typed("alpha viz").is_guarded());
}

#[test]
fn v2_globals() {
    let reading = v2("-fa --file=b -p=n --project-directory d --profile x --profile=y --env-file e \
                      --all-resources --ansi never --progress plain --dry-run up");
    let globals = reading.globals;
    assert_eq!(globals.files, words("a b"));
    assert_eq!(globals.project_name.as_deref(), Some("n"));
    assert_eq!(globals.project_directory.as_deref(), Some(OsStr::new("d")));
    assert_eq!(globals.profiles, ["x", "y"]);
    assert_eq!(globals.env_files, words("e"));
    assert!(globals.all_resources && globals.dry_run);
    assert_eq!(
        globals.argv,
        words(
            "--file=a --file=b --project-name=n --project-directory=d --profile=x --profile=y --env-file=e --all-resources"
        )
    );
    assert!(!v2("--dry-run down --dry-run=false").globals.dry_run);
    assert!(v2("down --dry-run").globals.dry_run);
    assert_eq!(v2("-f a -f - up").globals.files, words("a -"));
}

#[test]
fn run_and_exec_end_at_their_service() {
    for line in ["run --rm -v a:/b db sh -v --rm", "exec -T db sh -c x"] {
        let reading = v2(line);
        assert_eq!(reading.operands[0], "db");
        assert!(reading.operands.contains(&"sh".to_owned()));
        assert_eq!(reading.parse_issues, Vec::<String>::new());
    }
    assert_eq!(v2("run -v a:/b db").value("volume"), Some("a:/b"));
    assert_eq!(v2("run --volumes a:/b db").value("volume"), Some("a:/b"));
}

#[test]
fn guarded_and_not() {
    for line in [
        "down",
        "stop",
        "rm -f",
        "up -d",
        "start",
        "restart",
        "create",
        "run x",
        "scale a=1",
        "kill",
        "wait x",
        "watch",
        "cp a b:c",
        "-H x down",
        "-c x down",
        "down --help=false",
        "--dry-run=false down",
        "down --dry-run --bogus",
        "--help down",
        "compose up",
    ] {
        assert!(typed(line).is_guarded(), "{line}");
    }
    for line in [
        "",
        "ps",
        "logs -f",
        "config",
        "exec db down",
        "version",
        "ls",
        "pull",
        "build",
        "help down",
        "down --help",
        "up -h",
        "--dry-run down -v",
        "down -v --dry-run",
        "__complete down",
        "pause",
        "compose ps",
        "-v",
        "logs down",
        "ps --filter down",
    ] {
        assert!(!typed(line).is_guarded(), "{line}");
    }
}

fn any_word() -> impl Strategy<Value = OsString> {
    let said = prop::sample::select(vec![
        "down",
        "up",
        "run",
        "exec",
        "rm",
        "-v",
        "-vt0",
        "--volumes",
        "--volumes=false",
        "-f",
        "-p",
        "--",
        "-",
        "",
        "--dry-run",
        "--help",
        "compose",
        "backup",
        "-t",
        "--safe-plan",
        "--safe-allow",
        "--safe-x",
        "alpha",
        "-H",
        "--scale",
        "db",
        "-c",
        "=",
        "--=",
        "--file=a",
        "-=",
        "-v=1",
        "-p=",
    ]);
    prop_oneof![
        4 => said.prop_map(OsString::from),
        1 => prop::collection::vec(any::<u8>(), 0..8).prop_map(OsString::from_vec),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(|mut bytes| { bytes.insert(0, b'-'); OsString::from_vec(bytes) }),
    ]
}

/// A flag in one of its spellings, as words, with what it should be read as.
fn said(spec: &'static FlagSpec, spelling: u8, value: u8) -> (Vec<String>, Flag) {
    let value = match spec.arity {
        Arity::Switch => None,
        Arity::Number => Some(value.to_string()),
        Arity::Text | Arity::Many => Some(format!("v{value}")),
    };
    let name = spec.long_names().next();
    let words = match (spelling % 4, name, spec.short, &value) {
        (0, _, Some(short), Some(value)) => vec![format!("-{short}{value}")],
        (1, _, Some(short), Some(value)) => vec![format!("-{short}"), value.clone()],
        (2, Some(name), _, Some(value)) => vec![format!("--{name}={value}")],
        (_, Some(name), _, Some(value)) => vec![format!("--{name}"), value.clone()],
        (_, None, Some(short), Some(value)) => vec![format!("-{short}{value}")],
        (0 | 1, _, Some(short), None) | (_, None, Some(short), None) => vec![format!("-{short}")],
        (_, Some(name), _, None) => vec![format!("--{name}")],
        (_, None, None, _) => unreachable!("a flag has a name"),
    };
    (words, Flag { name: spec.name.to_owned(), value })
}

proptest! {
    #[test]
    fn arbitrary_words_never_panic(words in prop::collection::vec(any_word(), 0..8), docker: bool) {
        let caller = if docker { Caller::Docker } else { Caller::Person };
        if let Ok(invocation) = Invocation::parse_from(caller, words) {
            for grammar in [Grammar::V1, Grammar::V2] {
                let reading = invocation.read(grammar);
                let _ = (reading.wants_help(), reading.is_set("volumes"), reading.value("scale"));
            }
            let _ = (invocation.is_guarded(), invocation.own_command());
        }
    }

    #[test]
    fn words_without_ours_come_back_as_they_were(words in prop::collection::vec(any_word(), 0..8), docker: bool) {
        prop_assume!(!words.iter().any(|word| word.to_string_lossy().starts_with("--safe-")));
        prop_assume!(words.first().is_none_or(|word| word != "compose"));
        let caller = if docker { Caller::Docker } else { Caller::Person };
        let invocation = Invocation::parse_from(caller, words.clone()).expect("nothing of ours in it");
        prop_assert_eq!(invocation.compose_words(), words);
        prop_assert_eq!(invocation.safe(), &SafeFlags::default());
    }

    #[test]
    fn flags_from_the_tables_are_read_back(
        grammar in prop::sample::select(vec![Grammar::V1, Grammar::V2]),
        command in any::<prop::sample::Index>(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 0..6),
    ) {
        let command = command.get(grammar.commands());
        prop_assume!(command.name != "alpha");
        let mut line = vec![command.name.to_owned()];
        let mut expected: Vec<Flag> = Vec::new();
        for (pick, spelling, value) in picks {
            if command.flags.is_empty() { continue }
            let spec = pick.get(command.flags);
            if spec.arity != Arity::Many && expected.iter().any(|flag| flag.name == spec.name) { continue }
            let (words, flag) = said(spec, spelling, value);
            line.extend(words);
            expected.push(flag);
        }
        if command.operands {
            line.push("db".to_owned());
        }
        let invocation = Invocation::parse(line.iter().map(OsString::from).collect()).expect("no flags of ours");
        let reading = invocation.read(grammar);
        prop_assert_eq!(reading.name(), command.name);
        prop_assert_eq!(&reading.flags, &expected, "{:?}", line);
        prop_assert_eq!(&reading.parse_issues, &Vec::<String>::new());
        prop_assert_eq!(reading.operands.len(), usize::from(command.operands));
        // The other grammar may not know the words, but it never loses sight of a command that acts.
        if GuardedCommand::from_name(command.name).is_some() {
            prop_assert!(invocation.is_guarded());
        }
    }

    #[test]
    fn bundled_letters_are_read_one_by_one(
        command in any::<prop::sample::Index>(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        seconds: u8,
    ) {
        let command = command.get(Grammar::V2.commands());
        let switches: Vec<_> = command.flags.iter().filter(|f| f.short.is_some() && !f.arity.takes_value()).collect();
        prop_assume!(!switches.is_empty());
        let mut bundle = String::from("-");
        let mut names = Vec::new();
        for pick in picks {
            let spec = pick.get(&switches);
            bundle.extend(spec.short);
            names.push(spec.name);
        }
        if let Some(last) = command.flags.iter().find(|f| f.short.is_some() && f.arity == Arity::Number) {
            bundle.extend(last.short);
            bundle.push_str(&seconds.to_string());
            names.push(last.name);
        }
        let reading = v2(&format!("{} {bundle}", command.name));
        prop_assert_eq!(reading.flags.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), names);
        prop_assert_eq!(reading.parse_issues, Vec::<String>::new());
    }
}
