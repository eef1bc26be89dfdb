//! The rights that each process of the operator used in a whole run are those that `deploy/` grants it.

use std::collections::BTreeSet;

use ace_api::Process;
use ace_tests::{Audited, bed};
use xtask::rights;

/// API group, resource and verb.
type Right = (String, String, String);

ace_tests::tests![; a_right_that_is_not_used_and_a_request_that_is_not_granted_are_named];

/// How many rights were used, if they are those that are granted; else what differs.
pub(crate) fn compare() -> Result<usize, String> {
    let mut count = 0;
    for process in Process::ALL {
        let granted = rights::grants(process).into_iter().flat_map(|grant| {
            let of = move |verb: &str| (grant.group.to_owned(), grant.resource.clone(), verb.to_owned());
            grant.verbs.into_iter().map(of)
        });
        let compared = used(&bed().audit_of(process, 0), &granted.collect());
        count += compared.map_err(|difference| format!("{}: {difference}", process.name()))?;
    }
    Ok(count)
}

fn used(requests: &[Audited], granted: &BTreeSet<Right>) -> Result<usize, String> {
    let of = |request: &Audited| (request.group.clone(), request.resource.clone(), request.verb.clone());
    // One test takes the operator's rights in a namespace away: a refusal is no use of a right, and an attempt all the same.
    let attempted: BTreeSet<Right> = requests.iter().map(of).collect();
    let used: BTreeSet<Right> = requests.iter().filter(|request| request.code != 403).map(of).collect();
    let unused: Vec<_> = granted.difference(&used).collect();
    let beyond: Vec<_> = attempted.difference(granted).collect();
    if unused.is_empty() && beyond.is_empty() {
        return Ok(used.len());
    }
    Err(format!(
        "granted by crates/api/src/registry.rs and not used by any test: {unused:?}\nasked for by the operator and not granted: {beyond:?}"
    ))
}

fn a_right_that_is_not_used_and_a_request_that_is_not_granted_are_named() {
    let right = |verb: &str| (String::new(), "secrets".to_owned(), verb.to_owned());
    let request = |verb: &str, code| Audited {
        group: String::new(),
        resource: "secrets".to_owned(),
        verb: verb.to_owned(),
        namespace: "ace".to_owned(),
        code,
    };
    let differs = |requests: &[Audited], granted: &[Right]| used(requests, &granted.iter().cloned().collect());
    // Refused in one namespace, used in another.
    assert_eq!(
        differs(&[request("get", 403), request("get", 200)], &[right("get")]),
        Ok(1)
    );
    for (requests, granted, unused, beyond) in [
        (vec![], vec![right("get")], vec![right("get")], vec![]),
        (
            vec![request("get", 403)],
            vec![right("get")],
            vec![right("get")],
            vec![],
        ),
        (vec![request("list", 403)], vec![], vec![], vec![right("list")]),
    ] {
        let says = differs(&requests, &granted).unwrap_err();
        assert!(says.contains(&format!("not used by any test: {unused:?}\n")), "{says}");
        assert!(says.ends_with(&format!("not granted: {beyond:?}")), "{says}");
    }
}
