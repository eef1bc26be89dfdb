//! One function's process: its start, and the way of a request to it and back.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answers::Failure;
use super::deployment::Deployment;
use super::headers;
use super::load::{Held, Load, Ticket};
use super::logs::{SharedLogs, each_line};
use super::watcher::{End, Watcher};
use super::{Limits, Shared};

/// How long a cut connection waits for the news that the process is gone: the kernel closes its sockets first.
const NEWS: Duration = Duration::from_secs(5);

/// A running function. Dropped, it answers what it has begun, then goes.
pub(super) struct Process {
    /// As the platform gave it: what tells whether a call wants this process.
    pub(super) deployment: Deployment,
    port: u16,
    secret: HeaderValue,
    limits: Limits,
    load: Arc<Load>,
    stop: CancellationToken,
    end: watch::Receiver<Option<End>>,
}

impl Process {
    /// Returns when the function has registered its handler.
    pub(super) async fn start(shared: &Shared, deployment: Deployment, logs: SharedLogs) -> Result<Process, Failure> {
        let limits = shared.config.limits.clone();
        let located = located(&deployment).map_err(|error| not_started(&logs, &error))?;
        let configuration = shared
            .deno
            .configuration(&located)
            .map_err(|error| not_started(&logs, &error))?;
        let command = shared.deno.run(&configuration, &located, limits.memory);
        let mut child = shared
            .spawner
            .spawn(command)
            .await
            .map_err(|error| not_started(&logs, &error))?;
        let secret = hex::encode(rand::random::<[u8; 16]>());
        let ready = read_output(&mut child, &Arc::new(located), &secret, &logs);
        let stdin = give_orders(&mut child, &deployment, &secret, limits.boot).await;

        let (load, stop) = (Load::new(), shared.stop.child_token());
        let (ended, end) = watch::channel(None);
        // Its start counts as a request: it is not idle meanwhile.
        let starting = load.begin();
        let watcher = Watcher {
            child,
            stdin,
            load: Arc::clone(&load),
            limits: limits.clone(),
            idle: shared.config.idle,
            logs: Arc::clone(&logs),
            stop: stop.clone(),
            end: ended,
        };
        shared.watchers.spawn(watcher.watch());
        let secret = HeaderValue::from_str(&secret).expect("hex digits are a header's value");
        let mut process = Process {
            deployment,
            port: 0,
            secret,
            limits,
            load,
            stop,
            end,
        };
        process.port = process.await_port(ready, &logs).await?;
        drop(starting);
        Ok(process)
    }

    async fn await_port(&self, ready: oneshot::Receiver<u16>, logs: &SharedLogs) -> Result<u16, Failure> {
        let mut end = self.end.clone();
        let failure = tokio::select! {
            Ok(port) = ready => return Ok(port),
            end = end.wait_for(Option::is_some) => match end.ok().and_then(|end| *end) {
                Some(End::Limit) => Failure::Limit,
                _ => Failure::Boot,
            },
            () = tokio::time::sleep(self.limits.boot) => {
                logs.push("No request handler was registered in time");
                Failure::Boot
            }
        };
        self.stop.cancel();
        Err(failure)
    }

    /// `None` when it takes no more requests.
    pub(super) fn begin(&self) -> Option<Ticket> {
        self.load.begin()
    }

    /// Lets it answer what it has begun, then go.
    pub(super) fn retire(&self) {
        self.load.retire();
    }

    /// A connection of its own for each request: on loopback it costs less than to find out which old one still lives.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await
    }

    /// The function's answer; its body goes on to arrive while it is handed on.
    pub(super) async fn answer(
        &self,
        stream: TcpStream,
        ticket: Ticket,
        request: Request,
    ) -> Result<Response, Failure> {
        let request = headers::to_function(request, self.secret.clone());
        let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
            return Err(self.failure().await);
        };
        // Its errors arrive at the request or the body, too.
        tokio::spawn(async move { drop(connection.await) });
        match timeout(self.limits.answer, sender.send_request(request)).await {
            Err(_) => Err(Failure::Slow(self.limits.answer.as_secs())),
            Ok(Err(_)) => Err(self.failure().await),
            Ok(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                let body = Body::new(Held {
                    body: Body::new(body),
                    ticket: Some(ticket),
                });
                Ok(headers::from_function(Response::from_parts(head, body)))
            }
        }
    }

    async fn failure(&self) -> Failure {
        let mut end = self.end.clone();
        match timeout(NEWS, end.wait_for(Option::is_some)).await {
            Ok(Ok(end)) if *end == Some(End::Limit) => Failure::Limit,
            _ => Failure::Exited,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.load.retire();
    }
}

/// The same with the folder's real path, by which Deno knows its modules.
pub(super) fn located(deployment: &Deployment) -> io::Result<Deployment> {
    Ok(Deployment {
        root: deployment.root.canonicalize()?,
        ..deployment.clone()
    })
}

fn not_started(logs: &SharedLogs, error: &dyn std::error::Error) -> Failure {
    logs.push(&format!("failed to start: {error}"));
    Failure::Boot
}

/// Reads what it writes; the port comes in a line that ends with the secret and the number.
fn read_output(
    child: &mut Child,
    located: &Arc<Deployment>,
    secret: &str,
    logs: &SharedLogs,
) -> oneshot::Receiver<u16> {
    let (port, ready) = oneshot::channel();
    let mut port = Some(port);
    if let Some(stdout) = child.stdout.take() {
        let (located, logs, mark) = (Arc::clone(located), Arc::clone(logs), format!("{secret} "));
        tokio::spawn(each_line(BufReader::new(stdout), move |line| {
            let Some((written, number)) = line.split_once(&mark) else {
                return logs.push(&located.as_in_container(line));
            };
            // What the function wrote before without ending the line.
            if !written.is_empty() {
                logs.push(&located.as_in_container(written));
            }
            if let (Some(port), Ok(number)) = (port.take(), number.parse()) {
                // Nobody waits any more when the start took too long.
                let _ = port.send(number);
            }
        }));
    }
    if let Some(stderr) = child.stderr.take() {
        let (located, logs) = (Arc::clone(located), Arc::clone(logs));
        tokio::spawn(each_line(BufReader::new(stderr), move |line| {
            logs.push(&located.as_in_container(line));
        }));
    }
    ready
}

/// Secrets go through the pipe: neither arguments nor environment of the process show them.
async fn give_orders(
    child: &mut Child,
    deployment: &Deployment,
    secret: &str,
    longest: Duration,
) -> Option<ChildStdin> {
    let mut stdin = child.stdin.take()?;
    let orders = format!(
        "{}\n",
        json!({ "secret": secret, "environment": deployment.environment })
    );
    // One that failed to read its orders is ending, and its end says the rest.
    let given = timeout(longest, stdin.write_all(orders.as_bytes())).await;
    matches!(given, Ok(Ok(()))).then_some(stdin)
}
