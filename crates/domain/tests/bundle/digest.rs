//! One content has one name, everywhere and for ever: the vectors come from a script that shares no code with the crate.
//!
//! ```python
//! import hashlib, struct
//! n = lambda x: struct.pack(">Q", x)
//! f = lambda b: n(len(b)) + b
//! sha = lambda b: hashlib.sha256(b).digest()
//! def source(entrypoint, import_map, files, static):
//!     h = f(b"ops.mobulace.com/source/v1") + f(entrypoint) + (n(0) if import_map is None else n(1) + f(import_map)) + n(len(files))
//!     for p in sorted(files): h += f(p) + n(len(files[p])) + f(sha(files[p])) + n(1 if p in static else 0)
//!     return "sha256:" + sha(h).hex()
//! def body(entrypoint, files):
//!     h = f(b"ops.mobulace.com/body/v1") + f(entrypoint) + n(len(files))
//!     for p in sorted(files): h += f(p) + n(len(files[p])) + f(sha(files[p]))
//!     return "sha256:" + sha(h).hex()
//! ```

use std::collections::{BTreeMap, BTreeSet};

use ace_domain::bundle::{BodyFiles, Closure, FunctionSource, Revision, SourceDigest, Tree, TreeIndex, TreePath};
use bytes::Bytes;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, prop_assert_ne, proptest};

use crate::support::{function, path, tree};

const ENTRYPOINT: &str =
    "import { cors } from \"../_shared/cors.ts\";\nDeno.serve(() => new Response(\"hello\", cors));\n";
const CORS: &str = "export const cors = {};\n";

#[test]
fn the_digest_of_one_file_is_the_one_that_the_script_computed() {
    let tree = tree(&[("hello/index.ts", "Deno.serve(() => new Response(\"hello\"));\n")]);
    let closure = Closure::compute(&tree, &function("hello")).unwrap();
    assert_eq!(
        closure.digest().to_string(),
        "sha256:ea91635b5d39ddea9161167b0a9cfefbe22ef0f982693452ab710bf148283b6b"
    );
    assert_eq!(closure.revision().to_string(), "ea91635b5d39");
}

#[test]
fn the_digest_covers_entrypoint_import_map_and_which_files_are_static() {
    let tree = tree(&[
        ("hello/index.ts", ENTRYPOINT),
        ("_shared/cors.ts", CORS),
        ("hello/deno.json", "{\"imports\": {}}\n"),
        ("hello/page.html", "<p>ü</p>\n"),
        ("other/index.ts", "export {};\n"),
    ]);
    let patterns = ["hello/*.html".to_owned()];
    let source = FunctionSource {
        static_files: &patterns,
        ..function("hello")
    };
    let closure = Closure::compute(&tree, &source).unwrap();
    assert_eq!(
        closure.digest().to_string(),
        "sha256:a6992a0c372df7b95945b987409a277b70ca60bc06b8fcc3faa50f146ab4576a"
    );
}

#[test]
fn the_digest_of_a_body_is_the_one_that_the_script_computed() {
    let parts = [
        (
            "user_fn_ref_id_3/source/supabase/functions/hello/index.ts".to_owned(),
            Bytes::from(ENTRYPOINT),
        ),
        (
            "user_fn_ref_id_3/source/supabase/functions/_shared/cors.ts".to_owned(),
            Bytes::from(CORS),
        ),
    ];
    let entrypoint = "file:///tmp/user_fn_ref_id_3/source/supabase/functions/hello/index.ts";
    let body = BodyFiles::new(parts, Some(entrypoint), &path("hello/index.ts"));
    assert_eq!(
        body.digest().to_string(),
        "sha256:31ed33e90568ad2562ae2084863047ebc4a93b941e212c2839208d6e07fa1fd0"
    );
}

#[test]
fn a_digest_is_read_in_the_one_spelling_in_which_it_is_written() {
    let text = "sha256:ea91635b5d39ddea9161167b0a9cfefbe22ef0f982693452ab710bf148283b6b";
    let digest: SourceDigest = text.parse().unwrap();
    assert_eq!(digest.to_string(), text);
    assert_eq!(serde_json::to_value(digest).unwrap(), serde_json::json!(text));
    assert_eq!(
        serde_json::from_value::<SourceDigest>(serde_json::json!(text)).unwrap(),
        digest
    );
    for wrong in [
        &text[7..],
        &text[..70],
        &text.to_uppercase(),
        &format!("{text}0"),
        "sha256:",
        "",
    ] {
        assert!(wrong.parse::<SourceDigest>().is_err(), "{wrong}");
    }
    for wrong in ["0123456789a", "0123456789abc", "0123456789aB", "0123456789ag"] {
        assert!(wrong.parse::<Revision>().is_err(), "{wrong}");
    }
}

