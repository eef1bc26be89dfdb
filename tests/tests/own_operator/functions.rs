//! The operator is killed before and after each request of a roll-out. A process that starts afterwards ends where an
//! undisturbed one would have, and no version is uploaded twice.

use ace_tests::{
    Cuts, Operator, OperatorOptions, PLATFORM, Project, Proxy, Side, Space, Stage, bed, is_true, with_namespace,
};
use serde_json::{Value, json};
use xtask::rights;

ace_tests::tests! {
    killed_before_and_after_each_request_of_a_roll_out_it_ends_as_if_undisturbed,
}

/// Requests of the roll-out of one changed file, each of which is a place to die before and after.
const RECORDED: usize = 12;
/// So fast that a deploy of unknown outcome is looked into after half a second.
const SCALE: u32 = 240;

async fn killed_before_and_after_each_request_of_a_roll_out_it_ends_as_if_undisturbed() {
    with_namespace(async |space| {
        let cuts = Cuts::default();
        let project = Project::create(bed().bed.file()).await;
        let account = bed()
            .bed
            .service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR)
            .await
            .unwrap();
        let (_kubernetes, kubeconfig) = Proxy::of_kubernetes(&account, &cuts).await;
        let options = OperatorOptions {
            scale: SCALE,
            kubeconfig: Some(kubeconfig),
            ..OperatorOptions::default()
        };
        let mut operator = Operator::start(bed(), &options).await;
        let first = settle(
            &Stage {
                space,
                project: project.clone(),
                operator: &operator,
            },
            &cuts,
        )
        .await;

        let mut before = first;
        let mut cut_off = Vec::new();
        'rounds: for at in 0.. {
            for side in [Side::Before, Side::After] {
                let round = Round {
                    space,
                    project: &project,
                    before: &before,
                };
                cuts.arm(operator.process_id(), at, side);
                let (after, cut) = round.run(&mut operator, &options, &cuts).await;
                before = after;
                match cut {
                    Some(cut) => cut_off.push(cut),
                    None => break 'rounds,
                }
            }
        }
        eprintln!("{} cut points: {cut_off:#?}", cut_off.len());
        assert!(
            cut_off.len() >= 2 * RECORDED,
            "only {} cut points: {cut_off:#?}",
            cut_off.len()
        );
    })
    .await;
}

/// Brings a function to rest through the proxies.
async fn settle(stage: &Stage<'_>, cuts: &Cuts) -> Value {
    let api = Proxy::start("platform", &stage.space.bed.bed.file().api_url, cuts).await;
    let gateway = Proxy::start("gateway", &stage.project.gateway, cuts).await;
    stage.secret(&stage.project.token, &stage.project.anon_key).await;
    let token = json!({ "name": "supabase", "key": "token" });
    // Nothing of a roll-out depends on a look at the clock.
    let spec = json!({ "interval": "24h", "url": gateway.url, "api": { "url": api.url, "tokenSecretRef": token } });
    stage.platform(spec).await;
    stage.source(&[("hello/index.ts", &answering(1))]).await;
    stage
        .function(
            "hello",
            json!({ "checks": [{ "name": "root", "expectStatus": [200] }] }),
        )
        .await;
    stage
        .space
        .wait::<ace_api::Platform>(PLATFORM, "is Ready", |platform| is_true(platform, "Ready"))
        .await;
    let function = stage.ready("hello").await;
    told(stage, 1).await;
    function
}

/// One roll-out, at whose end the operator runs and all is at rest.
struct Round<'a> {
    space: &'a Space,
    project: &'a Project,
    before: &'a Value,
}

impl Round<'_> {
    async fn run(&self, operator: &mut Operator, options: &OperatorOptions, cuts: &Cuts) -> (Value, Option<String>) {
        let version = self.before["status"]["live"]["version"].as_i64().unwrap() + 1;
        let since = self.project.now().await;
        let undisturbed = {
            let stage = Stage {
                space: self.space,
                project: self.project.clone(),
                operator,
            };
            stage.source(&[("hello/index.ts", &answering(version))]).await;
            let rolled = async {
                let function = stage.rolled_out("hello", self.before).await;
                told(&stage, version).await;
                function
            };
            let cut = stage.eventually("it is cut off", async || cuts.has_cut().then_some(()));
            tokio::select! {
                function = rolled => Some(function),
                () = cut => None,
            }
        };
        let (cut, _) = cuts.disarm();
        if cut.is_some() {
            operator.kill();
            *operator = Operator::start(bed(), options).await;
        }
        let stage = Stage {
            space: self.space,
            project: self.project.clone(),
            operator,
        };
        let function = match undisturbed {
            Some(function) => function,
            None => stage.rolled_out("hello", self.before).await,
        };
        let uploads = self.project.uploads(since).await;
        assert_eq!(uploads, ["hello"], "cut off {cut:?}: {}", operator.log());
        let status = &function["status"];
        assert_eq!(
            (&status["live"]["version"], &status["intent"]),
            (&json!(version), &Value::Null),
            "cut off {cut:?}"
        );
        assert_eq!(
            status["live"]["revision"], status["source"]["revision"],
            "cut off {cut:?}"
        );
        assert_eq!(self.project.version("hello").await, Some(version), "cut off {cut:?}");
        assert_eq!(self.project.answer("hello").await, format!("version {version}"));
        assert_eq!(stage.archives("hello", "Proven").await.len(), 1, "cut off {cut:?}");
        (function, cut)
    }
}

fn answering(version: i64) -> String {
    format!("Deno.serve(() => new Response(\"version {version}\"));\n")
}

/// Waits for the last request of an undisturbed roll-out: its event.
async fn told(stage: &Stage<'_>, version: i64) {
    let says = format!(" as version {version}");
    let has_told = async || {
        stage
            .events("hello")
            .await
            .iter()
            .any(|event| event.ends_with(&says))
            .then_some(())
    };
    stage.eventually("the deploy is told", has_told).await;
}
