//! Trees that tests deploy.

/// A function that answers with `word`.
pub fn says(word: &str) -> String {
    format!("Deno.serve(() => new Response({word:?}));\n")
}

/// A function that answers with what `_shared/who.ts` exports.
pub const GREETER: &str =
    "import { who } from \"../_shared/who.ts\";\nDeno.serve(() => new Response(`hello ${who}`));\n";

/// `_shared/who.ts` with this name in it.
pub fn who(name: &str) -> String {
    format!("export const who: string = {name:?};\n")
}

/// A function that answers with 500.
pub fn broken() -> &'static str {
    "Deno.serve(() => new Response(\"out of order\", { status: 500 }));\n"
}
