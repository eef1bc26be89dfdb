//! Which files that lie beside a program can change what it answers, although no import of it leads there.

use super::closure::Closure;
use super::module::{self, Form};

/// Files that decide how imports resolve, wherever they lie.
const CONFIGURATION: [&str; 6] = [
    "deno.json",
    "deno.jsonc",
    "deno.lock",
    "import_map.json",
    "package.json",
    ".npmrc",
];
/// What a module that reads files at run time has in its text.
const READS: [&str; 6] = [
    "Deno.read",
    "Deno.open",
    "readFile",
    "node:fs",
    "import.meta.url",
    "import.meta.dirname",
];

/// What the text of a program says of files that no import of it names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reach {
    /// Some import is put together when it runs.
    computes_imports: bool,
    /// Some module reads files.
    reads_files: bool,
}

impl Reach {
    /// Reads all modules of a closure, which may be 20 MB.
    pub(super) fn of(closure: &Closure) -> Self {
        let mut reach = Self {
            computes_imports: false,
            reads_files: false,
        };
        let modules = closure.files().iter();
        for (_, bytes) in modules.filter(|(path, _)| module::language(path.name()).is_some()) {
            let text = String::from_utf8_lossy(bytes);
            reach.computes_imports |= computes_imports(&text);
            reach.reads_files |= READS.iter().any(|reads| text.contains(reads));
        }
        reach
    }

    /// Whether a file that the source does not have can change what the source's program answers. `path`: in the source tree.
    pub(super) fn may_lead_to(self, path: &str) -> bool {
        let name = name(path);
        self.computes_imports || self.reads_files && Form::of(name).is_none()
    }
}

/// A file that decides how imports resolve.
pub(super) fn is_configuration(path: &str) -> bool {
    CONFIGURATION.contains(&name(path))
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Schemes of modules that are no file of the source.
const REMOTE: [&str; 6] = ["npm:", "jsr:", "node:", "https:", "http:", "data:"];

/// An import whose specifier is not one literal may lead anywhere. Comments and texts are not told from code: a file counts
/// rather once too often.
fn computes_imports(text: &str) -> bool {
    let after = |word: &'static str| {
        text.match_indices(word)
            .filter_map(|(at, word)| text.get(at + word.len()..))
    };
    // What it resolves is imported or read later; no import of the source names it.
    let resolves_file =
        |after: &str| !literal(after).is_some_and(|to| REMOTE.iter().any(|scheme| to.starts_with(scheme)));
    has_word(text, "Worker")
        || after("import.meta.resolve").any(resolves_file)
        || after("import").chain(after("require")).any(is_computed)
}

/// Whether a name is in the text by itself, not as a part of another one.
fn has_word(text: &str, word: &str) -> bool {
    let continues = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '_' | '$'));
    text.match_indices(word).any(|(at, word)| {
        let (before, after) = (text.get(..at), text.get(at + word.len()..));
        !continues(before.and_then(|before| before.chars().next_back()))
            && !continues(after.and_then(|after| after.chars().next()))
    })
}

/// What follows `import` is the argument of a call, and is not one literal.
fn is_computed(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with("/*") || after.starts_with("//") || after.starts_with('(') && literal(after).is_none()
}

/// The one literal that is the argument of a call.
fn literal(after: &str) -> Option<&str> {
    let argument = after.trim_start().strip_prefix('(')?.trim_start();
    let quote = argument.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (literal, rest) = argument.strip_prefix(quote)?.split_once(quote)?;
    (!literal.contains('\\') && rest.trim_start().starts_with([')', ','])).then_some(literal)
}

#[cfg(test)]
mod tests {
    use super::computes_imports;

    #[test]
    fn only_literal_specifiers_are_known_to_lead_where_they_say() {
        for literal in [
            "import { a } from './a.ts';",
            "await import('./a.ts');",
            "import(\n  \"./a.json\", { with: { type: 'json' } })",
            "const a = require('a');",
            "important(x)",
            "await createWorker(url)",
            "function callWorker() { workers.create(url) }",
            "import.meta.resolve(\"npm:@imagemagick/magick-wasm@0.0.30\")",
            "import.meta.resolve('https://esm.sh/a')",
        ] {
            assert!(!computes_imports(literal), "{literal}");
        }
        for computed in [
            "import(`./${name}.ts`)",
            "import(name)",
            "import('./' + name)",
            "import /* x */ ('./a.ts')",
            "import(/* x */ name)",
            "import('./a\\u002ets')",
            "new Worker(url)",
            "const Thread = globalThis.Worker; new Thread(url)",
            "import.meta.resolve('./a.ts')",
            "import.meta.resolve(`npm:${name}`)",
            "import.meta.resolve(name)",
            "const resolve = import.meta.resolve;",
            "require(name)",
            "import(",
            "import('",
        ] {
            assert!(computes_imports(computed), "{computed}");
        }
    }
}
