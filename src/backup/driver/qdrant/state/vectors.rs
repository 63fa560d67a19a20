//! The parameters of a collection's vectors, without those that can be changed without data loss.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// By name; the unnamed vector has an empty name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Vectors(BTreeMap<String, Kind>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Dense { size: u64, distance: String, datatype: String, multivector: Option<String> },
    Sparse { datatype: String },
}

impl Vectors {
    /// Reads `config` as the server reports it.
    pub(crate) fn of(config: &Value) -> Self {
        let params = &config["params"];
        let mut found = BTreeMap::new();
        match &params["vectors"] {
            unnamed if unnamed["size"].is_number() => {
                found.insert(String::new(), dense(unnamed));
            }
            Value::Object(named) => {
                found.extend(named.iter().map(|(name, vector)| (name.clone(), dense(vector))));
            }
            _ => {}
        }
        if let Value::Object(sparse) = &params["sparse_vectors"] {
            found.extend(
                sparse.iter().map(|(name, vector)| {
                    (name.clone(), Kind::Sparse { datatype: datatype(&vector["index"]) })
                }),
            );
        }
        Self(found)
    }

    /// Whether every vector exists with the same parameters. More vectors are not a loss.
    pub(crate) fn are_in(&self, other: &Self) -> bool {
        self.0.iter().all(|(name, kind)| other.0.get(name) == Some(kind))
    }
}

fn dense(vector: &Value) -> Kind {
    Kind::Dense {
        size: vector["size"].as_u64().unwrap_or_default(),
        distance: vector["distance"].as_str().unwrap_or("?").to_owned(),
        datatype: datatype(vector),
        multivector: vector["multivector_config"]
            .as_object()
            .map(|multi| multi.get("comparator").and_then(Value::as_str).unwrap_or("max_sim").to_owned()),
    }
}

/// The default is `float32`.
fn datatype(vector: &Value) -> String {
    vector["datatype"].as_str().unwrap_or("float32").to_lowercase()
}

impl fmt::Display for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, (name, kind)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            let named = if name.is_empty() { String::new() } else { format!("{name}: ") };
            write!(f, "{separator}{named}{kind}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = |f: &mut fmt::Formatter<'_>, datatype: &str| match datatype {
            "float32" => Ok(()),
            other => write!(f, " {other}"),
        };
        match self {
            Self::Dense { size, distance, datatype, multivector } => {
                write!(f, "{size} {distance}")?;
                rest(f, datatype)?;
                multivector.as_ref().map_or(Ok(()), |comparator| write!(f, " multi ({comparator})"))
            }
            Self::Sparse { datatype } => {
                f.write_str("sparse")?;
                rest(f, datatype)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backup::driver::qdrant::fixtures;

    fn of(vectors: &Value) -> Vectors {
        Vectors::of(&json!({ "params": { "vectors": vectors } }))
    }

    #[test]
    fn what_matters_is_kept_and_shown() {
        assert_eq!(
            Vectors::of(&fixtures::config()).to_string(),
            "imagem: 3 Euclid, termos: sparse, texto: 4 Cosine"
        );
        assert_eq!(of(&json!({ "size": 4, "distance": "Dot" })).to_string(), "4 Dot");
        let multi = json!({ "size": 4, "distance": "Dot", "datatype": "uint8", "multivector_config": { "comparator": "max_sim" } });
        assert_eq!(of(&multi).to_string(), "4 Dot uint8 multi (max_sim)");
        assert_eq!(of(&json!({})).to_string(), "none");
    }

    #[test]
    fn what_does_not_matter_is_left_out() {
        let plain = of(&json!({ "size": 4, "distance": "Dot" }));
        let tuned = json!({ "size": 4, "distance": "Dot", "datatype": "float32", "on_disk": true, "hnsw_config": { "m": 4 } });
        assert_eq!(plain, of(&tuned));
    }

    #[test]
    fn a_vector_that_is_another_or_gone_is_not_in_it() {
        let before =
            of(&json!({ "a": { "size": 4, "distance": "Dot" }, "b": { "size": 2, "distance": "Dot" } }));
        for now in [
            json!({ "a": { "size": 4, "distance": "Dot" } }),
            json!({ "a": { "size": 4, "distance": "Dot" }, "b": { "size": 3, "distance": "Dot" } }),
            json!({ "a": { "size": 4, "distance": "Dot" }, "b": { "size": 2, "distance": "Cosine" } }),
            json!({ "a": { "size": 4, "distance": "Dot" }, "b": { "size": 2, "distance": "Dot", "datatype": "uint8" } }),
            json!({ "size": 4, "distance": "Dot" }),
        ] {
            assert!(!before.are_in(&of(&now)), "{now}");
        }
        let more = json!({ "a": { "size": 4, "distance": "Dot" }, "b": { "size": 2, "distance": "Dot" }, "c": { "size": 1, "distance": "Dot" } });
        assert!(before.are_in(&of(&more)));
    }
}
