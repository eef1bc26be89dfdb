//! Sources that were made to cost: each another one every time.

use std::fmt::Write as _;

use ace_domain::bundle::{TreePath, write_archive};
use bytes::Bytes;

/// Functions of a hostile source, `h0` and so on.
pub const FUNCTIONS: usize = 12;
/// Folders within folders.
pub const DEPTH: usize = 44;

/// The tree of a turn: as much as is taken, or more; as a tar.gz of less than a ConfigMap's megabyte.
pub fn tree(turn: usize) -> Vec<u8> {
    let files = match turn % 5 {
        0 => mapped(10_000, 10_000),
        1 => nested(19_000),
        2 => repeated("(a = ", 80_000),
        3 => (0..30_000).map(|at| (format!("f{at}.ts"), String::new())).collect(),
        // Of zeros: 100 MiB, as a hundred kilobytes.
        _ => (0..FUNCTIONS)
            .map(|at| (entrypoint(at), "\0".repeat(9 << 20)))
            .collect(),
    };
    let salt = ("salt.txt".to_owned(), turn.to_string());
    let files = files.into_iter().chain([salt]).map(|(path, text)| {
        let path = TreePath::new(path).expect("the paths here are relative");
        (path, Bytes::from(text))
    });
    write_archive(&files.collect())
}

/// Where the entrypoint of a function is.
pub fn entrypoint(function: usize) -> String {
    format!("h{function}/index.ts")
}

/// The folder so many levels down.
pub fn folder(depth: usize) -> String {
    vec!["d"; depth].join("/")
}

type Files = Vec<(String, String)>;

/// An import map of so many entries, a module that asks for so many of them, and functions that import it.
fn mapped(entries: usize, imports: usize) -> Files {
    let (mut map, mut module) = ("{\"imports\":{".to_owned(), String::new());
    for at in 0..entries {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(map, "{comma}\"p{at}/\":\"npm:x@{at}/\"");
    }
    map.push_str("}}");
    for at in 0..imports {
        let _ = writeln!(module, "import 'p{at}/x';");
    }
    let functions = (0..FUNCTIONS).flat_map(|at| {
        let settings = (format!("h{at}/deno.json"), "{\"importMap\":\"../map.json\"}".to_owned());
        [settings, (entrypoint(at), "import '../module.ts';".to_owned())]
    });
    functions
        .chain([("map.json".to_owned(), map), ("module.ts".to_owned(), module)])
        .collect()
}

/// Files at the bottom, and a module at each level that imports the one below.
fn nested(files: usize) -> Files {
    let bottom = folder(DEPTH);
    let modules = (1..DEPTH).map(|depth| {
        (
            format!("{}/index.ts", folder(depth)),
            "import './d/index.ts';".to_owned(),
        )
    });
    let files = (0..files).map(|at| (format!("{bottom}/f{at}.ts"), String::new()));
    modules
        .chain([(format!("{bottom}/index.ts"), String::new())])
        .chain(files)
        .collect()
}

/// Modules of one production.
fn repeated(production: &str, times: usize) -> Files {
    let text = format!("x = {}1{}", production.repeat(times), ")".repeat(times));
    (0..FUNCTIONS).map(|at| (entrypoint(at), text.clone())).collect()
}
