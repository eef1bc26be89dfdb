//! The vendors' own SDKs, as the npm registry has them: they take what is built here, and the sandbox's receivers take what
//! they build.
#![allow(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails it")]

mod support;

use std::fs;
use std::process::Stdio;

use ace_notify::{Change, Format, Message};
use ace_sandbox::bed::tools;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use support::{SECRET, email, forged, message, news, now, receivers, webhook};

/// Checks the types of a script, runs it with `input` as its first argument, and answers with the JSON that it prints.
async fn run(script: &str, input: &Value) -> Value {
    let packages = tokio::task::spawn_blocking(tools::npm_packages).await.unwrap().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script.ts");
    fs::write(&file, script).unwrap();
    fs::write(directory.path().join("package.json"), "{}").unwrap();
    std::os::unix::fs::symlink(packages, directory.path().join("node_modules")).unwrap();
    let output = Command::new(tools::deno().unwrap())
        .args(["run", "--check", "--no-prompt", "--no-lock", "--no-remote"])
        .args([
            "--node-modules-dir=manual",
            "--allow-net",
            "--allow-env",
            "--allow-read",
            "--allow-sys",
        ])
        .arg(&file)
        .arg(input.to_string())
        .env("DENO_DIR", directory.path().join("deno"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// For the SDKs, which want headers and body as texts.
fn parts(format: &Format, text: &str) -> (Value, String) {
    parts_of(format, &message(text))
}

fn parts_of(format: &Format, message: &Message) -> (Value, String) {
    let request = format.request(message, now());
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap())));
    (
        Value::Object(headers.collect()),
        String::from_utf8(request.body.to_vec()).unwrap(),
    )
}

const VERIFY: &str = r#"
import { Webhook, WebhookVerificationError } from "standardwebhooks";
const { secret, requests } = JSON.parse(Deno.args[0]);
const webhook = new Webhook(secret);
const verified = (body: string, headers: Record<string, string>) => {
    try {
        return webhook.verify(body, headers);
    } catch (error) {
        if (error instanceof WebhookVerificationError) return error.message;
        throw error;
    }
};
console.log(JSON.stringify(requests.map(([headers, body]: [Record<string, string>, string]) => [
    verified(body, headers),
    verified(body + " ", headers),
    verified(body, { ...headers, "webhook-id": "msg_other" }),
])));
"#;

#[tokio::test]
async fn standardwebhooks_verifies_what_is_signed_here() {
    let long = "é\u{1d11e}&".repeat(2_000);
    let texts = ["plain", "", "quotes \" and \\ and\nlines\u{2028}", "<é> & 𝄞", &long];
    let mut requests: Vec<(Value, String)> = texts.iter().map(|text| parts(&webhook(), text)).collect();
    requests.push(parts_of(&webhook(), &news(Change::Fired)));
    let expected: Vec<Value> = requests
        .iter()
        .map(|(_, body)| {
            let forged = "No matching signature found";
            json!([serde_json::from_str::<Value>(body).unwrap(), forged, forged])
        })
        .collect();
    let verified = run(VERIFY, &json!({"secret": SECRET, "requests": requests})).await;
    assert_eq!(verified, Value::from(expected));
}

const PARSE: &str = r#"
import { simpleParser } from "mailparser";
const { mails } = JSON.parse(Deno.args[0]);
const parsed = [];
for (const mail of mails) {
    const { headerLines, from, to, subject, messageId, references, inReplyTo, date, text } = await simpleParser(mail);
    const headers = headerLines.map((line: { key: string }) => line.key);
    const recipients = [to].flat().map((address) => address?.text).join(", ");
    parsed.push({ headers, from: from?.text, to: recipients, subject, messageId, references, inReplyTo, date, text });
}
console.log(JSON.stringify(parsed));
"#;

