use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::{ArchiveData, CONTENT, MANIFEST, proven_archive, read_proven_archive};
use crate::bundle::{Closure, FunctionSource, Tree};

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

/// All that an upload of a closure has.
fn deployed(closure: &Closure) -> (String, Option<String>, BTreeMap<String, Bytes>, Vec<String>) {
    let statics = closure.static_files().iter().map(ToString::to_string).collect();
    let files = closure
        .files()
        .iter()
        .map(|(path, bytes)| (path.to_string(), bytes.clone()))
        .collect();
    (
        closure.entrypoint().to_string(),
        closure.import_map().map(ToString::to_string),
        files,
        statics,
    )
}

/// Nothing else is deployed from this archive than from the one that was written: it is refused, its digest is not the one in the
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
    assert_eq!(
        deployed(&read_proven_archive(&whole).unwrap().content),
        deployed(&original)
    );
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

#[test]
fn no_field_of_a_manifest_changes_what_is_deployed_with_it() {
    let original = closure();
    let whole = proven_archive(&original, true).unwrap();
    let manifest: Value = serde_json::from_str(&whole.data[MANIFEST]).unwrap();
    let fields: Vec<String> = manifest["closure"].as_object().unwrap().keys().cloned().collect();
    assert!(fields.len() >= 5, "{fields:?}");
    let others = [
        Value::Null,
        Value::from("hello/types.ts"),
        Value::from("_shared/cors.ts"),
        serde_json::json!([]),
        serde_json::json!(["hello/index.ts"]),
        serde_json::json!(["hello/types.ts", "hello/template.html"]),
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
