//! The settings that PostgreSQL keeps beside its data: they are carried over to a newer version, as far as it accepts them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use super::client::{self, CONTROL};
use super::server;
use crate::backup::driver::scratch::ScratchServer;
use crate::backup::driver::volume::{archive_file, pipe};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::Silent;

/// The settings, those of `ALTER SYSTEM`, and who may connect how.
const SETTINGS: &str = "postgresql.conf";
const ALTERED: &str = "postgresql.auto.conf";
const ACCESS: &str = "pg_hba.conf";
const USER_MAPS: &str = "pg_ident.conf";

/// What certificates and keys that the settings name are called.
const CERTIFICATES: [&str; 4] = ["crt", "key", "pem", "crl"];

/// Larger files are no settings.
const LARGEST: u64 = 1 << 20;

/// How often lines that are not accepted are looked for: one that cannot be parsed may hide others.
const ROUNDS: u32 = 5;

/// The files of settings in a data directory.
#[derive(Debug, Clone, Default)]
pub(super) struct SettingsFiles(BTreeMap<String, SettingsFile>);

#[derive(Debug, Clone)]
struct SettingsFile {
    mode: u32,
    /// In seconds since 1970.
    time: u64,
    owner: (u64, u64),
    content: Vec<u8>,
}

impl SettingsFile {
    fn read(entry: &mut tar::Entry<'_, impl std::io::Read>) -> anyhow::Result<Self> {
        let header = entry.header();
        let (mode, time, owner) = (header.mode()?, header.mtime()?, (header.uid()?, header.gid()?));
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        Ok(Self { mode, time, owner, content })
    }
}

/// A line that a server does not accept.
#[derive(Debug, Deserialize)]
struct Rejected {
    file: String,
    line: usize,
    name: Option<String>,
    problem: String,
}

fn is_settings(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    [SETTINGS, ALTERED, ACCESS, USER_MAPS].contains(&name) || CERTIFICATES.contains(&extension)
}

/// The settings in a copy of files. Fails if a part of the data directory is somewhere else.
pub(super) async fn read(copy: &Backup, data: &Path) -> anyhow::Result<SettingsFiles> {
    let mut archives: Vec<(PathBuf, PathBuf)> = Vec::new();
    for artifact in &copy.manifest.artifacts {
        if let ArtifactContents::Files { target, .. } = &artifact.contents {
            archives.push((copy.directory.join(&artifact.path), PathBuf::from(target)));
        }
    }
    let data = data.to_owned();
    pipe::blocking(move || {
        let mut found = SettingsFiles::default();
        for (archive, target) in archives.iter().filter(|(_, target)| data.starts_with(target)) {
            let parent = target.parent().unwrap_or(Path::new("/"));
            let mut archive = tar::Archive::new(archive_file::open(archive)?);
            for entry in archive.entries()? {
                let mut entry = entry?;
                let path = parent.join(entry.path()?);
                let kind = entry.header().entry_type();
                if kind.is_symlink() && path == data.join("pg_wal") {
                    anyhow::bail!("`{}` is a link: the write-ahead log is in another place", path.display());
                }
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let Some(name) = name.filter(|name| is_settings(name)) else { continue };
                if path.parent() != Some(&data) || !kind.is_file() || entry.size() > LARGEST {
                    continue;
                }
                found.0.insert(name, SettingsFile::read(&mut entry)?);
            }
        }
        Ok(found)
    })
    .await
}

