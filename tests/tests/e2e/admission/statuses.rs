//! What the operator writes, however long the text of others in it is.

use ace_api::{
    KINDS, KindEntry,
    testing::{oversized, status_schema},
    within_bounds,
};
use ace_tests::with_namespace;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{backup, channel, destination, function, migrations, parsed, platform, restore, rule, schedule, silence};

ace_tests::tests![every_status_that_is_cut_to_its_bounds_is_taken_and_none_that_exceeds_them];

async fn every_status_that_is_cut_to_its_bounds_is_taken_and_none_that_exceeds_them() {
    with_namespace(async |space| {
        let samples = [
            backup(),
            destination(),
            channel(),
            function(),
            migrations(),
            platform(),
            restore(),
            rule(),
            schedule(),
            silence(),
        ];
        for kind in KINDS {
            let sample = samples.iter().find(|sample| sample["kind"] == kind.name).unwrap();
            let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &kind.resource());
            api.create(&PostParams::default(), &parsed(sample)).await.unwrap();
            let status = oversized(&status_schema(kind));
            let refused = written(&api, kind, sample, &status).await.unwrap_err();
            assert!(
                matches!(&refused, kube::Error::Api(status) if status.code == 422),
                "{refused}"
            );
            written(&api, kind, sample, &within_bounds(kind.name, status))
                .await
                .unwrap();
        }
    })
    .await;
}

/// What the API server would say to this status.
async fn written(
    api: &Api<DynamicObject>,
    kind: &KindEntry,
    sample: &Value,
    status: &Value,
) -> Result<DynamicObject, kube::Error> {
    let name = sample["metadata"]["name"].as_str().unwrap();
    let patch = json!({
        "apiVersion": sample["apiVersion"], "kind": kind.name, "metadata": { "name": name }, "status": status,
    });
    let parameters = PatchParams {
        dry_run: true,
        ..PatchParams::apply("ace-tests").force()
    };
    api.patch_status(name, &parameters, &Patch::Apply(&patch)).await
}
