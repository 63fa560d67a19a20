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
