//! Productions of the grammars, each to be repeated: the corpus.

mod archives;
mod bodies;
mod combinations;
mod lists;
mod postgres;
mod statements;
mod statuses;

use ace_domain::bundle::{TreePath, write_archive};
use bytes::Bytes;

pub(crate) use self::combinations::combination;
use self::{
    archives::archives,
    bodies::bodies,
    lists::lists,
    postgres::answers,
    statements::{STATEMENTS, functions_in_turn, many_of_each},
    statuses::statuses,
};

/// One way to make an input of any size.
pub(crate) struct Production {
    pub(crate) reader: &'static str,
    pub(crate) name: &'static str,
    pub(crate) input: Box<dyn Fn(usize) -> Vec<u8> + Send>,
}

/// What begins, what is repeated before the middle, the middle, and what is repeated behind it.
type Shape = (&'static str, &'static str, &'static str, &'static str);

pub(crate) fn productions() -> Vec<Production> {
    let languages = [
        ("index.ts", &[SCRIPT, TYPES][..]),
        ("index.tsx", &[SCRIPT, TYPES, ELEMENTS]),
        ("index.js", &[SCRIPT]),
        ("index.jsx", &[SCRIPT, ELEMENTS]),
        ("deno.json", &[MAPS]),
        ("1_a.sql", &[STATEMENTS]),
    ];
    let shapes = languages.into_iter().flat_map(|(reader, sets)| {
        sets.iter()
            .flat_map(move |set| set.iter().map(move |shape| (reader, *shape)))
    });
    let repeated = shapes.map(|(reader, shape)| Production {
        reader,
        name: if shape.1.is_empty() { shape.0 } else { shape.1 },
        input: Box::new(move |times| repeat(shape, times).into_bytes()),
    });
    repeated
        .chain(built())
        .chain(functions_in_turn())
        .chain(many_of_each())
        .chain(bodies())
        .chain(lists())
        .chain(archives())
        .chain(answers())
        .chain(statuses())
        .collect()
}

fn repeat((begin, open, middle, close): Shape, times: usize) -> String {
    [begin, &open.repeat(times), middle, &close.repeat(times)].concat()
}

/// What is made of more than one repeated text.
fn built() -> Vec<Production> {
    let numbered = |times: usize, line: &dyn Fn(usize) -> String| (0..times).map(line).collect::<Vec<_>>();
    let map = move |times: usize, key: &dyn Fn(usize) -> String| {
        let entries = numbered(times, &|at| format!("{:?}: \"npm:x@{at}\"", key(at)));
        format!("{{\"imports\": {{{}}}}}", entries.join(","))
    };
    let production = |reader, name, input: Box<dyn Fn(usize) -> Vec<u8> + Send>| Production { reader, name, input };
    vec![
        production(
            "map and module",
            "entries and imports",
            Box::new(move |times| {
                let module = numbered(times, &|at| format!("import 'p{at}/x';\n")).concat();
                [map(times, &|at| format!("p{at}/")), module].join("\0").into_bytes()
            }),
        ),
        production(
            "map and module",
            "prefixes of prefixes",
            Box::new(move |times| {
                let deepest = times.min(1_400);
                let module = numbered(times, &|at| format!("import '{}x{at}';\n", "a/".repeat(at % deepest))).concat();
                [map(deepest, &|at| "a/".repeat(at + 1)), module]
                    .join("\0")
                    .into_bytes()
            }),
        ),
        production(
            "map and module",
            "scopes and imports",
            Box::new(move |times| {
                let scopes = numbered(times, &|at| format!("\"./s{at}/\": {{\"x\": \"npm:x\"}}")).join(",");
                let module = numbered(times, &|at| format!("import 'npm:p{at}';\n")).concat();
                [format!("{{\"scopes\": {{{scopes}}}}}"), module]
                    .join("\0")
                    .into_bytes()
            }),
        ),
        production(
            "index.ts",
            "different imports",
            Box::new(move |times| {
                numbered(times, &|at| format!("import 'npm:p{at}';\n"))
                    .concat()
                    .into_bytes()
            }),
        ),
        production(
            "index.ts",
            "different names of secrets",
            Box::new(move |times| {
                numbered(times, &|at| format!("Deno.env.get('N{at}');\n"))
                    .concat()
                    .into_bytes()
            }),
        ),
        production(
            "index.ts",
            "one line of imports",
            Box::new(move |times| {
                numbered(times, &|at| format!("import('npm:p{}'); ", at % 9_999))
                    .concat()
                    .into_bytes()
            }),
        ),
        production(
            "tar.gz",
            "files that import the next",
            Box::new(move |times| {
                let name = |at: usize| {
                    if at == 0 {
                        "index.ts".to_owned()
                    } else {
                        format!("f{at}.ts")
                    }
                };
                let files = (0..times).map(|at| {
                    let text = format!("import './{}'", name((at + 1) % times));
                    (TreePath::new(name(at)).unwrap(), Bytes::from(text))
                });
                write_archive(&files.collect())
            }),
        ),
    ]
}

