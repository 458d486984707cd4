//! The architecture's rules about dependencies (ARCHITECTURE.md), held against what cargo says.

use anyhow::Result;
use cargo_metadata::DependencyKind;

use super::verdict;
use crate::graph::{self, Brought, Features, Member};

/// Which of our crates each published crate may depend on. A new crate needs a line here and in ARCHITECTURE.md.
const LAYERS: &[(&str, &[&str])] = &[
    ("portcullis-core", &[]),
    ("portcullis", &["portcullis-core"]),
    ("portcullis-axum", &["portcullis", "portcullis-core"]),
    ("portcullis-oidc", &["portcullis", "portcullis-core"]),
    ("portcullis-issuer", &["portcullis", "portcullis-core"]),
    ("portcullis-cli", &["portcullis", "portcullis-core", "portcullis-issuer", "portcullis-oidc"]),
    // A store's release must never wait for the layer's.
    ("portcullis-redis", &["portcullis-core"]),
    ("portcullis-postgres", &["portcullis-core"]),
    ("portcullis-sqlite", &["portcullis-core"]),
    ("portcullis-testing", &["portcullis", "portcullis-core", "portcullis-issuer"]),
];

/// What a crate must not bring along, not even through others.
struct Ban {
    by: &'static str,
    features: Features,
    banned: &'static [&'static str],
    because: &'static str,
}

const HTTP: &[&str] =
    &["http", "http-body", "hyper", "tower-layer", "tower-service", "tower", "reqwest"];
const CRYPTO: &[&str] =
    &["aws-lc-rs", "ring", "openssl", "rustls", "jsonwebtoken", "sha2", "hmac", "rsa"];
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "async-executor"];
const FRAMEWORKS: &[&str] =
    &["axum", "axum-core", "actix-web", "rocket", "warp", "poem", "salvo_core", "tonic"];
const DATABASES: &[&str] =
    &["rusqlite", "redis", "fred", "tokio-postgres", "sqlx", "diesel", "sea-orm"];

const BANS: &[Ban] = &[
    Ban {
        by: "portcullis-core",
        features: Features::All,
        banned: HTTP,
        because: "the core knows no HTTP",
    },
    Ban {
        by: "portcullis-core",
        features: Features::All,
        banned: CRYPTO,
        because: "the core knows no crypto",
    },
    Ban {
        by: "portcullis-core",
        features: Features::All,
        banned: RUNTIMES,
        because: "the core knows no async runtime",
    },
    Ban {
        by: "portcullis",
        features: Features::All,
        banned: FRAMEWORKS,
        because: "the layer knows no web framework",
    },
    Ban {
        by: "portcullis",
        features: Features::All,
        banned: DATABASES,
        because: "the layer knows no database",
    },
    Ban {
        by: "portcullis",
        features: Features::None,
        banned: RUNTIMES,
        because: "a runtime is needed by features only",
    },
    Ban {
        by: "portcullis-axum",
        features: Features::All,
        banned: &["axum"],
        because: "axum-core changes less often",
    },
];

/// A second backend in the graph makes the user's own calls of jsonwebtoken panic.
const BACKENDS: &[&str] = &["aws_lc_rs", "rust_crypto"];

pub(super) fn run() -> Result<()> {
    let members = graph::members(&graph::metadata()?);
    let mut findings = Vec::new();
    findings.extend(layers(&members));
    findings.extend(testing_is_unversioned(&members));
    for member in members.iter().filter(|member| member.published) {
        for features in [Features::None, Features::All] {
            let brought = graph::brought_by(&member.name, features)?;
            findings.extend(bans(&member.name, features, &brought));
            findings.extend(backends(&member.name, &brought));
        }
    }
    findings.dedup();
    verdict(&findings)
}

/// Who may depend on whom.
fn layers(members: &[Member]) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| member.published) {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == member.name) else {
            findings
                .push(format!("{} has no place in the architecture (xtask's LAYERS)", member.name));
            continue;
        };
        let ours = member
            .needs
            .iter()
            .filter(|need| members.iter().any(|member| member.name == need.name));
        for need in ours.filter(|need| need.kind != DependencyKind::Development) {
            if !allowed.contains(&need.name.as_str()) {
                findings.push(format!("{} must not depend on {}", member.name, need.name));
            }
            // The store suite must not pull the layer into a store's tests.
            if member.name == "portcullis-testing"
                && need.name != "portcullis-core"
                && !need.optional
            {
                findings.push(format!(
                    "portcullis-testing may depend on {} behind a feature only",
                    need.name
                ));
            }
        }
    }
    findings
}

/// Everything tests with portcullis-testing, which depends on most: with a version the circle can't be published.
fn testing_is_unversioned(members: &[Member]) -> Vec<String> {
    let published = members.iter().filter(|member| member.published);
    let wrong = published.filter(|member| {
        let mut needs = member.needs.iter().filter(|need| need.name == "portcullis-testing");
        needs.any(|need| need.versioned || need.kind != DependencyKind::Development)
    });
    wrong
        .map(|member| {
            format!("{} must have portcullis-testing as a path-only dev-dependency", member.name)
        })
        .collect()
}

