//! Random sequences of everything that happens to a collection, with backups in between: each backup is restored under
//! another name, and compared with the live collection point by point.
//!
//! A few seeds run with the other tests. `scripts/test --qdrant-fuzz` runs all of them, on the server that
//! `SAFE_COMPOSE_TEST_QDRANT` names, or on the stand-in. `SAFE_COMPOSE_QDRANT_FUZZ_SEEDS` is their number,
//! `SAFE_COMPOSE_QDRANT_FUZZ_STEPS` the number of steps of each, and `SAFE_COMPOSE_QDRANT_FUZZ_SEED` a single one to run.
#![expect(clippy::print_stderr, reason = "a long run says how far it is")]

mod contents;
mod run;
mod steps;

use crate::qdrant_stand::Stand;
use run::{Run, Tally};

const SEEDS: u64 = 20;
const STEPS: usize = 50;

/// Runs one seed, and says how to run it alone if it fails.
async fn seed(seed: u64, steps: usize, stand: Stand) -> Result<Tally, String> {
    let is_double = stand.is_double();
    let run = Run::new(seed, stand).await.steps(steps).await;
    run.map_err(|failure| {
        let server = if is_double { "" } else { "SAFE_COMPOSE_TEST_QDRANT=… " };
        format!(
            "seed {seed}: {failure}\nto run it alone: {server}SAFE_COMPOSE_QDRANT_FUZZ_SEED={seed} SAFE_COMPOSE_QDRANT_FUZZ_STEPS={steps} scripts/test --qdrant-fuzz"
        )
    })
}

#[tokio::test]
async fn a_few_seeds_on_the_stand_in() {
    let mut all = Tally::default();
    for number in 1..=2 {
        match seed(number, 25, Stand::double().await).await {
            Ok(tally) => all.add(&tally),
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(all.full > 0 && all.incremental > 0 && all.linked > 0 && all.unchanged > 0, "{all:?}");
}

#[tokio::test]
#[ignore = "takes minutes: scripts/test --qdrant-fuzz"]
async fn every_seed() {
    let number = |name: &str| variable(name).map(|text| text.parse::<u64>().expect("a number"));
    let steps = number("SAFE_COMPOSE_QDRANT_FUZZ_STEPS");
    let steps = steps.map_or(STEPS, |steps| usize::try_from(steps).expect("few"));
    let seeds = match number("SAFE_COMPOSE_QDRANT_FUZZ_SEED") {
        Some(one) => one..=one,
        None => 1..=number("SAFE_COMPOSE_QDRANT_FUZZ_SEEDS").unwrap_or(SEEDS),
    };
    let (mut failures, mut all) = (Vec::new(), Tally::default());
    for number in seeds {
        match seed(number, steps, Stand::new().await).await {
            Ok(tally) => {
                eprintln!("seed {number}: no difference; {tally:?}");
                all.add(&tally);
            }
            Err(failure) => {
                eprintln!("{failure}");
                failures.push(failure);
            }
        }
    }
    eprintln!("all seeds: {all:?}");
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), failures.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "the seeds come from the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
