//! Proof that a destructive step was decided on.

/// Functions that delete or overwrite data take a `&Clearance`; only [`super::Decision`] can make one, so code that
/// skips the decision does not compile.
#[derive(Debug)]
pub struct Clearance(());

impl Clearance {
    pub(super) fn granted() -> Self {
        Self(())
    }
}
