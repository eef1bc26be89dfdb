//! Each field that names an address, each credential that is sent there, and the hosts that get it.

use std::{collections::BTreeSet, time::Duration};

use ace_api::{BackupDestination, KINDS, NotificationChannel, Platform, PlatformSpec, Target, crds};
use ace_egress::{AllowedHosts, SmtpClient};
use serde_json::{Value, json};

use super::{CredentialHosts, HostArguments, NotifyArguments};
use crate::{connections::stores::StoreArguments, kinds::notification_channel::destination::server};

const OWN: &str = "https://abcdefghijklmnopqrst.supabase.co";
const OTHER: &str = "https://attackersownprojectx.supabase.co";

/// What a field names, and what is sent there.
struct Row {
    /// Kind and path of the address.
    address: (&'static str, &'static str),
    /// References to the Secrets whose content is used with this address, and with no other.
    credentials: &'static [&'static str],
    /// Whether it gets them from this object.
    leaves: fn(&Hosts, Value) -> bool,
    /// Values with which it does while every flag has its default.
    yes: &'static [Address],
    /// Values with which it does not.
    no: &'static [Address],
}

/// A value of the field, and the database's user.
type Address = (&'static str, &'static str);

/// A field that is not here fails a test: say which credential goes there, and to which hosts.
const TABLE: [Row; 7] = [
    Row {
        address: ("Platform", "spec.api.url"),
        credentials: &["spec.api.tokenSecretRef.name"],
        leaves: |hosts, object| hosts.platforms.api(&platform(object)).is_ok(),
        yes: &[("https://api.supabase.com", ""), ("https://API.supabase.com:443", "")],
        no: &[
            (OWN, ""),
            (OTHER, ""),
            ("http://api.supabase.com", ""),
            ("https://api.supabase.com:8443", ""),
            ("https://api.supabase.com.", ""),
            ("https://api.supabase.com.evil.io", ""),
            ("https://x.supabase.com", ""),
            ("https://x.api.supabase.com", ""),
            ("https://db.abcdefghijklmnopqrst.supabase.co", ""),
            ("http://127.0.0.1", ""),
            ("http://169.254.169.254", ""),
        ],
    },
    Row {
        address: ("Platform", "spec.url"),
        credentials: &["spec.anonKeySecretRef.name"],
        leaves: |hosts, object| hosts.platforms.gateway(&platform(object)).is_ok(),
        yes: &[(OWN, ""), ("https://ABCDEFGHIJKLMNOPQRST.supabase.co:443", "")],
        no: &[
            (OTHER, ""),
            ("http://abcdefghijklmnopqrst.supabase.co", ""),
            ("https://abcdefghijklmnopqrst.supabase.co:8443", ""),
            ("https://abcdefghijklmnopqrst.supabase.co.", ""),
            ("https://abcdefghijklmnopqrst.supabase.co.evil.io", ""),
            ("https://x.abcdefghijklmnopqrst.supabase.co", ""),
            ("https://api.supabase.com", ""),
            ("https://supabase.co", ""),
            ("http://127.0.0.1", ""),
            ("http://169.254.169.254", ""),
        ],
    },
    Row {
        address: ("Platform", "spec.database.host"),
        credentials: &[
            "spec.database.passwordSecretRef.name",
            "spec.database.caSecretRef.name",
            "spec.database.reader.passwordSecretRef.name",
        ],
        leaves: |hosts, object| {
            let spec = platform(object);
            hosts.platforms.allows_database(&spec.project, &spec.database.unwrap())
        },
        yes: &[
            ("db.abcdefghijklmnopqrst.supabase.co", "postgres"),
            ("aws-0-us-east-1.pooler.supabase.com", "postgres.abcdefghijklmnopqrst"),
        ],
        no: &[
            ("db.attackersownprojectx.supabase.co", "postgres"),
            ("abcdefghijklmnopqrst.supabase.co", "postgres"),
            ("aws-0-us-east-1.pooler.supabase.com", "postgres"),
            ("aws-0-us-east-1.pooler.supabase.com", "postgres.attackersownprojectx"),
            ("api.supabase.com", "postgres.abcdefghijklmnopqrst"),
            ("127.0.0.1", "postgres"),
            ("169.254.169.254", "postgres"),
        ],
    },
    Row {
        address: ("Platform", "spec.scratch.host"),
        credentials: &["spec.scratch.passwordSecretRef.name", "spec.scratch.caSecretRef.name"],
        leaves: |hosts, object| hosts.platforms.allows_scratch(&platform(object).scratch.unwrap()),
        yes: &[],
        no: &[
            ("db.abcdefghijklmnopqrst.supabase.co", "postgres"),
            ("scratch.ace.svc", "postgres"),
            ("127.0.0.1", "postgres"),
            ("169.254.169.254", "postgres"),
        ],
    },
    Row {
        address: ("BackupDestination", "spec.s3.endpoint"),
        credentials: &["spec.credentialsSecretRef.name"],
        leaves: |hosts, object| {
            let spec = serde_json::from_value::<BackupDestination>(object).unwrap().spec;
            hosts.stores.allows(&spec.s3.unwrap().endpoint.parse().unwrap())
        },
        yes: &[
            ("https://s3.eu-central-1.amazonaws.com", ""),
            ("https://ace-backups.s3.eu-central-1.amazonaws.com:443", ""),
        ],
        no: &[
            (OWN, ""),
            ("http://s3.eu-central-1.amazonaws.com", ""),
            ("https://s3.eu-central-1.amazonaws.com:8443", ""),
            ("https://amazonaws.com", ""),
            ("https://s3.eu-central-1.amazonaws.com.evil.io", ""),
            ("http://127.0.0.1", ""),
            ("http://169.254.169.254", ""),
        ],
    },
    Row {
        address: ("NotificationChannel", "spec.pagerDuty.url"),
        credentials: &["spec.pagerDuty.routingKeySecretRef.name"],
        leaves: |hosts, object| {
            let spec = serde_json::from_value::<NotificationChannel>(object).unwrap().spec;
            hosts.notify.allows(&spec.pager_duty.unwrap().url.parse().unwrap())
        },
        yes: &[
            ("https://events.pagerduty.com", ""),
            ("https://events.eu.pagerduty.com:443", ""),
        ],
        no: &[
            (OWN, ""),
            ("http://events.pagerduty.com", ""),
            ("https://pagerduty.com", ""),
            ("https://events.pagerduty.com.evil.io", ""),
            ("http://127.0.0.1", ""),
            ("http://169.254.169.254", ""),
        ],
    },
    Row {
        address: ("NotificationChannel", "spec.email.host"),
        credentials: &["spec.email.credentialsSecretRef.name"],
        leaves: |hosts, object| {
            let spec = serde_json::from_value::<NotificationChannel>(object).unwrap().spec;
            let client = SmtpClient::new(hosts.notify.clone(), Duration::from_secs(1)).unwrap();
            client.check(&server(&spec.email.unwrap())).is_ok()
        },
        yes: &[],
        no: &[
            ("smtp.example.com", ""),
            ("hooks.slack.com", ""),
            ("events.pagerduty.com", ""),
            ("127.0.0.1", ""),
            ("169.254.169.254", ""),
        ],
    },
];

