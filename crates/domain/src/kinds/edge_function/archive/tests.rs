use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::tests::values::{body_of, stamp};
use super::{
    ArchiveData, CONTENT, LEFT_OUT, MANIFEST, foreign_archive, proven_archive, read_proven_archive, write_archive,
};
use crate::bundle::{ArchiveLimits, BodyFiles, Closure, FunctionSource, Tree, TreePath, read_archive};

fn closure() -> Closure {
    let files = [
        (
            "hello/index.ts",
            "import { cors } from \"shared/cors.ts\";\nimport type { T } from \"./types.ts\";\nDeno.serve(cors);\n",
        ),
        ("hello/types.ts", "export type T = string;\n"),
        ("hello/template.html", "<p>hello</p>\n"),
        (
            "_shared/cors.ts",
            "export const cors = () => new Response(Deno.env.get(\"ORIGIN\"));\n",
        ),
        ("deno.json", "{ \"imports\": { \"shared/\": \"./_shared/\" } }\n"),
    ];
    let tree = Tree::from_keys(files.map(|(path, text)| (path, Bytes::from_static(text.as_bytes())))).unwrap();
    let statics = ["hello/template.html".to_owned()];
    let source = FunctionSource {
        slug: "hello",
        entrypoint: Some("hello/index.ts"),
        import_map: Some("deno.json"),
        static_files: &statics,
    };
    Closure::compute(&tree, &source).unwrap()
}

/// All that is known of a closure from an archive: what an upload has, and what its bodies are held against.
#[derive(Debug, PartialEq)]
struct Read {
    entrypoint: String,
    import_map: Option<String>,
    files: BTreeMap<String, Bytes>,
    static_files: Vec<String>,
    type_only: Vec<String>,
    program: String,
}

fn deployed(closure: &Closure) -> Read {
    let named = |paths: &BTreeSet<TreePath>| paths.iter().map(ToString::to_string).collect();
    let files = closure.files().iter();
    Read {
        entrypoint: closure.entrypoint().to_string(),
        import_map: closure.import_map().map(ToString::to_string),
        files: files.map(|(path, bytes)| (path.to_string(), bytes.clone())).collect(),
        static_files: named(closure.static_files()),
        type_only: named(closure.type_only()),
        program: closure.program_digest(),
    }
}

/// Nothing else is read from this archive than from the one that was written: it is refused, its digest is not the one in the
/// status, or all is as it was.
fn assert_harmless(archive: &ArchiveData, original: &Closure, what: &str) {
    if let Ok(read) = read_proven_archive(archive)
        && read.content.digest() == original.digest()
    {
        assert_eq!(deployed(&read.content), deployed(original), "{what}");
    }
}

#[test]
fn no_byte_of_an_archive_changes_what_is_deployed_from_it() {
    let original = closure();
    let whole = proven_archive(&original, true).unwrap();
    let read = deployed(&read_proven_archive(&whole).unwrap().content);
    assert_eq!(read, deployed(&original));
    assert_eq!(read.type_only, ["hello/types.ts"]);
    let packed = &whole.binary[CONTENT];
    for at in 0..packed.len() {
        for bits in [0x01, 0x20, 0x80] {
            let mut bytes = packed.to_vec();
            bytes[at] ^= bits;
            let mut archive = whole.clone();
            archive.binary.insert(CONTENT.to_owned(), bytes.into());
            assert_harmless(&archive, &original, &format!("byte {at} of the content"));
        }
    }
    let manifest = &whole.data[MANIFEST];
    for at in 0..manifest.len() {
        for other in [b'x', b'0', b' ', b'"'] {
            let mut bytes = manifest.clone().into_bytes();
            bytes[at] = other;
            let mut archive = whole.clone();
            archive
                .data
                .insert(MANIFEST.to_owned(), String::from_utf8(bytes).unwrap());
            assert_harmless(&archive, &original, &format!("byte {at} of the manifest"));
        }
    }
}

/// Fields of manifests that earlier versions wrote, and which no digest covers.
const OF_BEFORE: [&str; 2] = ["typeOnly", "secrets"];

