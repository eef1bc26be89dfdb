use std::collections::BTreeSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, ImportExpression, ImportOrExportKind, StaticMemberExpression, StringLiteral,
    TSImportEqualsDeclaration, TSImportType, TSModuleReference, WithClause,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};

/// Imports and environment names of one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Module {
    pub(super) imports: Vec<Import>,
    /// Names read by `Deno.env.get` or `Deno.env.has` with a literal.
    pub(super) variables: BTreeSet<String>,
}

/// One import, re-export, dynamic import or imported type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Import {
    pub(super) specifier: String,
    /// Line of the specifier, from 1.
    pub(super) line: usize,
    /// Nothing but types is taken: the platform's bundle may be without the file.
    pub(super) type_only: bool,
    /// Taken as data (`with { type: "json" }`): never parsed, whatever its extension.
    pub(super) data: bool,
}

/// Where a file stops being a program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SyntaxFault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
}

/// The language of a file that is a module by its extension, which Deno takes literally.
pub(super) fn language(name: &str) -> Option<SourceType> {
    let (stem, extension) = name.rsplit_once('.')?;
    let declaration = stem.rsplit_once('.').is_some_and(|(_, inner)| inner == "d");
    Some(match extension {
        "ts" | "mts" | "cts" if declaration => SourceType::d_ts(),
        "ts" | "mts" => SourceType::ts(),
        "cts" => SourceType::ts().with_commonjs(true),
        "tsx" => SourceType::tsx(),
        "js" | "mjs" => SourceType::mjs(),
        "cjs" => SourceType::cjs(),
        "jsx" => SourceType::jsx(),
        _ => return None,
    })
}

/// Largest module that is parsed, in bytes; the largest of the real tree has 19 kB.
const MODULE_BYTES: usize = 512 << 10;
/// Most opening brackets of a module that is parsed; the real tree has at most 538, a source of some 300 kB has as many.
/// The deepest recursion costs 4 kB of stack for each without optimisation.
const MODULE_BRACKETS: usize = 20_000;
/// Most `<` of a module that is parsed, without those of `</`, `<!` and `<=`; the real tree has at most 87. Where type
/// arguments never close, the parser tries each again: 1,000 of them take 70 MB for a second, 5,000 would take 1.6 GB.
const MODULE_ANGLES: usize = 1_000;
/// Stack of the thread that parses, in bytes of address space; only what is used costs memory.
const STACK: usize = 512 << 20;

/// Reads a file. Bytes that are not UTF-8 are replaced first, as Deno does: an odd comment is no reason to refuse.
///
/// Only errors that no parser can recover from are refused here: our parser's other errors (it checks some of TypeScript's
/// rules too) are not necessarily the platform's, which decides at the deploy.
///
/// The parser descends recursively without a limit: 1,000 nested parentheses overflow a thread's usual stack, which ends the
/// process, and with it the reconciles of all objects. So it runs on a stack that the deepest file within the bounds above
/// can't exhaust (measured without optimisation, for brackets, operators, arrows, types and statements).
///
/// # Panics
/// When the system has no room for one more thread.
pub(super) fn parse(bytes: &[u8], language: SourceType) -> Result<Module, SyntaxFault> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
    let next = text.bytes().skip(1).chain([b' ']);
    let angles = text
        .bytes()
        .zip(next)
        .filter(|(byte, next)| *byte == b'<' && !matches!(next, b'/' | b'!' | b'='))
        .count();
    if text.len() > MODULE_BYTES || brackets > MODULE_BRACKETS || angles > MODULE_ANGLES {
        let message = format!(
            "a module may have {MODULE_BYTES} bytes, {MODULE_BRACKETS} brackets and {MODULE_ANGLES} `<`; import a library by \
             npm:, jsr: or https:, and read large texts as static files"
        );
        return Err(SyntaxFault {
            line: 1,
            column: 1,
            message,
        });
    }
    let read = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("parse".to_owned()).stack_size(STACK);
        thread
            .spawn_scoped(scope, || read(text, language))
            .expect("the system can start one more thread")
            .join()
    });
    read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read(text: &str, language: SourceType) -> Result<Module, SyntaxFault> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, language).parse();
    let lines = Lines::new(text);
    if parsed.panicked {
        let diagnostic = parsed.diagnostics.errors().next();
        let offset = diagnostic
            .and_then(|diagnostic| diagnostic.labels.first().map(|label| label.offset() as usize))
            .unwrap_or_default();
        let (line, column) = lines.position(offset);
        let message = diagnostic.map_or_else(
            || "it does not parse".to_owned(),
            |diagnostic| diagnostic.message.to_string(),
        );
        return Err(SyntaxFault { line, column, message });
    }
    let mut reader = Reader {
        lines,
        module: Module::default(),
    };
    reader.visit_program(&parsed.program);
    Ok(reader.module)
}

