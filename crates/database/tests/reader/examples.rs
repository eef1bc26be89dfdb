//! Every query of the example, on the example's own schema.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ace_api::AlertRule;
use ace_database::Question;
use ace_domain::kinds::alert_rule::checked;

use crate::bed::{Bed, ask};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ace-engage")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(example().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn rules() -> Vec<AlertRule> {
    let files = files("resources/alerts");
    let files = files.iter().filter(|file| !file.ends_with("kustomization.yaml"));
    let texts: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let documents = texts.iter().flat_map(|text| text.split("\n---\n"));
    documents
        .map(|text| serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
        .collect()
}

#[tokio::test]
async fn every_query_of_the_example_runs_on_its_own_schema() {
    let bed = Bed::empty().await;
    for file in files("supabase/migrations") {
        bed.as_owner(&fs::read_to_string(file).unwrap()).await;
    }
    bed.as_owner(&fs::read_to_string(example().join("supabase/seed.sql")).unwrap())
        .await;
    let reader = bed.reader().await;
    let mut asked = 0;
    for rule in rules() {
        let Some(sql) = &rule.spec.source.sql else { continue };
        let name = rule.metadata.name.clone().unwrap();
        let rows = ask(&reader, &Question::of(sql, &rule.spec)).await;
        let rows = rows.unwrap_or_else(|error| panic!("{name}: {error}"));
        checked(&rule.spec, rows).unwrap_or_else(|cause| panic!("{name}: {}", cause.message));
        asked += 1;
    }
    assert!(asked >= 12, "{asked} queries");
}
