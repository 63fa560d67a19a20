//! The `safe-compose` program: everything it does is in the library's [`main`](safe_compose::main).

use std::process::ExitCode;

fn main() -> ExitCode {
    safe_compose::main()
}