/// Puts the former settings into a new server, and starts it with them. What it does not accept is left out, and said in the
/// remarks.
pub(super) async fn carry_over(
    scratch: &mut ScratchServer,
    data: &Path,
    former: &SettingsFiles,
    limit: Duration,
    clearance: &Clearance,
) -> anyhow::Result<Vec<String>> {
    let new = of_server(scratch, data).await?;
    let mut carried = changed(former, &new);
    if carried.0.is_empty() {
        return Ok(Vec::new());
    }
    let mut remarks = Vec::new();
    for _ in 0..ROUNDS {
        write(scratch, data, &carried, clearance).await?;
        let rejected = rejected(scratch).await?;
        let found = without(&mut carried, &new, &rejected);
        if found.is_empty() {
            break;
        }
        remarks.extend(found);
    }
    scratch.stop().await?;
    scratch.start_again().await?;
    if let Err(error) = wait(scratch, limit).await {
        write(scratch, data, &new, clearance).await?;
        // It may be trying still.
        scratch.stop().await?;
        scratch.start_again().await?;
        wait(scratch, limit).await.context("the new server does not start with its own settings either")?;
        return Ok(vec![format!(
            "the settings of the former server ({}) were not carried over, because the new one does not start with them: {error:#}",
            names(&carried)
        )]);
    }
    remarks.push(format!("carried over from the former server: {}", names(&carried)));
    Ok(remarks)
}

