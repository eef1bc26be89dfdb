//! What reads foreign bytes, by name. A new one is a line here, and productions of its own.

use ace_domain::bundle::{ArchiveLimits, Closure, FunctionSource, Tree, TreePath, read_archive};
use bytes::Bytes;

/// The answer of a reader to an input: what it is, or why it is refused.
pub(crate) fn read(reader: &str, input: Vec<u8>) -> String {
    let input = Bytes::from(input);
    match reader {
        "index.ts" | "index.tsx" | "index.js" | "index.jsx" => closure(reader, &[(reader, input)]),
        "deno.json" => {
            let imports = "import 'a'; import 'a/b/c'; import './d.ts'; import 'npm:x';";
            closure("index.ts", &[("index.ts", imports.into()), (reader, input)])
        }
        // A map and a module, divided by NUL.
        "map and module" => {
            let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
            let module = input.slice((end + 1).min(input.len())..);
            closure("index.ts", &[("index.ts", module), ("deno.json", input.slice(..end))])
        }
        "tar.gz" => match read_archive(&input, &ArchiveLimits::default()) {
            Ok(tree) => closure_of("index.ts", &tree),
            Err(error) => error.to_string(),
        },
        other => panic!("there is no reader {other}"),
    }
}

fn closure(entrypoint: &str, files: &[(&str, Bytes)]) -> String {
    let files = files
        .iter()
        .map(|(path, bytes)| (TreePath::new(*path).unwrap(), bytes.clone()));
    closure_of(entrypoint, &Tree::from_files(files).unwrap())
}

fn closure_of(entrypoint: &str, tree: &Tree) -> String {
    let source = FunctionSource {
        slug: "hello",
        entrypoint: Some(entrypoint),
        import_map: None,
        static_files: &[],
    };
    match Closure::compute(tree, &source) {
        Ok(closure) => format!("{} files, {} remote", closure.files().len(), closure.remote().len()),
        Err(error) => error.to_string(),
    }
}
