//! Text of others that is longer than a status takes: it is cut, and what comes after it is told. A status that is refused all the
//! same says that it was.

use ace_api::Platform;
use ace_tests::{LIST, PLATFORM, Space, Stage, is_current, is_true, message_of, on_database, on_stage, reason_of};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// Between two looks, where a test waits for them: 1.5 s at the shared operator's pace.
const OFTEN: &str = "90s";
/// The project.
const PROJECT: &str = "GET /v1/projects/{ref}";
const HELLO: &str = "Deno.serve(() => new Response(\"hello\"));\n";
const BYE: &str = "Deno.serve(() => new Response(\"bye\"));\n";

ace_tests::tests![
    a_long_slug_of_others_hides_no_token_that_is_refused,
    a_long_version_in_the_ledger_hides_no_drift,
    a_long_id_of_a_function_hides_no_drift,
    a_long_region_leaves_no_platform_without_a_status,
    a_status_that_is_refused_says_so_and_is_whole_again_when_it_is_taken,
];

/// It begins with the long text, and has at most the 64 letters that a status takes.
fn is_cut(shown: &Value, begins: &str) -> bool {
    shown
        .as_str()
        .is_some_and(|shown| shown.starts_with(begins) && shown.ends_with('…') && shown.chars().count() <= 64)
}

async fn platform(stage: &Stage<'_>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    stage.space.wait::<Platform>(PLATFORM, what, is).await
}

fn unmanaged(platform: &Value) -> &Value {
    &platform["status"]["functions"]["unmanaged"]
}

async fn a_long_slug_of_others_hides_no_token_that_is_refused() {
    on_stage(OFTEN, async |stage| {
        let slug = "s".repeat(70);
        stage
            .project
            .deploy(&slug, true, &[(&format!("{slug}/index.ts"), HELLO)])
            .await;
        platform(stage, "shows the slug", |platform| {
            is_cut(&unmanaged(platform)[0], "sss") && is_true(platform, "Ready")
        })
        .await;
        let revoked = format!("sbp_{}", "0".repeat(40));
        stage.secret(&revoked, &stage.project.anon_key).await;
        platform(stage, "is Stalled", |platform| {
            reason_of(platform, "Stalled") == "TokenRejected"
        })
        .await;
    })
    .await;
}

async fn a_long_version_in_the_ledger_hides_no_drift() {
    on_database(OFTEN, async |stage, database| {
        let notes = (
            "20260101000000_notes.sql",
            "CREATE TABLE public.notes (id bigint PRIMARY KEY);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
        );
        stage.migrations(&[notes]).await;
        stage.migration_set(json!({})).await;
        stage.applied("20260101000000").await;
        let long = "INSERT INTO supabase_migrations.schema_migrations (version) VALUES (repeat('9', 65))";
        database.run(long).await;
        stage
            .until_set("shows the head", |set| is_cut(&set["status"]["head"], "999"))
            .await;
        database.run("ALTER TABLE public.notes ADD backdoor text").await;
        let drifted = stage.until_set("is Drifted", |set| is_true(set, "Drifted")).await;
        assert_eq!(
            drifted["status"]["drift"]["fields"][0]["path"],
            "column/public.notes.backdoor"
        );
        assert!(is_cut(&drifted["status"]["head"], "999"), "{drifted:#}");
    })
    .await;
}

async fn a_long_id_of_a_function_hides_no_drift() {
    on_stage(OFTEN, async |stage| {
        stage.source(&[("hello/index.ts", HELLO)]).await;
        stage.function("hello", json!({ "mode": "Apply" })).await;
        stage.ready("hello").await;
        let long = json!({ "longText": { "field": "id", "letters": 65 } });
        let _fault = stage.project.fault(json!({ "route": LIST, "fault": long })).await;
        stage.project.deploy("hello", false, &[("hello/index.ts", BYE)]).await;
        let drifted = stage
            .until("hello", "is Drifted", |function| is_true(function, "Drifted"))
            .await;
        assert_eq!(reason_of(&drifted, "Drifted"), "OutOfBandChange");
        assert!(is_cut(&drifted["status"]["live"]["stamp"]["id"], "lll"), "{drifted:#}");
    })
    .await;
}

