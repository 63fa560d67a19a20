//! PostgreSQL as Bitnami's image lays it out: other variables, another data path, a password for the local socket too.

use std::fs;

use crate::databases::names;
use crate::support::database::{Database, PASSWORD};
use crate::support::derived_image::DerivedImage;
use crate::support::{Compose, Scratch};

/// What the image does, as far as it matters here.
const ENTRY_POINT: &str = r#"
set -eu
data=/bitnami/postgresql/data
setting() { local file=$1_FILE; if [ -n "${!file:-}" ]; then cat "${!file}"; else printf %s "${!1:-}"; fi; }
if [ ! -s "$data/PG_VERSION" ]; then
    user=${POSTGRESQL_USERNAME:-postgres} password=$(setting POSTGRESQL_PASSWORD)
    admin=$(setting POSTGRESQL_POSTGRES_PASSWORD)
    if [ "$user" = postgres ]; then admin=$password; fi
    initdb --pgdata "$data" --username postgres --auth trust >/dev/null
    pg_ctl -D "$data" -o "-c listen_addresses=''" -w start >/dev/null
    if [ -n "$admin" ]; then psql -qU postgres -c "ALTER ROLE postgres PASSWORD '$admin'"; fi
    if [ "$user" != postgres ]; then
        psql -qU postgres -c "CREATE ROLE $user LOGIN CREATEDB PASSWORD '$password'"
    fi
    createdb -U postgres --owner "$user" shop
    pg_ctl -D "$data" -m fast -w stop >/dev/null
    printf 'local all all scram-sha-256\nhost all all all scram-sha-256\n' >"$data/pg_hba.conf"
fi
exec postgres -D "$data" -c 'listen_addresses=*'
"#;

/// The image, and the one that it is built on, which is removed after it.
struct Image {
    image: DerivedImage,
    _flat: DerivedImage,
}

fn image() -> Option<Image> {
    let flat = DerivedImage::flat("sctest-flat", &Database::Postgres15.image()?);
    let lines = "RUN mkdir -p /bitnami/postgresql && chown postgres /bitnami/postgresql\n\
                 ENV POSTGRESQL_VOLUME_DIR=/bitnami/postgresql BITNAMI_APP_NAME=postgresql\n\
                 USER postgres\n\
                 STOPSIGNAL SIGINT";
    let name = format!("{}/postgresql:15", flat.0.replace("flat", "bitnami").replace(':', "-"));
    let image = DerivedImage::new(&name, &flat.0, lines);
    Some(Image { image, _flat: flat })
}

/// A running project `db` with a table, in which `/secret` has the password of the superuser.
fn running(image: &Image, environment: &str) -> Option<Scratch> {
    let file = format!(
        "services:
  db:
    image: \"{}\"
    entrypoint: [ bash, /script/entrypoint ]
    environment: {{ {environment} }}
    volumes: [ \"data:/bitnami/postgresql\", \"./script:/script:ro\", \"./script/password:/secret:ro\" ]
volumes: {{ data: {{}} }}
",
        image.image.0
    );
    let project = Scratch::new(Compose::V2, &file)?;
    fs::create_dir(project.path("script")).expect("made");
    fs::write(project.path("script/entrypoint"), ENTRY_POINT).expect("written");
    fs::write(project.path("script/password"), PASSWORD).expect("written");
    project.safe(&["up", "-d"]).exits(0);
    Some(project)
}

#[test]
fn a_server_is_dumped_and_restored_with_the_password_that_it_wants() {
    let Some(image) = image() else { return };
    let database = Database::Postgres15;
    for environment in [
        "POSTGRESQL_PASSWORD_FILE: /secret",
        "POSTGRESQL_USERNAME: shop, POSTGRESQL_PASSWORD: other, POSTGRESQL_POSTGRES_PASSWORD_FILE: /secret",
    ] {
        let Some(project) = running(&image, environment) else { return };
        database.wait_ready(&project);
        database.expect(&project, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
        project.safe(&["backup"]).exits(0).says("dumped").never_says("could not").never_says(PASSWORD);
        let [dump] = names(&project).try_into().expect("one backup");
        project.confirmed(&["down", "-v"]).says("cold");
        let files = names(&project).pop().expect("two backups");
        project.safe(&["restore", &dump]).exits(0).says("1000 rows");
        database.wait_ready(&project);
        assert_eq!(database.expect(&project, "SELECT count(*) FROM t"), "1000", "{environment}");
        project.confirmed(&["restore", &files]);
        project.safe(&["up", "-d"]).exits(0);
        database.wait_ready(&project);
        assert_eq!(database.expect(&project, "SELECT count(*) FROM t"), "1000", "{environment}");
    }
}

/// Nobody knows the password of the superuser, so the files are copied, and a message says why.
#[test]
fn a_server_that_does_not_let_its_superuser_in_is_copied_as_files() {
    let Some(image) = image() else { return };
    let environment = format!("POSTGRESQL_USERNAME: shop, POSTGRESQL_PASSWORD: \"{PASSWORD}\"");
    let Some(project) = running(&image, &environment) else { return };
    let table = ["exec", "-T", "-e", "PGPASSWORD=only for tests", "db", "psql", "-U", "shop", "-c"];
    let create = || project.plain(&[&table[..], &["CREATE TABLE IF NOT EXISTS t (n INT)"]].concat());
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        create().code == 0
    }));
    project.safe(&["backup"]).exits(0).says("Its files are copied instead").says("pausing");
}