#[tokio::test]
async fn mailparser_reads_what_was_said_and_no_text_begins_a_header() {
    let long = news(Change::Grew);
    let channel = Message {
        namespace: "ace\r\nBcc: a@evil.example".to_owned(),
        ..message("<é> & \u{1d11e}\r\n\r\n.\r\nBcc: a@evil.example")
    };
    let messages = [&forged(), &long, &channel];
    let email = email(&["devops@example.com", "lead@example.com"]);
    let mails: Vec<String> = messages
        .iter()
        .map(|message| String::from_utf8(email.content(message).unwrap()).unwrap())
        .collect();
    for mail in &mails {
        // What any server takes, and nothing in it is a line end of another kind.
        assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998));
        assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
    }
    let parsed = run(PARSE, &json!({ "mails": mails })).await;
    let own = [
        "from",
        "date",
        "message-id",
        "subject",
        "auto-submitted",
        "mime-version",
        "content-type",
        "to",
    ];
    let follows = ["in-reply-to", "references"];
    let last = ["content-transfer-encoding"];
    let first = "<msg_8800297ab8c02b0db0308a6c714fda13@example.com>";
    for ((message, mail), follows) in messages
        .iter()
        .zip(parsed.as_array().unwrap())
        .zip([&follows[..], &[], &[]])
    {
        let headers: Vec<&str> = own.iter().chain(follows).chain(&last).copied().collect();
        assert_eq!(mail["headers"], json!(headers), "{mail:#}");
        assert_eq!(
            [&mail["from"], &mail["to"], &mail["date"]],
            [
                "ace@example.com",
                "devops@example.com, lead@example.com",
                "2026-11-23T09:00:00.000Z"
            ],
        );
        assert_eq!(mail["messageId"], format!("<{}@example.com>", message.id.as_str()));
        let text = mail["text"].as_str().unwrap();
        assert!(!text.contains(['\r', '\0', '\u{202e}']), "{text}");
    }
    let [forged, long, channel] = &parsed.as_array().unwrap()[..] else {
        panic!("not three mails");
    };
    let line = |name: &str| format!("{name} ä Bcc: {name}@evil.example body");
    assert_eq!(
        forged["subject"],
        format!("[critical] {} : 1 alert: {}", line("group"), line("summary"))
    );
    assert_eq!(
        (&forged["references"], &forged["inReplyTo"]),
        (&json!(first), &json!(first))
    );
    assert!(
        forged["text"]
            .as_str()
            .unwrap()
            .contains(&format!("\ncritical {}", line("rule"))),
        "{forged:#}"
    );
    assert!(long["text"].as_str().unwrap().ends_with("…\n"), "{long:#}");
    assert_eq!(
        channel["subject"],
        "Test message of channel ace Bcc: a@evil.example/on-call"
    );
    assert_eq!(channel["text"], "<é> & \u{1d11e} \n \n. \nBcc: a@evil.example\n");
}

const SIGN: &str = r#"
import { Webhook } from "standardwebhooks";
const { secret, other, url } = JSON.parse(Deno.args[0]);
const body = JSON.stringify({ type: "channel.test", timestamp: new Date().toISOString(), data: { text: "<é> & 𝄞" } });
const signed = (secret: string, id: string, time: Date) => new Webhook(secret).sign(id, time, body);
const send = async (id: string, minutes: number, ...secrets: string[]) => {
    const time = new Date(Date.now() + minutes * 60_000);
    const response = await fetch(url, {
        method: "POST",
        headers: {
            "webhook-id": id,
            "webhook-timestamp": Math.floor(time.getTime() / 1000).toString(),
            "webhook-signature": secrets.map((secret) => signed(secret, id, time)).join(" "),
        },
        body,
    });
    return [response.status, await response.text()];
};
console.log(JSON.stringify([
    await send("msg_1", 0, secret),
    await send("msg_2", -4, other, secret),
    await send("msg_3", 4, secret),
    await send("msg_4", 0, other),
    await send("msg_5", -6, secret),
    await send("msg_6", 6, secret),
]));
"#;

#[tokio::test]
async fn the_receiver_takes_what_standardwebhooks_signs() {
    let receivers = receivers().await;
    let url = receivers.webhook();
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let answers = run(SIGN, &json!({"secret": SECRET, "other": other, "url": url})).await;
    let late = json!([401, "webhook-timestamp is more than five minutes off"]);
    assert_eq!(
        answers,
        json!([
            [204, ""],
            [204, ""],
            [204, ""],
            [401, "no signature matches"],
            late,
            late
        ])
    );
    let accepted = receivers.received(&url).await;
    let accepted: Vec<&Value> = accepted.iter().map(|one| &one["accepted"]).collect();
    assert_eq!(accepted, [true, true, true, false, false, false]);
}

