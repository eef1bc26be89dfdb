//! The pages for people say what the code says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ace_api::{KINDS, ListedReason};
use ace_tests::repository;

#[test]
fn every_reason_is_explained_under_its_condition_and_no_other_is() {
    let page = fs::read_to_string(repository().join("docs/reasons.md")).unwrap();
    for kind in KINDS {
        assert_eq!(explained(&page, kind.name), reasons(kind.reasons), "{}", kind.name);
        for (type_, listed) in kind.conditions {
            let chapter = format!("{}: {}", kind.name, type_.as_str());
            assert_eq!(explained(&page, &chapter), reasons(listed), "{chapter}");
        }
    }
}

#[test]
fn a_relative_link_leads_to_a_file() {
    let root = repository();
    for page in [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "docs/functions.md",
        "docs/reasons.md",
        "docs/migrations.md",
        "docs/backups.md",
        "docs/alerts.md",
        "docs/gitops.md",
        "docs/operator-alerts.md",
        "charts/ace-ops/README.md",
        "deploy/argocd/README.md",
    ] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://") && !link.starts_with('#')) {
            let file = root.join(page).with_file_name(link.split('#').next().unwrap());
            assert!(file.exists(), "{page}: {link}");
        }
    }
}

#[test]
fn every_line_that_packs_leaves_out_what_the_import_leaves_out() {
    let root = repository();
    let patterns = listed("crates/cli/src/project/secrets.rs", "EXCLUDED");
    let has = |all: &[String], one: &str| all.iter().any(|it| it == one);
    assert!(has(&patterns, ".env*") && has(&patterns, "._*"), "{patterns:?}");
    // README.md says what the import prints; in the other pages' folders is nothing of these.
    let not_read = listed("crates/cli/src/project/files.rs", "NOT_READ");
    assert!(has(&not_read, ".git"), "{not_read:?}");

    let mut pages = Vec::new();
    markdown(&root, &mut pages);
    let mut packing = BTreeSet::new();
    for page in pages {
        let name = page.strip_prefix(&root).unwrap().display().to_string();
        let text = fs::read_to_string(&page).unwrap().replace("\\\n", " ");
        for line in text
            .lines()
            .filter(|line| line.contains("tar czf ") && !line.contains('`'))
        {
            let excluded: BTreeSet<&str> = line
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("--exclude="))
                .collect();
            let not_read = not_read.iter().filter(|_| name == "README.md");
            for pattern in patterns.iter().chain(not_read) {
                // The shell would take a pattern for names of files here.
                let quoted = if pattern.contains('*') {
                    format!("'{pattern}'")
                } else {
                    pattern.clone()
                };
                assert!(excluded.contains(quoted.as_str()), "{name} packs {pattern}: {line}");
            }
            packing.insert(name.clone());
        }
    }
    for page in [
        "README.md",
        "examples/ace-engage/README.md",
        "crates/sandbox/demo/65-fix.md",
    ] {
        assert!(packing.contains(page), "{page} is not read: {packing:?}");
    }
}

/// The texts of a list in the code.
fn listed(file: &str, name: &str) -> Vec<String> {
    let code = fs::read_to_string(repository().join(file)).unwrap();
    let (_, list) = code.split_once(&format!("const {name}: [")).unwrap();
    let (list, _) = list.split_once("= [").unwrap().1.split_once("];").unwrap();
    list.split(',')
        .map(|text| text.trim().trim_matches('"').to_owned())
        .collect()
}

/// The pages below a folder: not those of what was built or installed.
fn markdown(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            markdown(&path, pages);
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
}

/// Reason and condition, as the code lists them.
fn reasons(all: &[ListedReason]) -> BTreeSet<(String, String)> {
    all.iter()
        .map(|reason| (reason.name.to_owned(), reason.shown_by.as_str().to_owned()))
        .collect()
}

/// Reason and condition of each row below a heading.
fn explained(page: &str, chapter: &str) -> BTreeSet<(String, String)> {
    let (_, below) = page.split_once(&format!("\n## {chapter}\n")).unwrap();
    let table = below.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 6 && !cells.contains(&"-"), "{row}");
        (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
    })
    .collect()
}
