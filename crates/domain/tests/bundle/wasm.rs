//! What a WebAssembly module imports belongs to the program, as in Deno 2.9.6.

use ace_domain::bundle::{Closure, ClosureError, Tree, TreePath};
use bytes::Bytes;

use crate::support::{function, path};

const FUNCTION: &[u8] = &[0, 0];

/// LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len()), bytes.to_vec()].concat()
}

/// A module whose import section is this.
fn module(section: &[u8]) -> Vec<u8> {
    let types = [1, 5, 1, 0x60, 0, 1, 0x7f];
    [&b"\0asm\x01\0\0\0"[..], &types, &[2], &counted(section)].concat()
}

/// The import section of these modules, each with what is imported.
fn section(imports: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = imports
        .iter()
        .flat_map(|(from, kind)| [counted(from.as_bytes()), counted(b"it"), kind.to_vec()]);
    [number(imports.len()), entries.flatten().collect()].concat()
}

fn closure(wasm: Vec<u8>, map: &'static str) -> Result<Closure, ClosureError> {
    let files = [
        (
            "hello/index.ts",
            Bytes::from_static(b"import { run } from './run.wasm';"),
        ),
        ("hello/run.wasm", Bytes::from(wasm)),
        ("hello/deno.json", Bytes::from_static(map.as_bytes())),
        ("hello/env.js", Bytes::from_static(b"import './deep.ts';")),
        ("hello/deep.ts", Bytes::new()),
        ("_shared/two.js", Bytes::new()),
        ("hello/other.js", Bytes::new()),
    ];
    let files = files.map(|(name, bytes)| (path(name), bytes));
    Closure::compute(&Tree::from_files(files).unwrap(), &function("hello"))
}

/// The files besides those that are always there.
fn reached(wasm: Vec<u8>, map: &'static str) -> Vec<String> {
    let closure = closure(wasm, map).unwrap();
    let always = ["hello/deno.json", "hello/index.ts", "hello/run.wasm"];
    let paths = closure.files().keys().map(TreePath::as_str);
    paths.filter(|path| !always.contains(path)).map(str::to_owned).collect()
}

#[test]
fn what_a_wasm_module_imports_belongs_to_the_function() {
    // As in Deno: relative to the file, through the import map, and whatever is imported.
    let all = section(&[
        ("./env.js", FUNCTION),
        ("./env.js", &[1, 0x70, 0, 1]),
        ("./env.js", &[1, 0x64, 0x83, 0x01, 1, 1, 0x10]),
        ("../_shared/two.js", &[2, 1, 1, 0x10]),
        ("./env.js", &[3, 0x7f, 0]),
        ("./env.js", &[3, 0x63, 0x70, 1]),
        ("./env.js", &[4, 0, 0]),
        (
            "mapped",
            &[2, 5, 0x80, 0x80, 0x80, 0x80, 0x10, 0x80, 0x80, 0x80, 0x80, 0x20],
        ),
        ("npm:left-pad", FUNCTION),
    ]);
    let map = r#"{ "imports": { "mapped": "./other.js" } }"#;
    let expected = ["_shared/two.js", "hello/deep.ts", "hello/env.js", "hello/other.js"];
    assert_eq!(reached(module(&all), map), expected);
    let remote = closure(module(&all), map).unwrap().remote().clone();
    assert_eq!(remote, ["npm:left-pad".to_owned()].into());
}

#[test]
fn what_it_imports_has_to_be_there_and_a_bare_name_in_a_map() {
    let missing = closure(module(&section(&[("./gone.js", FUNCTION)])), "{}").unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("hello/run.wasm:1 imports \"./gone.js\""),
        "{missing}"
    );
    let bare = closure(module(&section(&[("env", FUNCTION)])), "{}").unwrap();
    let words = bare.unresolved().unwrap().to_string();
    assert!(
        words.starts_with("hello/run.wasm:1 imports \"env\", which no import map"),
        "{words}"
    );
}

#[test]
fn one_without_an_import_section_imports_nothing() {
    let mut custom = b"\0asm\x01\0\0\0\0".to_vec();
    custom.extend(counted(b"./env.js"));
    for wasm in [Vec::new(), b"\0asm".to_vec(), custom, b"./env.js".to_vec()] {
        assert_eq!(reached(wasm, "{}"), [""; 0]);
    }
}

/// The platform says what is wrong with such a file; nothing here may take its numbers at their word.
#[test]
fn a_damaged_module_is_read_as_far_as_it_goes() {
    let whole = module(&section(&[("./env.js", FUNCTION), ("./other.js", FUNCTION)]));
    for end in 0..whole.len() {
        closure(whole[..end].to_vec(), "{}").unwrap();
    }
    let entry = [counted(b"./env.js"), counted(b"it"), FUNCTION.to_vec()].concat();
    let many = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &entry].concat();
    assert_eq!(reached(module(&many), "{}"), ["hello/deep.ts", "hello/env.js"]);
    let long = [&[1][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], b"./env.js"].concat();
    assert_eq!(reached(module(&long), "{}"), [""; 0]);
    let endless = [&[0xff; 64][..], &entry].concat();
    assert_eq!(reached(module(&endless), "{}"), [""; 0]);
    let latin = [&[1][..], &counted(b"./\xe9.js"), &counted(b"it"), FUNCTION].concat();
    assert_eq!(reached(module(&latin), "{}"), [""; 0]);
    let unknown = section(&[("./env.js", FUNCTION), ("./other.js", &[9, 9])]);
    assert_eq!(reached(module(&unknown), "{}"), ["hello/deep.ts", "hello/env.js"]);
}

#[test]
fn the_modules_that_a_wasm_imports_from_are_bounded() {
    let names: Vec<_> = (0..10_001).map(|number| format!("npm:{number}")).collect();
    let imports: Vec<_> = names.iter().map(|name| (name.as_str(), FUNCTION)).collect();
    assert!(closure(module(&section(&imports[1..])), "{}").is_ok());
    let error = closure(module(&section(&imports)), "{}").unwrap_err();
    assert!(matches!(error, ClosureError::ModuleBound { .. }), "{error}");
}
