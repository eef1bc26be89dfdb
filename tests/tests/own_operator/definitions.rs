//! Definitions that are older than the operator, on the real API server: it refuses what they do not have.

use ace_api::EdgeFunction;
use ace_tests::{
    Operator, OperatorOptions, Space, Stage, bed, is_observed, is_true, message_of, on_stage_of, reason_of, repository,
    with_unjudged_namespace,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

ace_tests::tests! {
    nothing_is_deployed_under_a_definition_without_the_intent_and_the_field_is_named_until_it_is_installed,
    what_a_later_version_wrote_stays_and_what_can_not_be_read_of_it_is_named,
}

const DEFINITION: &str = "edgefunctions.ops.mobulace.com";
const STATUS: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
const INTENT: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/intent";

/// Whether the API server keeps an intent, in the status of a function that is suspended.
async fn keeps_intents(space: &Space, is_kept: bool) {
    let api = space.api::<EdgeFunction>();
    space
        .eventually("the API server goes by the other definition", async || {
            let intent =
                json!({ "type": "RollOut", "sourceDigest": "sha256:probe", "startTime": "2026-11-23T10:00:00Z" });
            let patch = Patch::Merge(json!({ "status": { "intent": intent } }));
            let parameters = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            let shown = api
                .patch_status("asleep", &parameters, &patch)
                .await
                .map(|shown| json!(shown.status));
            (shown.is_ok_and(|status| status["intent"].is_null() != is_kept)).then_some(())
        })
        .await;
}

/// Installs the definitions of this version.
async fn install(space: &Space) {
    let crds = repository().join("crds");
    let crds = crds.to_str().unwrap();
    let apply = ["apply", "--server-side", "--force-conflicts", "-k", crds];
    let applied = space.bed.kubectl.run(&apply).await;
    applied.expect("the definitions are installed");
}

async fn stalled(stage: &Stage<'_>) -> Value {
    stage
        .until("hello", "names what is missing", |function| {
            reason_of(function, "Stalled") == "DefinitionOutdated" && is_observed(function)
        })
        .await
}

async fn nothing_is_deployed_under_a_definition_without_the_intent_and_the_field_is_named_until_it_is_installed() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    on_stage_of(&operator, "5m", async |stage| {
        stage
            .source(&[("hello/index.ts", "Deno.serve(() => new Response(\"hello\"));\n")])
            .await;
        stage.function("asleep", json!({ "suspend": true })).await;
        keeps_intents(stage.space, true).await;
        let kubectl = &stage.space.bed.kubectl;
        let older = json!([{ "op": "remove", "path": INTENT }]).to_string();
        let patched = kubectl
            .run(&["patch", "crd", DEFINITION, "--type=json", "-p", &older])
            .await;
        patched.expect("the definition is patched");
        keeps_intents(stage.space, false).await;

        stage.function("hello", json!({})).await;
        let function = stalled(stage).await;
        assert!(
            message_of(&function, "Stalled").contains("status.intent"),
            "{function:#}"
        );
        assert!(!is_true(&function, "Ready"));
        assert_eq!(stage.project.uploads(0).await, Vec::<String>::new());

        install(stage.space).await;
        stage.ready("hello").await;
        assert_eq!(stage.project.uploads(0).await.len(), 1);
    })
    .await;
}

async fn what_a_later_version_wrote_stays_and_what_can_not_be_read_of_it_is_named() {
    let operator = Operator::start(bed(), &OperatorOptions::default()).await;
    // Replaced definitions end every watch, the one that judges statuses, too.
    with_unjudged_namespace(async |space| {
        let stage = &Stage::set_up(space, &operator, "5m").await;
        let deploy = async |text: &str| {
            let code = format!("Deno.serve(() => new Response(\"{text}\"));\n");
            stage
                .source(&[("hello/index.ts", &code), ("later/index.ts", &code)])
                .await;
        };
        deploy("hello").await;
        for name in ["hello", "later"] {
            stage.function(name, json!({})).await;
            stage.ready(name).await;
        }
        let uploads = stage.project.uploads(0).await.len();

        // What a later version may do: words that this one has not.
        let types =
            |pointer: &str| json!({ "op": "add", "path": format!("{STATUS}/{pointer}/enum/-"), "value": "Teleported" });
        let later = json!([types("history/items/properties/type"), types("intent/properties/type")]).to_string();
        let patch = ["patch", "crd", DEFINITION, "--type=json", "-p", &later];
        let patched = space.bed.kubectl.run(&patch).await;
        patched.expect("the definition is patched");
        let time = "2026-11-23T10:00:00Z";
        let history = json!([{ "type": "Teleported", "time": time, "revision": "r" }]);
        let intent = json!({ "type": "Teleported", "sourceDigest": "sha256:later", "startTime": time });
        write_status(space, "hello", &json!({ "history": history })).await;
        write_status(space, "later", &json!({ "intent": intent })).await;
        install(space).await;

        let unreadable = stage
            .until("later", "names what can't be read", |function| {
                reason_of(function, "Stalled") == "ObjectUnreadable"
            })
            .await;
        let message = message_of(&unreadable, "Stalled");
        assert!(
            message.contains("status.intent.type: unknown variant `Teleported`"),
            "{message}"
        );
        assert_eq!(unreadable["status"]["intent"], intent);
        assert!(!is_true(&unreadable, "Ready"));

        // The one whose history alone is another's goes on.
        stage.ask("EdgeFunction", "hello", "rolled back").await;
        let asked = |function: &Value| function["status"]["lastHandledReconcileAt"] == "rolled back";
        let asked = stage.until("hello", "was observed", asked).await;
        assert!(is_true(&asked, "Ready"), "{asked:#}");
        assert_eq!(
            stage.project.uploads(0).await.len(),
            uploads,
            "nothing is uploaded for what others wrote"
        );

        write_status(space, "later", &json!({ "intent": null })).await;
        let before = [asked, stage.ready("later").await];
        deploy("hello again").await;
        for (name, before) in ["hello", "later"].into_iter().zip(before) {
            stage.rolled_out(name, &before).await;
            assert_eq!(stage.project.answer(name).await, "hello again");
        }
    })
    .await;
}

/// Writes into a status as soon as the definition lets it.
async fn write_status(space: &Space, name: &str, status: &Value) {
    // Of no type: this version can't read all that it writes here.
    let resource = ApiResource::erase::<EdgeFunction>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &resource);
    let patch = Patch::Merge(json!({ "status": status }));
    let written = async || api.patch_status(name, &PatchParams::default(), &patch).await.ok();
    space.eventually("the status is taken", written).await;
}