fn bans(member: &str, features: Features, brought: &[Brought]) -> Vec<String> {
    let mut findings = Vec::new();
    for ban in BANS.iter().filter(|ban| ban.by == member && ban.features == features) {
        for package in brought.iter().filter(|package| ban.banned.contains(&package.name.as_str()))
        {
            findings.push(format!("{member} brings {} along: {}", package.name, ban.because));
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn backends(member: &str, brought: &[Brought]) -> Vec<String> {
    let jsonwebtoken = brought.iter().filter(|package| package.name == "jsonwebtoken");
    let features = jsonwebtoken.flat_map(|package| &package.features);
    let mut findings: Vec<_> = features
        .filter(|feature| BACKENDS.contains(&feature.as_str()))
        .map(|feature| {
            format!(
                "{member} turns on jsonwebtoken's backend {feature}, which is the user's choice"
            )
        })
        .collect();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Need;

    fn member(name: &str, needs: &[(&str, DependencyKind, bool, bool)]) -> Member {
        let need = |&(name, kind, optional, versioned): &(&str, _, _, _)| Need {
            name: name.to_owned(),
            kind,
            optional,
            versioned,
        };
        Member {
            name: name.into(),
            published: true,
            needs: needs.iter().map(need).collect(),
            ..Member::default()
        }
    }

    fn normal(name: &str) -> (&str, DependencyKind, bool, bool) {
        (name, DependencyKind::Normal, false, true)
    }

    fn brought(name: &str, features: &[&str]) -> Brought {
        let features = features.iter().map(|&feature| feature.to_owned()).collect();
        Brought { name: name.into(), version: "1.0.0".parse().unwrap(), features }
    }

    /// The number of findings where `from` depends on `to`.
    fn layer(from: &str, to: &str) -> usize {
        layers(&[member(from, &[normal(to)]), member(to, &[])]).len()
    }

    #[test]
    fn a_crate_depends_only_on_those_below_it() {
        assert_eq!(layer("portcullis", "portcullis-core"), 0);
        assert_eq!(layer("portcullis-axum", "portcullis"), 0);
        assert_eq!(layer("portcullis-core", "portcullis"), 1);
        assert_eq!(layer("portcullis", "portcullis-axum"), 1);
        for store in ["portcullis-sqlite", "portcullis-redis", "portcullis-postgres"] {
            assert_eq!(layer(store, "portcullis-core"), 0);
            assert_eq!(layer(store, "portcullis"), 1);
            assert_eq!(layer(store, "portcullis-issuer"), 1);
        }
    }

    #[test]
    fn a_crate_without_a_place_is_found_and_a_private_one_is_free() {
        assert_eq!(layers(&[member("portcullis-new", &[])]).len(), 1);
        let mut example = member("payroll", &[normal("portcullis-core")]);
        example.published = false;
        assert!(layers(&[example, member("portcullis-core", &[])]).is_empty());
    }

    #[test]
    fn the_testing_crate_takes_the_layer_behind_a_feature() {
        assert_eq!(layer("portcullis-testing", "portcullis"), 1);
        assert_eq!(layer("portcullis-testing", "portcullis-core"), 0);
        let optional =
            member("portcullis-testing", &[("portcullis", DependencyKind::Normal, true, true)]);
        assert!(layers(&[optional, member("portcullis", &[])]).is_empty());
    }

    #[test]
    fn the_testing_crate_is_a_dev_dependency_without_a_version() {
        let check = |kind, versioned| {
            testing_is_unversioned(&[member(
                "portcullis",
                &[("portcullis-testing", kind, false, versioned)],
            )])
            .len()
        };
        assert_eq!(check(DependencyKind::Development, false), 0);
        assert_eq!(check(DependencyKind::Development, true), 1);
        assert_eq!(check(DependencyKind::Normal, false), 1);
    }

    #[test]
    fn what_a_crate_must_not_bring_along() {
        let cases: &[(&str, Features, &[&str], &[&str])] = &[
            (
                "portcullis-core",
                Features::All,
                &["http", "hyper", "aws-lc-rs", "ring", "jsonwebtoken", "tokio"],
                &["serde"],
            ),
            (
                "portcullis",
                Features::All,
                &["axum", "axum-core", "tonic", "rusqlite", "redis"],
                &["http", "tokio"],
            ),
            ("portcullis", Features::None, &["tokio"], &["http", "aws-lc-rs"]),
            ("portcullis-axum", Features::All, &["axum"], &["axum-core"]),
        ];
        for &(member, features, banned, allowed) in cases {
            for name in banned {
                let findings = bans(member, features, &[brought("serde", &[]), brought(name, &[])]);
                assert_eq!(findings.len(), 1, "{member} {features:?} {name}");
            }
            for name in allowed {
                assert!(
                    bans(member, features, &[brought(name, &[])]).is_empty(),
                    "{member} {features:?} {name}"
                );
            }
        }
    }

    #[test]
    fn no_backend_of_jsonwebtoken_is_turned_on() {
        assert!(backends("portcullis", &[brought("jsonwebtoken", &["use_pem"])]).is_empty());
        assert!(backends("portcullis", &[brought("other", &["aws_lc_rs"])]).is_empty());
        for backend in BACKENDS {
            assert_eq!(
                backends("portcullis", &[brought("jsonwebtoken", &["use_pem", backend])]).len(),
                1
            );
        }
        assert_eq!(BACKENDS, ["aws_lc_rs", "rust_crypto"]);
    }
}
