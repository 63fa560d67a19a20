//! Programs that run another program, and where its command starts.

use super::shell::ShellArgument;

/// A program that runs the command after its own flags.
#[derive(Debug, Clone, Copy)]
struct Wrapper {
    name: &'static str,
    /// Flags whose value is the next argument. Of combined short flags, only the last can have one.
    valued: &'static [&'static str],
    /// The number of operands before the command.
    operands: usize,
    /// Whether `NAME=value` may precede the command.
    assignments: bool,
}

const fn wrapper(name: &'static str, valued: &'static [&'static str]) -> Wrapper {
    Wrapper { name, valued, operands: 0, assignments: false }
}

impl Wrapper {
    const fn operands(self, operands: usize) -> Self {
        Self { operands, ..self }
    }

    const fn assignments(self) -> Self {
        Self { assignments: true, ..self }
    }
}

/// From the manual pages of sudo 1.9, coreutils 9, util-linux 2.40, findutils 4.10, and of the npm packages.
const WRAPPERS: &[Wrapper] = &[
    wrapper(
        "sudo",
        &[
            "-u",
            "-g",
            "-h",
            "-p",
            "-C",
            "-r",
            "-t",
            "-T",
            "-U",
            "-D",
            "-R",
            "--user",
            "--group",
            "--host",
            "--prompt",
            "--close-from",
            "--role",
            "--type",
            "--command-timeout",
            "--other-user",
            "--chdir",
            "--chroot",
        ],
    )
    .assignments(),
    wrapper("doas", &["-u", "-C"]),
    wrapper("env", &["-u", "-C", "--unset", "--chdir"]).assignments(),
    wrapper("cross-env", &[]).assignments(),
    wrapper("exec", &["-a"]),
    wrapper("command", &[]),
    wrapper("builtin", &[]),
    wrapper("time", &["-f", "-o", "--format", "--output"]),
    wrapper("nohup", &[]),
    wrapper("setsid", &[]),
    wrapper("nice", &["-n", "--adjustment"]),
    wrapper("ionice", &["-c", "-n", "--class", "--classdata"]),
    wrapper("chrt", &[]).operands(1),
    wrapper("stdbuf", &["-i", "-o", "-e", "--input", "--output", "--error"]),
    wrapper("timeout", &["-s", "-k", "--signal", "--kill-after"]).operands(1),
    wrapper("flock", &["-w", "-E", "--timeout", "--conflict-exit-code"]).operands(1),
    wrapper("watch", &["-n", "-q", "--interval", "--equexit"]),
    wrapper(
        "xargs",
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-d",
            "-a",
            "-E",
            "-s",
            "--replace",
            "--max-args",
            "--max-procs",
            "--max-lines",
            "--delimiter",
            "--arg-file",
            "--max-chars",
        ],
    ),
    wrapper("chronic", &[]),
    wrapper("unbuffer", &[]),
    wrapper("caffeinate", &["-t", "-w"]),
    wrapper("direnv", &[]).operands(2),
];

/// Programs that run the command after `--`.
const AFTER_DASHES: &[&str] = &["dotenv", "dotenvx", "op", "doppler", "infisical", "aws-vault", "with-env"];

/// The command that a program runs; `None` if it runs none.
pub(super) fn inner(arguments: &[ShellArgument]) -> Option<&[ShellArgument]> {
    let (program, rest) = arguments.split_first()?;
    let name = base_name(program.as_str());
    if AFTER_DASHES.contains(&name) {
        let at = rest.iter().position(|argument| argument.as_str() == "--")?;
        return Some(&rest[at + 1..]);
    }
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == name)?;
    let mut rest = skip_flags(rest, wrapper.valued);
    for _ in 0..wrapper.operands {
        rest = rest.split_first()?.1;
        // `flock FILE -c …` runs a script, which is not read here.
        rest = skip_flags(rest, wrapper.valued);
    }
    while wrapper.assignments && rest.first().is_some_and(is_assignment) {
        rest = &rest[1..];
    }
    Some(rest)
}

/// Skips flags and their values.
pub(super) fn skip_flags<'a>(mut rest: &'a [ShellArgument], valued: &[&str]) -> &'a [ShellArgument] {
    while let Some((first, after)) = rest.split_first() {
        let text = first.as_str();
        if text == "--" {
            return after;
        }
        if !text.starts_with('-') || text.len() < 2 {
            return rest;
        }
        rest = after;
        if takes_next(text, valued) {
            rest = rest.split_first().map_or(rest, |(_, after)| after);
        }
    }
    rest
}

fn takes_next(flag: &str, valued: &[&str]) -> bool {
    if flag.starts_with("--") {
        return valued.contains(&flag);
    }
    let is_valued = |letter: char| {
        valued.iter().any(|name| name.strip_prefix('-') == Some(letter.encode_utf8(&mut [0; 4])))
    };
    let mut letters = flag.chars().skip(1);
    while let Some(letter) = letters.next() {
        if is_valued(letter) {
            return letters.next().is_none();
        }
    }
    false
}

fn is_assignment(argument: &ShellArgument) -> bool {
    argument.as_str().split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The last component of a path.
pub(super) fn base_name(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name)
}
