//! The engine that a command would talk to, from configuration directories as Docker writes them.

use std::path::Path;

use safe_compose::engine::EngineError;
use safe_compose::engine::context::{Endpoint, EndpointOrigin, EngineEnvironment};
use safe_compose::fs::Digest;

/// A home with the contexts `remote`, `secured`, `careless` and `hollow`.
fn home(current: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    let docker = home.path().join(".docker");
    std::fs::create_dir_all(&docker).expect("made");
    let config = current
        .map_or_else(|| "{}".to_owned(), |name| format!(r#"{{"auths":{{}},"currentContext":"{name}"}}"#));
    std::fs::write(docker.join("config.json"), config).expect("written");
    context(&docker, "remote", r#"{"docker":{"Host":"ssh://me@host","SkipTLSVerify":false}}"#);
    context(&docker, "secured", r#"{"docker":{"Host":"tcp://host:2376"}}"#);
    context(&docker, "careless", r#"{"docker":{"Host":"tcp://host:2376","SkipTLSVerify":true}}"#);
    context(&docker, "hollow", "{}");
    let tls = docker.join("contexts/tls").join(id("secured")).join("docker");
    std::fs::create_dir_all(&tls).expect("made");
    std::fs::write(tls.join("ca.pem"), "").expect("written");
    home
}

fn id(name: &str) -> String {
    Digest::of(name.as_bytes()).to_string()
}

fn context(docker: &Path, name: &str, endpoints: &str) {
    let directory = docker.join("contexts/meta").join(id(name));
    std::fs::create_dir_all(&directory).expect("made");
    let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{endpoints}}}"#);
    std::fs::write(directory.join("meta.json"), meta).expect("written");
}

fn environment(home: &tempfile::TempDir) -> EngineEnvironment {
    EngineEnvironment { home: Some(home.path().to_owned()), ..EngineEnvironment::default() }
}

#[test]
fn each_rule_gives_way_to_the_one_before_it() {
    let home = home(Some("remote"));
    let mut environment = environment(&home);
    let mut steps = Vec::new();
    let mut step = |environment: &EngineEnvironment| {
        let endpoint = Endpoint::resolve(environment).expect("resolved");
        steps.push((endpoint.origin, endpoint.url));
    };
    step(&environment);
    environment.docker_context = Some("secured".to_owned());
    step(&environment);
    environment.docker_host = Some("unix:///run/other.sock".to_owned());
    step(&environment);
    environment.context_flag = Some("remote".to_owned());
    step(&environment);
    environment.context_flag = None;
    environment.host_flag = Some("tcp://host".to_owned());
    step(&environment);
    assert_eq!(
        steps,
        [
            (EndpointOrigin::CurrentContext("remote".into()), "ssh://me@host".to_owned()),
            (EndpointOrigin::ContextVariable("secured".into()), "tcp://host:2376".to_owned()),
            (EndpointOrigin::HostVariable, "unix:///run/other.sock".to_owned()),
            (EndpointOrigin::ContextFlag("remote".into()), "ssh://me@host".to_owned()),
            (EndpointOrigin::HostFlag, "tcp://host:2375".to_owned()),
        ]
    );
}

#[test]
fn nothing_said_is_the_default_socket() {
    for environment in [environment(&home(None)), EngineEnvironment::default()] {
        let endpoint = Endpoint::resolve(&environment).expect("resolved");
        assert_eq!(
            (endpoint.origin.clone(), endpoint.url.as_str()),
            (EndpointOrigin::Default, "unix:///var/run/docker.sock")
        );
        assert!(endpoint.is_local());
    }
}

#[test]
fn empty_variables_are_not_set() {
    let home = home(Some("remote"));
    let environment = EngineEnvironment {
        docker_host: Some(String::new()),
        docker_context: Some(String::new()),
        docker_config: Some("".into()),
        ..environment(&home)
    };
    assert_eq!(Endpoint::resolve(&environment).expect("resolved").url, "ssh://me@host");
}

#[test]
fn the_default_context_by_name_still_reads_the_host_variable() {
    let home = home(Some("remote"));
    let environment = EngineEnvironment {
        context_flag: Some("default".to_owned()),
        docker_host: Some("unix:///run/other.sock".to_owned()),
        ..environment(&home)
    };
    assert_eq!(Endpoint::resolve(&environment).expect("resolved").url, "unix:///run/other.sock");
}

#[test]
fn the_configuration_directory_can_be_elsewhere() {
    let other = home(Some("secured"));
    let home = home(Some("remote"));
    let environment =
        EngineEnvironment { docker_config: Some(other.path().join(".docker")), ..environment(&home) };
    let endpoint = Endpoint::resolve(&environment).expect("resolved");
    assert_eq!(endpoint.url, "tcp://host:2376");
    let tls = endpoint.tls.expect("secured");
    assert!(tls.ca.is_some_and(|file| file.ends_with("ca.pem")));
    assert_eq!(tls.key, None);
    assert!(!Endpoint { tls: None, ..Endpoint::resolve(&environment).expect("resolved") }.is_local());
}

#[test]
fn tls_variables_secure_the_host_variable() {
    let home = home(None);
    let certificates = home.path().join("certificates");
    std::fs::create_dir(&certificates).expect("made");
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::write(certificates.join(file), "").expect("written");
    }
    let environment = EngineEnvironment {
        docker_host: Some("tcp://host".to_owned()),
        tls_verify: Some("1".to_owned()),
        cert_path: Some(certificates.clone()),
        ..environment(&home)
    };
    let endpoint = Endpoint::resolve(&environment).expect("resolved");
    assert_eq!(endpoint.url, "tcp://host:2376");
    assert_eq!(endpoint.tls.expect("secured").key, Some(certificates.join("key.pem")));
    let plain = Endpoint::resolve(&EngineEnvironment { tls_verify: None, ..environment }).expect("resolved");
    assert_eq!((plain.tls, plain.url), (None, "tcp://host:2375".to_owned()));
}

#[test]
fn what_cannot_be_used_is_an_error_and_never_another_engine() {
    let home = home(Some("gone"));
    let refused = |environment: EngineEnvironment| match Endpoint::resolve(&environment) {
        Err(EngineError::Context { name, reason }) => (name, reason),
        other => panic!("{other:?}"),
    };
    let (name, reason) = refused(environment(&home));
    assert_eq!((name.as_str(), reason.as_str()), ("gone", "no such context"));
    for name in ["careless", "hollow", "../../remote"] {
        let (named, _) =
            refused(EngineEnvironment { context_flag: Some(name.to_owned()), ..environment(&home) });
        assert_eq!(named, name);
    }
    let both = EngineEnvironment {
        context_flag: Some("remote".to_owned()),
        host_flag: Some("unix:///x".to_owned()),
        ..environment(&home)
    };
    refused(both);
}

#[test]
fn a_broken_configuration_is_passed_over_as_docker_does() {
    let home = home(None);
    std::fs::write(home.path().join(".docker/config.json"), "{").expect("written");
    assert_eq!(Endpoint::resolve(&environment(&home)).expect("resolved").origin, EndpointOrigin::Default);
}
