//! The body of a request, in pieces that keep to the limit.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::rate::{PIECE, Rate};
use super::stall::StallWatch;

/// A body whose length is known before it is sent.
pub(super) struct PacedBody {
    parts: VecDeque<Bytes>,
    left: u64,
    rate: Rate,
    watch: StallWatch,
    /// The next piece, and until when it has to wait.
    next: Option<(Bytes, Option<Pin<Box<Sleep>>>)>,
}

impl PacedBody {
    pub(super) fn new(content: Vec<Bytes>, rate: Rate, watch: StallWatch) -> Self {
        let parts: VecDeque<Bytes> = content.into_iter().filter(|part| !part.is_empty()).collect();
        let left = parts.iter().map(|part| part.len() as u64).sum();
        Self { parts, left, rate, watch, next: None }
    }

    fn take_piece(&mut self) -> Option<Bytes> {
        let part = self.parts.front_mut()?;
        let piece = part.split_to(part.len().min(PIECE));
        if part.is_empty() {
            self.parts.pop_front();
        }
        Some(piece)
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.watch.moved();
        if self.next.is_none() {
            let Some(piece) = self.take_piece() else { return Poll::Ready(None) };
            let wait = self.rate.reserve(piece.len()).map(|at| {
                self.watch.will_move(at);
                Box::pin(tokio::time::sleep_until(at))
            });
            self.next = Some((piece, wait));
        }
        if let Some((_, Some(wait))) = &mut self.next {
            ready!(wait.as_mut().poll(context));
        }
        let piece = self.next.take().map(|(piece, _)| piece).unwrap_or_default();
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_whole_and_keeps_to_the_limit() {
        let content: Vec<Bytes> =
            vec![Bytes::from(vec![1; 100_000]), Bytes::new(), Bytes::from(vec![2; 31_072])];
        let expected = content.concat();
        let watch = StallWatch::new(Duration::from_secs(1));
        let mut body = Box::pin(PacedBody::new(content, Rate::new(NonZeroU32::new(16)), watch.clone()));
        assert_eq!(body.size_hint().exact(), Some(131_072));
        let start = Instant::now();
        let mut sent = Vec::new();
        let sending = async {
            while let Some(Ok(frame)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
                let piece = frame.into_data().expect("data");
                assert!(piece.len() <= PIECE);
                sent.extend_from_slice(&piece);
            }
            Ok(())
        };
        // Each piece waits for two seconds, which is longer than the server might do nothing.
        watch.watch(sending).await.expect("it waits on purpose");
        assert_eq!(sent, expected);
        assert!(body.is_end_stream());
        // 128 KiB at 16 KiB a second; what is sent last is not waited for.
        assert_eq!(start.elapsed().as_secs(), (131_072 - 31_072) / 1024 / 16);
    }
}
