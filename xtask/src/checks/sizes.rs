//! `docs/dependencies.md` gives a reason for every direct dependency of a published crate, and says how many crates
//! each one brings along. This holds it against what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::DependencyKind;

use super::verdict;
use crate::command::root;
use crate::graph::{self, Brought, Features, Member};

const PAGE: &str = "docs/dependencies.md";

pub(super) fn run() -> Result<()> {
    let text = std::fs::read_to_string(root().join(PAGE)).context(PAGE)?;
    let page = Page::read(&text);
    let members = graph::members(&graph::metadata()?);
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| member.published) {
        findings.extend(reasons(member, &page));
        let sizes = [Features::None, Features::All]
            .into_iter()
            .map(|features| Ok(size(&graph::brought_by(&member.name, features)?)))
            .collect::<Result<Vec<_>>>()?;
        findings.extend(judge_size(&member.name, (sizes[0], sizes[1]), &page));
    }
    let stale = page.crates().filter(|name| !members.iter().any(|member| member.name == **name));
    findings.extend(stale.map(|name| format!("{PAGE} speaks of {name}, which is not here")));
    verdict(&findings)
}

/// What the page says.
#[derive(Debug, Default)]
struct Page {
    /// The crates that each crate brings along: without features, and with all of them.
    sizes: BTreeMap<String, (usize, usize)>,
    /// The direct dependencies of each crate that have a reason.
    reasons: BTreeMap<String, BTreeSet<String>>,
}

impl Page {
    /// Rows that begin with a name in backticks: three cells are a size, two a reason in the section of a crate.
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut section = "";
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                section = heading.trim();
            }
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let name = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
            match *cells.as_slice() {
                [first, none, all] if line.starts_with('|') => {
                    if let (Some(name), Ok(none), Ok(all)) =
                        (name(first), none.parse(), all.parse())
                    {
                        page.sizes.insert(name, (none, all));
                    }
                }
                [first, reason] if line.starts_with('|') && !reason.is_empty() => {
                    if let Some(name) = name(first) {
                        page.reasons.entry(section.to_owned()).or_default().insert(name);
                    }
                }
                _ => {}
            }
        }
        page
    }

    fn crates(&self) -> impl Iterator<Item = &String> {
        self.sizes.keys().chain(self.reasons.keys()).collect::<BTreeSet<_>>().into_iter()
    }
}

/// Dependencies without a reason, and reasons without a dependency.
fn reasons(member: &Member, page: &Page) -> Vec<String> {
    let needed: BTreeSet<_> = member
        .needs
        .iter()
        .filter(|need| need.kind == DependencyKind::Normal)
        .map(|need| need.name.clone())
        .collect();
    let none = BTreeSet::new();
    let given = page.reasons.get(&member.name).unwrap_or(&none);
    let missing = needed.difference(given);
    let stale = given.difference(&needed);
    missing
        .map(|name| format!("{} depends on {name}, and {PAGE} does not say why", member.name))
        .chain(stale.map(|name| {
            format!("{PAGE} says why {} depends on {name}, which it does not", member.name)
        }))
        .collect()
}

/// How many crates there are, the crate itself not counted.
fn size(brought: &[Brought]) -> usize {
    let distinct: BTreeSet<_> = brought.iter().map(|b| (&b.name, &b.version)).collect();
    distinct.len() - 1
}

fn judge_size(member: &str, found: (usize, usize), page: &Page) -> Option<String> {
    let stated = page.sizes.get(member);
    (stated != Some(&found)).then(|| {
        let stated = stated.map_or("nothing".to_owned(), |(none, all)| format!("{none} and {all}"));
        format!(
            "{member} brings {} crates along without features and {} with all; {PAGE} states {stated}",
            found.0, found.1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Need;

    const TEXT: &str = "\
| crate | none | all |
|---|---|---|
| `a` | 3 | 5 |

## a

| dependency | why |
|---|---|
| `serde` | to read |
| `gone` | was needed once |
";

    fn member() -> Member {
        let need =
            |name: &str, kind| Need { name: name.into(), kind, optional: false, versioned: true };
        Member {
            name: "a".into(),
            needs: vec![
                need("serde", DependencyKind::Normal),
                need("new", DependencyKind::Normal),
                need("proptest", DependencyKind::Development),
            ],
            ..Member::default()
        }
    }

    #[test]
    fn a_dependency_without_a_reason_and_a_reason_without_a_dependency() {
        let findings = reasons(&member(), &Page::read(TEXT));
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("on new") && findings[1].contains("on gone"), "{findings:?}");
    }

    #[test]
    fn another_size_is_a_finding() {
        let page = Page::read(TEXT);
        assert_eq!(judge_size("a", (3, 5), &page), None);
        assert!(judge_size("a", (3, 6), &page).is_some());
        assert!(judge_size("b", (3, 5), &page).is_some_and(|finding| finding.contains("nothing")));
        assert_eq!(page.crates().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn each_version_counts_and_the_crate_itself_does_not() {
        let brought = |name: &str, version: &str| Brought {
            name: name.into(),
            version: version.parse().unwrap(),
            features: Vec::new(),
        };
        let tree = [
            brought("a", "0.1.0"),
            brought("b", "1.0.0"),
            brought("b", "2.0.0"),
            brought("b", "2.0.0"),
        ];
        assert_eq!(size(&tree), 2);
    }
}
