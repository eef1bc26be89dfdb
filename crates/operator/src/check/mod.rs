//! `ace-operator check`: whether the operator can do its work here, asked under its own account, with what to do where it can't.

mod definitions;
mod lease;
mod rights;

use std::fmt;

use ace_api::Process;
use futures::future::join_all;
use kube::Client;

use crate::connections::grants::Installation;

/// What applies the definitions and the roles of this version.
const APPLY: &str = "`helm upgrade` to this version's chart, or `kubectl apply --server-side -k deploy/`";

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Whose kinds and rights.
    pub processes: Vec<Process>,
    /// Names under which they are installed.
    pub installation: Installation,
    /// Namespaces that are watched; all where none is named.
    pub namespaces: Vec<String>,
    /// Names of the Leases that one process has each; none where nobody needs them.
    pub leases: Vec<String>,
}

/// What was found of one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was looked at.
    pub of: String,
    /// What is wrong, and what to do about it; nothing where it is as it should be.
    pub problem: Option<Problem>,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    pub said: String,
    /// A command, or else what to do.
    pub mend: String,
}

impl Finding {
    fn of(what: impl Into<String>, problem: Option<Problem>) -> Self {
        let of = what.into();
        Self { of, problem }
    }

    fn unanswered(what: impl Into<String>, error: &kube::Error) -> Self {
        let problem = Problem {
            said: format!("the API server did not answer: {error}"),
            mend: "see that the pod reaches the API server, and run it again".to_owned(),
        };
        Self::of(what, Some(problem))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            None => write!(f, "ok      {}", self.of),
            Some(Problem { said, mend }) => write!(f, "failed  {}: {said}\n        to mend it: {mend}", self.of),
        }
    }
}

/// Asks everything, in the order in which it is mended.
pub async fn check(client: &Client, subject: &Subject) -> Vec<Finding> {
    let mut findings = definitions::served(client, &subject.processes).await;
    // What is not served has no definition to compare.
    if findings.iter().all(|finding| finding.problem.is_none()) {
        findings.push(definitions::current(client, &subject.processes).await);
    }
    for process in &subject.processes {
        findings.extend(rights::granted(client, *process, subject).await);
    }
    // All at once: each takes as long as one is renewed.
    let held = subject
        .leases
        .iter()
        .map(|name| lease::held(client, &subject.installation, name));
    findings.extend(join_all(held).await);
    findings
}
