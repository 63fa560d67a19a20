//! The programs that a script calls, directly or through `sudo`, `xargs`, `bash -c`, functions and the like.

use super::mapped_text::MappedText;
use super::shell::{ShellArgument, ShellScope, ShellStatement, parse};
use super::wrappers::{base_name, inner, skip_flags};

/// The deepest nesting of scripts and functions that is followed.
const MAX_DEPTH: usize = 8;

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptCall {
    /// The last part of its path; empty if it is unknown.
    pub program: String,
    pub arguments: Vec<ShellArgument>,
    /// It runs on another machine.
    pub remote: bool,
    /// The range in the file.
    pub from: usize,
    pub to: usize,
}

/// Passes every call of a script to `visit`, in the order of the text.
pub(super) fn each_call(
    script: &MappedText,
    scope: &ShellScope<'_>,
    remote: bool,
    visit: &mut dyn FnMut(&ScriptCall),
) {
    CallFinder { visit }.script(script, scope, Nesting { depth: 0, remote });
}

/// How a script is run.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    remote: bool,
}

struct CallFinder<'a> {
    visit: &'a mut dyn FnMut(&ScriptCall),
}

impl CallFinder<'_> {
    fn script(&mut self, script: &MappedText, outer: &ShellScope<'_>, nesting: Nesting) {
        if nesting.depth > MAX_DEPTH || script.is_empty() {
            return;
        }
        let statements = parse(script);
        let mut scope = outer.within();
        // A function may use what is set after it, so everything is defined before the first call is read, and then once
        // more in order, for variables that change.
        for statement in &statements {
            scope.define(statement);
        }
        for statement in &statements {
            if let ShellStatement::Assignment { .. } = statement {
                scope.define(statement);
            }
            if let ShellStatement::Command(command) = statement {
                let arguments = scope.arguments(&command.words);
                self.command(&arguments, &command.input, &scope, nesting);
            }
        }
    }

    fn command(
        &mut self,
        arguments: &[ShellArgument],
        input: &[MappedText],
        scope: &ShellScope<'_>,
        nesting: Nesting,
    ) {
        let (Some(first), Some(last)) = (arguments.first(), arguments.last()) else { return };
        let (from, to) = (first.from, last.to.max(first.to));
        let mut arguments = arguments.to_vec();
        let mut functions: Vec<String> = Vec::new();
        for _ in 0..MAX_DEPTH {
            let name = arguments.first().map(|first| first.as_str().to_owned()).unwrap_or_default();
            // A function may call the program of the same name.
            if !functions.contains(&name)
                && let Some(through) = scope.through_function(&arguments)
            {
                functions.push(name);
                arguments = through;
            } else if let Some(within) = inner(&arguments) {
                arguments = within.to_vec();
            } else {
                break;
            }
        }
        let Some((program, rest)) = arguments.split_first() else { return };
        let name = match &program.variable {
            Some(variable) => guess_program(variable).to_owned(),
            None => base_name(program.as_str()).to_owned(),
        };
        self.scripts_within(&name, rest, input, scope, nesting);
        let call = ScriptCall { program: name, arguments: rest.to_vec(), remote: nesting.remote, from, to };
        (self.visit)(&call);
    }

    /// Follows programs that run a script.
    fn scripts_within(
        &mut self,
        program: &str,
        rest: &[ShellArgument],
        input: &[MappedText],
        scope: &ShellScope<'_>,
        nesting: Nesting,
    ) {
        let deeper = Nesting { depth: nesting.depth + 1, ..nesting };
        match program {
            "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "su" => {
                let flag = |argument: &ShellArgument| {
                    let text = argument.as_str();
                    text == "--command"
                        || (text.starts_with('-') && !text.starts_with("--") && text.ends_with('c'))
                };
                if let Some(at) = rest.iter().position(flag) {
                    if let Some(script) = rest.get(at + 1) {
                        self.script(&script.text, scope, deeper);
                    }
                } else {
                    self.inputs(input, scope, deeper);
                }
            }
            "ssh" => {
                const VALUED: &[&str] = &[
                    "-B", "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o",
                    "-p", "-Q", "-R", "-S", "-W", "-w",
                ];
                let deeper = Nesting { remote: true, ..deeper };
                let words = skip_flags(rest, VALUED);
                let words = words.split_first().map_or(words, |(_, after)| skip_flags(after, VALUED));
                if words.is_empty() {
                    self.inputs(input, scope, deeper);
                } else {
                    self.script(&joined(words), scope, deeper);
                }
            }
            "eval" | "watch" => self.script(&joined(rest), scope, deeper),
            "trap" => {
                if let Some(script) = skip_flags(rest, &[]).first() {
                    self.script(&script.text, scope, deeper);
                }
            }
            "concurrently" => {
                for script in rest.iter().filter(|argument| argument.as_str().contains(' ')) {
                    self.script(&script.text, scope, deeper);
                }
            }
            "alias" => {
                // The command is checked where the alias is defined.
                for definition in rest {
                    if let Some((name, _)) = definition.as_str().split_once('=') {
                        let at = name.len() + 1;
                        self.script(&definition.text.part(at..definition.text.len()), scope, deeper);
                    }
                }
            }
            _ => {}
        }
    }

    fn inputs(&mut self, input: &[MappedText], scope: &ShellScope<'_>, nesting: Nesting) {
        for script in input {
            self.script(script, scope, nesting);
        }
    }
}

fn joined(words: &[ShellArgument]) -> MappedText {
    let mut script = MappedText::default();
    for word in words {
        if !script.is_empty() {
            script.push_for(" ", word.from, word.from);
        }
        script.push(&word.text);
    }
    script
}

/// The program that an unset variable is named after: `$DOCKER_COMPOSE down`.
fn guess_program(variable: &str) -> &'static str {
    let name = variable.to_ascii_lowercase();
    if name.contains("compose") || name == "dc" {
        "docker-compose"
    } else if matches!(name.as_str(), "docker" | "docker_cmd" | "docker_bin" | "docker_cli") {
        "docker"
    } else {
        ""
    }
}
