use std::collections::BTreeMap;

use super::super::Refusal;
use super::project;

#[test]
fn secrets_show_their_digests_among_the_platforms_own() {
    let mut project = project();
    project
        .set_secrets(
            vec![("B".to_owned(), "1".to_owned()), ("B".to_owned(), "abc".to_owned())],
            5,
        )
        .unwrap();
    let reserved = BTreeMap::from([("SUPABASE_URL".to_owned(), "http://x".to_owned())]);
    let listed: Vec<(String, i64)> = project
        .secrets(&reserved)
        .into_iter()
        .map(|digest| (digest.name, digest.updated))
        .collect();
    assert_eq!(listed, [("B".to_owned(), 5), ("SUPABASE_URL".to_owned(), 1)]);
    // FIPS 180-2, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(project.secrets(&BTreeMap::new())[0].digest, digest);
    assert_eq!(
        project.environment(),
        BTreeMap::from([("B".to_owned(), "abc".to_owned())])
    );
    assert!(!format!("{project:?}").contains("abc\""));
}

#[test]
fn secrets_out_of_bounds_are_refused_all_together() {
    let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let numbered = |count: usize| {
        (0..count)
            .map(|number| item(&format!("N{number}"), "x"))
            .collect::<Vec<_>>()
    };
    let cases = [
        (vec![item("SUPABASE_X", "x")], Refusal::ReservedSecret),
        (vec![item("", "x")], Refusal::BadSecretName),
        (vec![item("A=B", "x")], Refusal::BadSecretName),
        (vec![item(&"A".repeat(257), "x")], Refusal::BadSecretName),
        (vec![item("A", &"x".repeat(24_577))], Refusal::BadSecretValue),
        (vec![item("A", "\0")], Refusal::BadSecretValue),
        (numbered(101), Refusal::TooManyItems),
    ];
    for (mut items, refusal) in cases {
        let mut project = project();
        items.insert(0, item("FINE", "x"));
        assert_eq!(project.set_secrets(items, 5), Err(refusal));
        assert_eq!(project, super::project());
    }
    let mut project = project();
    project
        .set_secrets(vec![item(&"é".repeat(256), &"é".repeat(24_576))], 5)
        .unwrap();
    project.set_secrets(numbered(99), 5).unwrap();
    assert_eq!(
        project.set_secrets(vec![item("ONE_MORE", "x")], 5),
        Err(Refusal::TooManySecrets)
    );
    project.set_secrets(vec![item("N0", "changed")], 6).unwrap();
}

#[test]
fn unsetting_spares_the_platforms_own_secrets() {
    let mut project = project();
    project.set_secrets(vec![("A".to_owned(), "x".to_owned())], 5).unwrap();
    let names = |names: [&str; 2]| names.map(str::to_owned);
    assert_eq!(
        project.unset_secrets(&names(["A", "SUPABASE_URL"])),
        Err(Refusal::ReservedSecret)
    );
    assert_eq!(project.environment().len(), 1);
    project.unset_secrets(&names(["A", "NOBODY"])).unwrap();
    assert_eq!(project.environment().len(), 0);
}
