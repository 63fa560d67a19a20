//! What is found in scripts, and what is not.

use std::fmt::Write as _;
use std::path::Path;

use safe_compose::lint::scripts::{DataDirectories, ScriptKind, check};

/// The findings of a file, one a line: `line:column rule`, with `?` for a warning.
fn found(name: &str, text: &str) -> String {
    found_among(name, text, &DataDirectories::default())
}

fn found_among(name: &str, text: &str, directories: &DataDirectories) -> String {
    let path = Path::new(name);
    let kind = ScriptKind::of_path(path).or_else(|| ScriptKind::of_text(text)).unwrap_or(ScriptKind::Shell);
    let mut lines = String::new();
    for finding in check(path, kind, text, directories).findings() {
        let sure = if finding.severity == safe_compose::lint::LintSeverity::Error { "" } else { "?" };
        let rule = finding.rule.trim_start_matches("script-");
        writeln!(lines, "{}:{} {rule}{sure}", finding.location.line, finding.location.column)
            .expect("a string");
    }
    lines
}

/// The rules that one line of shell breaks.
fn rules(line: &str) -> Vec<String> {
    found("x.sh", line).lines().map(|line| line.split(' ').nth(1).expect("a rule").to_owned()).collect()
}

#[test]
fn every_rule_finds_its_bad_examples_and_no_good_one() {
    for rule in safe_compose::lint::rules::scripts() {
        let text = rule.explain;
        let (bad, good) =
            text.split_once("## Good").unwrap_or_else(|| panic!("{} has no good example", rule.id));
        let lines = |part: &str| -> Vec<String> {
            let block = part.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
            let block = block.unwrap_or_else(|| panic!("{} has no example", rule.id));
            block.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        let says = |line: &str| {
            let path = Path::new("x.sh");
            check(path, ScriptKind::Shell, line, &DataDirectories::default())
                .findings()
                .iter()
                .any(|finding| finding.rule == rule.id)
        };
        for line in lines(bad) {
            assert!(says(&line), "{}: {line}", rule.id);
        }
        for line in lines(good) {
            assert!(!says(&line), "{}: {line}", rule.id);
        }
    }
}

#[test]
fn every_spelling_of_down() {
    for line in [
        "docker compose down -v",
        "docker compose down --volumes",
        "docker compose down --volume",
        "docker compose down --volumes=true",
        "docker compose down -v=1",
        "docker compose down --volumes=false -v",
        "docker compose down --remove-orphans -v",
        "docker compose down db -v",
        "docker compose -f a.yml -fb.yml --profile '*' -p x down -v",
        "docker compose --env-file .env --project-directory=. down -v",
        "docker --context prod compose down -v",
        "docker -H ssh://host compose down -v",
        "docker-compose down -v",
        "docker-compose down --vol",
        "docker-compose -f \"a b.yml\" down -v",
        "/usr/local/bin/docker-compose down -v",
        "podman-compose down -v",
        "nerdctl compose down -v",
        "docker compose down \\\n  -v",
        "docker   compose\tdown   '-v'",
        "docker compose \"down\" -\"v\"",
        "\\docker compose down -v",
        "docker compose down -v > /dev/null 2>&1",
        "docker compose down 2>/dev/null -v || true",
        "docker compose --dry-run=false down -v",
        "docker compose alpha down -v",
    ] {
        assert_eq!(rules(line), ["destroys-volumes"], "{line}");
    }
    assert_eq!(rules("docker compose down -vt0"), ["destroys-volumes", "kills-store?"]);
    assert_eq!(rules("docker compose down -t 0 -v"), ["destroys-volumes", "kills-store?"]);
}

#[test]
fn harmless_commands() {
    for line in [
        "docker compose down",
        "docker compose down --volumes=false",
        "docker compose down -v --volumes=false",
        "docker compose down -v --help",
        "docker compose --dry-run down -v",
        "docker compose down -v --dry-run",
        "docker compose down -- -v",
        "docker compose down -t -v",
        "docker compose down -tv0",
        "docker compose -f down -v",
        "docker compose run --rm app down -v",
        "docker compose exec db down -v",
        "docker compose exec db docker-compose down -v",
        "docker compose -p -v down",
        "docker compose down $FLAGS",
        "docker compose up -d",
        "docker compose rm -f",
        "docker compose logs -v",
        "docker ps -v down",
        "docker run -v data:/data x down -v",
        "docker stop db",
        "docker rm db",
        "docker volume ls",
        "docker volume rm --help",
        "docker system prune -af",
        "docker system prune --volumes=false",
        "echo \"docker compose down -v\"",
        "echo docker compose down -v",
        "printf '%s\\n' 'docker compose down -v'",
        "# docker compose down -v",
        "true # docker compose down -v",
        "docker compose down # -v",
        "cat <<EOF\ndocker compose down -v\nEOF",
        "cat > x.sh <<'EOF'\ndocker compose down -v\n$(docker compose down -v)\nEOF",
        "X='docker compose down -v'",
        "safe-compose down -v",
        "if [[ $x == 'docker' && compose < down ]]; then :; fi",
        "rm -rf node_modules dist",
        "rm -f volumes/x.tmp",
        "grep -r 'docker volume rm' .",
        "((down - v))",
        "case $1 in docker compose down -v) ;; esac",
        "git rm -r volumes",
        "docker compose kill -s SIGHUP",
        "docker compose down -t 30",
    ] {
        assert_eq!(rules(line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn other_destructive_commands() {
    for (line, rule) in [
        ("docker compose rm -fsv", "removes-volume"),
        ("docker-compose rm -v --force", "removes-volume"),
        ("docker rm -fv db", "removes-volume?"),
        ("docker container rm --volumes db", "removes-volume?"),
        ("docker volume rm data", "removes-volume"),
        ("docker volume remove -f data", "removes-volume"),
        ("docker volume rm $(docker volume ls -q)", "removes-volume"),
        ("docker volume ls -q | xargs -r docker volume rm", "removes-volume"),
        ("docker volume ls -q | xargs -I {} docker volume rm {}", "removes-volume"),
        ("docker volume prune", "prunes-volumes"),
        ("docker volume prune -af", "prunes-volumes"),
        ("docker system prune --volumes -f", "prunes-volumes"),
        ("docker --host tcp://x system prune -a --volumes", "prunes-volumes"),
        ("podman system reset -f", "prunes-volumes"),
        ("docker compose up -V", "renews-volumes?"),
        ("docker compose up -dV db", "renews-volumes?"),
        ("docker compose up --renew-anon-volumes", "renews-volumes?"),
        ("docker compose up -d -y", "renews-volumes?"),
        ("docker compose stop -t 0", "kills-store?"),
        ("docker compose restart --timeout=0", "kills-store?"),
        ("docker compose kill", "kills-store?"),
        ("docker compose kill -s 9", "kills-store?"),
        ("docker stop -t 0 db", "kills-store?"),
        ("docker kill db", "kills-store?"),
        ("rm -rf ./volumes/postgres", "wipes-data-directory"),
        ("rm -fr volumes/*", "wipes-data-directory"),
        ("rm --recursive --force \"$ROOT/volumes/qdrant\"", "wipes-data-directory"),
        ("rm -r pgdata/", "wipes-data-directory"),
        ("rm -rf \"$PGDATA\"", "wipes-data-directory"),
        ("sudo rm -rf /var/lib/docker/volumes/x", "wipes-data-directory"),
        ("find volumes -mindepth 1 -delete", "wipes-data-directory"),
        ("find ./volumes -type f -exec rm -f {} +", "wipes-data-directory"),
    ] {
        assert_eq!(rules(line), [rule], "{line}");
    }
}

#[test]
fn inside_other_programs() {
    for line in [
        "sudo docker compose down -v",
        "sudo -u deploy -E A=b docker compose down -v",
        "env A=b C=d docker compose down -v",
        "A=b docker compose down -v",
        "time -p docker compose down -v",
        "exec docker compose down -v",
        "command docker compose down -v",
        "nice -n 10 nohup docker compose down -v &",
        "timeout -k 5 60 docker compose down -v",
        "bash -c 'docker compose down -v'",
        "sh -ec \"cd x && docker compose down -v\"",
        "sudo bash -c \"docker compose down -v\"",
        "eval docker compose down -v",
        "eval \"docker compose down -v\"",
        "su deploy -c 'docker compose down -v'",
        "ssh -p 22 deploy@host docker compose down -v",
        "ssh deploy@host 'cd app; docker compose down -v'",
        "ssh host <<'EOF'\ncd app\ndocker compose down -v\nEOF",
        "bash <<EOF\n\tdocker compose down -v\nEOF",
        "bash <<< 'docker compose down -v'",
        "trap 'docker compose down -v' EXIT",
        "trap \"docker compose down -v\" EXIT INT",
        "dotenv -e .env -- docker compose down -v",
        "cross-env A=b docker compose down -v",
        "concurrently \"npm start\" \"docker compose down -v\"",
        "out=$(docker compose down -v 2>&1)",
        "echo \"gone: $(docker compose down -v)\"",
        "echo `docker compose down -v`",
        "diff <(docker compose down -v) x",
        "echo ${X:-$(docker compose down -v)}",
        "cat <<EOF\n$(docker compose down -v)\nEOF",
        "if docker compose ps; then docker compose down -v; fi",
        "while true; do docker compose down -v; done",
        "! docker compose down -v",
        "{ docker compose down -v; }",
        "(cd x && docker compose down -v)",
        "clean() { docker compose down -v; }",
        "function clean {\n  docker compose down -v\n}",
        "case $1 in\n  clean|reset)\n    docker compose down -v\n    ;;\nesac",
        "case $1 in (x) docker compose down -v;; esac",
        "[ -f x ] && docker compose down -v",
        "[[ -f x && $y < z ]] && docker compose down -v",
        "docker compose stop; docker compose down -v",
        "true | docker compose down -v",
        "(( x++ )); docker compose down -v",
        "echo $(( (1 + 2) * 3 )); docker compose down -v",
        "cat <<A <<'B'\n1\nA\n2\nB\ndocker compose down -v",
        "x=(a \"b c\" d); docker compose down -v",
    ] {
        assert_eq!(rules(line), ["destroys-volumes"], "{line}");
    }
}

#[test]
fn through_variables_and_functions() {
    for line in [
        "DC='docker compose'\n$DC down -v",
        "DC=\"docker compose -f a.yml\"; ${DC} down -v",
        "DC=${DC:-docker compose}\n$DC down -v",
        "${COMPOSE:-docker-compose} down -v",
        "export DC=docker-compose; sudo $DC down -v",
        "local DC=docker-compose; \"$DC\" down -v",
        "DC=(docker compose -f a.yml); \"${DC[@]}\" down -v",
        "$DOCKER_COMPOSE down -v",
        "COMPOSE=$(command -v docker-compose); $COMPOSE down -v",
        "docker compose -f \"$FILE\" down -v",
        "docker compose $FLAGS down -v",
        "docker compose -p $NAME $FLAGS down -v $SERVICES",
        "docker compose \"${ARGS[@]}\" down --volumes",
        "dc() { docker compose -f a.yml \"$@\"; }\ndc down -v",
        "dc down -v\ndc() { docker compose -f a.yml \"$@\"; }",
        "dc() {\n  DC=$DOCKER\n  docker-compose $*\n}\nsudo dc down -v",
        "alias dc='docker compose -f x.yml'\ndc down -v",
        "V=-v\ndocker compose down $V",
        "A=docker; B=\"$A compose\"; C=\"$B down\"; $C -v",
    ] {
        assert_eq!(rules(line), ["destroys-volumes"], "{line}");
    }
    assert_eq!(rules("DC=make; $DC down -v"), Vec::<String>::new());
    assert_eq!(rules("$TOOL down -v"), Vec::<String>::new());
    assert_eq!(rules("V='x -v'; docker compose down \"$V\""), Vec::<String>::new());
}

#[test]
fn locations_are_exact() {
    assert_eq!(found("x.sh", "set -e\n  true && docker compose down -v\n"), "2:11 destroys-volumes\n");
    let finding = &check(
        Path::new("x.sh"),
        ScriptKind::Shell,
        "é; docker compose \\\n  down -v # gone\n",
        &DataDirectories::default(),
    )
    .findings()[0];
    let range = &finding.location;
    assert_eq!((range.line, range.column, range.end_line, range.end_column), (1, 4, 2, 10));
}

#[test]
fn makefiles() {
    let text = "\
# docker compose down -v
COMPOSE := docker compose -f x.yml
DC ?= docker-compose
EXTRA = $(COMPOSE) --profile a
WHICH := $(shell command -v docker-compose)
help:
\t@echo \"docker compose down -v\"
clean: stop ## docker compose down -v
\t@$(COMPOSE) down -v
\t-$(DC) down \\
\t\t--volumes
\t@if [ -n \"$$X\" ]; then ${EXTRA} down -v; fi
\t$(WHICH) x
\t$(DOCKER_COMPOSE) down -v
one: ; docker volume rm x
define wipe
@docker compose -p $(1) down -v
endef
all:
\t$(call wipe,shop)
\trm -rf volumes/$(NAME)
\tdocker volume rm $$(docker volume ls -q)
";
    assert_eq!(
        found("Makefile", text),
        "9:3 destroys-volumes\n10:3 destroys-volumes\n12:25 destroys-volumes\n14:2 destroys-volumes\n\
         15:8 removes-volume\n20:2 destroys-volumes\n21:2 wipes-data-directory\n22:2 removes-volume\n"
    );
    let one_shell = ".ONESHELL:\nx:\n\tDC='docker compose'\n\t$$DC down -v\n";
    assert_eq!(found("Makefile", one_shell), "4:2 destroys-volumes\n");
}

#[test]
fn justfiles() {
    let text = "\
dc := \"docker compose -f x.yml\"
list := `docker volume rm x`

# docker compose down -v
clean:
    @{{dc}} down -v
    echo 'docker compose down -v'
    docker compose down \\
        -v

nuke name=\"x\":
    #!/usr/bin/env bash
    if true; then
      docker volume rm {{name}}
    fi

py:
    #!/usr/bin/env python3
    docker compose down -v
";
    assert_eq!(
        found("justfile", text),
        "2:10 removes-volume\n6:6 destroys-volumes\n8:5 destroys-volumes\n14:7 removes-volume\n"
    );
}

#[test]
fn package_json() {
    let text = "{\n\t\"name\": \"docker compose down -v\",\n\t\"scripts\": {\n\t\t\"dev\": \"docker compose up\",\n\t\t\
                \"clean\": \"echo \\\"a b\\\" \\u0026\\u0026 docker compose down -v\",\n\t\t\
                \"//wipe\": \"safe-compose: ignore[script-destroys-volumes] test data\",\n\t\t\
                \"wipe\": \"docker compose down -v\"\n\t}\n}\n";
    assert_eq!(found("package.json", text), "5:39 destroys-volumes\n");
    assert_eq!(found("package.json", "{"), "");
}

#[test]
fn workflows() {
    let text = "\
name: docker compose down -v
env:
  DC: docker compose -f ci.yml
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - run: docker compose down -v
      - name: Clean
        run: |
          set -e
            docker compose down -v
      - run: docker --context prod compose down -v
      - shell: python
        run: docker compose down -v
  deploy:
    runs-on: [self-hosted, linux]
    steps:
      - run: >-
          docker compose
          -f ${{ inputs.file }} down
          -v
      - run: $DC down -v
      - uses: appleboy/ssh-action@v1
        with:
          script: |
            cd app
            docker compose down -v
";
    assert_eq!(
        found(".github/workflows/ci.yml", text),
        "8:14 destroys-volumes?\n12:13 destroys-volumes?\n13:14 destroys-volumes\n20:11 destroys-volumes\n\
         23:14 destroys-volumes\n28:13 destroys-volumes\n"
    );
    let action =
        "runs:\n  using: composite\n  steps:\n    - shell: bash\n      run: docker volume prune -f\n";
    assert_eq!(found("action.yml", action), "5:12 prunes-volumes\n");
}

#[test]
fn pipelines() {
    let text = "\
variables: { DC: docker compose }
.down: &down
  - docker compose down -v
test:
  before_script:
    - export X=\"docker-compose\"
    - \"$X down -v\"
  script:
    - *down
    - |
      $DC down \\
        -v
  after_script: docker system prune -f --volumes
  tags: [docker compose down -v]
";
    assert_eq!(
        found(".gitlab-ci.yml", text),
        "3:5 destroys-volumes\n7:8 destroys-volumes\n11:7 destroys-volumes\n13:17 prunes-volumes\n"
    );
    let task = "vars: {DC: docker compose}\ntasks:\n  clean:\n    cmds:\n      - '{{.DC}} down -v'\n";
    assert_eq!(found("Taskfile.yml", task), "5:10 destroys-volumes\n");
    let circle = "jobs:\n  x:\n    steps:\n      - run: docker compose down -v\n      - run:\n          command: docker compose down -v\n";
    assert_eq!(found(".circleci/config.yml", circle), "4:14 destroys-volumes\n6:20 destroys-volumes\n");
}

#[test]
fn findings_are_ignored_with_a_reason() {
    let line = "docker compose down -v";
    let mark = "# safe-compose: ignore[script-destroys-volumes]";
    assert_eq!(found("x.sh", &format!("{line} {mark} test data\n")), "");
    assert_eq!(found("x.sh", &format!("{mark} test data\n{line}\n")), "");
    assert_eq!(found("x.sh", &format!("{line} \\\n  --remove-orphans {mark} test data\n")), "");
    assert_eq!(found("x.sh", &format!("{line} {mark}\n")), "1:1 destroys-volumes\n");
    assert_eq!(found("x.sh", &format!("{line} # safe-compose: ignore[other] x\n")), "1:1 destroys-volumes\n");
    assert_eq!(found("x.sh", &format!("{line} {mark} x\n{line}\n")), "2:1 destroys-volumes\n");
    assert_eq!(
        found(
            "x.sh",
            "docker compose down -vt0 # safe-compose: ignore[script-kills-store, script-destroys-volumes] x"
        ),
        ""
    );
}

#[test]
fn directories_that_compose_mounts() {
    let mut directories = DataDirectories::default();
    directories.add(
        Path::new(""),
        "services:\n  db:\n    volumes:\n      - ./state/db:/var/lib/x\n      - ./src:/app/src\n      \
         - ./seed:/seed:ro\n      - {type: bind, source: ./files, target: /files}\n      - .:/app\n",
    );
    let rules = |line: &str| found_among("x.sh", line, &directories);
    assert_eq!(rules("rm -rf state/db/*"), "1:1 wipes-data-directory\n");
    assert_eq!(rules("rm -rf ./state"), "1:1 wipes-data-directory\n");
    assert_eq!(rules("rm -rf files/x"), "1:1 wipes-data-directory\n");
    for line in ["rm -rf src", "rm -rf seed", "rm -rf statement", "rm -rf .cache", "ssh h rm -rf state/db"] {
        assert_eq!(rules(line), "", "{line}");
    }
}

#[test]
fn what_a_build_makes_below_mounted_sources_is_no_data() {
    let mut directories = DataDirectories::default();
    directories.add(
        Path::new(""),
        "services:\n  web:\n    volumes: [\"./web:/usr/share/web\"]\n  qdrant:\n    \
         volumes: [\"./volumes/qdrant:/qdrant/storage\", \"./data:/data\"]\n",
    );
    let rules = |line: &str| found_among("x.sh", line, &directories);
    for line in [
        "rm -rf web/dist",
        "rm -rf ./web/node_modules/.cache",
        "cd web && rm -rf dist",
        "npx rimraf web/.next",
    ] {
        assert_eq!(rules(line), "", "{line}");
    }
    for line in
        ["rm -rf ./volumes/qdrant", "rm -rf data/", "rm -rf web", "rm -rf web/uploads", "rm -rf data/x"]
    {
        assert_eq!(rules(line), "1:1 wipes-data-directory\n", "{line}");
    }
}