struct Reader<'t> {
    lines: Lines<'t>,
    module: Module,
}

impl Reader<'_> {
    fn import(&mut self, specifier: &str, span: Span, type_only: bool, data: bool) {
        let (line, _) = self.lines.position(span.start as usize);
        self.module.imports.push(Import {
            specifier: specifier.to_owned(),
            line,
            type_only,
            data,
        });
    }

    fn literal(&mut self, source: &StringLiteral<'_>, type_only: bool, with: Option<&WithClause<'_>>) {
        let data = with.is_some_and(|with| with.with_entries.iter().any(|entry| entry.key.as_arena_str() == "type"));
        self.import(&source.value, source.span, type_only, data);
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let only_types = |specifiers: &[ImportDeclarationSpecifier<'_>]| {
            !specifiers.is_empty()
                && specifiers.iter().all(|specifier| match specifier {
                    ImportDeclarationSpecifier::ImportSpecifier(specifier) => specifier.import_kind.is_type(),
                    _ => false,
                })
        };
        let type_only = it.import_kind.is_type() || it.specifiers.as_ref().is_some_and(|all| only_types(all));
        self.literal(&it.source, type_only, it.with_clause.as_deref());
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.literal(&it.source, it.export_kind.is_type(), it.with_clause.as_deref());
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        let only_types =
            !it.specifiers.is_empty() && it.specifiers.iter().all(|specifier| specifier.export_kind.is_type());
        self.literal(
            &it.source,
            it.export_kind.is_type() || only_types,
            it.with_clause.as_deref(),
        );
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Some(specifier) = constant(&it.source) {
            // The second argument has no other use than `with`.
            self.import(&specifier, it.source.span(), false, it.options.is_some());
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_ts_import_type(&mut self, it: &TSImportType<'a>) {
        self.import(&it.source.value, it.source.span, true, false);
        walk::walk_ts_import_type(self, it);
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        if let TSModuleReference::ExternalModuleReference(reference) = &it.module_reference {
            let source = &reference.expression;
            self.import(
                &source.value,
                source.span,
                it.import_kind == ImportOrExportKind::Type,
                false,
            );
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::StaticMemberExpression(callee) = &it.callee
            && matches!(callee.property.name.as_str(), "get" | "has")
            && is_environment(&callee.object)
            && let Some(name) = it
                .arguments
                .first()
                .and_then(Argument::as_expression)
                .and_then(constant)
        {
            self.module.variables.insert(name);
        }
        walk::walk_call_expression(self, it);
    }
}

/// `Deno.env`, also as a member of something (`globalThis.Deno.env`).
fn is_environment(expression: &Expression<'_>) -> bool {
    let member = |expression: &Expression<'_>| match expression.get_inner_expression() {
        Expression::StaticMemberExpression(member) => Some(named(member)),
        _ => None,
    };
    let Expression::StaticMemberExpression(environment) = expression.get_inner_expression() else {
        return false;
    };
    let object = environment.object.get_inner_expression();
    environment.property.name == "env" && (object.is_specific_id("Deno") || member(object).as_deref() == Some("Deno"))
}

fn named(member: &StaticMemberExpression<'_>) -> String {
    member.property.name.to_string()
}

/// A string that is known without running anything.
fn constant(expression: &Expression<'_>) -> Option<String> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(literal) => Some(literal.value.to_string()),
        Expression::TemplateLiteral(template) => template.single_quasi().map(|text| text.to_string()),
        _ => None,
    }
}

/// Finds lines by offset.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// Line and column, both from 1; columns count characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        (line, self.text[self.starts[line - 1]..offset].chars().count() + 1)
    }
}
