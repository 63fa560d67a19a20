//! Flags and subcommands of a newer Compose.

use super::*;

#[test]
fn an_unknown_flag_is_taken_for_the_worst() {
    let mut shop = Shop::new();
    assert_eq!(plan(&shop, "up -d").worst(), Effect::None);
    shop.probe.unknown_feature = Some("flag `--purge`".into());
    let plan = plan(&shop, "up -d");
    let lost = decided(&plan, Effect::Destroy);
    assert!(lost.contains(&"shop_data") && lost.contains(&"shop_cache"), "{lost:?}");
    assert!(plan.of(Effect::Destroy).all(|impact| impact.reason.contains("--purge")));
}

#[test]
fn an_unknown_subcommand_is_guarded_and_may_lose_data() {
    let read = |line: &str, grammar| {
        let words = line.split_whitespace().map(Into::into).collect();
        let invocation = Invocation::parse(words).expect("valid");
        (invocation.is_guarded(), invocation.read(grammar))
    };
    let (guarded, v2) = read("-p shop purge db", Grammar::V2);
    assert!(guarded && v2.may_act() && v2.may_lose_data() && !v2.stops_at_unreadable_file());
    let (_, v1) = read("-p shop purge db", Grammar::V1);
    assert!(!v1.may_act(), "V1 has no more commands than its table");
    assert!(!read("purge --help", Grammar::V2).0, "only its help is printed");
    // An unknown global flag may take the next word as its value.
    for (line, expected) in [("--new x ps", false), ("--new x purge", true), ("--new x down", true)] {
        assert_eq!(read(line, Grammar::V2).0, expected, "{line}");
    }
}
