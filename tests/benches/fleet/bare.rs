//! The client that the operator is compared with: the same requests, and not a thought beyond them.
//!
//! It runs as a process of its own, so that its CPU can be told apart. It knows nothing: no caches, no retries, no digests, no
//! decisions; closures are the whole of what the generated functions import.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use ace_api::{EdgeFunction, LABEL_ARCHIVE, LABEL_FUNCTION, Platform};
use futures::future::join_all;
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use reqwest::multipart::{self, Form};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::fleet::{ARCHIVE, CONCURRENCY, SECRET, TREE};

/// What a bench starts itself as.
#[derive(Debug, clap::Subcommand)]
pub enum Part {
    /// The bare client.
    #[command(hide = true)]
    Bare(Arguments),
}

/// What it needs to know.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// With the operator's rights.
    #[arg(long)]
    kubeconfig: PathBuf,
    #[arg(long)]
    namespace: String,
}

/// A bare client that runs; it stays after its work, so that what it used can be read.
pub struct Bare(Child);

impl Bare {
    /// Starts this program again as the bare client.
    pub fn start(kubeconfig: &std::path::Path, namespace: &str) -> Self {
        let program = std::env::current_exe().expect("a process knows its program");
        let mut command = Command::new(program);
        command
            .args(["bare", "--namespace", namespace, "--kubeconfig"])
            .arg(kubeconfig);
        Self(command.stdin(Stdio::piped()).spawn().expect("this program can be run"))
    }

    /// Its number.
    pub fn process_id(&self) -> u32 {
        self.0.id()
    }

    pub fn end(mut self) {
        drop(self.0.stdin.take());
        let ended = self.0.wait().expect("the process is ours");
        assert!(ended.success(), "the bare client failed");
    }
}

struct Worker {
    client: Client,
    http: reqwest::Client,
    namespace: String,
    files: BTreeMap<String, Vec<u8>>,
    token: String,
    turns: Semaphore,
}

/// Makes all Ready, and waits until standard input ends.
pub async fn run(arguments: Arguments) {
    let kubeconfig = Kubeconfig::read_from(&arguments.kubeconfig).expect("there is a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("the kubeconfig is complete");
    let client = Client::try_from(config).expect("the certificates are sound");
    let namespace = arguments.namespace;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    let tree = maps.get(TREE).await.expect("there is a tree");
    let archive = &tree.binary_data.expect("the tree is an archive")[ARCHIVE];
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let secret = secrets.get(SECRET).await.expect("there is a Secret");
    let token = &secret.data.expect("the Secret has content")["token"];
    let worker = Arc::new(Worker {
        client: client.clone(),
        http: crate::http::client(),
        files: ace_tests::unpack(&archive.0),
        token: String::from_utf8_lossy(&token.0).into_owned(),
        turns: Semaphore::new(CONCURRENCY),
        namespace: namespace.clone(),
    });
    let list = ListParams::default();
    let platforms: Api<Platform> = Api::namespaced(client.clone(), &namespace);
    let functions: Api<EdgeFunction> = Api::namespaced(client, &namespace);
    let functions = functions.list(&list).await.expect("functions can be listed").items;
    let each = platforms
        .list(&list)
        .await
        .expect("Platforms can be listed")
        .items
        .into_iter()
        .map(|platform| {
            let on = |function: &&EdgeFunction| function.spec.platform_ref.name == platform.name_any();
            let functions: Vec<_> = functions.iter().filter(on).cloned().collect();
            let worker = worker.clone();
            tokio::spawn(async move { worker.serve(platform, functions).await })
        });
    for done in join_all(each).await {
        done.expect("a Platform is served");
    }
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()))
        .await
        .expect("reading does not panic")
        .expect("standard input is a pipe");
}

impl Worker {
    async fn serve(&self, platform: Platform, functions: Vec<EdgeFunction>) {
        let project = format!("{}/v1/projects/{}", platform.spec.api.url, platform.spec.project);
        {
            let _turn = self.turn().await;
            self.get(&project).await;
            self.get(&format!("{project}/functions")).await;
            let status = json!({ "observedGeneration": platform.metadata.generation, "conditions": [condition(&platform, "Ready", "True")] });
            self.status(&platform, status).await;
        }
        join_all(functions.iter().map(|function| self.upload(&project, function))).await;
        let listed = {
            let _turn = self.turn().await;
            self.get(&format!("{project}/functions")).await
        };
        let listed: BTreeMap<_, _> = listed
            .as_array()
            .expect("the list is one")
            .iter()
            .filter_map(|live| Some((live["slug"].as_str()?, live)))
            .collect();
        join_all(functions.iter().map(|function| {
            let live = listed[function.slug().as_str()];
            self.conclude(&project, function, live, &platform.spec.project)
        }))
        .await;
    }

    async fn turn(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.turns.acquire().await.expect("the semaphore is never closed")
    }

    async fn get(&self, url: &str) -> Value {
        crate::http::answered(self.http.get(url).bearer_auth(&self.token)).await
    }

