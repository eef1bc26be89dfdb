//! Generates modules: every production with every other inside it, and an import wherever one can stand.

use proptest::prelude::*;
use proptest::strategy::Union;

type Text = BoxedStrategy<String>;

/// A module of TypeScript or JavaScript, with JSX or without.
pub(super) fn module(types: bool, jsx: bool) -> Text {
    let statements = prop::collection::vec(statement(types, jsx), 1..6);
    statements.prop_map(|all| all.join("\n")).boxed()
}

/// A piece of any text, sensible or not.
pub(super) fn token() -> Text {
    let words = "import export from type as { } ( ) [ ] < > </ /> => = == ? : ?. . ... ; , + ++ - ! / // /* */ ` ${ \" ' \
                 await return if while class extends interface function const let of new typeof keyof infer satisfies \
                 declare module async case default else do a b 1 Deno .env.get \\ \\u0061 # @ | & ü \u{2028}";
    let words: Vec<String> = words.split(' ').map(|word| format!("{word} ")).collect();
    prop_oneof![
        8 => prop::sample::select(words),
        1 => Just("\n".to_owned()),
        1 => Just("'./x.ts'".to_owned()),
    ]
    .boxed()
}

/// Puts what `parts` generate for each `@` of a pattern in its place.
fn filled(pattern: &'static str, parts: &Text) -> Text {
    let gaps = pattern.matches('@').count();
    let parts = prop::collection::vec(parts.clone(), gaps);
    parts
        .prop_map(move |parts| {
            let mut parts = parts.into_iter();
            let fill = |character: char| match character {
                '@' => parts.next().unwrap_or_default(),
                '¤' => "@".to_owned(),
                other => other.to_string(),
            };
            pattern.chars().map(fill).collect()
        })
        .boxed()
}

