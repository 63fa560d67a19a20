//! What our types say of a real engine, held against what the engine's own client does.

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use safe_compose::engine::context::{Endpoint, EngineEnvironment, Tls};
use safe_compose::engine::docker::DockerEngine;
use safe_compose::engine::{
    Container, ContainerState, Engine as _, EngineError, HELPER_LABEL, Helper, InRegistry, MountSource,
};
use safe_compose::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::requirements::missing;
use crate::support::bare::{Bare, SOCKET, docker, endpoint, engine, eventually};
use crate::support::permission::clearance;

fn source<'a>(container: &'a Container, destination: &str) -> &'a MountSource {
    let found = container.mounts.iter().find(|mount| mount.destination == Path::new(destination));
    &found.unwrap_or_else(|| panic!("a mount at {destination} in {:?}", container.mounts)).source
}

/// Names and contents of an archive; directories have no content.
async fn unpacked(engine: &DockerEngine, container: &str, path: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let stream = engine.read_archive(container, Path::new(path)).await.expect("an archive");
    let bytes: Vec<u8> = stream.try_concat().await.expect("a whole archive");
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut entries: Vec<_> = archive
        .entries()
        .expect("tar")
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a path").display().to_string();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("readable");
            (name, entry.header().entry_type().is_file().then_some(content))
        })
        .collect();
    entries.sort();
    entries
}

#[tokio::test]
async fn a_project_is_described_as_it_is() {
    let Some(scratch) = Bare::new("describe") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]", "VOLUME /anon", "ENV SECRET=hush"]);
    let volume = scratch.volume("data");
    let host = tempfile::tempdir().expect("a directory");
    let bind = format!("{}:/bind:ro", host.path().display());
    let data = format!("{volume}:/data");
    let id = scratch.container(
        &["run", "-d"],
        "db",
        &[
            "-v",
            &data,
            "-v",
            &bind,
            "-v",
            "/short",
            "--tmpfs",
            "/tmp:size=1m",
            "-u",
            "1000:1001",
            "-p",
            "127.0.0.1::6333",
            "-p",
            "127.0.0.1::53/udp",
            &image,
        ],
    );
    let stopped = scratch.container(&["create"], "web", &[&image]);

    let engine = engine().await;
    let identity = engine.identity().await.expect("an identity");
    assert_eq!(identity.version, scratch.docker(&["version", "--format", "{{.Server.Version}}"]));
    assert_eq!(identity.root, PathBuf::from(scratch.docker(&["info", "--format", "{{.DockerRootDir}}"])));
    assert!(identity.local && !identity.id.is_empty());

    let containers = engine.project_containers(&scratch.name).await.expect("containers");
    assert_eq!(containers.len(), 2);
    let db = containers.iter().find(|container| container.id == id).expect("db");
    assert_eq!((db.service(), db.state), (Some("db"), ContainerState::Running));
    assert_eq!(db.name, format!("{}-db-1", scratch.name));
    assert_eq!((db.image.as_str(), db.user.as_str()), (image.as_str(), "1000:1001"));
    assert_eq!(db.environment.get("SECRET").map(Secret::expose), Some("hush"));
    assert!(db.started.is_some() && db.finished.is_none());
    assert_eq!(db.ports.len(), 1);
    assert!(
        db.ports[0].container_port == 6333 && db.ports[0].host.is_loopback() && db.ports[0].host_port > 0
    );
    assert!(db.addresses.contains_key("bridge"));
    assert!(matches!(source(db, "/data"),
        MountSource::Volume { name, anonymous: false, inherited: false, .. } if *name == volume));
    for path in ["/anon", "/short"] {
        assert!(matches!(source(db, path), MountSource::Volume { anonymous: true, inherited: false, .. }));
    }
    assert_eq!(*source(db, "/bind"), MountSource::Bind { path: host.path().to_owned() });
    assert!(db.mount_of(Path::new("/bind/x")).expect("a mount").read_only);
    assert_eq!(*source(db, "/tmp"), MountSource::Tmpfs);
    let web = containers.iter().find(|container| container.id == stopped).expect("web");
    assert_eq!((web.state, web.started.as_ref()), (ContainerState::Created, None));

    let users = engine.containers_with_volume(&volume).await.expect("containers");
    assert_eq!(users.iter().map(|container| &container.id).collect::<Vec<_>>(), [&id]);
    assert!(engine.containers_with_volume("/bind").await.expect("containers").is_empty());

    let volumes = engine.project_volumes(&scratch.name).await.expect("volumes");
    assert_eq!(volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), [volume.as_str()]);
    assert_eq!(volumes[0].compose_key(), Some("data"));
    let mountpoint = scratch.docker(&["volume", "inspect", "-f", "{{.Mountpoint}}", &volume]);
    assert_eq!(engine.volume(&volume).await.expect("asked"), Some(volumes[0].clone()));
    assert_eq!(volumes[0].mountpoint, PathBuf::from(mountpoint));
    let identity = volumes[0].identity.clone().expect("the tests may read the engine's directories");
    scratch.docker(&["exec", "-u", "0", &id, "touch", "/data/at-the-top"]);
    let busy = engine.volume(&volume).await.expect("asked").expect("a volume").identity.expect("an identity");
    assert_eq!((identity.is_same(&busy), identity.line()), (Some(true), busy.line()));
    assert_eq!(engine.volume("sctest-no-such-volume").await.expect("asked"), None);
    assert_eq!(engine.volume("../containers/json").await.expect("asked"), None);

    let described = engine.image(&image).await.expect("asked").expect("an image");
    assert_eq!(
        (described.id.as_str(), described.volumes),
        (db.image_id.as_str(), vec![PathBuf::from("/anon")])
    );
    let in_containerd = engine.identity().await.expect("asked").containerd_images;
    let registry = if in_containerd { InRegistry::Unknown } else { InRegistry::No };
    assert_eq!(described.in_registry, registry);
    assert_eq!(engine.image("sctest-no-such-image:1").await.expect("asked"), None);
}