#[test]
fn no_field_of_a_manifest_changes_what_is_deployed_with_it() {
    let original = closure();
    let whole = proven_archive(&original, true).unwrap();
    let manifest: Value = serde_json::from_str(&whole.data[MANIFEST]).unwrap();
    let of_now: Vec<String> = manifest["closure"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(of_now, ["digest", "entrypoint", "importMap", "staticFiles"]);
    let fields: Vec<String> = of_now.into_iter().chain(OF_BEFORE.map(str::to_owned)).collect();
    let others = [
        Value::Null,
        Value::from("hello/types.ts"),
        Value::from("_shared/cors.ts"),
        json!([]),
        json!(["hello/index.ts"]),
        json!(["hello/types.ts", "hello/template.html"]),
        json!(["ORIGIN", "OTHER"]),
    ];
    for field in &fields {
        for other in others.iter().map(Some).chain([None]) {
            let mut manifest = manifest.clone();
            let closure = manifest["closure"].as_object_mut().unwrap();
            match other {
                Some(other) => closure.insert(field.clone(), other.clone()),
                None => closure.remove(field),
            };
            let mut archive = whole.clone();
            archive.data.insert(MANIFEST.to_owned(), manifest.to_string());
            assert_harmless(&archive, &original, &format!("{field}: {other:?}"));
        }
    }
}

#[test]
fn an_archive_of_an_earlier_version_is_read_as_its_files_say() {
    let original = closure();
    let mut archive = proven_archive(&original, true).unwrap();
    let mut manifest: Value = serde_json::from_str(&archive.data[MANIFEST]).unwrap();
    let files = original.files().keys().map(ToString::to_string).collect::<Vec<_>>();
    for (field, value) in OF_BEFORE.into_iter().zip([json!(files), json!(["OTHER"])]) {
        manifest["closure"][field] = value;
    }
    archive.data.insert(MANIFEST.to_owned(), manifest.to_string());
    let read = read_proven_archive(&archive).unwrap().content;
    assert_eq!(read.digest(), original.digest());
    assert_eq!(deployed(&read), deployed(&original));
}

/// What a later version takes for content was another thing to an earlier one: it is deployed again all the same.
#[test]
fn an_archive_that_would_be_read_otherwise_today_is_deployed_with_all_of_it_running() {
    let original = closure();
    let mut archive = proven_archive(&original, true).unwrap();
    let mut files: BTreeMap<TreePath, Bytes> = original.files().clone();
    let unread = TreePath::new("hello/unread.ts").unwrap();
    files.insert(unread, Bytes::from_static(b"export {};\n"));
    archive.binary.insert(CONTENT.to_owned(), write_archive(&files).into());
    // As the earlier version computed it.
    let damaged = read_proven_archive(&archive).unwrap_err().to_string();
    let digest = damaged.split(' ').find(|word| word.starts_with("sha256:")).unwrap();
    let digest = digest.trim_end_matches(',');
    let mut manifest: Value = serde_json::from_str(&archive.data[MANIFEST]).unwrap();
    manifest["closure"]["digest"] = json!(digest);
    archive.data.insert(MANIFEST.to_owned(), manifest.to_string());
    let read = read_proven_archive(&archive).unwrap().content;
    assert_eq!(read.files(), &files);
    assert!(read.type_only().is_empty());
}

#[test]
fn an_archive_of_somebody_elses_content_has_the_names_of_its_secrets_and_not_their_content() {
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n";
    let files = [
        ("index.ts", "Deno.serve(() => new Response())"),
        (".env", "STRIPE=sk_live_1"),
        ("../_shared/id_rsa", key),
        (".env.example", "STRIPE="),
    ];
    let files = files.map(|(path, text)| {
        let path = format!("source/hello/{path}").replace("hello/../", "");
        (path, Bytes::from_static(text.as_bytes()))
    });
    let entrypoint = TreePath::new("hello/index.ts").unwrap();
    let files = BodyFiles::new(files, Some("source/hello/index.ts"), &entrypoint);
    let archive = foreign_archive(&body_of(files, &stamp(4))).unwrap();
    let kept = read_archive(&archive.binary[CONTENT], &ArchiveLimits::default()).unwrap();
    let kept: Vec<_> = kept.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(kept, [".env.example", "index.ts"]);
    assert_eq!(archive.data[LEFT_OUT], ".env\n_parent/_shared/id_rsa");
}
