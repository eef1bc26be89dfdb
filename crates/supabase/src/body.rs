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
mod tests;
