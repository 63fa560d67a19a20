//! What can lose nothing is not even looked at, and everyday commands are never asked about.

use super::*;

/// Lines that neither Compose stops or loses anything by.
const HARMLESS: &[&str] = &[
    "ps",
    "ps -a",
    "ps -q db",
    "ps --format json --filter status=running",
    "ps --services",
    "logs",
    "logs -f --tail 50 db",
    "logs --no-color -t",
    "config",
    "config --services",
    "config -q",
    "config --hash *",
    "images",
    "images -q",
    "top",
    "top db",
    "port db 6333",
    "port --protocol udp db 53",
    "pause",
    "pause db",
    "unpause db",
    "pull",
    "pull -q --include-deps db",
    "push",
    "build",
    "build --no-cache --pull db",
    "build --build-arg A=down db",
    "version",
    "version --short",
    "events",
    "events --json",
    "exec db sh",
    "exec -T db rm -rf /x",
    "exec -e A=b -u 0 db down -v",
    "help",
    "help down",
    "--help",
    "--version",
    "down --help",
    "up --help",
    "rm -h",
];

/// Lines that only Compose V2 knows.
const HARMLESS_V2: &[&str] = &[
    "ls",
    "ls -a",
    "stats --no-stream",
    "attach db",
    "attach --sig-proxy=false db",
    "commit db image",
    "export -o x.tar db",
    "volumes",
    "volumes -q",
    "publish repo/app",
    "bridge convert",
    "alpha viz",
    "--dry-run down -v",
    "down -v --dry-run",
    "--dry-run up -y",
    "--profile x --ansi never ps",
    "-f a.yml -p down ps",
    "--project-name up logs",
];

fn is_guarded(line: &str) -> bool {
    let words = line.split_whitespace().map(Into::into).collect();
    Invocation::parse(words).expect("sound").is_guarded()
}

#[test]
fn every_other_subcommand_is_handed_over_unread() {
    for line in HARMLESS.iter().chain(HARMLESS_V2) {
        assert!(!is_guarded(line), "{line}");
    }
}

#[test]
fn the_list_has_every_subcommand_that_is_not_guarded() {
    for grammar in [Grammar::V1, Grammar::V2] {
        for command in grammar.commands() {
            let guarded = safe_compose::compose::subcommand::Subcommand::from_name(command.name).is_guarded();
            let listed = HARMLESS
                .iter()
                .chain(HARMLESS_V2)
                .any(|line| line.split_whitespace().any(|word| word == command.name));
            assert!(guarded || listed, "{grammar}: `{}` is not tried", command.name);
            assert_eq!(is_guarded(command.name), guarded, "{grammar}: {}", command.name);
        }
    }
}

#[test]
fn everyday_commands_are_never_asked_about() {
    let mut shop = Shop::new();
    shop.containers[0].labels.insert(HASH.into(), "h".into());
    for line in [
        "up",
        "up -d",
        "up -d --build",
        "up -d db",
        "up --wait",
        "up -d --force-recreate",
        "up -d --remove-orphans",
        "up -d --no-deps web",
        "create",
        "start",
        "start db",
        "stop",
        "stop -t 30",
        "restart",
        "restart db",
        "down",
        "down --remove-orphans",
        "down -t 30",
        "down --rmi local",
        "run --rm web sh",
        "run -d web",
        "scale web=2",
        "scale db=1",
        "kill",
        "kill -s HUP",
        "rm -f",
        "rm",
        "wait web",
        "watch",
        "cp web:/x y",
        "cp x web:/tmp",
        "up -d -V web",
    ] {
        for grammar in [Grammar::V1, Grammar::V2] {
            let words: Vec<&str> = line.split_whitespace().collect();
            let plan = shop.assess(grammar, &words);
            assert!(plan.worst() <= Effect::Interrupt, "{grammar} {line}: {plan:?}");
        }
    }
}
