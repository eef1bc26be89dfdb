//! A function's body as the platform gives it back, and the paths in it.

use std::convert::Infallible;

use bytes::Bytes;
use futures::FutureExt;
use futures::stream;
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use multer::Multipart;
use serde::Deserialize;

use crate::answer::Answer;

/// Most files of a body: as many as an archive may have. The real functions have up to 14.
const FILES: usize = 20_000;

/// What is deployed under a slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The files, sorted by path. In production they are the sources, though what is only imported for its types may be
    /// missing; a function that was bundled elsewhere may come back transpiled.
    Files {
        /// At least one; no path twice.
        files: Vec<BodyFile>,
        /// In the form of the files' paths. It need not be among them.
        entrypoint: Option<String>,
    },
    /// The stored bundle (eszip, perhaps compressed), where the platform cannot unpack it.
    Bundle(Bytes),
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFile {
    /// Relative to the container's folder, whose name changes with each version and so is left out:
    /// `file:///tmp/user_fn_<ref>_<id>_<version>/source/a/index.ts` and all its shorter forms read `source/a/index.ts`,
    /// and a file that a deploy called `../_shared/x.ts` reads `_shared/x.ts`. A path of another machine (a function
    /// bundled on a runner) stays absolute.
    pub path: String,
    pub bytes: Bytes,
}

/// The `metadata` part. The platform has more in it.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    deno2_entrypoint_path: Option<String>,
    #[serde(default)]
    entrypoint_path: Option<String>,
}

/// `None`: not what the contract says. A complete answer is parsed, so nothing here waits for anything.
pub(crate) fn parse_body(answer: &Answer) -> Option<Body> {
    let media_type = answer
        .headers
        .get(CONTENT_TYPE)
        .map_or(Some(""), |value| value.to_str().ok())?;
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(media_type).ok()?;
            let whole = stream::iter([Ok::<_, Infallible>(answer.body.clone())]);
            parse_parts(Multipart::new(whole, boundary)).now_or_never()?
        }
        // Anything else with a 200, a proxy's page above all, is no function's body.
        "" | "application/octet-stream" | "application/vnd.denoland.eszip" if !answer.body.is_empty() => {
            Some(Body::Bundle(answer.body.clone()))
        }
        _ => None,
    }
}

async fn parse_parts(mut parts: Multipart<'_>) -> Option<Body> {
    let mut metadata = None;
    let mut named = Vec::new();
    while let Some(part) = parts.next_field().await.ok()? {
        let path = sent_path(part.headers(), part.file_name());
        let is_metadata = part.name() == Some("metadata");
        let bytes = part.bytes().await.ok()?;
        match path {
            _ if is_metadata => metadata = Some(serde_json::from_slice::<Metadata>(&bytes).ok()?),
            Some(path) if named.len() < FILES => named.push((path, bytes)),
            _ => return None,
        }
    }
    let entrypoint = metadata.and_then(|metadata| metadata.deno2_entrypoint_path.or(metadata.entrypoint_path));
    let entrypoint = entrypoint.as_deref().map(in_container);
    let mut files: Vec<_> = named
        .into_iter()
        .map(|(path, bytes)| BodyFile {
            path: in_container(&path),
            bytes,
        })
        .collect();
    if let Some(entrypoint) = &entrypoint {
        root(&mut files, entrypoint);
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let twice = files
        .iter()
        .zip(files.iter().skip(1))
        .any(|(one, next)| one.path == next.path);
    (!files.is_empty() && !twice).then_some(Body::Files { files, entrypoint })
}

/// The name a part was sent with: `Supabase-Path`, else `filename*`, else `filename`.
fn sent_path(headers: &HeaderMap, file_name: Option<&str>) -> Option<String> {
    let header = headers
        .get("supabase-path")
        .and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let extended = || extended_file_name(std::str::from_utf8(headers.get(CONTENT_DISPOSITION)?.as_bytes()).ok()?);
    header
        .map(str::to_owned)
        .or_else(extended)
        .or(file_name.map(str::to_owned))
        .filter(|path| !path.is_empty())
}

/// `filename*=UTF-8''a%2Fb.ts` of RFC 5987, which the multipart library does not read.
fn extended_file_name(disposition: &str) -> Option<String> {
    let value = disposition
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("filename*="))?;
    let (charset, rest) = value.trim().trim_matches('"').split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || {
                char::from(rest.next()?)
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            bytes.push(digit()? * 16 + digit()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A path without `file://`, without the container's folder, without `.` and `..` that can be resolved.
fn in_container(sent: &str) -> String {
    let path = sent.strip_prefix("file://").unwrap_or(sent);
    let absolute = path.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|&last| last != "..") => {
                segments.pop();
            }
            ".." if absolute => {}
            segment => segments.push(segment),
        }
    }
    match segments.as_slice() {
        ["tmp", container, inside @ ..] if absolute && is_container(container) => inside.join("/"),
        [container, inside @ ..] if is_container(container) => inside.join("/"),
        segments if absolute => format!("/{}", segments.join("/")),
        segments => segments.join("/"),
    }
}

/// `user_fn_<ref>_<id>_<version>`, the folder of one version of one function.
pub(crate) fn is_container(segment: &str) -> bool {
    segment
        .strip_prefix("user_fn_")
        .is_some_and(|rest| rest.split('_').count() == 3)
}

/// Some servers name files relative to a folder above the entrypoint (its own, or `source`) instead of the container's.
/// The entrypoint tells which: its path ends in the name of one of the files.
fn root(files: &mut [BodyFile], entrypoint: &str) {
    if files.iter().any(|file| file.path == entrypoint) {
        return;
    }
    let folder = files
        .iter()
        .filter(|file| !file.path.starts_with('/'))
        .filter_map(|file| entrypoint.strip_suffix(file.path.as_str())?.strip_suffix('/'))
        // Of several candidates the longest name is the most certain: `a/index.ts` before `index.ts`.
        .min_by_key(|folder| folder.len())
        .map(str::to_owned);
    if let Some(folder) = folder {
        for file in files.iter_mut().filter(|file| !file.path.starts_with('/')) {
            file.path = in_container(&format!("{folder}/{}", file.path));
        }
    }
}

#[cfg(test)]
mod tests {
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
        let extended =
            "Content-Disposition: form-data; name=\"file\"; filename=\"c.ts\"; filename*=UTF-8''d%2F%C3%BC.ts";
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
}
