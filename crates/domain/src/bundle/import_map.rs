use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::location::Location;

/// Largest import map, in bytes; those of real projects have some kB. Its tree takes a hundred times as much while it is read.
const MAP_BYTES: usize = 1 << 20;
/// Most entries of an import map, over all its scopes.
const MAP_ENTRIES: usize = 10_000;

const BYTE_ORDER_MARK: char = '\u{feff}';
/// Deno 2.9.6 says `Unexpected token on line 1 column 1`, or `expected value` of a map that its configuration refers to.
const MARKED: &str = "it begins with a byte order mark, which Deno does not read; save it as UTF-8 without one";

/// An import map: the `imports` and `scopes` of a `deno.json`, `deno.jsonc` or `import_map.json`.
#[derive(Clone, Debug, Default)]
pub(super) struct ImportMap {
    imports: Entries,
    /// By the location of the importing file or folder.
    scopes: BTreeMap<String, Entries>,
}

/// The entries that hold for one importing file, the most specific first.
pub(super) struct Scoped<'m>(Vec<&'m Entries>);

/// Entries in the order of their keys, which have the form of [`Location::key`].
#[derive(Clone, Debug, Default)]
struct Entries(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    address: Address,
    /// The entry with the longest key that is a prefix of this one, by its number.
    outer: Option<usize>,
}

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
    /// Module of the JSX runtime that `compilerOptions` name: `react/jsx-runtime`.
    pub(super) jsx_runtime: Option<String>,
}

/// Who reads a map, which decides how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReadBy {
    /// Deno, as its configuration.
    Deno,
    /// Deno, because its configuration refers to it.
    Reference,
    /// Whoever is told its path.
    Path,
}

/// The result of resolving a specifier by an import map.
pub(super) enum Mapped {
    To(Location),
    /// There is an entry, and it forbids the import.
    Blocked,
    /// Bare, and not in the map.
    Bare,
}

/// JSON as Deno and Supabase's CLI read it: with comments and trailing commas, nothing looser.
pub const JSONC: jsonc_parser::ParseOptions = jsonc_parser::ParseOptions {
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
    /// Reads a map that lies in `folder`; the error is half a sentence. Packages in a `deno.json` stand for what is below them, too.
    pub(super) fn parse(bytes: &[u8], folder: &str, read_by: ReadBy) -> Result<Self, String> {
        if bytes.len() > MAP_BYTES {
            return Err(format!("it has {} bytes, more than {MAP_BYTES}", bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) if read_by == ReadBy::Path => text,
            Some(_) => return Err(MARKED.to_owned()),
            None => text,
        };
        let is_config = read_by == ReadBy::Deno;
        let value: Value = jsonc_parser::parse_to_serde_value(text, &JSONC).map_err(|error| error.to_string())?;
        let Value::Object(object) = value else {
            return Err("it is not an object".to_owned());
        };
        let imports = object_of(&object, "imports")?;
        let mut count = imports.map_or(0, Map::len);
        let mut scopes = BTreeMap::new();
        for (scope, mapping) in object_of(&object, "scopes")?.into_iter().flatten() {
            let Value::Object(mapping) = mapping else {
                return Err(format!("the scope {scope:?} is not an object"));
            };
            count += mapping.len() + 1;
            // Of two spellings of one scope, the first.
            scopes
                .entry(key(scope, folder))
                .or_insert_with(|| Entries::of(Some(mapping), folder, is_config));
        }
        if count > MAP_ENTRIES {
            return Err(format!("it has {count} entries, more than {MAP_ENTRIES}"));
        }
        let map = ImportMap {
            imports: Entries::of(imports, folder, is_config),
            scopes,
        };
        let empty = map.imports.0.is_empty() && map.scopes.is_empty();
        let reference = object
            .get("importMap")
            .and_then(Value::as_str)
            .filter(|_| empty)
            .map(str::to_owned);
        Ok(Self {
            map,
            reference,
            jsx_runtime: jsx_runtime(&object),
        })
    }
}

/// What `compilerOptions` make of JSX: nothing, unless they say that a runtime is imported.
fn jsx_runtime(object: &Map<String, Value>) -> Option<String> {
    let options = object.get("compilerOptions")?;
    let module = match options.get("jsx")?.as_str()? {
        "react-jsx" | "precompile" => "jsx-runtime",
        "react-jsxdev" => "jsx-dev-runtime",
        _ => return None,
    };
    let source = options.get("jsxImportSource").map_or(Some("react"), Value::as_str)?;
    Some(format!("{source}/{module}"))
}

impl ImportMap {
    /// The entries that hold for the file at `path`.
    pub(super) fn scoped(&self, path: &str) -> Scoped<'_> {
        let importer = Location::Inside(path.to_owned()).key();
        let folders = importer.rmatch_indices('/').map(|(slash, _)| slash + 1);
        // The tree's root has no slash of its own: its key is the NUL alone.
        let prefixes = std::iter::once(importer.len()).chain(folders).chain([1]);
        let scopes = prefixes.filter_map(|end| self.scopes.get(importer.get(..end)?));
        Scoped(scopes.chain([&self.imports]).collect())
    }
}

