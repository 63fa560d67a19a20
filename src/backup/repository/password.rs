//! The password of a repository: from the environment, a file or a program; never from an argument.

use std::ffi::OsString;
use std::path::Path;

use super::RepositoryError;
use crate::env::Env;
use crate::process::{Capture, capture};
use crate::secret::Secret;
use crate::settings::RepositorySettings;

/// Finds the password. `directory` is that of the project.
pub fn find(env: &Env, settings: &RepositorySettings, directory: &Path) -> Result<Secret, RepositoryError> {
    if let Some(password) = &env.repository_password {
        return Ok(password.clone());
    }
    if let Some(file) = &settings.password_file {
        let path = directory.join(file);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| RepositoryError::PasswordFile { path, source })?;
        return not_empty(text.lines().next().unwrap_or_default());
    }
    if let Some([program, args @ ..]) = settings.password_command.as_deref() {
        return not_empty(&printed(env, directory, program, args)?);
    }
    Err(RepositoryError::NoPassword)
}

fn not_empty(text: &str) -> Result<Secret, RepositoryError> {
    if text.is_empty() { Err(RepositoryError::EmptyPassword) } else { Ok(Secret::new(text)) }
}

/// The first line that a program prints. What it prints to standard error is shown if it fails; its output never is.
fn printed(env: &Env, directory: &Path, program: &str, args: &[String]) -> Result<String, RepositoryError> {
    let failed = |reason: String| RepositoryError::PasswordCommand { program: program.to_owned(), reason };
    let path = if program.contains('/') { Some(directory.join(program)) } else { env.program(program) };
    let path = path.ok_or_else(|| failed("there is no such program on `PATH`".to_owned()))?;
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let run = Capture { program: &path, args: &args, env_remove: &[], stdin: None };
    let output = capture(&run).map_err(|error| failed(error.to_string()))?;
    if output.code != 0 {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().next_back().unwrap_or_default().trim();
        return Err(failed(format!("exit code {}: {last}", output.code)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".to_owned()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_programs() -> Env {
        Env { path: Some("/usr/bin:/bin".into()), ..Env::default() }
    }

    fn settings() -> RepositorySettings {
        RepositorySettings {
            url: "/repo".to_owned(),
            password_file: None,
            password_command: None,
            required: false,
            limit_upload: 0,
            limit_download: 0,
        }
    }

    fn found(settings: &RepositorySettings, env: &Env, directory: &Path) -> String {
        match find(env, settings, directory) {
            Ok(password) => password.expose().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn the_environment_comes_first_then_the_file_then_the_program() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("secret"), "of the file\nmore").expect("written");
        let env = |password: Option<&str>| Env {
            repository_password: password.map(Secret::new),
            ..with_programs()
        };
        let program = vec!["printf".to_owned(), "of the program\\nmore".to_owned()];
        let both = RepositorySettings {
            password_file: Some("secret".into()),
            password_command: Some(program.clone()),
            ..settings()
        };
        assert_eq!(found(&both, &env(Some("of the variable")), directory.path()), "of the variable");
        assert_eq!(found(&both, &env(None), directory.path()), "of the file");
        let command = RepositorySettings { password_command: Some(program), ..settings() };
        assert_eq!(found(&command, &env(None), directory.path()), "of the program");
        assert!(found(&settings(), &env(None), directory.path()).contains("not set"));
        std::fs::write(directory.path().join("secret"), "\n").expect("written");
        assert!(found(&both, &env(None), directory.path()).contains("empty"));
    }

    #[test]
    fn a_program_that_fails_shows_its_error_and_not_its_output() {
        let script = "echo hunter2; echo locked >&2; exit 3".to_owned();
        let failing = RepositorySettings {
            password_command: Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
            ..settings()
        };
        let text = found(&failing, &with_programs(), Path::new("/"));
        assert!(text.contains("exit code 3: locked") && !text.contains("hunter2"), "{text}");
        let missing =
            RepositorySettings { password_command: Some(vec!["no-such-program".to_owned()]), ..settings() };
        assert!(found(&missing, &with_programs(), Path::new("/")).contains("no such program"));
    }
}