/// What the flags allow.
struct Hosts {
    platforms: CredentialHosts,
    stores: AllowedHosts,
    notify: AllowedHosts,
}

/// Secrets that hold the address itself: who offers one says where its content goes, and `--allow-notify-host` which hosts may be
/// told.
const ADDRESSES_IN_SECRETS: [(&str, &str); 3] = [
    ("NotificationChannel", "spec.slack.webhookURLSecretRef.name"),
    ("NotificationChannel", "spec.webhook.urlSecretRef.name"),
    ("NotificationChannel", "spec.webhook.signingSecretRef.name"),
];

/// Secrets whose content leaves for nowhere.
const KEPT: [(&str, &str); 1] = [("BackupSchedule", "spec.encryption.identitySecretRef.name")];

/// Addresses that people are shown, and nobody calls.
const SHOWN: [(&str, &str); 2] = [("AlertRule", "spec.runbookURL"), ("Platform", "spec.contacts.address")];

/// Mailboxes: what is sent there leaves by the mail server of the same object.
const MAILBOXES: [(&str, &str); 2] = [
    ("NotificationChannel", "spec.email.from"),
    ("NotificationChannel", "spec.email.to"),
];

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    hosts: HostArguments,
    #[command(flatten)]
    stores: StoreArguments,
    #[command(flatten)]
    notify: NotifyArguments,
}

