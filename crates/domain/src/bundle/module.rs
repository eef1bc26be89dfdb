use std::collections::BTreeSet;

use super::reads::Reads;
use super::scan::{self, Problem};
use super::wasm;

/// What a closure needs to know of one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Module {
    /// In the order of the text, each once.
    pub(super) imports: Vec<Import>,
    /// Names read by `Deno.env.get` or `Deno.env.has` with a literal.
    pub(super) variables: BTreeSet<String>,
    /// Which of them have to be set.
    pub(super) reads: Reads,
    /// Imports whose specifier is put together when they run.
    pub(super) templates: BTreeSet<TemplateImport>,
    /// `@jsxImportSource` of a file with JSX, and its line.
    pub(super) jsx_import_source: Option<(String, usize)>,
}

impl Module {
    /// Approximate size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        /// A map's node or a list's slot, and what the allocator adds.
        const ITEM: usize = 96;
        let imports = self.imports.iter().map(|import| import.specifier.len());
        let templates = self.templates.iter().map(TemplateImport::bytes);
        let names = self.variables.iter().chain(self.reads.names()).map(String::len);
        let texts = imports.chain(templates).chain(names);
        texts.map(|length| length + ITEM).sum()
    }
}

/// One import, re-export, dynamic import or imported type.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Import {
    pub(super) specifier: String,
    /// Line of the specifier, from 1.
    pub(super) line: usize,
    /// Nothing but types is taken: the platform's bundle may be without the file.
    pub(super) type_only: bool,
    /// Taken as data (`with { type: "json" }`): never parsed, whatever its extension.
    pub(super) data: bool,
    /// Called: resolved when it runs, if it runs.
    pub(super) dynamic: bool,
}

/// Most bytes that are kept of the beginning of an import that is put together: it is shown, and may be a file's whole text.
const BEGINNING: usize = 200;

/// An import of a template literal with something to put in: `` import(`./${name}.ts`) ``.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct TemplateImport {
    /// Line of the template, from 1.
    pub(super) line: usize,
    /// The first bytes of what stands before the first thing to put in, at most [`BEGINNING`].
    pub(super) beginning: String,
}

impl TemplateImport {
    pub(super) fn new(line: usize, mut beginning: String) -> Self {
        beginning.truncate(beginning.floor_char_boundary(BEGINNING));
        beginning.shrink_to_fit();
        Self { line, beginning }
    }

    /// Approximate size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.beginning.len()
    }
}

/// Where a file stops being a program, or being read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) problem: Problem,
}

/// What a file is that is a module by its extension, which Deno takes literally.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Script(Language),
    Wasm,
}

impl Form {
    pub(super) fn of(name: &str) -> Option<Self> {
        let is_wasm = name.rsplit_once('.').is_some_and(|(_, extension)| extension == "wasm");
        language(name)
            .map(Self::Script)
            .or_else(|| is_wasm.then_some(Self::Wasm))
    }

    pub(super) fn parse(self, bytes: &[u8]) -> Result<Module, Fault> {
        match self {
            Self::Script(language) => parse(bytes, language),
            Self::Wasm => wasm::parse(bytes),
        }
    }
}

/// How a module is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Language {
    pub(super) types: bool,
    pub(super) jsx: bool,
}

/// The language of a file that is a script by its extension.
pub(super) fn language(name: &str) -> Option<Language> {
    let (_, extension) = name.rsplit_once('.')?;
    let (types, jsx) = match extension {
        "ts" | "mts" | "cts" => (true, false),
        "tsx" => (true, true),
        "js" | "mjs" | "cjs" => (false, false),
        "jsx" => (false, true),
        _ => return None,
    };
    Some(Language { types, jsx })
}

/// Reads a file. Bytes that are not UTF-8 are replaced first, as Deno does: an odd comment is no reason to refuse.
pub(super) fn parse(bytes: &[u8], language: Language) -> Result<Module, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    scan::scan(text, language).map_err(|fault| {
        let (line, column) = position(text, fault.offset);
        let problem = fault.problem;
        Fault { line, column, problem }
    })
}

/// Line and column of an offset, both from 1; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(offset)).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
