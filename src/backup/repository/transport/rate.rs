//! Limits on how many bytes are sent and received in a second.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is paced at once. Smaller pieces make a steadier flow, larger ones less work.
pub(super) const PIECE: usize = 32 * 1024;

/// The limits of both directions, shared by all requests to a repository.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    pub(super) upload: Rate,
    pub(super) download: Rate,
}

/// A limit, or none.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate(Option<Arc<Bucket>>);

#[derive(Debug)]
struct Bucket {
    bytes_per_second: u64,
    schedule: Mutex<Schedule>,
}

#[derive(Debug)]
struct Schedule {
    /// When the next byte may pass.
    next: Instant,
    /// How many bytes were let through.
    passed: u64,
}

impl RateLimits {
    /// In KiB a second.
    pub fn new(upload: Option<NonZeroU32>, download: Option<NonZeroU32>) -> Self {
        Self { upload: Rate::new(upload), download: Rate::new(download) }
    }

    /// How many bytes were sent and received under a limit.
    #[cfg(any(test, feature = "internals"))]
    pub fn passed(&self) -> (u64, u64) {
        (self.upload.passed(), self.download.passed())
    }
}

impl Rate {
    pub(super) fn new(kibibytes_per_second: Option<NonZeroU32>) -> Self {
        Self(kibibytes_per_second.map(|limit| {
            Arc::new(Bucket {
                bytes_per_second: u64::from(limit.get()) * 1024,
                schedule: Mutex::new(Schedule { next: Instant::now(), passed: 0 }),
            })
        }))
    }

    /// When this many bytes may pass, if they have to wait. What waits delays everything after it.
    pub(super) fn reserve(&self, bytes: usize) -> Option<Instant> {
        let bucket = self.0.as_ref()?;
        let mut schedule = bucket.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let at = schedule.next.max(now);
        let nanoseconds = u128::from(bytes as u64) * 1_000_000_000 / u128::from(bucket.bytes_per_second);
        schedule.next = at + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        schedule.passed += bytes as u64;
        (at > now).then_some(at)
    }

    /// Waits until this many bytes may pass.
    pub(super) async fn wait(&self, bytes: usize) {
        if let Some(at) = self.reserve(bytes) {
            tokio::time::sleep_until(at).await;
        }
    }

    /// The same, on a thread of its own.
    pub(super) fn block(&self, bytes: usize) {
        if let Some(at) = self.reserve(bytes) {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
        }
    }

    #[cfg(any(test, feature = "internals"))]
    fn passed(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |bucket| bucket.schedule.lock().unwrap_or_else(PoisonError::into_inner).passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_at_the_rate_and_not_faster() {
        let rate = Rate::new(NonZeroU32::new(10));
        let start = Instant::now();
        // Two at once share the limit.
        let one = async {
            for _ in 0..50 {
                rate.wait(1024).await;
            }
        };
        let other = async {
            for _ in 0..50 {
                rate.wait(1024).await;
            }
        };
        tokio::join!(one, other);
        // The first piece does not wait, so 99 do.
        let waited = start.elapsed().as_millis();
        assert!((9_900..9_910).contains(&waited), "{waited} ms");
        assert_eq!(rate.passed(), 100 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_was_not_used_is_not_saved_up() {
        let rate = Rate::new(NonZeroU32::new(1));
        rate.wait(1024).await;
        tokio::time::advance(Duration::from_mins(1)).await;
        let start = Instant::now();
        rate.wait(1024).await;
        rate.wait(1024).await;
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let rate = Rate::new(None);
        assert_eq!(rate.reserve(usize::MAX), None);
        assert_eq!(rate.passed(), 0);
    }
}
