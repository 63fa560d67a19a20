//! Servers that are stopped, gently or not.

use super::*;

fn reason(line: &str) -> Option<String> {
    let plan = plan(&Shop::new(), line);
    assert!(plan.worst() <= Effect::Interrupt, "{line}: never a question");
    let stopped = Subject::Service { name: "db".into() };
    plan.impacts.iter().find(|impact| impact.subject == stopped).map(|impact| impact.reason.clone())
}

#[test]
fn a_hard_stop_says_what_it_costs() {
    for line in [
        "kill",
        "kill db",
        "kill -s SIGKILL",
        "kill -s 9",
        "stop -t 0",
        "down -t 0",
        "restart -t0",
        "restart --timeout 0 db",
        "stop --timeout=00",
        "stop -t=0x0",
        "down -t -0",
        "kill --signal=kill",
        "kill --signal kill db",
        "up -d --force-recreate -t 0",
    ] {
        assert!(reason(line).is_some_and(|reason| reason.contains("not yet written")), "{line}");
    }
    for line in
        ["stop", "stop -t 10", "down", "restart", "kill -s SIGTERM", "down -t -1", "up -d --force-recreate"]
    {
        assert!(reason(line).is_some_and(|reason| !reason.contains("not yet written")), "{line}");
    }
}

#[test]
fn a_hint_stops_nobody() {
    for line in ["kill -s HUP", "kill -s SIGUSR1", "kill web", "stop web", "restart web", "wait db"] {
        assert_eq!(reason(line), None, "{line}");
    }
}

#[test]
fn v1_is_known_to_fail_where_the_engine_does_not_say_what_it_makes_containers_by() {
    let told = |shop: &Shop, line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let plan = shop.assess(Grammar::V1, &words);
        assert!(plan.worst() <= Effect::Interrupt, "{line}: nothing is lost");
        plan.impacts.iter().any(|impact| impact.notice && impact.reason.contains("`ContainerConfig`"))
    };
    let mut shop = Shop::new();
    assert!(!told(&shop, "up -d --force-recreate"));
    shop.engine.containerd_images = true;
    assert!(told(&shop, "up -d --force-recreate"));
    assert!(!told(&shop, "up -d"), "nothing is made anew");
    let v2 = plan(&shop, "up -d --force-recreate");
    assert!(v2.impacts.iter().all(|impact| !impact.reason.contains("`ContainerConfig`")));
}
