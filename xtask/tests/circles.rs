//! Folders of a crate are layers: where two depend on each other, neither can be read, moved or tested without the other.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Folders by the folders that their files name.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_folder_depends_on_one_that_depends_on_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut named = 0;
    for entry in fs::read_dir(crates).unwrap() {
        let source = entry.unwrap().path().join("src");
        let mut graph = Graph::new();
        read(&source, "", &source, &mut graph);
        named += graph.values().map(BTreeSet::len).sum::<usize>();
        assert_eq!(circles(&graph), BTreeSet::new(), "{}", source.display());
    }
    assert!(named > 25, "the files are read: {named}");
}

#[test]
fn a_circle_is_found_also_over_a_third_folder() {
    let found = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        circles(&graph)
    };
    assert_eq!(found(&[("a", "b"), ("b", "c"), ("a", "c")]), BTreeSet::new());
    let circle = found(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
    assert_eq!(circle, ["a", "b", "c"].map(ToOwned::to_owned).into());
}

#[test]
fn paths_are_read_in_every_form_of_a_use() {
    let text = "use crate::one::Thing;\nuse crate::{\n    two::{self, Other},\n    three::deep::Name,\n};\nfn f() { crate::four::g() }\n";
    let expected = ["one", "two", "three::deep", "four::g"];
    assert_eq!(paths(text), expected.map(ToOwned::to_owned).into());
}

/// The folders on a way that leads back to them.
fn circles(graph: &Graph) -> BTreeSet<String> {
    let leads_back = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = graph[start].iter().collect();
        while let Some(folder) = next.pop() {
            if folder == start {
                return true;
            }
            if seen.insert(folder) {
                next.extend(graph.get(folder).into_iter().flatten());
            }
        }
        false
    };
    graph.keys().filter(|start| leads_back(start)).cloned().collect()
}

/// Takes the files below `folder`, without tests, into the graph.
fn read(source: &Path, folder: &str, at: &Path, graph: &mut Graph) {
    let Ok(entries) = fs::read_dir(at) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            read(source, &format!("{folder}/{name}"), &path, graph);
        } else if path.extension().is_some_and(|is| is == "rs") && !name.ends_with("tests.rs") && name != "fixture.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let named = paths(code).into_iter().filter_map(|path| folder_of(source, &path));
            // A folder may name those that it holds, and they it.
            let others = named.filter(|other| !within(other, folder) && !within(folder, other));
            graph.entry(folder.to_owned()).or_default().extend(others);
        }
    }
}

fn within(inner: &str, outer: &str) -> bool {
    inner == outer || inner.starts_with(&format!("{outer}/"))
}

/// The modules that a file names from the root of its crate.
fn paths(code: &str) -> BTreeSet<String> {
    let module = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == ':'));
        let path = &text[..end.unwrap_or(text.len())];
        path.trim_matches(':').to_owned()
    };
    let direct = code.split("crate::").skip(1).filter(|rest| !rest.starts_with('{'));
    let lists = code.split("use crate::{").skip(1);
    let lists = lists.filter_map(|rest| rest.split("\n};").next());
    let listed = lists.flat_map(|list| list.lines().filter_map(|line| line.strip_prefix("    ")));
    let listed = listed.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let paths = direct.chain(listed).map(module);
    paths.filter(|path| !path.is_empty()).collect()
}

/// The folder that holds a module.
fn folder_of(source: &Path, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split("::").collect();
    while !parts.is_empty() {
        if source.join(parts.join("/")).is_dir() {
            return Some(format!("/{}", parts.join("/")));
        }
        parts.pop();
    }
    None
}