const SLACK: &str = r#"
import { IncomingWebhook, IncomingWebhookHTTPError, IncomingWebhookRequestError } from "@slack/webhook";
import type { IncomingWebhookSendArguments, } from "@slack/webhook";
// The message, in this script so that its members are checked as those of a literal are.
const message: IncomingWebhookSendArguments = MESSAGE;
const news: IncomingWebhookSendArguments = NEWS;
// @ts-expect-error: that they are.
const wrong: IncomingWebhookSendArguments = { blocks: [{ type: "header", text: { type: "plain_text", text: "x", verbatim: true } }] };
const { url, others, limited } = JSON.parse(Deno.args[0]);
const send = async (url: string, message: IncomingWebhookSendArguments) => {
    try {
        return (await new IncomingWebhook(url).send(message)).text;
    } catch (error) {
        if (error instanceof IncomingWebhookHTTPError) return [error.code, error.statusCode, error.body];
        if (error instanceof IncomingWebhookRequestError) return error.code;
        throw error;
    }
};
const burst = await Promise.all(Array.from({ length: 20 }, () => send(limited, message)));
console.log(JSON.stringify({
    sent: [await send(url, message), await send(url, news)],
    wrong: await send(url, wrong),
    others: await Promise.all(others.map((url: string) => send(url, { text: "hello" }))),
    burst: [...new Set(burst.map((one) => JSON.stringify(one)))].toSorted(),
}));
"#;

#[derive(Debug, PartialEq, Deserialize)]
struct Seen {
    sent: Value,
    wrong: Value,
    others: Vec<Value>,
    burst: Vec<String>,
}

#[tokio::test]
async fn slack_webhook_knows_the_message_and_reads_the_simulator_as_it_reads_slack() {
    let receivers = receivers().await;
    let (_, body) = parts(&Format::Slack, "a & b <!channel>\n𝄞");
    let (_, news) = parts_of(&Format::Slack, &news(Change::Fired));
    let url = receivers.slack("B00000000");
    let fault = |path: &str, kind: Value| {
        let path = path.strip_prefix(&receivers.url).unwrap();
        json!({"path": path, "fault": kind})
    };
    let (archived, broken, cut) = (
        receivers.slack("B00000001"),
        receivers.slack("B00000002"),
        receivers.slack("B00000003"),
    );
    let answer = |status: u16, words: &str| json!({"answer": {"status": status, "words": words}});
    receivers
        .set_fault(fault(&archived, answer(410, "channel_is_archived")))
        .await;
    receivers.set_fault(fault(&broken, answer(500, "rollup_error"))).await;
    receivers.set_fault(fault(&cut, json!({"dropAnswer": {}}))).await;
    let input = json!({
        "url": url,
        "others": [
            archived, broken, cut,
            url.replace("/T0", "/T1"), receivers.slack("B0"), format!("{url}x"),
        ],
        "limited": receivers.slack("B00000004"),
    });
    let seen = run(&SLACK.replace("MESSAGE", &body).replace("NEWS", &news), &input).await;
    let http = |status: u16, word: &str| json!(["slack_webhook_http_error", status, word]);
    assert_eq!(
        serde_json::from_value::<Seen>(seen).unwrap(),
        Seen {
            sent: json!(["ok", "ok"]),
            wrong: http(400, "invalid_blocks"),
            others: vec![
                http(410, "channel_is_archived"),
                http(500, "rollup_error"),
                json!("slack_webhook_request_error"),
                http(404, "no_team"),
                http(404, "no_service"),
                http(403, "invalid_token"),
            ],
            burst: vec![json!("ok").to_string(), http(429, "rate_limited").to_string()],
        }
    );
    let [posted, told, refused] = &receivers.received(&url).await[..] else {
        panic!("not three messages");
    };
    assert_eq!(told["body"], serde_json::from_str::<Value>(&news).unwrap());
    assert_eq!(posted["body"], serde_json::from_str::<Value>(&body).unwrap());
    assert_eq!(
        (&posted["accepted"], &refused["accepted"]),
        (&json!(true), &json!(false))
    );
}