#[tokio::test]
async fn what_is_called_anonymous_and_not_inherited_is_what_goes_with_the_container() {
    let Some(scratch) = Bare::new("anonymous") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let named = scratch.volume("data");
    let data = format!("{named}:/data");
    let first = scratch.container(&["create"], "a", &["-v", &data, "-v", "/anon", &image]);
    let engine = engine().await;
    let anonymous = {
        let containers = engine.project_containers(&scratch.name).await.expect("containers");
        match source(&containers[0], "/anon") {
            MountSource::Volume { name, anonymous: true, inherited: false, .. } => name.clone(),
            other => panic!("{other:?}"),
        }
    };
    // What Compose does when it recreates a container: the old volume by its name.
    let inherited = format!("type=volume,source={anonymous},target=/anon");
    let second = scratch.container(&["create"], "b", &["--mount", &inherited, &image]);
    let containers = engine.project_containers(&scratch.name).await.expect("containers");
    let b = containers.iter().find(|container| container.id == second).expect("b");
    assert!(matches!(source(b, "/anon"), MountSource::Volume { anonymous: true, inherited: true, .. }));
    // The engine has the last word: with `-v` the inherited mount stays …
    scratch.docker(&["rm", &first]);
    scratch.docker(&["rm", "-v", &second]);
    assert!(engine.volume(&anonymous).await.expect("asked").is_some());
    scratch.docker(&["volume", "rm", &anonymous]);
    // … and the other goes, while the named volume stays.
    let third = scratch.container(&["create"], "c", &["-v", &data, "-v", "/anon", &image]);
    let containers = engine.project_containers(&scratch.name).await.expect("containers");
    let MountSource::Volume { name, .. } = source(&containers[0], "/anon") else { panic!("a volume") };
    scratch.docker(&["rm", "-v", &third]);
    assert_eq!(engine.volume(name).await.expect("asked"), None);
    assert!(engine.volume(&named).await.expect("asked").is_some());
}

