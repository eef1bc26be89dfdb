//! The client against the local platform: what one side means by the contract, the other understands.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ace_egress::{AllowedHosts, Method, Token};
use ace_sandbox::bed::tools;
use ace_sandbox::platform::{PlatformConfig, Running, start};
use ace_supabase::{
    Body, BodyFile, Budget, CallError, Client, Deadlines, Deletion, Deploy, DeployFile, Function, FunctionStatus,
    Gateway, Http, Limits, Lost, Outcome, Priority, Probe, ProbeAuth, ProjectStatus, Slug,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROJECT: &str = "abcdefghijklmnopqrst";
const DEPLOY: &str = "POST /v1/projects/{ref}/functions/deploy";
const INDEX: &str =
    "import { who } from \"../_shared/who.ts\";\nconst name: string = who;\nDeno.serve(() => new Response(name));\n";
const WHO: &str = "export const who: string = \"world\";\n";

struct Bench {
    running: Running,
    http: Http,
    client: Client,
    _dir: TempDir,
}

async fn bench() -> Bench {
    bench_with(Deadlines::default()).await
}

async fn bench_with(deadlines: Deadlines) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = start(PlatformConfig {
        listen: loopback,
        gateways: Ipv4Addr::LOCALHOST,
        admin: loopback,
        dir: dir.path().to_owned(),
        database_url: None,
        recovery: None,
        deno: tools::deno().unwrap(),
        projects: vec![PROJECT.to_owned()],
    })
    .await
    .unwrap();
    let http = Http::new(
        AllowedHosts::parse(["127.0.0.1"]).unwrap(),
        deadlines,
        Limits::default(),
    )
    .unwrap();
    let client = client(&http, &running, running.token(), PROJECT);
    Bench {
        running,
        http,
        client,
        _dir: dir,
    }
}

fn client(http: &Http, running: &Running, token: &str, project: &str) -> Client {
    let budget = Arc::new(Mutex::new(Budget::new(NonZeroU32::new(120).unwrap())));
    let token = Token::new(token).unwrap();
    Client::new(
        http,
        running.api_url.parse().unwrap(),
        token,
        project.parse().unwrap(),
        budget,
    )
}

impl Bench {
    async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, format!("{}{path}", self.running.admin_url));
        let response = if body.is_null() { request } else { request.json(&body) }
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success());
        response.json().await.unwrap()
    }

    async fn fault(&self, route: &str, fault: Value) {
        self.admin(
            Method::POST,
            "/faults",
            json!({"route": route, "fault": fault, "times": 1}),
        )
        .await;
    }

    /// How many requests of this route the platform has seen.
    async fn seen(&self, route: &str) -> usize {
        let journal = self.admin(Method::GET, "/requests", Value::Null).await;
        journal["requests"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["route"] == route)
            .count()
    }

    async fn deployed(&self) -> Function {
        match self.client.deploy(Priority::Change, &slug(), &deploy()).await {
            Outcome::Done(function) => function,
            other => panic!("{other:?}"),
        }
    }

    async fn list(&self) -> Vec<Function> {
        self.client.list_functions(Priority::Poll).await.unwrap()
    }

    async fn body(&self) -> Body {
        self.client.function_body(Priority::Poll, &slug()).await.unwrap()
    }

    async fn probe(&self, slug: Slug, auth: ProbeAuth) -> u16 {
        let gateway = Gateway::new(
            &self.http,
            self.running.project(PROJECT).unwrap().gateway_url.parse().unwrap(),
        );
        let timeout = Duration::from_secs(30);
        gateway
            .probe(&Probe {
                slug,
                method: Method::GET,
                path: "/".into(),
                auth,
                timeout,
            })
            .await
            .unwrap()
    }
}

fn slug() -> Slug {
    "hello".parse().unwrap()
}

fn deploy() -> Deploy {
    let file = |path: &str, text: &'static str| DeployFile {
        path: path.into(),
        bytes: text.into(),
    };
    Deploy {
        files: vec![
            file("ace-3f9c2ab01d4e/hello/index.ts", INDEX),
            file("ace-3f9c2ab01d4e/_shared/who.ts", WHO),
        ],
        entrypoint_path: "ace-3f9c2ab01d4e/hello/index.ts".into(),
        import_map_path: None,
        static_patterns: Vec::new(),
        verify_jwt: true,
        name: "hello".into(),
    }
}

