use std::cmp::Reverse;

use serde_json::{Map, Value};

use super::location::Location;

/// An import map: the `imports` and `scopes` of a `deno.json`, `deno.jsonc` or `import_map.json`.
#[derive(Clone, Debug, Default)]
pub(super) struct ImportMap {
    imports: Entries,
    /// By the location of the importing file or folder, the most specific first.
    scopes: Vec<(String, Entries)>,
}

/// Keys in the form of [`Location::key`], the most specific first.
type Entries = Vec<(String, Address)>;

#[derive(Clone, Debug)]
enum Address {
    At(Location),
    /// The map forbids the import (`null`), or has no usable address.
    Unusable,
}

/// A parsed file, with the other map that it may refer to.
pub(super) struct MapFile {
    pub(super) map: ImportMap,
    /// `importMap` of a `deno.json` that has neither `imports` nor `scopes`.
    pub(super) reference: Option<String>,
}

/// The result of resolving a specifier by an import map.
pub(super) enum Mapped {
    To(Location),
    /// There is an entry, and it forbids the import.
    Blocked,
    /// Bare, and not in the map.
    Bare,
}

/// Deno's dialect: comments and trailing commas, nothing looser.
const DIALECT: jsonc_parser::ParseOptions = jsonc_parser::ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

impl MapFile {
    /// Reads a map that lies in `folder`; the error is half a sentence.
    pub(super) fn parse(bytes: &[u8], folder: &str) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = jsonc_parser::parse_to_serde_value(text, &DIALECT).map_err(|error| error.to_string())?;
        let Value::Object(object) = value else {
            return Err("it is not an object".to_owned());
        };
        let imports = entries(object_of(&object, "imports")?, folder);
        let mut scopes = Vec::new();
        for (scope, mapping) in object_of(&object, "scopes")?.into_iter().flatten() {
            let Value::Object(mapping) = mapping else {
                return Err(format!("the scope {scope:?} is not an object"));
            };
            scopes.push((key(scope, folder), entries(Some(mapping), folder)));
        }
        scopes.sort_by_cached_key(|(scope, _)| Reverse(scope.clone()));
        let empty = imports.is_empty() && scopes.is_empty();
        let reference = object
            .get("importMap")
            .and_then(Value::as_str)
            .filter(|_| empty)
            .map(str::to_owned);
        Ok(Self {
            map: ImportMap { imports, scopes },
            reference,
        })
    }
}

impl ImportMap {
    /// Resolves a specifier that the file at `path`, which lies in `folder`, imports.
    pub(super) fn resolve(&self, specifier: &str, path: &str, folder: &str) -> Mapped {
        let location = Location::of(specifier, folder);
        let wanted = location.as_ref().map_or_else(|| specifier.to_owned(), Location::key);
        let importer = Location::Inside(path.to_owned()).key();
        let scoped = self
            .scopes
            .iter()
            .filter(|(scope, _)| {
                *scope == importer || (scope.ends_with('/') && importer.starts_with(scope.as_str())) || scope == "\0"
            })
            .map(|(_, entries)| entries);
        match scoped
            .chain([&self.imports])
            .find_map(|entries| matching(entries, &wanted))
        {
            Some(Address::At(location)) => Mapped::To(location),
            Some(Address::Unusable) => Mapped::Blocked,
            None => location.map_or(Mapped::Bare, Mapped::To),
        }
    }
}

/// The address for `wanted`, by the exact key or the longest prefix that ends with `/`.
fn matching(entries: &Entries, wanted: &str) -> Option<Address> {
    entries.iter().find_map(|(key, address)| {
        if key == wanted {
            return Some(address.clone());
        }
        // The tree's root has no slash of its own: its key is the NUL alone.
        let rest = wanted
            .strip_prefix(key.as_str())
            .filter(|_| key.ends_with('/') || key == "\0")?;
        Some(match address {
            Address::At(location) if location.is_folder() => Address::At(location.below(rest)),
            Address::At(_) | Address::Unusable => Address::Unusable,
        })
    })
}

fn entries(mapping: Option<&Map<String, Value>>, folder: &str) -> Entries {
    let mut entries: Entries = mapping
        .into_iter()
        .flatten()
        .filter(|(key, _)| !key.is_empty())
        .map(|(specifier, address)| {
            let location = address.as_str().and_then(|address| Location::of(address, folder));
            let usable = location.filter(|location| !specifier.ends_with('/') || location.is_folder());
            (key(specifier, folder), usable.map_or(Address::Unusable, Address::At))
        })
        .collect();
    entries.sort_by_cached_key(|(key, _)| Reverse(key.clone()));
    entries
}

fn key(specifier: &str, folder: &str) -> String {
    Location::of(specifier, folder).map_or_else(|| specifier.to_owned(), |location| location.key())
}

fn object_of<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(mapping)) => Ok(Some(mapping)),
        Some(_) => Err(format!("`{name}` is not an object")),
    }
}
