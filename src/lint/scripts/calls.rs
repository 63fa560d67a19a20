//! The programs that a script calls, behind `sudo`, `xargs`, `bash -c`, functions and their like.

use super::shell::{Argument, Scope, Statement, parse};
use super::snippet::Snippet;
use super::wrappers::{base_name, inner, skip_flags};

/// Scripts within scripts, and functions within functions, are followed this far.
const DEEPEST: usize = 8;

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The last part of its path; empty if it is unknown.
    pub program: String,
    pub arguments: Vec<Argument>,
    /// It runs on another machine.
    pub remote: bool,
    /// The stretch of the file.
    pub from: usize,
    pub to: usize,
}

/// Shows every call of a script, in the order of its text.
pub(super) fn each_call(script: &Snippet, scope: &Scope<'_>, remote: bool, look: &mut dyn FnMut(&Call)) {
    Reader { look }.script(script, scope, Way { depth: 0, remote });
}

/// How a script came to be run.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    depth: usize,
    remote: bool,
}

struct Reader<'a> {
    look: &'a mut dyn FnMut(&Call),
}

impl Reader<'_> {
    fn script(&mut self, script: &Snippet, outer: &Scope<'_>, way: Way) {
        if way.depth > DEEPEST || script.is_empty() {
            return;
        }
        let statements = parse(script);
        let mut scope = outer.within();
        // A function may use what is set only behind it, so everything is known before the first call is looked at;
        // then once more, in order, for names that change.
        for statement in &statements {
            scope.define(statement);
        }
        for statement in &statements {
            if let Statement::Assignment { .. } = statement {
                scope.define(statement);
            }
            if let Statement::Command(command) = statement {
                let arguments = scope.arguments(&command.words);
                self.command(&arguments, &command.input, &scope, way);
            }
        }
    }

    fn command(&mut self, arguments: &[Argument], input: &[Snippet], scope: &Scope<'_>, way: Way) {
        let (Some(first), Some(last)) = (arguments.first(), arguments.last()) else { return };
        let (from, to) = (first.from, last.to.max(first.to));
        let mut arguments = arguments.to_vec();
        let mut functions: Vec<String> = Vec::new();
        for _ in 0..DEEPEST {
            let name = arguments.first().map(|first| first.as_str().to_owned()).unwrap_or_default();
            // A function may call the program that it is named after.
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
        self.scripts_within(&name, rest, input, scope, way);
        let call = Call { program: name, arguments: rest.to_vec(), remote: way.remote, from, to };
        (self.look)(&call);
    }

    /// Follows programs that are given a script to run.
    fn scripts_within(
        &mut self,
        program: &str,
        rest: &[Argument],
        input: &[Snippet],
        scope: &Scope<'_>,
        way: Way,
    ) {
        let deeper = Way { depth: way.depth + 1, ..way };
        match program {
            "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "su" => {
                let flag = |argument: &Argument| {
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
                let deeper = Way { remote: true, ..deeper };
                let words = skip_flags(rest, VALUED);
                let words = words.split_first().map_or(words, |(_, behind)| skip_flags(behind, VALUED));
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
                // What it stands for is looked at where it is made; nothing more is asked of a script.
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

    fn inputs(&mut self, input: &[Snippet], scope: &Scope<'_>, way: Way) {
        for script in input {
            self.script(script, scope, way);
        }
    }
}

fn joined(words: &[Argument]) -> Snippet {
    let mut script = Snippet::default();
    for word in words {
        if !script.is_empty() {
            script.push_for(" ", word.from, word.from);
        }
        script.push(&word.text);
    }
    script
}

/// The program that a variable nobody sets is named after: `$DOCKER_COMPOSE down`.
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
