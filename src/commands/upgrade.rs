//! `safe-compose upgrade`: converts the data of a service for the image that the Compose file names.

mod apply;
mod conversion;
mod convert;
mod place;
mod plan;
mod refuse;
mod servers;
mod serving;

use super::context::{CommandContext, ProjectContext};
use super::mode::Mode;
use super::services;
use crate::cli::{Format, UpgradeArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Page;
use plan::{Found, UpgradePlan};

pub(super) async fn run(
    command: &CommandContext,
    args: &UpgradeArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    services::ensure_known(&cx, std::slice::from_ref(&args.service))?;
    let plan = match plan::find(&cx, args).await? {
        Found::Nothing { what } => {
            plan::report_nothing(&cx, mode, output, &what);
            return Ok(Exit::Success);
        }
        Found::Upgrade(plan) => plan,
    };
    match mode {
        Mode::DryRun => Ok(plan.dry_run(&cx).show(cx.ui(), output)),
        Mode::Apply(apply) => {
            announce(&cx, &plan);
            Box::pin(apply::run(&cx, apply, (&plan, args), output)).await
        }
    }
}

fn announce(cx: &ProjectContext<'_>, plan: &UpgradePlan) {
    cx.ui().say(format!(
        "`{}` will be upgraded from {} to {} (`{}`).",
        plan.store.service, plan.data, plan.server, plan.image
    ));
    cx.ui().text(Page::new().text(plan.dry_run(cx).announcement()));
    cx.ui().say(plan.downtime());
}
