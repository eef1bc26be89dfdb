//! Productions of bodies that the Management API answers with.

use super::{Production, Shape};
use crate::readers::BOUNDARY;

/// Function bodies of the Management API.
pub(super) fn bodies() -> Vec<Production> {
    const METADATA: &str = "{\"entrypoint_path\":\"file:///tmp/user_fn_a_b_1/source/index.ts\"}";
    let part =
        |head: &str, text: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n{text}\r\n");
    let whole = move |parts: String| {
        let metadata = part("name=\"metadata\"", METADATA);
        format!("{metadata}{parts}--{BOUNDARY}--\r\n").into_bytes()
    };
    let production = |name, input: Box<dyn Fn(usize) -> Vec<u8> + Send>| Production {
        reader: "multipart",
        name,
        input,
    };
    let file = move |path: &str| part(&format!("name=\"file\"; filename=\"{path}\""), "a");
    vec![
        production(
            "files",
            Box::new(move |times| whole((0..times).map(|at| file(&format!("source/{at}.ts"))).collect())),
        ),
        production(
            "one file",
            Box::new(move |times| whole(file("source/a.ts").repeat(times))),
        ),
        production("a long path", Box::new(move |times| whole(file(&"a/".repeat(times))))),
        production(
            "a path upwards",
            Box::new(move |times| whole(file(&"../".repeat(times)))),
        ),
        production(
            "a path in percent",
            Box::new(move |times| {
                whole(part(
                    &format!("name=\"file\"; filename*=UTF-8''{}", "%61".repeat(times)),
                    "a",
                ))
            }),
        ),
        production(
            "parameters",
            Box::new(move |times| whole(part(&format!("name=\"file\"{}", "; a=b".repeat(times)), "a"))),
        ),
        production(
            "headers",
            Box::new(move |times| {
                whole(format!(
                    "--{BOUNDARY}\r\n{}\r\na\r\n",
                    "supabase-path: a\r\n".repeat(times)
                ))
            }),
        ),
        production(
            "boundaries",
            Box::new(move |times| whole(format!("--{BOUNDARY}\r\n").repeat(times))),
        ),
        production(
            "halves of boundaries",
            Box::new(move |times| whole(format!("\r\n--{}", &BOUNDARY[..4]).repeat(times))),
        ),
        production(
            "deep metadata",
            Box::new(move |times| {
                let metadata = format!("{{\"a\":{}{}}}", "[".repeat(times), "]".repeat(times));
                whole(part("name=\"metadata\"", &metadata))
            }),
        ),
        production(
            "no end",
            Box::new(move |times| file("source/a.ts").repeat(times).into_bytes()),
        ),
    ]
}

/// Parts of a body: what begins, what is repeated before the middle, the middle, and what is repeated behind it.
pub(super) const PARTS: &[Shape] = &[
    ("", "--boundary\r\n", "", ""),
    ("--boundary\r\n", "supabase-path: a\r\n", "\r\na\r\n", ""),
    (
        "--boundary\r\ncontent-disposition: form-data",
        "; name=\"file\"",
        "\r\n\r\na",
        "",
    ),
    (
        "--boundary\r\ncontent-disposition: form-data; filename=\"",
        "a/",
        "\"\r\n\r\na",
        "",
    ),
    (
        "--boundary\r\ncontent-disposition: form-data; filename*=UTF-8''",
        "%61",
        "\r\n\r\na",
        "",
    ),
    (
        "",
        "--boundary\r\ncontent-disposition: form-data; name=\"file\"; filename=\"source/a.ts\"\r\n\r\na\r\n",
        "",
        "",
    ),
    (
        "--boundary\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":",
        "[",
        "",
        "]",
    ),
    ("", "\r\n", "--boundary--", ""),
    ("", "\r\n--bound", "--boundary--", ""),
    ("", "\"", "", ""),
    ("", "\\", "", ""),
    ("", ": ", "", ""),
];
