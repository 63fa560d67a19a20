//! Work that ends properly even when nobody waits for it any more.
//!
//! A future that is dropped, by Ctrl-C for example, stops where it stands; what it has made on the server would stay
//! there. Such work runs on a thread and an async runtime of its own, where it is told that its caller is gone, and
//! cleans up. The thread is one of the caller's runtime, so that shutting that down waits for it (a task would not be
//! waited for). That wait may be short; work that has passed a point of no return is waited for where its caller is
//! dropped, however long it takes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Tells whether the caller is gone.
#[derive(Clone, Default)]
pub(crate) struct Gone {
    token: CancellationToken,
    point: Arc<Point>,
}

/// Whether the work must not stop any more.
#[derive(Default)]
struct Point {
    passed: Mutex<bool>,
    changed: Condvar,
}

/// Nobody waits for the result.
#[derive(Debug, thiserror::Error)]
#[error("it was interrupted")]
pub(crate) struct Interrupted;

impl Gone {
    /// For work that must not stop any more.
    pub(crate) fn never() -> Self {
        Self::default()
    }

    /// Fails once the caller is gone.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.token.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    /// Does a piece of work that may be dropped at any point, unless the caller goes before it is done.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(Interrupted.into()),
            done = work => done,
        }
    }

    /// Ends when the caller is gone.
    pub(crate) async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Passes the point of no return, unless the caller is gone: as long as the answer lives, the caller cannot go.
    pub(crate) fn commit(&self) -> Result<Committed, Interrupted> {
        let mut passed = self.point.lock();
        self.check()?;
        *passed = true;
        Ok(Committed(Arc::clone(&self.point)))
    }
}

impl Point {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stretch that must not end half-way.
pub(crate) struct Committed(Arc<Point>);

impl Drop for Committed {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.changed.notify_all();
    }
}

/// The caller's side.
struct Caller(Gone);

impl Drop for Caller {
    fn drop(&mut self) {
        let Gone { token, point } = &self.0;
        let mut passed = point.lock();
        token.cancel();
        while *passed {
            passed = point.changed.wait(passed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Runs `work` to its own end, whatever happens to this call.
pub(crate) async fn to_its_end<T, F>(work: impl FnOnce(Gone) -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let gone = Gone::default();
    let _caller = Caller(gone.clone());
    let running = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work(gone))
    });
    running.await?
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_result_comes_back() {
        assert_eq!(to_its_end(async |_| Ok(7)).await.expect("done"), 7);
        let error = to_its_end::<(), _>(async |_| anyhow::bail!("no")).await.expect_err("failed");
        assert_eq!(error.to_string(), "no");
    }

    #[test]
    fn cleaning_up_goes_on_when_the_caller_is_gone() {
        let cleaned = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cleaned);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let work = to_its_end::<(), _>(async move |gone: Gone| {
                let ended = gone.or(std::future::pending::<anyhow::Result<()>>()).await;
                assert!(ended.expect_err("interrupted").is::<Interrupted>());
                tokio::time::sleep(Duration::from_millis(200)).await;
                flag.store(true, Ordering::Release);
                Ok(())
            });
            let interrupted = tokio::time::timeout(Duration::from_millis(50), work).await;
            assert!(interrupted.is_err());
        });
        assert!(!cleaned.load(Ordering::Acquire), "it is still at it");
        runtime.shutdown_timeout(Duration::from_secs(5));
        assert!(cleaned.load(Ordering::Acquire), "and was waited for");
    }

    #[test]
    fn behind_the_point_of_no_return_the_caller_waits() {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let work = to_its_end::<(), _>(async move |gone: Gone| {
                let committed = gone.commit()?;
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
    async fn whoever_is_gone_lets_nobody_pass() {
        let gone = Gone::default();
        assert!(gone.commit().is_ok());
        drop(Caller(gone.clone()));
        assert!(gone.commit().is_err());
    }
}