impl Scoped<'_> {
    /// Resolves a specifier that a file in `folder` imports.
    pub(super) fn resolve(&self, specifier: &str, folder: &str) -> Mapped {
        let location = Location::of(specifier, folder);
        let wanted = location.as_ref().map_or_else(|| specifier.to_owned(), Location::key);
        match self.0.iter().find_map(|entries| entries.matching(&wanted)) {
            Some(Address::At(location)) => Mapped::To(location),
            Some(Address::Unusable) => Mapped::Blocked,
            None => location.map_or(Mapped::Bare, Mapped::To),
        }
    }
}

impl Entries {
    fn of(mapping: Option<&Map<String, Value>>, folder: &str, is_config: bool) -> Self {
        let mut unique = BTreeMap::new();
        for (specifier, address) in mapping.into_iter().flatten().filter(|(key, _)| !key.is_empty()) {
            let location = address.as_str().and_then(|address| Location::of(address, folder));
            let usable = location.filter(|location| !specifier.ends_with('/') || location.is_folder());
            // Of two spellings of one location, the first.
            unique
                .entry(key(specifier, folder))
                .or_insert_with(|| usable.map_or(Address::Unusable, Address::At));
        }
        for (specifier, address) in mapping.into_iter().flatten().filter(|_| is_config) {
            let below = format!("{specifier}/");
            if let Some(package) = address
                .as_str()
                .and_then(below_package)
                .filter(|_| !specifier.ends_with('/'))
            {
                let entry = unique.entry(key(&below, folder));
                entry.or_insert(Address::At(Location::Remote(package)));
            }
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(unique.len());
        // In the order of keys, those that are prefixes of the next are the last ones that were not left yet.
        let mut open: Vec<usize> = Vec::new();
        for (key, address) in unique {
            while open
                .pop_if(|number| entries.get(*number).is_none_or(|entry| !key.starts_with(&entry.key)))
                .is_some()
            {}
            let outer = open.last().copied();
            if is_prefix(&key) {
                open.push(entries.len());
            }
            entries.push(Entry { key, address, outer });
        }
        Self(entries)
    }

    /// The address for `wanted`, by the exact key or the longest prefix that ends with `/`.
    ///
    /// Both are the last key that is not greater than `wanted`, or a prefix of that key: everything between a text and
    /// its prefix begins with the prefix.
    fn matching(&self, wanted: &str) -> Option<Address> {
        let last = self
            .0
            .partition_point(|entry| entry.key.as_str() <= wanted)
            .checked_sub(1)?;
        let mut entry = self.0.get(last)?;
        if entry.key == wanted {
            return Some(entry.address.clone());
        }
        let common = entry
            .key
            .bytes()
            .zip(wanted.bytes())
            .take_while(|(one, other)| one == other)
            .count();
        while entry.key.len() > common || !is_prefix(&entry.key) {
            entry = self.0.get(entry.outer?)?;
        }
        let rest = wanted.get(entry.key.len()..)?;
        Some(match &entry.address {
            Address::At(location) if location.is_folder() => Address::At(location.below(rest)),
            Address::At(_) | Address::Unusable => Address::Unusable,
        })
    }
}

/// What is below a package, as Deno expands `npm:` and `jsr:` addresses of its configuration: `jsr:@a/b@1` to `jsr:/@a/b@1/`.
fn below_package(address: &str) -> Option<String> {
    let (scheme, package) = address
        .split_once(':')
        .filter(|(scheme, _)| matches!(*scheme, "npm" | "jsr"))?;
    let package = package.trim_start_matches('/');
    (!package.is_empty() && !package.ends_with('/')).then(|| format!("{scheme}:/{package}/"))
}

/// Whether an entry with this key holds for what begins with it. The tree's root has no slash of its own.
fn is_prefix(key: &str) -> bool {
    key.ends_with('/') || key == "\0"
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
