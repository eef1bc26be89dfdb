//! `kubectl ace ack`, `silence` and `notify-test`: the object to apply. Nothing is read, and nothing is asked.

use std::collections::BTreeMap;
use std::error::Error;

use ace_api::{
    ANNOTATION_ACKNOWLEDGE, ANNOTATION_TEST_AT, AlertRule, NotificationChannel, Severity, Silence, SilenceMatch,
    SilenceSpec,
};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use kube::Resource;
use serde_json::json;

use crate::arguments::object_name;
use crate::manifest;

#[derive(Args, Debug)]
pub(crate) struct AckArguments {
    /// AlertRule that fires.
    #[arg(value_name = "RULE", value_parser = object_name)]
    rule: String,
    /// Who takes care of it.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// What is done about it.
    #[arg(long, value_name = "WORDS")]
    why: String,
    /// Namespace of the AlertRule. Left out, it is not written, and `kubectl apply` decides.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct NotifyTestArguments {
    /// NotificationChannel that sends a test message.
    #[arg(value_name = "CHANNEL", value_parser = object_name)]
    channel: String,
    /// Namespace of the NotificationChannel. Left out, it is not written, and `kubectl apply` decides.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct SilenceArguments {
    /// Name of the Silence.
    #[arg(value_name = "NAME", value_parser = object_name)]
    name: String,
    /// How long, from now on: at most 720h.
    #[arg(long = "for", value_name = "TIME")]
    lasting: ace_api::Duration,
    /// Why nobody needs to hear of it.
    #[arg(long, value_name = "WORDS")]
    reason: String,
    #[command(flatten)]
    covers: CoverArguments,
    /// Namespace of the Silence. Left out, it is not written, and `kubectl apply` decides.
    #[arg(long, short, value_name = "NS")]
    namespace: Option<String>,
}

/// What a silence covers: everything that is named must agree.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct CoverArguments {
    /// An AlertRule. May be repeated.
    #[arg(long = "rule", value_name = "RULE", value_parser = object_name)]
    rules: Vec<String>,
    /// A severity. May be repeated.
    #[arg(long = "severity", value_name = "SEVERITY", value_parser = PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).map(|name| Severity::named(&name).expect("it is one of the possible values")))]
    severities: Vec<Severity>,
    /// A label of the AlertRule. May be repeated.
    #[arg(long = "rule-label", value_name = "NAME=VALUE", value_parser = label)]
    rule_labels: Vec<(String, String)>,
    /// A label of the series. May be repeated.
    #[arg(long = "alert-label", value_name = "NAME=VALUE", value_parser = label)]
    alert_labels: Vec<(String, String)>,
}

fn label(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The annotation by which somebody takes care of what fires.
pub(crate) fn ack(arguments: &AckArguments, now: Timestamp) -> Result<String, Box<dyn Error>> {
    let AckArguments {
        rule,
        by,
        why,
        namespace,
    } = arguments;
    // With the time, so that the same words acknowledge what fires later, too.
    let value = format!("{by}: {why} ({now:.0})");
    annotated::<AlertRule>(rule, namespace.as_ref(), ANNOTATION_ACKNOWLEDGE, &value)
}

/// The annotation that asks for a test message.
pub(crate) fn notify_test(arguments: &NotifyTestArguments, now: Timestamp) -> Result<String, Box<dyn Error>> {
    let NotifyTestArguments { channel, namespace } = arguments;
    annotated::<NotificationChannel>(channel, namespace.as_ref(), ANNOTATION_TEST_AT, &now.to_string())
}

/// No spec: server-side apply leaves that to its owner, and refuses to make an object that has none.
fn annotated<K: Resource<DynamicType = ()>>(
    name: &str,
    namespace: Option<&String>,
    annotation: &str,
    value: &str,
) -> Result<String, Box<dyn Error>> {
    let mut metadata = json!({"name": name, "annotations": {annotation: value}});
    if let (Some(namespace), Some(metadata)) = (namespace, metadata.as_object_mut()) {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    manifest::yaml(&json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata}))
}

/// The Silence that begins now.
pub(crate) fn silence(arguments: &SilenceArguments, now: Timestamp) -> Result<String, Box<dyn Error>> {
    let now = Timestamp::from_second(now.as_second())?;
    let covers = &arguments.covers;
    let labels = |labels: &[(String, String)]| {
        let labels: BTreeMap<String, String> = labels.iter().cloned().collect();
        (!labels.is_empty()).then_some(labels)
    };
    let spec = SilenceSpec {
        matching: SilenceMatch {
            rules: (!covers.rules.is_empty()).then(|| covers.rules.clone()),
            severities: (!covers.severities.is_empty()).then(|| covers.severities.clone()),
            rule_labels: labels(&covers.rule_labels),
            alert_labels: labels(&covers.alert_labels),
        },
        from: Some(now),
        until: Some(now.checked_add(arguments.lasting.get())?),
        schedule: None,
        reason: arguments.reason.clone(),
    };
    let mut object = Silence::new(&arguments.name, spec);
    object.metadata.namespace.clone_from(&arguments.namespace);
    let required = json!({"match": object.spec.matching, "reason": object.spec.reason});
    manifest::one::<SilenceSpec>(&object, &required)
}
