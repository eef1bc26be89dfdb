use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oxc_span::SourceType;
use proptest::prelude::*;

use super::{grammar, parser};
use crate::bundle::module::{Fault, Import, Language, Module, language, parse};

type Imports = BTreeMap<Import, usize>;

/// Imports without their line, with the first line, and the names of the environment.
fn found(module: &Module) -> (Imports, &BTreeSet<String>) {
    let mut imports = BTreeMap::new();
    for import in &module.imports {
        let same = Import {
            line: 0,
            ..import.clone()
        };
        let first = imports.entry(same).or_insert(import.line);
        *first = (*first).min(import.line);
    }
    (imports, &module.variables)
}

/// What the scan and the parser find in a file; an error when the parser can't read it.
fn both(name: &str, text: &str) -> Result<(Result<Module, Fault>, Module), String> {
    let expected = parser::read(text, source_type(name)).map_err(|error| format!("{error}\n{name}: {text}"))?;
    let language = language(name).ok_or_else(|| format!("{name} is no module"))?;
    Ok((parse(text.as_bytes(), language), expected))
}

/// What the scan finds otherwise than the parser.
fn difference(name: &str, text: &str) -> Result<Option<String>, String> {
    Ok(match both(name, text)? {
        (Ok(module), expected) if found(&module) == found(&expected) => None,
        (Ok(module), expected) => Some(format!(
            "{name}: {:?}\nparser: {:?}\n{text}",
            found(&module),
            found(&expected)
        )),
        (Err(fault), _) => Some(format!("{name}: {fault:?}\n{text}")),
    })
}

/// As [`difference`], but behind a `<` that turns out to compare, an imported type may count as running.
fn difference_beyond_types(name: &str, text: &str) -> Result<Option<String>, String> {
    let (module, expected) = both(name, text)?;
    let Ok(module) = module else {
        return difference(name, text);
    };
    let runs = |import: &Import| {
        module
            .imports
            .iter()
            .any(|other| !other.type_only && other.specifier == import.specifier)
    };
    let known = |import: &Import, among: &Imports| {
        among.contains_key(&Import {
            line: 0,
            ..import.clone()
        })
    };
    let ((ours, names), (theirs, expected_names)) = (found(&module), found(&expected));
    let taken_as_running = |import: &Import| {
        let types = |other: &Import| other.type_only && other.specifier == import.specifier;
        !import.type_only && expected.imports.iter().any(types)
    };
    let all_found = expected
        .imports
        .iter()
        .all(|import| known(import, &ours) || import.type_only && runs(import));
    let none_invented = module
        .imports
        .iter()
        .all(|import| known(import, &theirs) || taken_as_running(import));
    if all_found && none_invented && names == expected_names {
        return Ok(None);
    }
    difference(name, text)
}

fn source_type(name: &str) -> SourceType {
    match language(name) {
        Some(Language { types: true, .. }) if name.contains(".d.") => SourceType::d_ts(),
        Some(Language { types: true, jsx: true }) => SourceType::tsx(),
        Some(Language {
            types: true,
            jsx: false,
        }) => SourceType::ts(),
        Some(Language {
            types: false,
            jsx: true,
        }) => SourceType::jsx(),
        _ => SourceType::mjs(),
    }
}

fn modules(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
        if path.is_dir() && !hidden && !path.ends_with("target") {
            modules(&path, found);
        } else if language(&path.to_string_lossy()).is_some() {
            found.push(path);
        }
    }
}

#[test]
fn every_module_of_the_repository_imports_what_a_parser_finds() {
    let mut all = Vec::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), &mut all);
    assert!(all.len() > 20, "{all:?}");
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(difference(&path.to_string_lossy(), &text), Ok(None));
    }
}

#[test]
fn every_production_of_the_grammar_reads_as_a_parser_reads_it() {
    for (name, text) in super::cases::CASES {
        assert_eq!(difference(name, text), Ok(None));
    }
}

proptest! {
    #[test]
    fn any_typescript_imports_what_a_parser_finds(text in grammar::module(true, false)) {
        prop_assert_eq!(difference_beyond_types("a.ts", &text), Ok(None));
    }

    #[test]
    fn any_typescript_with_jsx_imports_what_a_parser_finds(text in grammar::module(true, true)) {
        prop_assert_eq!(difference_beyond_types("a.tsx", &text), Ok(None));
    }

    #[test]
    fn any_javascript_imports_what_a_parser_finds(text in grammar::module(false, false)) {
        prop_assert_eq!(difference("a.js", &text), Ok(None));
    }

    #[test]
    fn any_javascript_with_jsx_imports_what_a_parser_finds(text in grammar::module(false, true)) {
        prop_assert_eq!(difference("a.jsx", &text), Ok(None));
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,100}") {
        for name in ["a.ts", "a.tsx", "a.js", "a.jsx"] {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = parse(bytes, language(name).unwrap());
            }
        }
    }

    #[test]
    fn any_tokens_end_in_an_answer(tokens in prop::collection::vec(grammar::token(), 0..60)) {
        for name in ["a.ts", "a.tsx", "a.js", "a.jsx"] {
            let _ = parse(tokens.concat().as_bytes(), language(name).unwrap());
        }
    }
}