fn any_of(patterns: &[&'static str], parts: &Text) -> Text {
    Union::new(patterns.iter().map(|pattern| filled(pattern, parts))).boxed()
}

/// A module's name; few, so that some occur twice.
fn specifier() -> Text {
    (0..40_u8, any::<bool>())
        .prop_map(|(number, single)| {
            if single {
                format!("'./m{number}.ts'")
            } else {
                format!("\"./m{number}.ts\"")
            }
        })
        .boxed()
}

fn expression(types: bool, jsx: bool) -> Text {
    let leaves = prop_oneof![
        3 => specifier().prop_map(|name| format!("import({name})")),
        1 => specifier().prop_map(|name| format!("import({name}, {{ with: {{ type: 'json' }} }})")),
        1 => (0..9_u8).prop_map(|number| format!("Deno.env.get('NAME_{number}')")),
        4 => prop::sample::select(LEAVES.to_vec()).prop_map(str::to_owned),
    ];
    leaves
        .prop_recursive(4, 24, 3, move |inner| {
            let mut all = vec![any_of(EXPRESSIONS, &inner)];
            if types {
                all.push(typed(&inner));
            }
            if jsx {
                all.push(any_of(ELEMENTS, &inner));
            }
            Union::new(all).boxed()
        })
        .boxed()
}

/// Expressions with types in them.
fn typed(inner: &Text) -> Text {
    (inner.clone(), of_type(), prop::sample::select(TYPED.to_vec()))
        .prop_map(|(inner, of_type, pattern)| both(pattern, &inner, &of_type))
        .boxed()
}

/// Puts an expression for each `@` and a type for each `%`; `¤` is an `@` of the language.
fn both(pattern: &str, expression: &str, of_type: &str) -> String {
    let fill = |character: char| match character {
        '@' => expression.to_owned(),
        '%' => of_type.to_owned(),
        '¤' => "@".to_owned(),
        other => other.to_string(),
    };
    pattern.chars().map(fill).collect()
}

fn of_type() -> Text {
    let leaves = prop_oneof![
        3 => specifier().prop_map(|name| format!("import({name}).T")),
        1 => specifier().prop_map(|name| format!("typeof import({name})")),
        3 => prop::sample::select(vec!["string", "A.B", "1", "'import x'", "void", "this", "`a`", "unique symbol"])
            .prop_map(str::to_owned),
    ];
    leaves.prop_recursive(3, 12, 2, |inner| any_of(TYPES, &inner)).boxed()
}

fn statement(types: bool, jsx: bool) -> Text {
    let expression = expression(types, jsx);
    let mut all = vec![
        any_of(DECLARATIONS, &specifier()),
        any_of(STATEMENTS, &expression),
        any_of(STATEMENTS, &expression),
    ];
    if types {
        all.push(any_of(TYPE_DECLARATIONS, &specifier()));
        all.push(any_of(TYPE_STATEMENTS, &of_type()));
        all.push(
            (of_type(), expression, prop::sample::select(TYPED_STATEMENTS.to_vec()))
                .prop_map(|(of_type, inner, pattern)| both(pattern, &inner, &of_type))
                .boxed(),
        );
    }
    Union::new(all).boxed()
}

const LEAVES: &[&str] = &[
    "a",
    "1_0n",
    ".5e-3",
    "1..toString()",
    "'import \"./no.ts\"'",
    "\"it's // not\"",
    "/[/'\"`]import('.\\/no.ts')/dgu",
    "`import './no.ts' \\` \\${ $ { }`",
    "/* import('./no.ts') */ b",
    "(b // import('./no.ts')\n)",
    "this.import",
    "a?.b",
    "import.meta.url",
    "x.export",
    "a.Deno",
    "Deno.env.toObject()",
    "new.target?.x",
];
const EXPRESSIONS: &[&str] = &[
    "(@)",
    "[@, , ...(@)]",
    "({ a: @, 'b': @, [@]: 1, c() { return @ }, get d() { return /x/.test(@) }, if: @ })",
    "(@) / (@) / 2",
    "(@ ? @ : @)",
    "(a = @)",
    "((b, { c = @, ...d }) => @)",
    "(async b => { await @; return /}/ })",
    "(function f() { @ } / 2)",
    "(class extends (@) { x = @; ['y'] = @; #z = 1; static { @ } m() { return @ } static async *n() { yield /a/ } } / 2)",
    "`a${@}b${`c${@}`}`",
    "f(@)(@)",
    "(@)?.[@]?.(@)",
    "(a++ / 2, @)",
    "(!@ && -@ || ~@)",
    "(void @, typeof @)",
    "(a < (@))",
    "(a < b || c > (@))",
    "tag`x${@}`",
    "(a ?? @)",
    "(await (@))",
    "f(a < b, (c) => { if (d) /'/.test(e); return (@) })",
    "[a < b, { c: @, d() { return /'/ } }]",
    "(x in (@))",
    "((@) >> 1 >>> 2)",
    "(x ? (y) : @)",
    "(a ? b : c ? d : @)",
    "((a) => ({ b: @ }))",
    "(x ? { a: @ } : [@])",
    "new (f(@))",
    "new A",
    "((@)\n/ 2 /1)",
    "(x = y\n? @\n: @)",
];
const ELEMENTS: &[&str] = &[
    "<a/>",
    "<a.b c-d='it\"s' e=\"import './no.ts'\" f={@} {...(@)}>import x from './no.ts' it's {@} {/* c */}</a.b>",
    "<><A x=<b/> /> text's {`${@}`} </>",
    "(x ? <b>{@}</b> : <c/>)",
    "(x && <a b={() => <c>{@}</c>}/>)",
    "f(<p>(a)</p>, <q>(b) =&gt; c</q>)",
    "(<a>{list.map(x => { return <b key={@}>`</b> })}</a>)",
    "[<a/>, <b/>]",
    "({ icon: <a/>, b: <c>don't</c> })",
];
const TYPED: &[&str] = &[
    "(@ as %)",
    "(@ satisfies %)",
    "((@)! / 2)",
    "f<%>(@)",
    "new Map<string, %>()",
    "((a: %, b?: %): % => @)",
    "(async <T,>(a: T): Promise<%> => @)",
    "(a < 1 && (@))",
    "f<%>`${@}`",
    "(function f<T extends %>(this: %, a?: T): asserts a is T { @ })",
    "(<T extends %>(x: T) => @)",
    "(class<T extends % = %> extends A<%> implements I<%>, J { a: % = @; b?: %\n c!: %\n private readonly d = @;\n [k: string]: %; m<T>(x: %): % { return @ } })",
    "({ m<T>(x: %): % { return @ }, a: @ as % })",
    "((x as %) ? @ : @)",
    "(x ? y as % : @)",
    "(a as Array<%>)[0]",
    "f<% | null>(@, a < (@))",
    "(((a: %): a is % => true), @)",
    "[a < b, (@)]",
    "(f<%>, @)",
];
const TYPES: &[&str] = &[
    "(@)[]",
    "Map<string, @>",
    "Array<Array<@>>",
    "{ a: @; b?: @, c(x: @): @; new (x: @): @; readonly [k: string]: @; <T>(x: T): @ }",
    "((a: @, ...b: (@)[]) => @)",
    "(new () => @)",
    "(<T extends @>(x: T) => @)",
    "(A extends @ ? @ : @)",
    "[@, b?: @]",
    "{ [K in keyof (@) as `x${string & K}`]-?: @ }",
    "`a${@ & string}`",
    "((@) | (@) & A)",
    "(@)['x']",
    "(A extends infer U extends @ ? U : never)",
    "((x: unknown) => x is @)",
    "(keyof (@))",
    "((a?: @) => void)",
    "{\n  a: @\n  b: @\n  get c(): @\n}",
];
const DECLARATIONS: &[&str] = &[
    "import @;",
    "import a from @\nimport b, * as c from @",
    "import { d as default1, \"s t\" as e, default as f, } from @;",
    "import {} from @",
    "export * from @; export * as ns from @",
    "export { a as b, default as c } from @ with { type: 'json' };",
    "import j from @ with { 'type': 'json', };",
    "export { x1 };\nimport from1 from @",
    "import /* from './no.ts' */ g // 'no'\n from @",
    "import type, { h } from @",
    "import from from @",
];
const TYPE_DECLARATIONS: &[&str] = &[
    "import type A1 from @;",
    "import type { B1, C1 } from @",
    "import { type D1, type E1 as F1 } from @;",
    "import { type G1, h1 } from @",
    "import { type as as2 } from @",
    "import { type as } from @",
    "import { type as as } from @",
    "import { type as as as3 } from @",
    "import type * as ns1 from @",
    "export type { A1 as Z1 } from @; export type * from @; export type * as Y1 from @",
    "export { type B1 as W1 } from @",
    "import r1 = require(@);",
    "import type r2 = require(@)",
    "export import r3 = require(@);",
    "import r4 = A.B.C",
    "declare module 'v' { import x from @; export * from @ }",
    "namespace N { export import q = A.B; }\nimport type from @",
    "import type from1 from @",
    "import type from from @",
];
const STATEMENTS: &[&str] = &[
    "const v = @;",
    "let { a: w = @, ...r } = @, z = [@]",
    "if (@) /'/.test(@); else { @ }",
    "for (const x of [@]) { continue }",
    "for (let i = 0; i < 9; i++) /\"/.test(@)",
    "for await (const x of y) { @ }",
    "while (a < b) { @; break }",
    "do { @ } while (x)\n",
    "switch (@) { case @: { break } case (a): @; default: @ }",
    "label: { @; break label }",
    "try { @ } catch { /'/.test(@) } finally { @ }",
    "function f(a = @, { b, c = @ }) { return @ }\n/'/.test(@)",
    "async function* g() { yield* @; for (;;) {} }",
    "class C extends (@) { static #p = @; x\n y = @\n get z() { return @ } ; async *[@]() {} constructor() { super(@) } }\n/\"/.test(a)",
    "export const e = @;",
    "export default (@);",
    "var q = a\n/ 2 / @",
    "{ @ }\n/'/.exec(@)",
    "x = function () {}\nvar y = @",
    "throw @;",
    "a\n++b;\n@",
    "const h = () => {}\n(@)",
    "export function k() { return @ }",
    "if (a) b\nelse c = @",
    ";(@)",
    "const o = { a, b, async c() { @ }, *d() {}, ...(@) }",
    "export class D { a = @ }",
    "debugger;\n(@)",
];
const TYPE_STATEMENTS: &[&str] = &[
    "type T1<A extends @ = @> = @;",
    "type T2 = @\ntype T3 =\n  | @\n  | { a: @ }",
    "interface I1<T = @> extends J<@>, K { a: @; m?<U>(x: @): @; (x: @): @; new (x: @): @ }",
    "export type T4 = @\nexport interface I2 { a: @ }",
    "declare const d1: @, d2: @;",
    "declare function df(x: @): @;\ndeclare function df(x: @): @",
    "declare global { interface W { a: @ } }",
    "declare class DC<T> { a: @; m(x: @): @\n b?: @ }",
    "abstract class AC { abstract m(x: @): @; declare a: @; protected abstract b: @ }",
    "let l1: @ | undefined",
    "var fn: typeof f\nvar g1: @",
    "export declare let el: @",
    "export default interface DI { a: @ }",
    "function ov(a: @): @;\nfunction ov(a: any) { }",
    "enum E1 { A = 1 << 2, B = 'x', C }\nlet e2: @",
    "declare namespace NS { const x: @; function f(): @ }",
];
const TYPED_STATEMENTS: &[&str] = &[
    "const c1: % = @, c2: Map<string, %> = @;",
    "function f1<T extends %>(a: %, { b = @ }: { b: % }): % { return @ }",
    "const f2 = <T,>(a: %): % => { return @ }",
    "let x1: % = @ as %\nlet y1 = @",
    "class C1<T> extends D<%> { constructor(private a: %, public b = @) { super() } ¤dec(@) m(¤p(@) x: %): % { return @ }\n ¤dec a: % = @ }",
    "for (const x of y as %) { @ }",
    "if ((a as %) < b) { @ }",
    "const a1 = b < c, d1 = e > (@)",
    "type X1 = %\n(@)",
    "const f3 = (x: %): x is % => !!(@)",
    "if (a < b && c > d) { @ }",
    "for (let i: % = 0; i < n; i++) @",
    "const o1 = { a: (x: %): % => @, m(): % { @ } }",
    "export const s1 = f<%>(@) satisfies %",
    "switch (a) { case b as %: @ }",
    "let u1!: %\nu1 = @",
];
