//! Paths as the platform's container reports them, and the form in which they are compared.
//!
//! A deploy of `supabase/functions/hello/index.ts` comes back as
//! `file:///tmp/user_fn_<ref>_<id>_<version>/source/supabase/functions/hello/index.ts` in the list, and in a body as
//! `user_fn_<ref>_<id>_<version>/source/…`, with or without `/tmp/` or `file://` before it. A file that the deploy called
//! `../_shared/cors.ts` lies in `_shared/` *beside* `source/`.
//!
//! The folder before the function depends on the client: ours is `ace-<revision>/`, the CLI's is the path between project root
//! and function, the dashboard has none. Modules import each other by relative paths, so it has no effect on them. Paths are
//! compared **relative to the entrypoint's folder**, where all of these are `index.ts` and `../_shared/cors.ts`.

/// First letters of the folder that the container unpacks a deployment into.
const CONTAINER: &str = "user_fn_";
/// The folder below it that holds what was uploaded.
const SOURCE: &str = "source";

/// A path without what the container puts before it: `source/hello/index.ts`, `_shared/cors.ts`, or, for a function that
/// was bundled elsewhere, that machine's path without its leading slash. A URL other than `file:` stays as it is.
pub(super) fn strip(path: &str) -> String {
    let local = match path.strip_prefix("file://") {
        Some(url) => decoded(url),
        None if path.contains("://") => return path.to_owned(),
        None => path.to_owned(),
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in local.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let container = segments
        .iter()
        .take(2)
        .position(|segment| segment.starts_with(CONTAINER));
    segments.split_off(container.map_or(0, |at| at + 1)).join("/")
}

/// The segments of a stripped path below `source/`, where an upload begins.
pub(super) fn uploaded(stripped: &str) -> impl Iterator<Item = &str> {
    stripped
        .strip_prefix(SOURCE)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(stripped)
        .split('/')
}

/// `path` seen from `folder`, with as many `..` as it takes.
pub(super) fn relative(path: &str, folder: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let folder: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    let path: Vec<&str> = path.split('/').collect();
    let same = folder.iter().zip(&path).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", folder.len() - same);
    up.chain(path.into_iter().skip(same)).collect::<Vec<_>>().join("/")
}

/// The reverse of [`relative`]; what leaves the root keeps its `..`.
pub(super) fn joined(folder: &str, relative: &str) -> String {
    if relative.contains("://") {
        return relative.to_owned();
    }
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in relative.split('/') {
        if segment == ".." && segments.last().is_some_and(|last| *last != "..") {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/")
}

pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// How many segments two paths share at their ends.
pub(super) fn common_end(one: &str, other: &str) -> usize {
    one.rsplit('/')
        .zip(other.rsplit('/'))
        .take_while(|(one, other)| one == other)
        .count()
}

/// The path of a `file:` URL; bytes that are no UTF-8 when decoded stay as written.
fn decoded(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte).ok().map(|()| byte[0])
        });
        bytes.push(byte.unwrap_or(*first));
        rest = after.get(2..).filter(|_| byte.is_some()).unwrap_or(after);
    }
    String::from_utf8(bytes).unwrap_or_else(|_| url.to_owned())
}
