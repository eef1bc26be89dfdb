//! Every example is code: it parses into the types, reads back as it was written, and the API server admits it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ace_api::{KINDS, KindEntry, RiskClass};
use ace_domain::{
    bundle::Tree,
    sql::{Catalogue, assess, read, read_folder},
};
use ace_tests::{Space, bed, repository, with_namespace};
use bytes::Bytes;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::Value;

/// One document, and where it is written.
struct Example {
    place: String,
    object: Value,
}

ace_tests::tests![
    the_api_server_admits_every_example,
    every_kustomization_of_the_examples_builds_and_the_api_server_admits_what_it_makes,
    ;
    there_are_examples_of_every_kind,
    every_example_says_what_the_types_understand_and_nothing_else,
    the_examples_migrations_have_one_of_each_class_of_risk_and_nothing_that_is_refused,
];

fn there_are_examples_of_every_kind() {
    let examples = examples();
    for kind in KINDS {
        assert!(
            examples.iter().any(|example| example.object["kind"] == kind.name),
            "no example of a {}",
            kind.name
        );
    }
}

fn every_example_says_what_the_types_understand_and_nothing_else() {
    for Example { place, object } in examples() {
        let kind = kind_of(&object).unwrap_or_else(|| panic!("{place}: unknown kind {}", object["kind"]));
        let understood = kind
            .read_back(object.clone())
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(
            contains(&understood, &object),
            "{place}:\n{object:#}\nis understood as\n{understood:#}"
        );
    }
}

async fn the_api_server_admits_every_example() {
    with_namespace(async |space| {
        for Example { place, object } in examples() {
            let admitted = create(space, &object)
                .await
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(
                contains(&admitted, &object),
                "{place}:\n{object:#}\nis kept as\n{admitted:#}"
            );
        }
    })
    .await;
}

async fn every_kustomization_of_the_examples_builds_and_the_api_server_admits_what_it_makes() {
    let folders: Vec<PathBuf> = files(&repository().join("examples"))
        .into_iter()
        .filter(|file| file.ends_with("kustomization.yaml"))
        .filter_map(|file| file.parent().map(Path::to_owned))
        .collect();
    assert!(!folders.is_empty());
    with_namespace(async |space| {
        for folder in folders {
            let folder = folder.to_str().unwrap();
            let text = bed()
                .kubectl
                .run(&["kustomize", folder])
                .await
                .expect("kustomize builds it");
            for object in ours(serde_yaml::from_multiple(&text).unwrap()) {
                create(space, &object)
                    .await
                    .unwrap_or_else(|error| panic!("{folder}: {error}"));
            }
        }
    })
    .await;
}

fn the_examples_migrations_have_one_of_each_class_of_risk_and_nothing_that_is_refused() {
    let folder = repository().join("examples/ace-engage/supabase/migrations");
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (
            path.file_name().unwrap().to_str().unwrap().to_owned(),
            Bytes::from(fs::read(&path).unwrap()),
        )
    });
    let folder = read_folder(&Tree::from_keys(files).unwrap(), None).unwrap();
    assert_eq!(folder.skipped, []);
    // As they would be on a database in use.
    let recipients = ("public".to_owned(), "recipients".to_owned());
    let catalogue = Catalogue {
        large: [recipients].into(),
        ..Catalogue::default()
    };
    let risky = folder.files.iter().filter_map(|file| {
        let script = read(file).unwrap_or_else(|error| panic!("{}: {error}", file.file_name));
        assert_eq!(script.unread, []);
        // By itself: a table without row security is one even if a later file drops it.
        let risks = assess(&[&script], &catalogue).remove(0);
        let classes: BTreeSet<RiskClass> = risks.iter().map(|risk| risk.class).collect();
        (!classes.is_empty()).then(|| (file.name.clone(), Vec::from_iter(classes)))
    });
    let expected = [
        ("policies", RiskClass::Opaque),
        ("leads_updated_at", RiskClass::DataChange),
        ("one_phone_once", RiskClass::LongLock),
        ("drop_gift_card_pins", RiskClass::DataLoss),
        ("purge", RiskClass::Exposure),
    ];
    let expected = expected.map(|(name, class)| (name.to_owned(), vec![class]));
    assert_eq!(risky.collect::<Vec<_>>(), expected);
}

/// All documents of our kinds in `examples/` and in the Markdown pages.
fn examples() -> Vec<Example> {
    let root = repository();
    let mut found = Vec::new();
    for file in files(&root.join("examples")).into_iter().chain(pages(&root)) {
        let text = fs::read_to_string(&file).unwrap();
        let place = file.strip_prefix(&root).unwrap().display().to_string();
        let blocks = if is_page(&file) { snippets(&text) } else { vec![text] };
        for block in blocks {
            let documents = serde_yaml::from_multiple(&block).unwrap_or_else(|error| panic!("{place}: {error}"));
            found.extend(ours(documents).into_iter().map(|object| Example {
                place: place.clone(),
                object,
            }));
        }
    }
    found
}

fn ours(documents: Vec<Value>) -> Vec<Value> {
    let group = format!("{}/", ace_api::GROUP);
    let mine = |object: &Value| {
        object["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with(&group))
    };
    documents.into_iter().filter(mine).collect()
}

/// YAML and Markdown files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "md")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Markdown pages of the root and of `docs/`.
fn pages(root: &Path) -> Vec<PathBuf> {
    let at_root = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_page(path));
    at_root
        .chain(files(&root.join("docs")).into_iter().filter(|path| is_page(path)))
        .collect()
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// The fenced blocks of a page that are said to be YAML.
fn snippets(page: &str) -> Vec<String> {
    page.split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .map(str::to_owned)
        .collect()
}

fn kind_of(object: &Value) -> Option<&'static KindEntry> {
    KindEntry::named(object["kind"].as_str()?)
}

/// Whether `whole` has all that `part` says; it may have defaults besides.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| contains(whole, part))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}

/// Creates the object without keeping it, in the test's namespace.
async fn create(space: &Space, object: &Value) -> kube::Result<Value> {
    let resource = kind_of(object).expect("the kind is ours").resource();
    let mut placed: DynamicObject = serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
    placed.metadata.namespace = Some(space.name.clone());
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &resource);
    let mut admitted = api.create(&dry_run, &placed).await?;
    admitted.metadata.namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
    serde_json::to_value(admitted).map_err(kube::Error::SerdeError)
}
