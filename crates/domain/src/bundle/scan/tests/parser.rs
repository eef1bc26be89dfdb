//! The imports that a parser finds: the reference. It is no part of the product.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, ImportExpression, ImportOrExportKind, StaticMemberExpression, StringLiteral,
    TSImportEqualsDeclaration, TSImportType, TSModuleReference, WithClause,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{GetSpan, SourceType, Span};

use crate::bundle::module::{Import, Module};

/// What the parser finds, or why it can't read the text.
pub(super) fn read(text: &str, language: SourceType) -> Result<Module, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, language).parse();
    if parsed.panicked {
        return Err(format!("{:?}", parsed.diagnostics.errors().next()));
    }
    let mut reader = Reader {
        text,
        module: Module::default(),
    };
    reader.visit_program(&parsed.program);
    Ok(reader.module)
}

struct Reader<'t> {
    text: &'t str,
    module: Module,
}

impl Reader<'_> {
    fn import(&mut self, specifier: &str, span: Span, type_only: bool, data: bool, dynamic: bool) {
        let line = self.text[..span.start as usize].matches('\n').count() + 1;
        self.module.imports.push(Import {
            specifier: specifier.to_owned(),
            line,
            type_only,
            data,
            dynamic,
        });
    }

    fn literal(&mut self, source: &StringLiteral<'_>, type_only: bool, with: Option<&WithClause<'_>>) {
        let data = with.is_some_and(|with| with.with_entries.iter().any(|entry| entry.key.as_arena_str() == "type"));
        self.import(&source.value, source.span, type_only, data, false);
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
            self.import(&specifier, it.source.span(), false, it.options.is_some(), true);
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_ts_import_type(&mut self, it: &TSImportType<'a>) {
        self.import(&it.source.value, it.source.span, true, false, true);
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
