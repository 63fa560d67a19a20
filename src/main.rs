//! The `safe-compose` program: everything it does is in the library's [`run`](safe_compose::run).

use std::process::ExitCode;

fn main() -> ExitCode {
    safe_compose::run::main()
}