#[tokio::test]
async fn a_helper_reaches_volumes_without_being_started_and_leaves_nothing_behind() {
    let Some(scratch) = Bare::new("helper") else { return };
    // An image as Compose builds it, with a volume of its own, files where we mount, and a user.
    let project = format!("LABEL com.docker.compose.project={}", scratch.name);
    let image = scratch.image(&["VOLUME /anon /also", &project, "USER 1000"]);
    let (from, to) = (scratch.volume("from"), scratch.volume("to"));
    let engine = engine().await;
    let helper = Helper {
        image: image.clone(),
        volumes: vec![(from.clone(), "/seed".into()), (to.clone(), "/to".into())],
    };
    let id = engine.create_helper(&helper).await.expect("a helper");
    assert_eq!(scratch.docker(&["inspect", "-f", "{{.State.Status}}", &id]), "created");
    assert!(engine.project_containers(&scratch.name).await.expect("containers").is_empty());
    let filter = format!("label=com.docker.compose.project={}", scratch.name);
    assert_eq!(scratch.docker(&["ps", "-aq", "--filter", &filter]), "");
    // The image's own volumes were not made.
    let mounted = scratch.docker(&["inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}", &id]);
    let mut mounted: Vec<&str> = mounted.split_whitespace().collect();
    mounted.sort_unstable();
    assert_eq!(mounted, [from.as_str(), to.as_str()]);
    // The image's own files were not copied into the empty volume.
    assert_eq!(unpacked(&engine, &id, "/seed").await, [("seed/".to_owned(), None)]);

    // A file larger than one piece, with owner and mode.
    let big = vec![7_u8; 300_000];
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(big.len() as u64);
    header.set_mode(0o640);
    header.set_uid(4321);
    header.set_gid(8765);
    tar.append_data(&mut header, "deep/er/big", big.as_slice()).expect("in memory");
    let pieces: Vec<std::io::Result<Vec<u8>>> =
        tar.into_inner().expect("in memory").chunks(10_000).map(|piece| Ok(piece.to_vec())).collect();
    let stream = Box::pin(futures_util::stream::iter(pieces));
    engine.write_archive(&id, Path::new("/seed"), stream, &clearance()).await.expect("written");

    // From one volume straight into the other.
    let stream = engine.read_archive(&id, Path::new("/seed/.")).await.expect("an archive");
    engine.write_archive(&id, Path::new("/to"), stream, &clearance()).await.expect("written");
    let copied = unpacked(&engine, &id, "/to").await;
    assert!(copied.contains(&("to/deep/er/big".to_owned(), Some(big))), "{:?}", copied.len());
    let seen = scratch.docker(&[
        "run",
        "--rm",
        "-u",
        "0",
        "-v",
        &format!("{to}:/to"),
        &image,
        "stat",
        "-c",
        "%u:%g %a",
        "/to/deep/er/big",
    ]);
    assert_eq!(seen, "4321:8765 640");
    assert_eq!(engine.volume_sizes().await.expect("sizes").get(&to).map(|&size| size >= 300_000), Some(true));

    let missing = engine.read_archive(&id, Path::new("/seed/none")).await.err();
    assert!(matches!(missing, Some(EngineError::NotFound { .. })), "{missing:?}");
    engine.remove_helper(&id).await.expect("removed");
    engine.remove_helper(&id).await.expect("gone already");
}

#[tokio::test]
async fn a_helper_makes_no_volume_and_removes_no_stranger() {
    let Some(scratch) = Bare::new("stranger") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let engine = engine().await;
    let absent = format!("{}_absent", scratch.name);
    let helper = Helper { image: image.clone(), volumes: vec![(absent.clone(), "/x".into())] };
    assert!(matches!(engine.create_helper(&helper).await, Err(EngineError::NotFound { .. })));
    assert_eq!(engine.volume(&absent).await.expect("asked"), None);
    let helper = Helper { image: "sctest-no-such-image:1".into(), volumes: Vec::new() };
    assert!(matches!(engine.create_helper(&helper).await, Err(EngineError::NotFound { .. })));

    let stranger = scratch.container(&["create"], "web", &[&image]);
    assert!(matches!(engine.remove_helper(&stranger).await, Err(EngineError::Refused { .. })));
    let label = format!("{HELPER_LABEL}=false");
    let almost = scratch.container(&["create", "--label", &label], "almost", &[&image]);
    assert!(matches!(engine.remove_helper(&almost).await, Err(EngineError::Refused { .. })));
    assert_eq!(scratch.docker(&["inspect", "-f", "{{.State.Status}}", &stranger]), "created");
}

