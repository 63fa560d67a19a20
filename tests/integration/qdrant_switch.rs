//! A collection takes the place of another: on the server's own disk or over the wire, and past every death on the way.

use safe_compose::backup::driver::{Action, RestoreOptions};
use serde_json::{Value, json};

use crate::qdrant_restore::{alias, only, saved};
use crate::qdrant_stand::{Stand, why};

#[tokio::test]
async fn the_server_moves_it_on_its_own_disk_where_it_says_which() {
    let (stand, backup, _dir) = saved(Stand::new().await.with_known_snapshots()).await;
    stand.write("receitas", 51..=60).await;
    let request = only("receitas");
    let plan = stand.plan(&backup, &request).await.expect("planned");
    let restored = stand.restore_as(&backup, &plan, &request).await.expect("restored");
    assert_eq!((stand.count("receitas").await, restored.aliases), (50, vec!["atual".to_owned()]));
    assert_eq!(restored.remarks, [""; 0]);
    assert_eq!(stand.names().await, ["livros", "receitas"]);
    assert_eq!(stand.left_over(), [""; 0]);
}

/// No download is needed on the server's own disk, and one that breaks off is nothing but a download.
#[tokio::test]
async fn only_over_the_wire_a_download_can_break_off() {
    for (known, breaks) in [(true, false), (false, true)] {
        let stand = Stand::double().await;
        let stand = if known { stand.with_known_snapshots() } else { stand };
        let (stand, backup, _dir) = saved(stand).await;
        stand.write("receitas", 51..=60).await;
        stand.fail("cut-download:1000");
        let restored = stand.restore(&backup, &only("receitas")).await;
        stand.fail("");
        assert_eq!(restored.is_err(), breaks);
        if breaks {
            let error = why(restored);
            assert!(error.contains("No data is lost"), "{error}");
            let restored = stand.restore(&backup, &only("receitas")).await.expect("once more");
            assert_eq!(restored.steps[0].action, Action::Create, "its place is empty");
        }
        assert_eq!(stand.count("receitas").await, 50);
        assert_eq!(stand.names().await, ["livros", "receitas"]);
        assert_eq!(stand.aliases().await, [alias("atual", "receitas"), alias("estante", "livros")]);
        assert_eq!(stand.left_over(), [""; 0]);
    }
}

#[tokio::test]
async fn names_that_need_escaping_are_switched_too() {
    let stand = Stand::new().await.with_known_snapshots();
    stand.fill("ação nº 1", 9).await;
    let (_dir, root) = crate::backup_fixture::root();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    stand.write("ação nº 1", 10..=12).await;
    stand.restore(&backup, &RestoreOptions::default()).await.expect("restored");
    assert_eq!((stand.count("ação nº 1").await, stand.names().await), (9, vec!["ação nº 1".to_owned()]));
    assert_eq!(stand.left_over(), [""; 0]);
}

/// Whoever uses an alias is served all the time, however long the switch takes.
#[tokio::test]
async fn an_alias_never_leads_nowhere() {
    let (stand, backup, _dir) = saved(Stand::double().await).await;
    let request = only("receitas");
    let plan = stand.plan(&backup, &request).await.expect("planned");
    stand.fail("stall:0.02");
    let restoring = stand.restore_as(&backup, &plan, &request);
    tokio::pin!(restoring);
    let mut asked = 0;
    loop {
        tokio::select! {
            biased;
            restored = &mut restoring => {
                restored.expect("restored");
                break;
            }
            count = stand.count("atual") => {
                assert_eq!(count, 50);
                asked += 1;
            }
        }
    }
    assert!(asked > 5, "{asked}");
}

/// Dies at every request there is, once before and once after it was carried out, and is started again. Then all that was
/// there before is there, or all that was saved is, or it lies beside; and a second restore brings everything to its end.
async fn die_everywhere(known: bool, way: &str) {
    let stand = Stand::double().await.without_grpc();
    let stand = if known { stand.with_known_snapshots() } else { stand };
    stand.fill("receitas", 5).await;
    stand.alias("atual", "receitas").await;
    let (_dir, root) = crate::backup_fixture::root();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    let request = only("receitas");
    for deaths in 0.. {
        stand.write("receitas", 6..=9).await;
        let plan = stand.plan(&backup, &request).await.expect("planned");
        stand.fail(&format!("{way}:{deaths}"));
        let first = stand.restore_as(&backup, &plan, &request).await;
        let survived = !stand.is_failing().contains(&qdrant_double::Failure::Refuse);
        stand.fail("");
        let here = format!("{way}:{deaths}, known: {known}");
        if survived {
            first.unwrap_or_else(|error| panic!("{here}: {error:#}"));
            assert!(deaths > 15, "a switch takes many requests: {deaths}");
            break;
        }
        nothing_is_lost(&stand, &here).await;
        let again = stand.restore(&backup, &request).await;
        again.unwrap_or_else(|error| panic!("{here}: {error:#}"));
        assert_eq!(stand.count("receitas").await, 5, "{here}");
        assert_eq!(stand.names().await, ["receitas"], "{here}");
        assert_eq!(stand.aliases().await, [alias("atual", "receitas")], "{here}");
        assert_eq!(stand.left_over(), [""; 0], "{here}");
    }
}