#[test]
fn a_file_that_becomes_static_is_another_content() {
    let tree = tree(&[
        ("hello/index.ts", "import d from './d.json' with { type: 'json' };\n"),
        ("hello/d.json", "1"),
    ]);
    let patterns = ["hello/d.json".to_owned()];
    let plain = Closure::compute(&tree, &function("hello")).unwrap();
    let readable = Closure::compute(
        &tree,
        &FunctionSource {
            static_files: &patterns,
            ..function("hello")
        },
    )
    .unwrap();
    assert_eq!(plain.files(), readable.files());
    assert_ne!(plain.digest(), readable.digest());
}

/// A tree of `functions` entrypoints over `shared` modules. `edges[i]` says which later modules module `i` imports, so that
/// the graph has no need to be a tree; functions import by the same rule.
#[derive(Clone, Debug)]
struct Graph {
    functions: Vec<Vec<bool>>,
    shared: Vec<Vec<bool>>,
}

const MODULES: usize = 6;

impl Graph {
    fn tree(&self) -> Tree {
        let imports = |edges: &[bool], from: usize, prefix: &str| -> String {
            let all = edges.iter().enumerate().skip(from).filter(|(_, edge)| **edge);
            all.map(|(to, _)| ["import \"", prefix, &to.to_string(), ".ts\";\n"].concat())
                .collect()
        };
        let functions = self.functions.iter().enumerate().map(|(at, edges)| {
            (
                path(&format!("f{at}/index.ts")),
                Bytes::from(imports(edges, 0, "../_shared/m") + "export {};\n"),
            )
        });
        let shared = self.shared.iter().enumerate().map(|(at, edges)| {
            (
                path(&format!("_shared/m{at}.ts")),
                Bytes::from(imports(edges, at + 1, "./m") + "export {};\n"),
            )
        });
        Tree::from_files(functions.chain(shared)).unwrap()
    }

    /// Which modules function `at` reaches, computed without the code under test.
    fn reaches(&self, at: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        for module in 0..MODULES {
            let direct = self.functions[at][module];
            if direct
                || reached
                    .iter()
                    .any(|from: &usize| *from < module && self.shared[*from][module])
            {
                reached.insert(module);
            }
        }
        reached
    }

    fn digests(&self, tree: Tree) -> BTreeMap<usize, SourceDigest> {
        let index = TreeIndex::new(tree);
        (0..self.functions.len())
            .map(|at| (at, index.closure(&function(&format!("f{at}"))).unwrap().digest()))
            .collect()
    }
}

fn graphs() -> impl Strategy<Value = Graph> {
    let edges = || proptest::collection::vec(any::<bool>(), MODULES);
    (
        proptest::collection::vec(edges(), 1..5),
        proptest::collection::vec(edges(), MODULES),
    )
        .prop_map(|(functions, shared)| Graph { functions, shared })
}

/// `tree` with one more comment in one file.
fn touched(tree: &Tree, file: &TreePath) -> Tree {
    Tree::from_files(tree.iter().map(|(path, bytes)| {
        let suffix: &[u8] = if path == file { b"//" } else { b"" };
        (path.clone(), Bytes::from([bytes.as_ref(), suffix].concat()))
    }))
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_file_that_nothing_reaches_changes_no_digest(graph in graphs(), name in "[a-z]{1,8}", content in any::<Vec<u8>>()) {
        let tree = graph.tree();
        let mut larger = tree.clone();
        larger.add(path(&format!("_shared/unused-{name}.ts")), content.into()).unwrap();
        prop_assert_eq!(graph.digests(larger), graph.digests(tree));
    }

    #[test]
    fn a_changed_byte_changes_the_digests_of_exactly_the_functions_that_reach_it(graph in graphs(), module in 0..MODULES) {
        let tree = graph.tree();
        let before = graph.digests(tree.clone());
        let after = graph.digests(touched(&tree, &path(&format!("_shared/m{module}.ts"))));
        for (at, digest) in before {
            prop_assert_eq!(digest != after[&at], graph.reaches(at).contains(&module));
        }
    }

    #[test]
    fn every_function_has_a_digest_of_its_own(graph in graphs()) {
        let digests = graph.digests(graph.tree());
        let distinct: BTreeSet<_> = digests.values().collect();
        prop_assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn any_changed_byte_is_another_content(at in 0..ENTRYPOINT.len(), bit in 0..8u8) {
        let parts = |bytes: Vec<u8>| [("source/hello/index.ts".to_owned(), Bytes::from(bytes))];
        let body = |bytes| BodyFiles::new(parts(bytes), Some("source/hello/index.ts"), &path("hello/index.ts")).digest();
        let mut changed = ENTRYPOINT.as_bytes().to_vec();
        changed[at] ^= 1 << bit;
        prop_assert_ne!(body(changed), body(ENTRYPOINT.as_bytes().to_vec()));
    }
}