fn hosts(flags: &[&str]) -> Hosts {
    let flags = [&["ace-operator"], flags].concat();
    let flags = <Flags as clap::Parser>::parse_from(flags);
    Hosts {
        platforms: flags.hosts.parse().unwrap(),
        stores: flags.stores.parse().unwrap().hosts,
        notify: flags.notify.parse().unwrap(),
    }
}

fn platform(object: Value) -> PlatformSpec {
    serde_json::from_value::<Platform>(object).unwrap().spec
}

/// An object for project `abcdefghijklmnopqrst` with this value in its field.
fn with((kind, path): (&str, &str), (address, user): Address) -> Value {
    let secret = json!({ "name": "supabase", "key": "key" });
    let spec = match kind {
        "Platform" => json!({
            "project": "abcdefghijklmnopqrst",
            "api": { "tokenSecretRef": secret },
            "anonKeySecretRef": secret,
            "database": { "host": "", "user": user, "passwordSecretRef": secret, "caSecretRef": secret },
            "scratch": { "host": "", "user": user, "passwordSecretRef": secret, "caSecretRef": secret },
        }),
        "NotificationChannel" if path.starts_with("spec.email") => {
            json!({ "email": { "credentialsSecretRef": { "name": "smtp" }, "from": "ace@example.com", "to": ["devops@example.com"] } })
        }
        "NotificationChannel" => json!({ "pagerDuty": { "routingKeySecretRef": secret } }),
        _ => json!({
            "s3": { "region": "eu-central-1", "bucket": "ace-backups" },
            "prefix": "prod",
            "credentialsSecretRef": { "name": "backup-store" },
        }),
    };
    let mut object = json!({ "metadata": { "name": "prod" }, "spec": spec });
    let mut field = &mut object;
    for name in path.split('.') {
        field = &mut field[name];
    }
    *field = json!(address);
    object
}

#[test]
fn a_credential_leaves_for_its_own_project_only() {
    let hosts = hosts(&[]);
    for row in TABLE {
        for (values, expected) in [(row.yes, true), (row.no, false)] {
            for value in values {
                let leaves = (row.leaves)(&hosts, with(row.address, *value));
                assert_eq!(leaves, expected, "{:?}: {value:?}", row.address);
            }
        }
    }
}

#[test]
fn without_an_address_the_credentials_leave_for_supabase_and_the_own_gateway() {
    let hosts = hosts(&[]).platforms;
    let spec = platform(with(("Platform", "spec.database.host"), ("127.0.0.1", "postgres")));
    let origin = |url: Result<super::Url, String>| url.unwrap().origin().ascii_serialization();
    assert_eq!(origin(hosts.api(&spec)), "https://api.supabase.com");
    assert_eq!(origin(hosts.gateway(&spec)), OWN);
}

#[test]
fn each_flag_lets_one_credential_out_and_no_other() {
    let address = |row: &Row| match row.address.1 {
        "spec.database.host" | "spec.scratch.host" | "spec.email.host" => ("platform.lan", "postgres"),
        _ => ("https://platform.lan", ""),
    };
    let flags = [
        ("--allow-api-host", "platform.lan"),
        ("--allow-gateway-host", "platform.lan"),
        ("--allow-database-host", "platform.lan"),
        ("--allow-scratch-host", "platform.lan"),
        ("--allow-store-host", "platform.lan"),
        ("--allow-notify-host", "platform.lan"),
        ("--allow-notify-host", "smtp://platform.lan"),
    ];
    for (number, (flag, host)) in flags.into_iter().enumerate() {
        let hosts = hosts(&[flag, host]);
        for (other, row) in TABLE.iter().enumerate() {
            let leaves = (row.leaves)(&hosts, with(row.address, address(row)));
            assert_eq!(leaves, other == number, "{flag} {host}: {}", row.address.1);
        }
    }
}

