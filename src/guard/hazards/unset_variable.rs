//! An unset variable is empty in the file: `${DATA}/db` becomes `/db`, and `${ENV}_data` becomes `_data`.

use super::super::{Hazard, HazardContext, volume_subject};
use crate::compose::model::DeclaredSource;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct UnsetVariable;

impl Hazard for UnsetVariable {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(variable) = cx.probe.unset_variables.first() else { return };
        for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
            if cx.role(&service.name).is_none() || !cx.replicas(&service.name).is_empty() {
                continue;
            }
            for mount in &service.mounts {
                let (subject, source) = match &mount.source {
                    DeclaredSource::Bind { path, .. } if path.components().count() == 2 => {
                        let path = path.display().to_string();
                        (Subject::Directory { path: path.clone() }, path)
                    }
                    DeclaredSource::Named { key, .. } => match cx.volume_of_key(key) {
                        Some(name) if name.starts_with('_') => {
                            (volume_subject(cx, name, false), name.to_owned())
                        }
                        Some(_) | None => continue,
                    },
                    DeclaredSource::Bind { .. }
                    | DeclaredSource::Anonymous
                    | DeclaredSource::Tmpfs
                    | DeclaredSource::Other => continue,
                };
                let mut impact = Impact::new(
                    Effect::Orphan,
                    subject,
                    format!(
                        "variable `{variable}` is not set, so the file mounts `{source}` at `{}` of `{}`, probably not where its data is",
                        mount.target.display(),
                        service.name
                    ),
                );
                impact.notice = true;
                impact.services.insert(service.name.clone());
                found.push(impact);
            }
        }
    }
}
