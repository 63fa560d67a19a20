//! Work that cleans up after itself, even when its caller is cancelled.
//!
//! A future that is dropped, by Ctrl-C for example, stops where it is, and what it made on the server would stay there.
//! Such work runs as a task: when its caller is dropped, the task is cancelled, and the caller waits until it has cleaned
//! up. That wait is short, unless the work has committed itself: then it lasts until the work is done.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long the cleanup of cancelled work may take: an unresponsive server does not keep the user waiting.
const CLEANUP: Duration = Duration::from_secs(5);

/// Tells a piece of work whether its caller is gone.
#[derive(Clone, Default)]
pub(crate) struct Cancellation {
    token: CancellationToken,
    /// Has a token while the work is committed.
    committed: TaskTracker,
}

/// The caller is gone, so nobody waits for the result.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

impl Cancellation {
    /// For work that cannot be cancelled.
    pub(crate) fn never() -> Self {
        Self::default()
    }

    /// Fails once the caller is gone.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.token.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    /// Runs work that may be dropped at any point, unless the caller goes before it is done.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(Interrupted.into()),
            done = work => done,
        }
    }

    /// Ends when the caller is gone.
    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Passes the point of no return, unless the caller is gone: it waits for the work as long as the result lives.
    pub(crate) fn commit(&self) -> Result<Committed, Interrupted> {
        // The token comes first: a caller that cancels after the check sees it.
        let committed = Committed { _token: self.committed.token() };
        self.check()?;
        Ok(committed)
    }
}

/// A stretch of work that must not stop half-way.
pub(crate) struct Committed {
    _token: TaskTrackerToken,
}

/// The caller's side.
struct Caller {
    cancellation: Cancellation,
    tasks: TaskTracker,
    cleanup: Duration,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.cancellation.token.cancel();
        let (tasks, committed) = (&self.tasks, &self.cancellation.committed);
        tasks.close();
        committed.close();
        let Ok(runtime) = Handle::try_current() else { return };
        // A runtime of one thread cannot run the task while this waits.
        if tasks.is_empty() || runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        tokio::task::block_in_place(|| {
            runtime.block_on(async {
                // What takes longer goes on until the runtime ends.
                let _ = tokio::time::timeout(self.cleanup, tasks.wait()).await;
                committed.wait().await;
            });
        });
    }
}

/// Runs `work` to its end, cleanup included, even when this call is dropped.
pub(crate) async fn run_to_completion<T, F>(
    work: impl FnOnce(Cancellation) -> F + Send + 'static,
) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    run_with(CLEANUP, work).await
}

async fn run_with<T, F>(
    cleanup: Duration,
    work: impl FnOnce(Cancellation) -> F + Send + 'static,
) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let caller = Caller { cancellation: Cancellation::default(), tasks: TaskTracker::new(), cleanup };
    let task = caller.tasks.spawn(work(caller.cancellation.clone()));
    task.await?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
    }

    #[tokio::test]
    async fn the_result_comes_back() {
        assert_eq!(run_to_completion(async |_| Ok(7)).await.expect("done"), 7);
        let error = run_to_completion::<(), _>(async |_| anyhow::bail!("no")).await.expect_err("failed");
        assert_eq!(error.to_string(), "no");
    }

    #[test]
    fn a_dropped_caller_waits_for_the_cleanup() {
        let cleaned = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cleaned);
        runtime().block_on(async {
            let work = run_to_completion::<(), _>(async move |cancellation: Cancellation| {
                let ended = cancellation.unless_cancelled(std::future::pending::<anyhow::Result<()>>()).await;
                assert!(ended.expect_err("interrupted").is::<Interrupted>());
                tokio::time::sleep(Duration::from_millis(200)).await;
                flag.store(true, Ordering::Release);
                Ok(())
            });
            assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
            assert!(cleaned.load(Ordering::Acquire));
        });
    }

    #[test]
    fn after_the_point_of_no_return_the_caller_waits_for_the_end() {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        runtime().block_on(async {
            let cleanup = Duration::from_millis(10);
            let work = run_with::<(), _>(cleanup, async move |cancellation: Cancellation| {
                let committed = cancellation.commit()?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                flag.store(true, Ordering::Release);
                drop(committed);
                Ok(())
            });
            assert!(tokio::time::timeout(Duration::from_millis(100), work).await.is_err());
        });
        assert!(ended.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn cancelled_work_cannot_commit() {
        let cancellation = Cancellation::default();
        assert!(cancellation.commit().is_ok());
        drop(Caller { cancellation: cancellation.clone(), tasks: TaskTracker::new(), cleanup: CLEANUP });
        assert!(cancellation.commit().is_err());
    }
}