async fn a_long_region_leaves_no_platform_without_a_status() {
    on_stage(OFTEN, async |stage| {
        platform(stage, "is Ready", |platform| is_true(platform, "Ready")).await;
        let long = json!({ "longText": { "field": "region", "letters": 65 } });
        let _fault = stage.project.fault(json!({ "route": PROJECT, "fault": long })).await;
        stage.ask("platform", PLATFORM, "now").await;
        let read = |platform: &Value| {
            is_cut(&platform["status"]["project"]["region"], "lll")
                && platform["status"]["lastHandledReconcileAt"] == "now"
                && is_true(platform, "Ready")
        };
        platform(stage, "shows the region", read).await;
    })
    .await;
}

async fn a_status_that_is_refused_says_so_and_is_whole_again_when_it_is_taken() {
    on_stage(OFTEN, async |stage| {
        let taken = platform(stage, "is Ready", |platform| is_true(platform, "Ready")).await;
        let refusal = Refusal::of_a_slug(stage.space, "refused-one").await;
        stage
            .project
            .deploy("refused-one", true, &[("refused-one/index.ts", HELLO)])
            .await;
        let refused = platform(stage, "says that its status is refused", |platform| {
            reason_of(platform, "Ready") == "StatusRefused"
        })
        .await;
        assert!(is_true(&refused, "Reconciling") && !is_current(&refused), "{refused:#}");
        assert_eq!(
            refused["status"]["functions"], taken["status"]["functions"],
            "what it was before"
        );
        let says = message_of(&refused, "Ready");
        assert!(
            says.starts_with("the API server refused the status of version"),
            "{says}"
        );
        let passes = [("kind", "Platform"), ("outcome", "StatusRefused")];
        // The pass ends after its status is written.
        let counted = async || (stage.operator.metric("ace_passes_total", &passes).await >= 1.0).then_some(());
        stage.eventually("the pass is counted", counted).await;
        refusal.end().await;
        platform(stage, "is whole again", |platform| {
            *unmanaged(platform) == json!(["refused-one"]) && is_true(platform, "Ready") && is_current(platform)
        })
        .await;
    })
    .await;
}

/// An admission policy by which the API server refuses the statuses of one namespace that name a slug.
struct Refusal<'a> {
    space: &'a Space,
}

impl<'a> Refusal<'a> {
    /// Waits until it is at work.
    async fn of_a_slug(space: &'a Space, slug: &str) -> Self {
        let refusal = Self { space };
        let expression = format!(
            "!has(object.status.functions) || !has(object.status.functions.unmanaged) || !('{slug}' in object.status.functions.unmanaged)"
        );
        let policy = json!({
            "metadata": { "name": space.name },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": space.name } },
                    "resourceRules": [{
                        "apiGroups": ["ops.mobulace.com"], "apiVersions": ["*"], "operations": ["UPDATE"],
                        "resources": ["platforms/status"],
                    }],
                },
                "validations": [{ "expression": expression, "reason": "Invalid", "message": "not this slug" }],
            },
        });
        let binding = json!({
            "metadata": { "name": space.name },
            "spec": { "policyName": space.name, "validationActions": ["Deny"] },
        });
        let create = PostParams::default();
        refusal
            .policies()
            .create(&create, &serde_json::from_value(policy).unwrap())
            .await
            .unwrap();
        refusal
            .bindings()
            .create(&create, &serde_json::from_value(binding).unwrap())
            .await
            .unwrap();
        let named = json!({ "status": { "functions": { "managed": 0, "unmanagedCount": 1, "unmanaged": [slug] } } });
        let try_it = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let platforms = space.api::<Platform>();
        let is_at_work = async || {
            let answer = platforms.patch_status(PLATFORM, &try_it, &Patch::Merge(&named)).await;
            answer.is_err().then_some(())
        };
        space.eventually("the policy is at work", is_at_work).await;
        refusal
    }

    async fn end(self) {
        let now = DeleteParams::default();
        self.bindings().delete(&self.space.name, &now).await.unwrap();
        self.policies().delete(&self.space.name, &now).await.unwrap();
    }

    fn policies(&self) -> Api<ValidatingAdmissionPolicy> {
        Api::all(self.space.client.clone())
    }

    fn bindings(&self) -> Api<ValidatingAdmissionPolicyBinding> {
        Api::all(self.space.client.clone())
    }
}
