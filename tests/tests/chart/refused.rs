//! What the chart does not take, and that it says which value it is.

use ace_tests::Helm;

use super::path;

/// Each with the flag of Helm that sets it, and how the refusal names it.
const WRONG: [(&str, &str, &str); 24] = [
    ("--set", "replica=2", "'replica'"),
    ("--set", "replicas=0", "/replicas"),
    ("--set-string", "replicas=two", "/replicas"),
    ("--set", "image.name=operator", "'name'"),
    ("--set", "image.repository=", "/image/repository"),
    ("--set", "image.digest=sha256:beef", "/image/digest"),
    ("--set", "image.tag=a/b", "/image/tag"),
    ("--set", "allowHosts={api.example.com}", "/allowHosts"),
    ("--set", "allowHosts.mail={smtp.example.com}", "'mail'"),
    ("--set", "allowHosts.database={db one}", "/allowHosts/database/0"),
    ("--set", "allowSourceHosts=source.example.com", "/allowSourceHosts"),
    ("--set", "watchNamespaces={Team_A}", "/watchNamespaces/0"),
    ("--set", "accessNamespaces={a,a}", "/accessNamespaces"),
    ("--set", "crds.keep=false", "'keep'"),
    ("--set-string", "crds.enabled=no", "/crds/enabled"),
    ("--set", "rbac.clusterAdmin=true", "'clusterAdmin'"),
    ("--set", "serviceAccount.operator=Bad Name", "/serviceAccount/operator"),
    ("--set", "log.format=xml", "/log/format"),
    ("--set", "env[0].value=x", "/env/0"),
    ("--set", "env[0].name=POD_NAMESPACE,env[0].value=x", "/env/0/name"),
    ("--set", "worker.runsAtOnce=0", "/worker/runsAtOnce"),
    ("--set", "resources.request.cpu=1", "'request'"),
    ("--set", "networkPolicy.ports={70000}", "/networkPolicy/ports/0"),
    ("--set", "podMonitor.interval=often", "/podMonitor/interval"),
];

fn refusal(arguments: &[&str]) -> String {
    let chart = ace_tests::chart();
    let said = Helm.run(&[&["template", "ace-ops", path(&chart)], arguments].concat());
    assert!(!said.success, "{arguments:?} is taken");
    said.stderr
}

#[test]
fn a_wrong_value_is_refused_by_name() {
    for (flag, value, name) in WRONG {
        let said = refusal(&[flag, value]);
        assert!(said.contains(name), "{value}: {said}");
    }
}

#[test]
fn what_no_schema_can_say_is_refused_with_what_to_do() {
    let said = refusal(&["--set", "watchNamespaces={a},accessNamespaces={a,b}"]);
    assert!(
        said.contains("accessNamespaces has \"b\", which is not in watchNamespaces"),
        "{said}"
    );
    let said = refusal(&["--set", "serviceAccount.create=false"]);
    assert!(
        said.contains("name the accounts that are there in serviceAccount.operator"),
        "{said}"
    );
    let chart = ace_tests::chart();
    let long = "a".repeat(41);
    let said = Helm.run(&["template", &long, path(&chart)]).stderr;
    assert!(said.contains("longer than 40 characters"), "{said}");
}
