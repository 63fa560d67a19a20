//! Images that a command deleted. They are not backed up, but Compose may have built or pulled them again, or the user has.

use super::counts;
use crate::commands::context::{ProjectContext, no_engine};
use crate::error::Failure;
use crate::journal::{RecordedImage, RecordedLoss};

/// Images that a command deleted.
#[derive(Default)]
pub(super) struct RemovedImages(Vec<RemovedImage>);

struct RemovedImage {
    image: RecordedImage,
    /// It should not have been lost without a word.
    counts: bool,
}

/// What the engine has by the name of a deleted image.
enum ImageNow {
    Same,
    Other,
    Missing,
}

impl RemovedImages {
    pub(super) fn add(&mut self, image: &RecordedImage, loss: &RecordedLoss) {
        self.0.push(RemovedImage { image: image.clone(), counts: counts(loss) });
    }

    /// The images that are not there again, each with the reason.
    pub(super) async fn missing(&self, cx: &ProjectContext<'_>) -> Result<Vec<(String, String)>, Failure> {
        let mut missing = Vec::new();
        for removed in &self.0 {
            let reason = match removed.now(cx).await? {
                ImageNow::Same => continue,
                ImageNow::Other => "images are not backed up; another image has that name now",
                ImageNow::Missing => "images are not backed up; build or pull it again",
            };
            missing.push((format!("image `{}`", removed.image.name), reason.to_owned()));
        }
        Ok(missing)
    }

    /// Says which images are not what they were. Returns whether each that counts is there under its name.
    pub(super) async fn report(&self, cx: &ProjectContext<'_>) -> Result<bool, Failure> {
        let mut is_complete = true;
        for removed in &self.0 {
            let name = &removed.image.name;
            match removed.now(cx).await? {
                ImageNow::Same => {}
                ImageNow::Other => cx.ui().say(format!(
                    "The image `{name}` is not the one from before: images are not backed up, and it was built or pulled again."
                )),
                ImageNow::Missing => {
                    cx.ui().warn(format!(
                        "image `{name}` cannot be brought back: images are not backed up. Build or pull it again."
                    ));
                    is_complete &= !removed.counts;
                }
            }
        }
        Ok(is_complete)
    }
}

impl RemovedImage {
    async fn now(&self, cx: &ProjectContext<'_>) -> Result<ImageNow, Failure> {
        let found = cx.engine.image(&self.image.name).await.map_err(no_engine)?;
        Ok(match found {
            Some(found) if found.id == self.image.id => ImageNow::Same,
            Some(_) => ImageNow::Other,
            None => ImageNow::Missing,
        })
    }
}