fn sources() -> Body {
    let file = |path: &str, text: &'static str| BodyFile {
        path: path.into(),
        bytes: text.into(),
    };
    Body::Files {
        files: vec![
            file("source/ace-3f9c2ab01d4e/_shared/who.ts", WHO),
            file("source/ace-3f9c2ab01d4e/hello/index.ts", INDEX),
        ],
        entrypoint: Some("source/ace-3f9c2ab01d4e/hello/index.ts".into()),
    }
}

#[tokio::test]
async fn a_function_lives_from_deploy_to_deletion() {
    let bench = bench().await;
    assert_eq!(bench.list().await, Vec::new());
    assert_eq!(bench.client.get_function(Priority::Poll, &slug()).await, Ok(None));

    let first = bench.deployed().await;
    assert_eq!(
        (first.version, &first.status, first.verify_jwt),
        (1, &FunctionStatus::Active, Some(true))
    );
    let listed = bench.list().await;
    assert_eq!(
        listed.iter().map(|function| &function.id).collect::<Vec<_>>(),
        [&first.id]
    );
    let container = format!("file:///tmp/user_fn_{PROJECT}_{}_1", first.id);
    let entrypoint = format!("{container}/source/ace-3f9c2ab01d4e/hello/index.ts");
    assert_eq!(listed[0].entrypoint_path, Some(entrypoint));
    assert_eq!(
        bench.client.get_function(Priority::Poll, &slug()).await,
        Ok(Some(listed[0].clone()))
    );
    assert_eq!(bench.body().await, sources());

    let second = bench.deployed().await;
    assert_eq!((second.version, &second.id), (2, &first.id));
    assert_ne!(second.ezbr_sha256, first.ezbr_sha256, "the same source, another bundle");
    assert_eq!(
        bench.body().await,
        sources(),
        "the container's name is not in the paths"
    );

    let patched = bench.client.patch_verify_jwt(Priority::Change, &slug(), false).await;
    assert_eq!(patched.map(|function| function.verify_jwt), Outcome::Done(Some(false)));
    assert_eq!(bench.body().await, sources());

    let deleted = bench.client.delete_function(Priority::Change, &slug()).await;
    assert_eq!(deleted, Outcome::Done(Deletion::Deleted));
    assert_eq!(bench.list().await, Vec::new());
    let again = bench.client.delete_function(Priority::Change, &slug()).await;
    assert_eq!(again, Outcome::Done(Deletion::AlreadyAbsent));
    let patched = bench.client.patch_verify_jwt(Priority::Change, &slug(), false).await;
    assert_eq!(patched.map(drop), Outcome::Failed(CallError::FunctionAbsent));
    assert_eq!(
        bench.client.function_body(Priority::Poll, &slug()).await,
        Err(CallError::FunctionAbsent)
    );
    bench.running.shutdown().await;
}

#[tokio::test]
async fn bodies_come_back_transpiled_or_as_a_bundle_when_the_platform_has_nothing_else() {
    let bench = bench().await;
    bench.deployed().await;
    bench
        .admin(Method::PUT, "/knobs", json!({"bodies": "Transpiled"}))
        .await;
    let (
        Body::Files { files, entrypoint },
        Body::Files {
            files: ours,
            entrypoint: entry,
        },
    ) = (bench.body().await, sources())
    else {
        panic!("the files are there")
    };
    let paths = |files: &[BodyFile]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!((paths(&files), entrypoint), (paths(&ours), entry));
    assert!(files.iter().zip(&ours).all(|(theirs, ours)| theirs.bytes != ours.bytes));

    bench.admin(Method::PUT, "/knobs", json!({"bodies": "Eszip"})).await;
    assert!(matches!(bench.body().await, Body::Bundle(bytes) if !bytes.is_empty()));
    bench.running.shutdown().await;
}

#[tokio::test]
async fn a_deploy_whose_answer_is_lost_is_unknown_and_was_sent_once() {
    let bench = bench().await;
    bench.fault(DEPLOY, json!({"dropAnswer": {}})).await;
    let outcome = bench.client.deploy(Priority::Change, &slug(), &deploy()).await;
    assert_eq!(outcome, Outcome::Unknown(Lost::Transport));
    assert_eq!(
        bench
            .list()
            .await
            .iter()
            .map(|function| function.version)
            .collect::<Vec<_>>(),
        [1],
        "it took effect"
    );
    assert_eq!(bench.seen(DEPLOY).await, 1);
    bench.running.shutdown().await;
}

