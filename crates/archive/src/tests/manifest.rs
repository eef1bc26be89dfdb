use serde_json::{Value, json};

use super::manifest;
use crate::digest::Digest;
use crate::manifest::{MOST_BYTES, Manifest, ManifestError};
use crate::seal::Sealed;

fn sealed() -> Sealed {
    Sealed {
        bytes: 241,
        raw_bytes: 890,
        digest: Digest::of(b"stored"),
        head_digest: Digest::of(b"head"),
    }
}

fn parsed(change: impl FnOnce(&mut Value)) -> Result<Manifest, ManifestError> {
    let mut value = serde_json::to_value(manifest(sealed())).unwrap();
    change(&mut value);
    Manifest::parse(&serde_json::to_vec(&value).unwrap())
}

#[test]
fn a_manifest_is_read_back_as_it_was_written_and_what_it_does_not_know_is_passed_over() {
    let written = manifest(sealed());
    let bytes = written.to_bytes().unwrap();
    assert_eq!(Manifest::parse(&bytes), Ok(written.clone()));
    assert_eq!(written.rows(), 2_600_000);
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("\"rawBytes\": 890") && text.contains("\"systemIdentifier\": \"743"),
        "{text}"
    );
    assert_eq!(parsed(|value| value["later"] = json!(1)), Ok(written));
}

#[test]
fn a_newer_format_names_the_program_that_is_needed() {
    let newer = parsed(|value| {
        *value = json!({"format": 2, "tool": "ace-operator/0.9.0", "archive": "of another form"});
    });
    assert_eq!(
        newer.unwrap_err().to_string(),
        "the manifest has format 2, and this program reads 1: use ace-operator/0.9.0, or a later version"
    );
    let hostile = parsed(|value| *value = json!({"format": 2, "tool": "<b>use\nthis</b>"}));
    assert_eq!(
        hostile.unwrap_err().to_string(),
        "the manifest has format 2, and this program reads 1: use the program that wrote it, or a later version"
    );
}

#[test]
fn what_is_no_manifest_or_beyond_its_limits_is_refused_and_not_shown() {
    for bytes in [&b""[..], b"{}", b"null", b"{\"format\": -1}", b"\xff"] {
        assert!(
            matches!(Manifest::parse(bytes), Err(ManifestError::Invalid(_))),
            "{bytes:?}"
        );
    }
    let long = "x".repeat(513);
    let table = json!({"schema": "public", "name": "t", "rows": 1});
    let changes: [(&str, Value); 9] = [
        ("/format", json!(0)),
        ("/tool", json!("")),
        ("/recipients", json!([])),
        ("/recipients", json!(vec!["age1"; 9])),
        ("/tables", json!(vec![table; 20_001])),
        ("/tables/0/name", json!(long)),
        ("/scope/excludeData", json!(vec!["public.t"; 1_001])),
        ("/archive/bytes", json!(0)),
        ("/archive/digest", json!("sha256:00")),
    ];
    for (path, wrong) in changes {
        let error = parsed(|value| *value.pointer_mut(path).unwrap() = wrong).unwrap_err();
        assert!(matches!(error, ManifestError::Invalid(_)), "{path}: {error}");
        assert!(!error.to_string().contains("xxx"), "{error}");
    }
    let mut spaces = manifest(sealed()).to_bytes().unwrap();
    spaces.resize(MOST_BYTES + 1, b' ');
    assert_eq!(Manifest::parse(&spaces), Err(ManifestError::TooLarge));
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let mut large = manifest(sealed());
    large.origin.reason = Some("x".repeat(513));
    assert!(matches!(large.to_bytes(), Err(ManifestError::Invalid(_))));
}