/// Of JavaScript.
const SCRIPT: &[Shape] = &[
    ("", "(", "1", ")"),
    ("", "[", "", "]"),
    ("", "{", "", "}"),
    ("", "`${", "1", "}`"),
    ("x = ", "(a = ", "1", ")"),
    ("x = ", "(a = ", "", ""),
    ("", "a ? (b): c => ", "1", ""),
    ("", "a ? b : ", "1", ""),
    ("", "a ? ", "1", " : b"),
    ("", "(a, b = ", "1", ") => 1"),
    ("", "a => ", "1", ""),
    ("", "async (a) => ", "1", ""),
    ("", "({ a: ", "1", "})"),
    ("", "({ a = ", "1", "})"),
    ("", "[a = ", "1", "] = 1"),
    ("", "function f() {", "", "}"),
    ("", "class A { b() { ", "", "} }"),
    ("x = ", "class extends (", "A", ") {}"),
    ("", "if (a) ", ";", ""),
    ("", "if (a) {} else ", ";", ""),
    ("", "for (;;) ", ";", ""),
    ("", "while (a) ", ";", ""),
    ("", "do ", ";", " while (a)"),
    ("", "a: ", ";", ""),
    ("", "try {", "", "} catch {}"),
    ("", "switch (a) { case 1: ", "", "}"),
    ("", "new ", "A", ""),
    ("", "!", "1", ""),
    ("", "typeof ", "1", ""),
    ("", "await ", "1", ""),
    ("", "1 + ", "1", ""),
    ("", "1 ** ", "1", ""),
    ("", "a.", "b", ""),
    ("", "a?.", "b", ""),
    ("a", "()", "", ""),
    ("a", "[0]", "", ""),
    ("a", "``", "", ""),
    ("", "a = ", "1", ""),
    ("", "a, ", "b", ""),
    ("", "a\n", "", ""),
    ("", "\n", "", ""),
    ("", ";", "", ""),
    ("", "/a/;", "", ""),
    ("", "/", "", ""),
    ("x = /", "[", "]", "/"),
    ("", "// a\n", "", ""),
    ("", "/* a */", "", ""),
    ("", "/*", "", ""),
    ("x = '", "\\\\", "'", ""),
    ("x = '", "a", "", ""),
    ("x = `", "$", "`", ""),
    ("", "import 'npm:a';", "", ""),
    ("", "import(", "'npm:a'", ")"),
    ("", "import((", "", ""),
    ("", "import(`${", "", ""),
    ("", "import /* a */ ", "", ""),
    ("", "import a, ", "", ""),
    ("import { ", "a, ", "} from 'npm:a'", ""),
    ("import { ", "a as ", "", ""),
    ("import a from 'npm:a' with { ", "type: '', ", "}", ""),
    ("", "export { a };", "", ""),
    ("", "export * as a from 'npm:a';", "", ""),
    ("", "export ", "", ""),
    ("", "Deno.env.get(", "'A'", ")"),
    ("", "Deno.", "env", ""),
    ("", "(Deno).env.get('A');", "", ""),
    ("", "@a ", "class A {}", ""),
    ("", "\\u0061", "", ""),
    ("", "ü", "", ""),
    ("", "\u{2028}", "", ""),
    ("", "#", "", ""),
    ("", ")", "", ""),
    ("", "a < ", "b", ""),
    ("", "a < b > ", "c", ""),
    ("", "a << ", "b", ""),
    ("", "0x", "", ""),
    ("", "1e+", "", ""),
    ("", "async ", "", ""),
    ("", "let ", "", ""),
];

