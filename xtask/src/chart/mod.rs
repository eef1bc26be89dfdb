//! What of the Helm chart is made: its description, the definitions and rights as templates, the values and their table.

mod values;

use std::fmt::Write as _;

use ace_api::{Process, Scope};
use serde_json::{Value, json};

use crate::{
    definitions,
    rights::{self, IN_ONE, Names, people, rules},
    yaml,
};

/// The chart, from the root of the repository.
pub const CHART: &str = "charts/ace-ops";
/// Folder of the definitions, in which nothing else is.
pub(crate) const DEFINITIONS: &str = "charts/ace-ops/templates/definitions";

/// A line in whose place the labels of every object come.
const LABELS: &str = "CHART_LABELS: ''";
const NAMESPACE: &str = "RELEASE_NAMESPACE";
const ONE: &str = "ONE_NAMESPACE";
const PREFIX: &str = "PREFIX";

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    let values = values::read();
    let mut files = vec![
        (format!("{CHART}/Chart.yaml"), yaml::file([description()])),
        (format!("{CHART}/values.yaml"), values::file(&values)),
        (format!("{CHART}/README.md"), values::page(&values)),
        (format!("{CHART}/templates/_kinds.tpl"), kinds()),
        (format!("{CHART}/templates/rights.yaml"), rights()),
    ];
    files.extend(definitions::definitions().into_iter().map(definition));
    files
}

fn description() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "apiVersion": "v2",
        "name": "ace-ops",
        "description": "Kubernetes operator for the operations of a live Supabase platform",
        "type": "application",
        "version": version,
        "appVersion": version,
        // Policies and selectable fields of the definitions need it.
        "kubeVersion": ">=1.31.0-0",
        "keywords": ["supabase", "operator", "edge-functions", "migrations", "backups", "alerts"],
        "annotations": {
            "artifacthub.io/license": env!("CARGO_PKG_LICENSE"),
            "artifacthub.io/operator": "true",
            "artifacthub.io/category": "database",
        },
    })
}

/// What `--kinds` says of each process.
fn kinds() -> String {
    let each = Process::ALL.map(|process| {
        let kinds: Vec<&str> = process.kinds().map(|kind| kind.name).collect();
        let name = word(process);
        let kinds = kinds.join(",");
        format!("{{{{- define \"ace-ops.{name}Kinds\" -}}}}\n{kinds}\n{{{{- end }}}}\n")
    });
    format!(
        "{{{{/* Made by `cargo xtask generate`; do not edit. */}}}}\n{}",
        each.join("\n")
    )
}

fn word(process: Process) -> &'static str {
    match process {
        Process::Operator => "operator",
        Process::Worker => "worker",
    }
}

/// A definition is kept whatever happens to the release: no value says otherwise.
fn definition(mut definition: Value) -> (String, String) {
    let name = definition["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    definition["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
    let text = document(definition);
    let text = format!("{}{{{{- if .Values.crds.enabled }}}}\n{text}{{{{- end }}}}\n", header());
    (format!("{DEFINITIONS}/{name}.yaml"), text)
}

fn header() -> &'static str {
    "{{- /* Made by `cargo xtask generate`; do not edit. */ -}}\n"
}

/// An object with the labels that all have. What Helm would take for its own is quoted.
fn document(mut object: Value) -> String {
    object["metadata"]["labels"]["CHART_LABELS"] = json!("");
    let text = yaml::document(object).replace("{{", "{{ \"{{\" }}");
    let labels = "{{- include \"ace-ops.labels\" $ | nindent 4 }}";
    let words = [
        (LABELS, labels),
        ("CHART_LABELS: \"\"", labels),
        (NAMESPACE, "{{ $.Release.Namespace | quote }}"),
        (ONE, "{{ $namespace | quote }}"),
        (
            "OPERATOR_ACCOUNT",
            "{{ include \"ace-ops.operatorAccount\" $ | quote }}",
        ),
        ("WORKER_ACCOUNT", "{{ include \"ace-ops.workerAccount\" $ | quote }}"),
        ("OPERATOR_NAME", "{{ include \"ace-ops.operator\" $ }}"),
        ("WORKER_NAME", "{{ include \"ace-ops.worker\" $ }}"),
        (PREFIX, "{{ include \"ace-ops.prefix\" $ }}"),
    ];
    words
        .into_iter()
        .fold(text, |text, (word, expression)| text.replace(word, expression))
}

fn documents(objects: impl IntoIterator<Item = Value>) -> String {
    objects.into_iter().fold(String::new(), |mut text, object| {
        let _ = write!(text, "---\n{}", document(object));
        text
    })
}

fn rights() -> String {
    let mut text = format!("{}{{{{- if .Values.rbac.create }}}}\n", header());
    for process in Process::ALL {
        let upper = word(process).to_uppercase();
        let names = Names {
            name: format!("{upper}_NAME"),
            account: format!("{upper}_ACCOUNT"),
            namespace: NAMESPACE.to_owned(),
        };
        let limited = [
            names.role("-watch", Some(ONE), &rules(process, Scope::Cluster)),
            names.binding("-watch", Some(ONE), "Role", "-watch"),
            names.role(IN_ONE, Some(ONE), &rules(process, Scope::Namespace)),
        ];
        let of_process = [
            documents(names.own(process)),
            "{{- if .Values.watchNamespaces }}\n{{- range $namespace := .Values.watchNamespaces }}\n".to_owned(),
            documents(limited),
            "{{- end }}\n{{- range $namespace := .Values.accessNamespaces }}\n".to_owned(),
            documents([names.binding("", Some(ONE), "Role", IN_ONE)]),
            "{{- end }}\n{{- else }}\n".to_owned(),
            documents(names.everywhere(process)),
            "{{- range $namespace := .Values.accessNamespaces }}\n".to_owned(),
            documents([names.binding("", Some(ONE), "ClusterRole", IN_ONE)]),
            "{{- end }}\n{{- end }}\n".to_owned(),
        ];
        match process {
            Process::Operator => text.push_str(&of_process.concat()),
            // Nobody is to have rights for nothing.
            Process::Worker => {
                let _ = write!(
                    text,
                    "{{{{- if .Values.worker.enabled }}}}\n{}{{{{- end }}}}\n",
                    of_process.concat()
                );
            }
        }
    }
    text.push_str("{{- end }}\n{{- if .Values.rbac.people }}\n");
    text.push_str(&documents(people(PREFIX)));
    text.push_str("{{- end }}\n");
    text
}

/// Name of the release whose objects are those of `deploy/`.
pub const RELEASE: &str = "ace-ops";
/// Namespace of `deploy/`.
pub const RELEASE_NAMESPACE: &str = rights::NAMESPACE;

#[cfg(test)]
mod tests;