#[tokio::test]
async fn a_program_in_a_container_is_a_pipe() {
    let Some(scratch) = Bare::new("pipe") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let id = scratch.container(&["run", "-d"], "db", &[&image]);
    let engine = engine().await;
    let mut pipe = engine.exec(&id, &["sh", "-c", "echo aside >&2; cat"]).await.expect("started");
    // Bytes that look like the frames of the stream, and more than a frame of them.
    let sent: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0] & 3).collect();
    let all = sent.clone();
    let mut stdin = pipe.stdin;
    let writer = tokio::spawn(async move {
        stdin.write_all(&all).await.expect("written");
        stdin.shutdown().await.expect("closed");
    });
    let mut received = Vec::new();
    pipe.stdout.read_to_end(&mut received).await.expect("read to the end");
    writer.await.expect("done");
    assert_eq!(received, sent);
    assert!(matches!(engine.exec("sctest-none", &["cat"]).await, Err(EngineError::NotFound { .. })));
    scratch.docker(&["kill", &id]);
    assert!(eventually(async || engine.exec(&id, &["cat"]).await.is_err()).await);
    let containers = engine.project_containers(&scratch.name).await.expect("containers");
    assert_eq!((containers[0].state, containers[0].exit_code), (ContainerState::Exited, 137));
    assert!(containers[0].finished.is_some());
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_unreachable() {
    let none = tempfile::tempdir().expect("a directory");
    let missing = format!("unix://{}", none.path().join("x.sock").display());
    // Bound, but nobody accepts any more.
    let dead = none.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("bound"));
    let closed_port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        listener.local_addr().expect("an address").port()
    };
    for url in [missing, format!("unix://{}", dead.display()), format!("tcp://127.0.0.1:{closed_port}")] {
        match DockerEngine::connect(&endpoint(&url)).await {
            Err(EngineError::Unreachable { endpoint, .. }) => assert_eq!(endpoint, url),
            other => panic!("{url}: {other:?}"),
        }
    }
    let secured =
        Endpoint { tls: Some(Tls::default()), ..endpoint(&format!("tcp://localhost:{closed_port}")) };
    let error = DockerEngine::connect(&secured).await.expect_err("nobody there");
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error:?}");
}

/// The inner half of the next test, run as another user.
#[tokio::test]
#[ignore = "started by `a_socket_that_may_not_be_used_is_forbidden` as another user"]
async fn inner_forbidden() {
    match DockerEngine::connect(&endpoint(SOCKET)).await {
        Err(EngineError::Forbidden { endpoint, .. }) => assert_eq!(endpoint, SOCKET),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_socket_that_may_not_be_used_is_forbidden() {
    let Some(_scratch) = Bare::new("forbidden") else { return };
    let program = std::env::current_exe().expect("this program");
    // Others may not be able to read where it was built.
    let public = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a directory");
    let copy = public.path().join("e2e");
    std::fs::copy(program, &copy).expect("copied");
    let tried = duct::cmd!(
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        &copy,
        "--ignored",
        "--exact",
        "engine::inner_forbidden"
    )
    .dir("/")
    .stdout_capture()
    .stderr_capture()
    .unchecked()
    .run();
    match tried {
        Ok(output) if output.status.success() => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        }
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("setpriv:") => {
            missing("this process may not become another user");
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => missing(&format!("there is no `setpriv`: {error}")),
    }
}

#[test]
fn a_context_is_read_as_the_docker_command_wrote_it() {
    let Some(_scratch) = Bare::new("context") else { return };
    let home = tempfile::tempdir().expect("a directory");
    let config = home.path().join(".docker");
    let run = |words: &[&str]| {
        duct::cmd("docker", words)
            .env("DOCKER_CONFIG", &config)
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .stdout_capture()
            .stderr_capture()
            .run()
            .expect("docker")
    };
    let host = "host=unix:///run/sctest.sock";
    run(&["context", "create", "sctest-context", "--docker", host]);
    run(&["context", "use", "sctest-context"]);
    let environment =
        EngineEnvironment { home: Some(home.path().to_owned()), ..EngineEnvironment::default() };
    assert_eq!(Endpoint::resolve(&environment).expect("resolved").url, "unix:///run/sctest.sock");
    run(&["context", "use", "default"]);
    assert_eq!(Endpoint::resolve(&environment).expect("resolved").url, SOCKET);
    assert!(docker(&["version"]).is_ok());
}