/// Of TypeScript.
const TYPES: &[Shape] = &[
    ("", "a<", "b", ""),
    ("", "a<", "b", ">()"),
    ("type A = ", "B<", "C", ">"),
    ("type A = ", "B<", "", ""),
    ("type A = ", "{ a: ", "1", "}"),
    ("type A = ", "(a: ", "1", ") => 1"),
    ("type A = ", "B extends C ? ", "1", " : 2"),
    ("type A = ", "B extends ", "1", ""),
    ("type A = ", "1 | ", "1", ""),
    ("type A = ", "keyof ", "1", ""),
    ("type A = B", "[]", "", ""),
    ("type A = ", "`${", "1", "}`"),
    ("type A = ", "{ [K in ", "B", "]: 1 }"),
    ("type A = ", "import('npm:a').B<", "1", ">"),
    ("type A = ", "[", "1", "]"),
    ("", "type A = 1\n", "", ""),
    ("let a: ", "<T>(b: ", "1", ") => 1"),
    ("x = ", "<A>", "b", ""),
    ("x = ", "<T,>(a: T) => ", "b", ""),
    ("x = a", " as B", "", ""),
    ("x = a", "!", "", ""),
    ("", "interface A { b(c: ", "1", "): void }"),
    ("", "namespace A {", "", "}"),
    ("", "declare ", "const a: 1", ""),
    ("", "declare module 'a' {", "", "}"),
    ("", "abstract class A<T extends ", "B", "> {}"),
    ("", "enum A { B = ", "1", "}"),
    ("class A { ", "a?: b;", "}", ""),
    ("f(", "a < b, ", "c", ")"),
    ("f(", "a < (", "c", ")"),
    ("", "(a: ", "1", ") => 1"),
    ("", "import a = require('npm:a');", "", ""),
    ("import { ", "type a, ", "} from 'npm:a'", ""),
    ("", "a ? b as ", "c", " : d"),
];

/// Of JSX.
const ELEMENTS: &[Shape] = &[
    ("x = ", "<a>", "", "</a>"),
    ("x = ", "<a>", "", ""),
    ("x = ", "<a b={", "1", "} />"),
    ("x = ", "<a>{", "1", "}</a>"),
    ("x = ", "<a b=", "<c/>", " />"),
    ("x = ", "<>", "", "</>"),
    ("x = <a>", "text's ", "</a>", ""),
    ("x = <a ", "b ", "/>", ""),
    ("x = <a b='", "c ", "' />", ""),
    ("x = <a>", "<b/>", "</a>", ""),
    ("x = ", "<A<", "b", "> />"),
    ("x = ", "< ", "", ""),
    ("x = ", "< a.", "", ""),
    ("", "/** @jsxImportSource npm:a */", "", ""),
    ("", "/* */ ", "", ""),
];

/// Of import maps: JSON with comments.
const MAPS: &[Shape] = &[
    ("", "[", "", "]"),
    ("", "{\"a\": ", "1", "}"),
    ("{\"imports\": ", "{\"a\": ", "1", "}"),
    ("{\"imports\": {", "\"a\": \"npm:a\",", "}}", ""),
    ("{\"x\": [", "1,", "]}", ""),
    ("{\"x\": [", "[],", "]}", ""),
    ("{\"x\": \"", "\\u0061", "\"}", ""),
    ("{", "// a\n", "}", ""),
    ("{", "/* a */", "}", ""),
    ("", "/*", "", ""),
    ("{\"imports\": {\"", "a/", "\": \"./b/\"}}", ""),
    ("{\"scopes\": {", "\"./\": {},", "}}", ""),
    ("", "\"", "", ""),
    ("", "-", "", ""),
    ("", "{", "", ""),
];