fn names(files: &SettingsFiles) -> String {
    files.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

async fn wait(scratch: &ScratchServer, limit: Duration) -> anyhow::Result<()> {
    let target = scratch.target();
    scratch.wait_until(limit, || server::ask(target)).await.map(drop)
}

/// The former files that say something else than the new ones.
fn changed(former: &SettingsFiles, new: &SettingsFiles) -> SettingsFiles {
    let owner = new.0.get(SETTINGS).map(|file| file.owner);
    let mut carried = SettingsFiles::default();
    for (name, file) in &former.0 {
        let same = new.0.get(name).is_some_and(|new| says_the_same(name, &file.content, &new.content));
        if !same {
            let owner = owner.unwrap_or(file.owner);
            carried.0.insert(name.clone(), SettingsFile { owner, ..file.clone() });
        }
    }
    carried
}

/// Whether a former file says nothing that the new one does not say.
fn says_the_same(name: &str, former: &[u8], new: &[u8]) -> bool {
    match name {
        SETTINGS | ALTERED => lines(former).is_subset(&lines(new)),
        ACCESS | USER_MAPS => lines(former) == lines(new),
        _ => former == new,
    }
}

/// The lines without comments, and with one space between words.
fn lines(content: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(content);
    let line = |line: &str| {
        let mut quoted = false;
        let end = line.find(|letter: char| {
            quoted ^= letter == '\'';
            letter == '#' && !quoted
        });
        line[..end.unwrap_or(line.len())].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}

/// Leaves out what was rejected: lines of the settings become comments, and of another file the new one is used. Returns what
/// there is to say.
fn without(carried: &mut SettingsFiles, new: &SettingsFiles, rejected: &[Rejected]) -> Vec<String> {
    let mut remarks = Vec::new();
    for Rejected { file, line, name, problem } in rejected {
        let Some(carried) = carried.0.get_mut(file) else { continue };
        if [SETTINGS, ALTERED].contains(&file.as_str()) {
            let text = String::from_utf8_lossy(&carried.content).into_owned();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let Some(rejected) = line.checked_sub(1).and_then(|at| lines.get_mut(at)) else { continue };
            if rejected.starts_with('#') {
                continue;
            }
            rejected.insert(0, '#');
            carried.content = (lines.join("\n") + "\n").into_bytes();
            let what = name.as_ref().map_or_else(|| format!("line {line}"), |name| format!("`{name}`"));
            remarks.push(format!("`{file}`: {what} became a comment: {problem}"));
        } else if let Some(new) = new.0.get(file)
            && carried.content != new.content
        {
            carried.content.clone_from(&new.content);
            remarks.push(format!("`{file}` was not carried over: line {line}: {problem}"));
        }
    }
    remarks
}

/// What the server finds wrong in its files, without what only a restart can apply.
async fn rejected(scratch: &ScratchServer) -> anyhow::Result<Vec<Rejected>> {
    let statements = r"SELECT json_build_object('file', regexp_replace(sourcefile, '^.*/', ''), 'line', sourceline, 'name', name, 'problem', error)
  FROM pg_file_settings WHERE error IS NOT NULL AND error <> 'setting could not be applied';
SELECT json_build_object('file', 'pg_hba.conf', 'line', line_number, 'name', null, 'problem', error)
  FROM pg_hba_file_rules WHERE error IS NOT NULL;
";
    client::query(scratch.target(), CONTROL, statements).await
}

/// The settings of a server.
async fn of_server(scratch: &ScratchServer, data: &Path) -> anyhow::Result<SettingsFiles> {
    let target = scratch.target();
    let mut found = SettingsFiles::default();
    for name in [SETTINGS, ALTERED, ACCESS, USER_MAPS] {
        let stream = target.engine.read_archive(&target.container()?.id, &data.join(name)).await?;
        let file = pipe::consume(stream, &Silent, |archive| {
            let mut archive = tar::Archive::new(archive);
            let mut entry = archive.entries()?.next().context("it is empty")??;
            SettingsFile::read(&mut entry)
        })
        .await?
        .with_context(|| format!("`{name}` of the new server cannot be read"))?;
        found.0.insert(name.to_owned(), file);
    }
    Ok(found)
}

async fn write(
    scratch: &ScratchServer,
    data: &Path,
    files: &SettingsFiles,
    clearance: &Clearance,
) -> anyhow::Result<()> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, file) in &files.0 {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(file.mode);
        header.set_mtime(file.time);
        header.set_uid(file.owner.0);
        header.set_gid(file.owner.1);
        header.set_size(file.content.len() as u64);
        tar.append_data(&mut header, name, file.content.as_slice())?;
    }
    scratch.write(data, tar.into_inner()?, clearance).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> SettingsFiles {
        let file =
            |content: &str| SettingsFile { mode: 0o600, time: 0, owner: (70, 70), content: content.into() };
        SettingsFiles(files.iter().map(|(name, content)| ((*name).to_owned(), file(content))).collect())
    }

    fn names_of(files: &SettingsFiles) -> Vec<&str> {
        files.0.keys().map(String::as_str).collect()
    }

    #[test]
    fn only_what_was_changed_is_carried_over() {
        let new = files(&[
            (SETTINGS, "max_connections = 100   # a comment\nnew_setting = on\n"),
            (ALTERED, "# do not edit\n"),
            (ACCESS, "local all all trust\nhost all all all scram-sha-256\n"),
        ]);
        let same = files(&[
            (SETTINGS, "max_connections =   100\n#old_setting = on\n"),
            (ALTERED, "# Do not edit\n"),
            (ACCESS, "local  all  all  trust # sockets\nhost all all all scram-sha-256\n"),
        ]);
        assert_eq!(names_of(&changed(&same, &new)), Vec::<&str>::new());
        let other = files(&[
            (SETTINGS, "max_connections = 200\nlog_line_prefix = '# %m'\n"),
            (ALTERED, "work_mem = '64MB'\n"),
            (ACCESS, "local all all trust\n"),
            ("server.key", "secret"),
        ]);
        assert_eq!(names_of(&changed(&other, &new)), [ACCESS, ALTERED, SETTINGS, "server.key"]);
        assert!(lines(b"log_line_prefix = '# %m' # x\n").contains("log_line_prefix = '# %m'"));
    }

    #[test]
    fn what_is_not_accepted_is_left_out_and_said() {
        let new = files(&[(SETTINGS, ""), (ACCESS, "local all all trust\n")]);
        let mut carried = files(&[(SETTINGS, "work_mem = '1MB'\nold = on\n"), (ACCESS, "nonsense\n")]);
        let of = |file: &str, line, name: Option<&str>| Rejected {
            file: file.into(),
            line,
            name: name.map(str::to_owned),
            problem: "not known".into(),
        };
        let rejected = [of(SETTINGS, 2, Some("old")), of(ACCESS, 1, None), of("other.conf", 1, None)];
        let remarks = without(&mut carried, &new, &rejected);
        assert_eq!(
            remarks,
            [
                "`postgresql.conf`: `old` became a comment: not known",
                "`pg_hba.conf` was not carried over: line 1: not known"
            ]
        );
        assert_eq!(carried.0[SETTINGS].content, b"work_mem = '1MB'\n#old = on\n");
        assert_eq!(carried.0[ACCESS].content, b"local all all trust\n");
        assert_eq!(without(&mut carried, &new, &rejected), Vec::<String>::new(), "once is enough");
    }
}
