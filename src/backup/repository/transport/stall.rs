//! Notices that nothing moves any more.
//!
//! A request may take as long as it needs, as long as something happens: a limit on all of it would end large files on slow
//! lines.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::TransportError;

/// When something last moved in a request.
#[derive(Debug, Clone)]
pub(super) struct StallWatch {
    last: Arc<Mutex<Instant>>,
    patience: Duration,
}

impl StallWatch {
    pub(super) fn new(patience: Duration) -> Self {
        Self { last: Arc::new(Mutex::new(Instant::now())), patience }
    }

    /// Something moved.
    pub(super) fn moved(&self) {
        self.will_move(Instant::now());
    }

    /// It waits on purpose until then.
    pub(super) fn will_move(&self, at: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = at.max(*last);
    }

    /// Waits for a request, unless it stalls.
    pub(super) async fn watch<T>(
        &self,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        tokio::pin!(request);
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                done = &mut request => return done,
                () = sleep_until(deadline) => {
                    if self.deadline() <= deadline {
                        let seconds = self.patience.as_secs_f32();
                        return Err(TransportError::temporary(format!("the server did nothing for {seconds} seconds")));
                    }
                }
            }
        }
    }

    fn deadline(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.patience
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn what_moves_may_take_long() {
        let watch = StallWatch::new(PATIENCE);
        let request = async {
            for _ in 0..20 {
                sleep(Duration::from_secs(50)).await;
                watch.moved();
            }
            // A limit of the settings may make it wait longer.
            let at = Instant::now() + Duration::from_mins(5);
            watch.will_move(at);
            sleep_until(at).await;
            Ok(())
        };
        watch.watch(request).await.expect("it moved");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_move_is_ended() {
        let watch = StallWatch::new(PATIENCE);
        let start = Instant::now();
        let request = async {
            sleep(Duration::from_secs(50)).await;
            watch.moved();
            std::future::pending::<Result<(), TransportError>>().await
        };
        let error = watch.watch(request).await.expect_err("it stalls");
        assert_eq!(error.to_string(), "the server did nothing for 60 seconds");
        assert!(error.is_temporary(false));
        assert_eq!(start.elapsed().as_secs(), 110);
    }
}
