//! A token opens the plan that it was made for and no other, whatever is alike.

use safe_compose::policy::{Decision, DecisionInput, GuardMode, Refusal, Token, decide};

use super::*;

/// What becomes of a plan with this token, where nobody can be asked.
fn opens(token: &Token, plan: &Assessment) -> bool {
    let word = token.to_string();
    let input = DecisionInput {
        plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: false,
        allow: Some(&word),
        now: jiff::Timestamp::now(),
    };
    match decide(&input) {
        Decision::Allow(_) => true,
        Decision::Refuse(Refusal::WrongToken(_)) => false,
        other => panic!("{other:?}"),
    }
}

fn token(plan: &Assessment) -> Token {
    Token::of(plan, jiff::Timestamp::now())
}

/// Holds two plans against each other, both ways.
#[track_caller]
fn are_strangers(one: &Assessment, other: &Assessment) {
    assert!(one.worst() >= Effect::Orphan && other.worst() >= Effect::Orphan, "both need a token");
    assert!(opens(&token(one), one) && opens(&token(other), other), "each opens its own");
    assert!(!opens(&token(one), other), "{one:?}\n{other:?}");
    assert!(!opens(&token(other), one), "{other:?}\n{one:?}");
}

/// The ways in which two stacks can look alike: what is done to the second one.
type Change = fn(&mut Shop);

const CHANGES: &[Change] = &[
    // Re-created under its name.
    |shop| shop.volumes[0].identity = Some(VolumeIdentity::created_at("2026-01-02T00:00:00Z")),
    |shop| shop.volumes[0].identity = None,
    // Another one beside it.
    |shop| {
        shop.volumes.push(volume("shop_more", Some("more")));
        let more = VolumeDeclaration { name: "shop_more".into(), ..VolumeDeclaration::default() };
        shop.model.volumes.insert("more".into(), more.clone());
        shop.whole.volumes.insert("more".into(), more);
    },
    // Another one instead.
    |shop| {
        shop.volumes[0].name = "shop_other".into();
        for model in [&mut shop.model, &mut shop.whole] {
            model.volumes.get_mut("data").expect("data").name = "shop_other".into();
        }
    },
    // Data in a further container.
    |shop| {
        let mut bare = container("db", "qdrant/qdrant:v1.19.0", Vec::new());
        bare.name = "shop-db-2".into();
        bare.id = "db-2".into();
        shop.containers.push(bare);
    },
];

#[test]
fn a_token_is_of_these_volumes_and_no_others() {
    let usual = plan(&Shop::new(), "down -v");
    for change in CHANGES {
        let mut other = Shop::new();
        change(&mut other);
        are_strangers(&usual, &plan(&other, "down -v"));
    }
}

#[test]
fn a_token_fits_while_the_service_makes_files_in_its_volume() {
    let mut busy = Shop::new();
    busy.volumes[0].created = Some("2026-01-02T00:00:00Z".into());
    assert!(opens(&token(&plan(&Shop::new(), "down -v")), &plan(&busy, "down -v")));
}

#[test]
fn a_token_is_of_one_engine() {
    let here = plan(&Shop::new(), "down -v");
    let elsewhere: [fn(&mut Identity); 4] = [
        |engine| engine.id = "F".into(),
        |engine| engine.name = "another-host".into(),
        |engine| engine.endpoint = "ssh://host".into(),
        |engine| engine.root = PathBuf::from("/mnt/docker"),
    ];
    for change in elsewhere {
        let mut shop = Shop::new();
        change(&mut shop.engine);
        are_strangers(&here, &plan(&shop, "down -v"));
    }
    // A newer version is the same engine still.
    let mut later = Shop::new();
    later.engine.version = "26.1.5".into();
    assert!(opens(&token(&here), &plan(&later, "down -v")));
}

#[test]
fn a_token_is_of_one_loss_and_not_of_one_spelling() {
    let shop = Shop::new();
    let token = self::token(&plan(&shop, "down -v"));
    for line in ["down --volumes", "-p shop -f x.yml down -vt0", "down -v --remove-orphans"] {
        assert!(opens(&token, &plan(&shop, line)), "{line}");
    }
    let alone = without(Shop::new(), &["cache"]);
    are_strangers(&plan(&alone, "down -v"), &plan(&alone, "--all-resources down -v"));
    let bare = Shop::new().with_bare_db();
    are_strangers(&plan(&bare, "down"), &plan(&bare, "down -v"));
}

#[test]
fn a_container_made_anew_needs_a_token_of_its_own() {
    let bare = Shop::new().with_bare_db();
    let mut later = Shop::new().with_bare_db();
    later.containers[0].created = "2026-01-02T00:00:00Z".into();
    are_strangers(&plan(&bare, "down"), &plan(&later, "down"));
}

#[test]
fn a_token_of_one_project_opens_no_other() {
    let shop = Shop::new();
    let other = Assessment { project: "shop2".into(), ..plan(&shop, "down -v") };
    are_strangers(&plan(&shop, "down -v"), &other);
}
