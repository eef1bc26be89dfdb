//! Values of the tables: contents, stamps, entries, bodies, steps.

use std::{collections::BTreeSet, sync::Arc};

use ace_api::{Applied, Check, DriftField, Intent, IntentType, Proven, Stamp};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    super::{Archived, Body, BodyContent, Decision, Listing, LiveFunction, Step},
    fixture::PROJECT,
};
use crate::{
    bundle::{BodyFiles, Closure, FunctionSource, ListedImportMap, Mark, Tree, TreePath},
    reconcile::fixture::at,
};

/// Contents of the entrypoint: the applied one, another desired one, and a foreign one.
pub(super) const A: &str = "Deno.serve(() => new Response('a'));";
pub(super) const B: &str = "Deno.serve(() => new Response('b'));";
pub(super) const X: &str = "Deno.serve(() => new Response('x'));";

pub(super) fn content(text: &str) -> Arc<Closure> {
    let file = |path: &str, text: &str| (TreePath::new(path).unwrap(), Bytes::from(text.to_owned()));
    let tree = Tree::from_files([
        file("hello/index.ts", &format!("import '../_shared/cors.ts';\n{text}\n")),
        file("_shared/cors.ts", "export const cors = {};\n"),
    ])
    .unwrap();
    let source = FunctionSource {
        slug: "hello",
        entrypoint: None,
        import_map: None,
        static_files: &[],
    };
    Arc::new(Closure::compute(&tree, &source).unwrap())
}

pub(super) fn digest(text: &str) -> String {
    content(text).digest().to_string()
}

pub(super) fn revision(text: &str) -> String {
    content(text).revision().to_string()
}

pub(in super::super) fn stamp(version: i64) -> Stamp {
    Stamp {
        id: "5d0e4f60".to_owned(),
        version,
        updated_time: at(-7200 + version),
        bundle_digest: Some(format!("bundle-{version}")),
    }
}

/// What the list shows after our deploy of this content.
pub(super) fn entry(text: &str, version: i64) -> LiveFunction {
    LiveFunction {
        stamp: stamp(version),
        verify_jwt: Some(false),
        mark: Some(content(text).revision()),
        entrypoint: None,
        import_map: ListedImportMap::Absent,
        state: None,
    }
}

/// What the list shows after an out-of-band deploy.
pub(super) fn foreign(version: i64) -> LiveFunction {
    LiveFunction {
        mark: None,
        ..entry(X, version)
    }
}

/// A list of a minute ago, the third of three that showed the same.
pub(super) fn listing(entry: Option<LiveFunction>) -> Listing {
    Listing {
        first: at(-660),
        started: at(-60),
        since: at(-660),
        lists: vec![at(-660), at(-360), at(-60)],
        last_write: None,
        entry,
    }
}

pub(super) fn files(text: &str) -> BodyFiles {
    let content = content(text);
    let at = |path: &TreePath| format!("user_fn_x_1/source/{}", Mark::path(&content.revision(), path));
    let parts = content.files().iter().map(|(path, bytes)| (at(path), bytes.clone()));
    BodyFiles::new(parts, Some(&at(content.entrypoint())), content.entrypoint())
}

pub(super) fn body(text: &str, stamp: &Stamp) -> Body {
    body_of(files(text), stamp)
}

pub(in super::super) fn body_of(files: BodyFiles, stamp: &Stamp) -> Body {
    Body {
        stamp: stamp.clone(),
        content: BodyContent::Files {
            digest: files.digest(),
            files: Arc::new(files),
        },
    }
}

/// A body whose files can't be read.
pub(super) fn bundle(stamp: &Stamp) -> Body {
    Body {
        stamp: stamp.clone(),
        content: BodyContent::Bundle(Arc::from(*b"EZBR")),
    }
}

pub(super) fn applied(text: &str, version: i64) -> Applied {
    Applied {
        program_digest: Some(content(text).program_digest()),
        project: PROJECT.to_owned(),
        revision: revision(text),
        source_digest: digest(text),
        verify_jwt: false,
        body_digest: Some(files(text).digest().to_string()),
        import_map: None,
        unproved: false,
        stamp: stamp(version),
    }
}

pub(super) fn proven(text: &str) -> Proven {
    Proven {
        revision: revision(text),
        source_digest: digest(text),
        verify_jwt: Some(false),
        archive: Some(archive(text)),
    }
}

pub(super) fn archive(text: &str) -> String {
    format!("hello-{}", revision(text))
}

#[allow(clippy::unnecessary_wraps, reason = "it is what a step or a state takes")]
pub(super) fn archived(text: &str, verify_jwt: bool) -> Option<Archived> {
    Some(Archived {
        content: content(text),
        verify_jwt,
    })
}

pub(super) fn check(name: &str) -> Check {
    serde_json::from_value(serde_json::json!({ "name": name, "expectStatus": [200, 204] })).unwrap()
}

pub(super) fn deploy(type_: IntentType, text: &str, before: Option<i64>, now: Timestamp) -> Step {
    Step::Deploy {
        intent: Intent {
            type_,
            source_digest: digest(text),
            before: before.map(stamp),
            start_time: now,
        },
        content: content(text),
        verify_jwt: false,
    }
}

pub(super) fn field(path: &str, desired: &str, observed: &str) -> DriftField {
    DriftField {
        path: path.to_owned(),
        desired: desired.to_owned(),
        observed: observed.to_owned(),
    }
}

/// The decision's reason and its sentence.
pub(super) fn cause(decision: Decision) -> (ace_api::FunctionReason, String) {
    match decision {
        Decision::Wait(cause, _) | Decision::Refuse(cause, _) => (cause.reason, cause.message),
        other => panic!("neither waits nor refuses: {other:?}"),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it is what a step or a state takes")]
pub(super) fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// How the entrypoint of this content is shown in a difference.
pub(super) fn file_digest(text: &str) -> String {
    use sha2::Digest as _;
    let bytes = content(text).files()["hello/index.ts"].clone();
    let hash = hex::encode(sha2::Sha256::digest(&bytes));
    format!("sha256:{}", &hash[..12])
}