    /// Intent and upload.
    async fn upload(&self, project: &str, function: &EdgeFunction) {
        let _turn = self.turn().await;
        let slug = function.slug();
        let status = json!({
            "observedGeneration": function.metadata.generation,
            "conditions": [condition(function, "Ready", "False"), condition(function, "Reconciling", "True")],
            "source": wanted(),
            "intent": { "type": "RollOut", "sourceDigest": digest(), "startTime": jiff::Timestamp::now() },
        });
        self.status(function, status).await;
        let entrypoint = format!("ace-{REVISION}/{slug}/index.ts");
        let metadata = json!({ "entrypoint_path": entrypoint, "verify_jwt": false, "name": slug });
        let form = self.closure(&slug).into_iter().fold(Form::new(), |form, path| {
            let part = multipart::Part::bytes(self.files[path].clone()).file_name(format!("ace-{REVISION}/{path}"));
            form.part("file", part)
        });
        let url = format!("{project}/functions/deploy?slug={slug}");
        let request = self.http.post(url).bearer_auth(&self.token);
        crate::http::answered(request.multipart(form.text("metadata", metadata.to_string()))).await;
    }

    /// Body, archive and final status.
    async fn conclude(&self, project: &str, function: &EdgeFunction, live: &Value, reference: &str) {
        let _turn = self.turn().await;
        let (slug, name) = (function.slug(), function.name_any());
        let url = format!("{project}/functions/{slug}/body");
        let body = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("accept", "multipart/form-data");
        let body = body.send().await.expect("the platform answers");
        body.bytes().await.expect("the body arrives");
        let archive = format!("{name}-{REVISION}");
        self.archive(function, &archive, &slug).await;
        let updated = live["updated_at"]
            .as_i64()
            .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok());
        let stamp = json!({ "id": live["id"], "version": live["version"], "updatedTime": updated, "bundleDigest": live["ezbr_sha256"] });
        let status = json!({
            "observedGeneration": function.metadata.generation,
            "conditions": [condition(function, "Ready", "True"), condition(function, "Drifted", "False")],
            "url": format!("{project}/{slug}"),
            "source": wanted(),
            "applied": { "project": reference, "revision": REVISION, "sourceDigest": digest(), "verifyJWT": false, "bodyDigest": digest(), "stamp": stamp },
            "live": { "version": live["version"], "updatedTime": updated, "revision": REVISION, "verifyJWT": false, "stamp": stamp },
            "proven": { "revision": REVISION, "sourceDigest": digest(), "archive": archive },
            "history": [{ "type": "Deployed", "revision": REVISION, "version": live["version"], "time": updated }],
        });
        self.status(function, status).await;
    }

    async fn archive(&self, function: &EdgeFunction, name: &str, slug: &str) {
        let files: Vec<_> = self
            .closure(slug)
            .into_iter()
            .map(|path| (path, std::str::from_utf8(&self.files[path]).expect("the tree is text")))
            .collect();
        let labels = [
            (LABEL_ARCHIVE, "Proven".to_owned()),
            (LABEL_FUNCTION, function.name_any()),
        ];
        let map = ConfigMap {
            metadata: kube::api::ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
                owner_references: function.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..Default::default()
            },
            binary_data: Some([("content.tar.gz".to_owned(), ByteString(ace_tests::pack(&files)))].into()),
            immutable: Some(true),
            ..Default::default()
        };
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        api.create(&PostParams::default(), &map)
            .await
            .expect("an archive can be made");
    }

    /// What the function's file imports, by the shape of the generated text.
    fn closure(&self, slug: &str) -> Vec<&str> {
        let own = format!("{slug}/index.ts");
        let (own, text) = self.files.get_key_value(&own).expect("the tree has the function");
        let text = std::str::from_utf8(text).expect("the tree is text");
        let imports = text
            .lines()
            .map_while(|line| line.strip_prefix("import ")?.split("\"../").nth(1));
        let imports = imports.filter_map(|path| {
            let path = path.trim_end_matches("\";");
            self.files.get_key_value(path).map(|(path, _)| path.as_str())
        });
        imports.chain([own.as_str()]).collect()
    }

    async fn status<K>(&self, object: &K, status: Value)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": object.name_any(), "uid": object.uid() },
            "status": status,
        });
        let parameters = PatchParams::apply("bare").force();
        api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&patch))
            .await
            .expect("the status is written");
    }
}

const REVISION: &str = "0123456789ab";

fn digest() -> String {
    format!("sha256:{}", "0123456789abcdef".repeat(4))
}

fn wanted() -> Value {
    json!({ "revision": REVISION, "digest": digest(), "files": 5, "bytes": 48_810, "artifactRevision": digest() })
}

fn condition(object: &impl Resource, type_: &str, status: &str) -> Value {
    json!({
        "type": type_,
        "status": status,
        "reason": "Measured",
        "message": "the message of a condition has about as many letters as this one",
        "observedGeneration": object.meta().generation,
        "lastTransitionTime": jiff::Timestamp::now(),
    })
}

/// Says what went on, at once.
pub fn say(text: &str) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}