#[test]
fn what_may_be_called_over_http_is_what_gets_a_token_or_a_key() {
    let hosts = hosts(&[
        "--allow-gateway-host",
        "http://functions.lan",
        "--allow-database-host",
        "db.lan",
    ]);
    for (url, expected) in [
        ("https://api.supabase.com/v1", true),
        (OWN, true),
        ("http://functions.lan", true),
        ("https://x.supabase.com", false),
        ("https://db.lan", false),
        ("https://evil.io", false),
    ] {
        assert_eq!(
            hosts.platforms.over_http().allows(&url.parse().unwrap()),
            expected,
            "{url}"
        );
    }
}

#[test]
fn every_address_and_every_reference_to_a_secret_has_a_row() {
    let mut addresses = BTreeSet::new();
    for (kind, crd) in KINDS.iter().zip(crds()) {
        let crd = json!(crd);
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        find_addresses("spec", spec, &mut |path| {
            addresses.insert((kind.name.to_owned(), path.to_owned()));
        });
    }
    let rows = TABLE.iter().map(|row| row.address).chain(SHOWN).chain(MAILBOXES);
    let rows = rows.map(|(kind, path)| (kind.to_owned(), path.to_owned()));
    assert_eq!(addresses, rows.collect());

    let references = KINDS.iter().flat_map(|kind| {
        let secrets = kind
            .references
            .iter()
            .filter(|reference| reference.target == Target::Secret);
        secrets.map(|reference| (kind.name, reference.path))
    });
    let rows = TABLE
        .iter()
        .flat_map(|row| row.credentials.iter().map(|path| (row.address.0, *path)))
        .chain(ADDRESSES_IN_SECRETS)
        .chain(KEPT);
    assert_eq!(references.collect::<BTreeSet<_>>(), rows.collect());
}

#[test]
fn an_address_is_found_by_its_name_and_by_its_rule() {
    let rule = |rule: &str| json!({ "type": "string", "x-kubernetes-validations": [{ "rule": rule }] });
    let schema = json!({ "properties": {
        "webhookUrl": { "type": "string" },
        "channels": { "items": { "properties": { "host": { "type": "string" }, "path": { "type": "string" } } } },
        "target": rule("self.startsWith('https://')"),
        "peer": rule("self.matches('^[A-Za-z0-9.-]+$')"),
        "name": rule("self.matches('^[a-z]{20}$')"),
    } });
    let mut found = Vec::new();
    find_addresses("spec", &schema, &mut |path| found.push(path.to_owned()));
    found.sort_unstable();
    assert_eq!(
        found,
        ["spec.channels.host", "spec.peer", "spec.target", "spec.webhookUrl"]
    );
}

/// Calls `found` with the path of each text that is an address by its name or by a rule on it.
fn find_addresses(path: &str, schema: &Value, found: &mut impl FnMut(&str)) {
    const NAMES: [&str; 8] = [
        "url", "uri", "host", "address", "endpoint", "origin", "server", "domain",
    ];
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let name = name.to_lowercase();
        let is_named = NAMES.iter().any(|word| name.contains(word));
        let is_rule = |rule: &Value| {
            let rule = rule["rule"].as_str().unwrap_or_default();
            rule.contains("://") || rule.contains("[A-Za-z0-9.-]+")
        };
        let mut rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
        let is_text = |field: &Value| field["type"] == "string" || field["items"]["type"] == "string";
        if is_text(field) && (is_named || rules.any(is_rule)) {
            found(&path);
        }
        find_addresses(&path, field, found);
        find_addresses(&path, &field["items"], found);
    }
}
