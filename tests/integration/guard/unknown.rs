//! A flag that nobody here knows.

use super::*;

#[test]
fn an_unknown_flag_is_taken_for_the_worst() {
    let mut shop = Shop::new();
    assert_eq!(plan(&shop, "up -d").worst(), Effect::None);
    shop.probe.unknown_flag = Some("--purge".into());
    let plan = plan(&shop, "up -d");
    let lost = decided(&plan, Effect::Destroy);
    assert!(lost.contains(&"shop_data") && lost.contains(&"shop_cache"), "{lost:?}");
    assert!(plan.of(Effect::Destroy).all(|impact| impact.reason.contains("--purge")));
}
