use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::{Body, BodyFile, FILES, in_container, parse_body};
use crate::answer::Answer;

const CONTAINER: &str = "user_fn_abcdefghijklmnopqrst_5d0e4f60-0000-4000-8000-000000000000_7";

fn answer(content_type: Option<&'static str>, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(value) = content_type {
        headers.insert("content-type", HeaderValue::from_static(value));
    }
    Answer {
        status: 200,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn multipart(parts: &[(&str, &str)]) -> Answer {
    let parts: Vec<_> = parts
        .iter()
        .map(|(head, content)| format!("--b\r\n{head}\r\n\r\n{content}\r\n"))
        .collect();
    answer(Some("multipart/form-data; boundary=b"), &(parts.concat() + "--b--\r\n"))
}

#[test]
fn more_files_than_any_function_has_are_no_body() {
    let heads: Vec<_> = (0..=FILES)
        .map(|at| format!("content-disposition: form-data; name=\"file\"; filename=\"{at}.ts\""))
        .collect();
    let parts: Vec<_> = heads.iter().map(|head| (head.as_str(), "a")).collect();
    let Some((_, fewer)) = parts.split_last() else {
        panic!("there are some")
    };
    assert!(matches!(parse_body(&multipart(fewer)), Some(Body::Files { files, .. }) if files.len() == FILES));
    assert!(parse_body(&multipart(&parts)).is_none());
}

fn metadata(path: &str) -> (&'static str, String) {
    (
        "Content-Disposition: form-data; name=\"metadata\"",
        format!(r#"{{"deno2_entrypoint_path":"{path}"}}"#),
    )
}

fn named(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain")
}

fn files(entries: &[(&str, &str)], entrypoint: Option<&str>) -> Body {
    let file = |&(path, text): &(&str, &str)| BodyFile {
        path: path.into(),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    };
    Body::Files {
        files: entries.iter().map(file).collect(),
        entrypoint: entrypoint.map(Into::into),
    }
}

#[test]
fn every_way_of_naming_files_that_was_seen_gives_the_same_paths() {
    let expected = files(
        &[("_shared/x.ts", "X"), ("source/f/index.ts", "I")],
        Some("source/f/index.ts"),
    );
    let entry = format!("file:///tmp/{CONTAINER}/source/f/index.ts");
    let table = [
        (
            "container, relative",
            format!("{CONTAINER}/source/f/index.ts"),
            format!("{CONTAINER}/_shared/x.ts"),
        ),
        (
            "container, absolute",
            format!("/tmp/{CONTAINER}/source/f/index.ts"),
            format!("/tmp/{CONTAINER}/_shared/x.ts"),
        ),
        (
            "container, URL",
            entry.clone(),
            format!("file:///tmp/{CONTAINER}/_shared/x.ts"),
        ),
        (
            "root of the container",
            "source/f/index.ts".into(),
            "_shared/x.ts".into(),
        ),
        ("relative to source", "f/index.ts".into(), "../_shared/x.ts".into()),
        (
            "relative to the entrypoint",
            "index.ts".into(),
            "../../_shared/x.ts".into(),
        ),
    ];
    for (form, index, shared) in table {
        let (head, meta) = metadata(&entry);
        let body = multipart(&[(&named(&index), "I"), (&named(&shared), "X"), (head, &meta)]);
        assert_eq!(parse_body(&body).as_ref(), Some(&expected), "{form}");
    }
}

#[test]
fn the_next_version_of_the_same_files_is_the_same_body() {
    let body = |version: u32| {
        let name = named(&format!("user_fn_r_id_{version}/source/index.ts"));
        let (head, meta) = metadata(&format!("file:///tmp/user_fn_r_id_{version}/source/index.ts"));
        parse_body(&multipart(&[(head, &meta), (&name, "I")]))
    };
    assert_eq!(body(7), body(8));
    assert_eq!(
        body(7),
        Some(files(&[("source/index.ts", "I")], Some("source/index.ts")))
    );
}

#[test]
fn a_part_is_named_by_its_header_then_by_the_extended_name_then_by_the_plain_one() {
    let header = "Content-Disposition: form-data; name=\"file\"; filename=\"c.ts\"; filename*=UTF-8''b.ts\r\nSupabase-Path: a.ts";
    assert_eq!(
        parse_body(&multipart(&[(header, "")])),
        Some(files(&[("a.ts", "")], None))
    );
    let extended = "Content-Disposition: form-data; name=\"file\"; filename=\"c.ts\"; filename*=UTF-8''d%2F%C3%BC.ts";
    assert_eq!(
        parse_body(&multipart(&[(extended, "")])),
        Some(files(&[("d/ü.ts", "")], None))
    );
    assert_eq!(
        parse_body(&multipart(&[(&named("c.ts"), "")])),
        Some(files(&[("c.ts", "")], None))
    );
}

#[test]
fn paths_of_another_machine_stay_as_they_are() {
    assert_eq!(
        in_container("file:///home/runner/work/f/index.ts"),
        "/home/runner/work/f/index.ts"
    );
    assert_eq!(in_container("/tmp/elsewhere/a.ts"), "/tmp/elsewhere/a.ts");
    assert_eq!(in_container("/../a.ts"), "/a.ts");
    assert_eq!(in_container("user_fn_helpers/a.ts"), "user_fn_helpers/a.ts");
    assert_eq!(in_container("../a.ts"), "../a.ts");
}

#[test]
fn a_bundle_is_taken_whole_and_a_page_is_not_taken_for_one() {
    for content_type in [
        Some("application/octet-stream"),
        Some("application/vnd.denoland.eszip"),
        None,
    ] {
        let body = parse_body(&answer(content_type, "ESZIP2.3"));
        assert_eq!(body, Some(Body::Bundle(Bytes::from_static(b"ESZIP2.3"))));
    }
    assert_eq!(parse_body(&answer(Some("text/html"), "<html>")), None);
    assert_eq!(parse_body(&answer(Some("application/json"), "{}")), None);
    assert_eq!(parse_body(&answer(Some("application/octet-stream"), "")), None);
}

#[test]
fn what_is_cut_off_or_ambiguous_is_not_a_body() {
    let whole = multipart(&[(&named("a.ts"), "A")]);
    assert!(parse_body(&whole).is_some());
    for end in 0..whole.body.len() - "--\r\n".len() {
        let cut = Answer {
            body: whole.body.slice(..end),
            headers: whole.headers.clone(),
            ..whole
        };
        assert_eq!(parse_body(&cut), None, "cut at {end}");
    }
    assert_eq!(
        parse_body(&multipart(&[(&named("a.ts"), "A"), (&named("./a.ts"), "B")])),
        None,
        "twice"
    );
    assert_eq!(
        parse_body(&multipart(&[("Content-Disposition: form-data; name=\"file\"", "A")])),
        None,
        "no name"
    );
    let (head, meta) = metadata("file:///a.ts");
    assert_eq!(parse_body(&multipart(&[(head, &meta)])), None, "no file");
    assert_eq!(
        parse_body(&multipart(&[(head, "{"), (&named("a.ts"), "A")])),
        None,
        "broken metadata"
    );
    assert_eq!(
        parse_body(&answer(Some("multipart/form-data"), "x")),
        None,
        "no boundary"
    );
}