#[tokio::test]
async fn a_death_before_a_request_is_survived() {
    die_everywhere(true, "die-before").await;
}

#[tokio::test]
async fn a_death_after_a_request_is_survived() {
    die_everywhere(true, "die-after").await;
}

#[tokio::test]
async fn a_death_on_the_way_over_the_wire_is_survived() {
    die_everywhere(false, "die-after").await;
}

async fn nothing_is_lost(stand: &Stand, here: &str) {
    let names = stand.names().await;
    let mut counts = Vec::new();
    for name in names.iter().filter(|name| name.starts_with("receitas")) {
        counts.push(stand.count(name).await);
    }
    assert!(counts.contains(&9) || counts.contains(&5), "{here}: {names:?} {counts:?}");
    let atual = stand.aliases().await.into_iter().find(|(name, _)| name == "atual");
    let leads_to = atual.unwrap_or_else(|| panic!("{here}: the alias is gone")).1;
    assert!(names.contains(&leads_to), "{here}: the alias leads to {leads_to}");
}

/// What was half put in its place cannot be read, so it cannot be saved first; but it is ours.
#[tokio::test]
async fn a_half_made_copy_of_ours_is_replaced_and_somebody_elses_is_not() {
    let (stand, backup, _dir) = saved(Stand::double().await.without_grpc()).await;
    stand.write("receitas", 51..=60).await;
    // Far enough that the old one is gone.
    let mut requests = 0;
    let stand = loop {
        stand.fail(&format!("die-before:{requests}"));
        let _ = stand.restore(&backup, &only("receitas")).await;
        stand.fail("");
        let marked = stand.aliases().await.iter().any(|(name, _)| name.ends_with("__unfinished"));
        if marked && !stand.names().await.contains(&"receitas".to_owned()) {
            break stand;
        }
        requests += 1;
        assert!(requests < 80, "it never came so far");
    };
    stand.fill("receitas", 3).await;
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Replace, "somebody has written it, and it can be read");
    stand.fail("unreadable:receitas");
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Finish);
    stand.fail("");
    stand.delete("receitas").await;
    stand.restore(&backup, &only("receitas")).await.expect("restored");
    assert_eq!(stand.count("receitas").await, 50);
    // Without the mark of ours, the same is somebody's.
    stand.fail("unreadable:receitas");
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Replace);
}

#[tokio::test]
async fn what_other_restores_have_left_is_told_and_stays() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    let left = "receitas__restore_0123456789ab";
    stand.fill(left, 3).await;
    let restored = stand.restore(&backup, &only("receitas")).await.expect("restored");
    assert_eq!(restored.remarks.len(), 1, "{:?}", restored.remarks);
    assert!(restored.remarks[0].contains(left));
    assert_eq!(stand.count(left).await, 3);
}

#[tokio::test]
async fn a_full_disk_of_the_server_is_found_out_first() {
    let (mut stand, backup, _dir) = saved(Stand::new().await).await;
    for (free, enough) in [(1, false), (10_000_000, true)] {
        let printed =
            format!("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 9 9 {free} 9% /\n");
        stand.engine = stand.engine.clone().with_program(move |_, argv, mut stream| {
            assert_eq!(argv[0], "df");
            let printed = printed.clone();
            tokio::spawn(async move {
                use tokio::io::AsyncWriteExt as _;
                let _ = stream.write_all(printed.as_bytes()).await;
            });
        });
        let planned = stand.plan(&backup, &RestoreOptions::default()).await;
        assert_eq!(planned.is_ok(), enough);
        if !enough {
            let error = why(planned);
            assert!(
                error.contains("the server's disk has") && error.contains("nothing was begun"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn point_seven_is_the_same_after_the_switch() {
    let (stand, backup, _dir) = saved(Stand::new().await.with_known_snapshots()).await;
    let path = "/collections/receitas/points/7";
    let before = stand.call("GET", path, Value::Null).await;
    let payload = json!({ "payload": { "n": -1 }, "points": [7] });
    stand.call("POST", "/collections/receitas/points/payload?wait=true", payload).await;
    assert_ne!(stand.call("GET", path, Value::Null).await, before);
    stand.restore(&backup, &only("receitas")).await.expect("restored");
    assert_eq!(stand.call("GET", path, Value::Null).await, before);
}