#[tokio::test]
async fn a_deploy_that_hangs_is_unknown_at_its_deadline() {
    let bench = bench_with(Deadlines {
        deploy: Duration::from_millis(300),
        ..Deadlines::default()
    })
    .await;
    bench.fault(DEPLOY, json!({"hang": {}})).await;
    let outcome = bench.client.deploy(Priority::Change, &slug(), &deploy()).await;
    assert_eq!(outcome, Outcome::Unknown(Lost::Timeout));
    assert_eq!(bench.seen(DEPLOY).await, 1);
    bench.running.shutdown().await;
}

#[tokio::test]
async fn a_platform_that_is_down_or_limits_the_rate_is_told_apart() {
    let bench = bench().await;
    bench.fault("*", json!({"status": 503})).await;
    let error = bench.client.list_functions(Priority::Poll).await;
    assert!(
        matches!(error, Err(CallError::Unavailable { status: 503, .. })),
        "{error:?}"
    );
    bench.fault("*", json!({"rateLimited": {"retryAfterSeconds": 3}})).await;
    let again = Duration::from_secs(3);
    assert_eq!(
        bench.client.list_functions(Priority::Poll).await,
        Err(CallError::RateLimited { again })
    );
    assert_eq!(
        bench
            .client
            .list_functions(Priority::Change)
            .await
            .unwrap_err()
            .reason(),
        "Deferred"
    );
    bench.running.shutdown().await;
}

#[tokio::test]
async fn refusals_keep_the_platforms_own_words() {
    let bench = bench().await;
    let missing = Deploy {
        files: vec![deploy().files.remove(0)],
        ..deploy()
    };
    let outcome = bench.client.deploy(Priority::Change, &slug(), &missing).await;
    let Outcome::Failed(CallError::Refused { status: 400, message }) = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        message.starts_with("Failed to bundle the function (reason: Module not found"),
        "{message}"
    );
    assert!(message.contains("ace-3f9c2ab01d4e/_shared/who.ts"), "{message}");

    let elsewhere = client(
        &bench.http,
        &bench.running,
        bench.running.token(),
        "zzzzzzzzzzzzzzzzzzzz",
    );
    let error = elsewhere.get_function(Priority::Poll, &slug()).await.unwrap_err();
    assert_eq!(
        error.reason(),
        "NotFound",
        "an unknown project is no absent function: {error}"
    );

    let stranger = client(&bench.http, &bench.running, &format!("sbp_{}", "0".repeat(40)), PROJECT);
    assert_eq!(
        stranger.list_functions(Priority::Poll).await.unwrap_err().reason(),
        "Unauthorized"
    );
    bench.running.shutdown().await;
}

#[tokio::test]
async fn project_health_and_secrets_are_read() {
    let bench = bench().await;
    let project = bench.client.get_project(Priority::Poll).await.unwrap();
    assert_eq!(
        (project.reference.as_str(), project.status),
        (PROJECT, ProjectStatus::ActiveHealthy)
    );
    let health = bench.client.health(Priority::Poll).await.unwrap();
    let names: Vec<_> = health.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["auth", "db", "pooler", "realtime", "rest", "storage"]);
    let secrets = bench.client.list_secrets(Priority::Poll).await.unwrap();
    assert!(
        secrets.iter().any(|secret| secret.name == "SUPABASE_URL"),
        "{secrets:?}"
    );
    let backups = bench.client.list_backups(Priority::Poll).await.unwrap();
    assert_eq!((backups.pitr_enabled, backups.backups.len()), (false, 0));
    bench.running.shutdown().await;
}

#[tokio::test]
async fn a_probe_sees_the_function_its_jwt_rule_and_its_absence() {
    let bench = bench().await;
    bench.deployed().await;
    let anon = || ProbeAuth::Anon(Token::new(&bench.running.project(PROJECT).unwrap().anon_key).unwrap());
    assert_eq!(bench.probe(slug(), ProbeAuth::None).await, 401);
    assert_eq!(bench.probe(slug(), anon()).await, 200);
    assert_eq!(bench.probe("other".parse().unwrap(), anon()).await, 404);
    bench.running.shutdown().await;
}
