//! Where one thing looks like another.

pub(super) const CASES: &[(&str, &str)] = &[
    // A `/` that divides, and one that begins a regular expression.
    ("a.js", "a / b; import('./x.ts') / c; /import('.\\/no.ts')/.test(d)"),
    ("a.js", "if (a) /'/.test(b); import('./x.ts')"),
    ("a.js", "x = (a) / 2; '/'; import('./x.ts')"),
    ("a.js", "function f() {} /'/.test(a); import('./x.ts')"),
    ("a.js", "x = function () {} / 2; '/'; import('./x.ts')"),
    ("a.js", "x = {} / 2; '/'; import('./x.ts')"),
    ("a.js", "{} /'/.test(a); import('./x.ts')"),
    ("a.js", "x++ / 2; '/'; import('./x.ts')"),
    ("a.js", "return1 / 2 / import('./x.ts')"),
    ("a.js", "() => /'/; import('./x.ts')"),
    ("a.js", "x = a ? /'/ : /\"/; import('./x.ts')"),
    ("a.js", "case1: /[/'\\]]'/v; import('./x.ts')"),
    ("a.js", "switch (a) { case /'/: default: /\"/ } import('./x.ts')"),
    ("a.js", "x.if(a) / 2; '/'; import('./x.ts')"),
    ("a.js", "x.return / 2; '/'; import('./x.ts')"),
    ("a.js", "`${/`/}` / 2; '/'; import('./x.ts')"),
    ("a.js", "`${{ a: `}` }}`; import('./x.ts')"),
    ("a.js", "x = class { static { /'/ } } / 2; import('./x.ts')"),
    ("a.ts", "x! / 2; '/'; import('./x.ts')"),
    ("a.ts", "(x as any) / 2; '/'; import('./x.ts')"),
    ("a.ts", "<any>/'/; import('./x.ts')"),
    // A `<` of types, of JSX, and of a comparison.
    ("a.ts", "if (a < b) { import('./x.ts') }"),
    ("a.ts", "for (let i = 0; i < n; i++) import('./x.ts')"),
    ("a.ts", "f(a < b, import('./x.ts'))"),
    ("a.ts", "f(a < b, c > import('./x.ts'))"),
    ("a.ts", "f<import('./x.ts').T>(a)"),
    ("a.ts", "new Map<string, Array<import('./x.ts').T>>()"),
    ("a.ts", "assert(a < (1 << b)); import('./x.ts')"),
    (
        "a.ts",
        "const c: T = [a < b, c > d]; const e = [a < b, c < d]; import('./x.ts')",
    ),
    ("a.ts", "[a < b, { c: (void /['\"]/, typeof (b)) }]; import('./x.ts')"),
    ("a.ts", "[a < b, { c: delete /['\"]/.d, e: 1 }]; import('./x.ts')"),
    ("a.ts", "const x = <T,>(a: T): import('./x.ts').A => a"),
    (
        "a.ts",
        "const x = <T extends import('./x.ts').A>(a: T) => import('./y.ts')",
    ),
    ("a.ts", "x = <{ a: import('./x.ts').A }>{ a: import('./y.ts') }"),
    ("a.ts", "a << import('./x.ts')"),
    ("a.tsx", "const x = <T,>(a: T) => <b>{a} isn't {import('./x.ts')}</b>"),
    ("a.tsx", "type F = <T>(x: T) => T; import('./x.ts')"),
    (
        "a.tsx",
        "const f: <T>(x: T) => import('./x.ts').A = (x) => <p>(it's)</p>",
    ),
    (
        "a.tsx",
        "interface I { <T>(x: T): T; m: <T>(x: T) => import('./x.ts').A } let x = a ? <b/> : <c>(d)</c>",
    ),
    ("a.tsx", "x = { a: <b>it's</b>, c: d ? <e/> : <f/> }; import('./x.ts')"),
    (
        "a.tsx",
        "x = <A<import('./x.ts').T> b={import('./y.ts')} c='\\' d=\"'\n'\" />",
    ),
    (
        "a.tsx",
        "x = <a>// import('./no.ts') {/* import('./no.ts') */} &lt;!-- import './no.ts'; --&gt;</a>; import('./x.ts')",
    ),
    ("a.tsx", "x = a < b ? <c/> : <d></d>; import('./x.ts')"),
    (
        "a.tsx",
        "function A() { return <a b>{c.map(d => <e>don't</e>)}</a> }\nimport('./x.ts')",
    ),
    ("a.jsx", "x = a < b && <c>it's</c>; import('./x.ts')"),
    // An import of a type, and one that runs.
    ("a.ts", "const a: import('./x.ts').A = import('./y.ts')"),
    (
        "a.ts",
        "function f(a: typeof import('./x.ts'), b = import('./y.ts')): Promise<import('./z.ts').Z> { return import('./w.ts') }",
    ),
    (
        "a.ts",
        "x = { a: import('./x.ts'), b(): import('./y.ts').B { return import('./z.ts') } }",
    ),
    ("a.ts", "x = a ? import('./x.ts') : import('./y.ts')"),
    ("a.ts", "x = a ? b as import('./x.ts').A : import('./y.ts')"),
    (
        "a.ts",
        "x = (a: import('./x.ts').A): a is import('./y.ts').B => import('./z.ts')",
    ),
    ("a.ts", "x = (a): (import('./x.ts').A | B) => { import('./y.ts') }"),
    (
        "a.ts",
        "x = (a): ((b: C) => import('./x.ts').A) => { import('./y.ts') }",
    ),
    ("a.ts", "type A = B\nimport('./x.ts')"),
    (
        "a.ts",
        "type A<T> = T extends import('./x.ts').A\n  ? import('./y.ts').B\n  : C\nconst a = import('./z.ts')",
    ),
    ("a.ts", "let a: B\nimport('./x.ts')"),
    (
        "a.ts",
        "class A { b: import('./x.ts').B = import('./y.ts')\n c = import('./z.ts')\n d?: import('./w.ts').D\n e() { import('./v.ts') } }",
    ),
    (
        "a.ts",
        "class A { constructor(private a: import('./x.ts').A = import('./y.ts')) {} }",
    ),
    (
        "a.ts",
        "switch (a) { case b: import('./x.ts'); default: import('./y.ts') }",
    ),
    ("a.ts", "label: import('./x.ts')"),
    ("a.ts", "x = a as import('./x.ts').A || import('./y.ts')"),
    ("a.ts", "x = a as B\nimport('./x.ts')"),
    ("a.ts", "x = y satisfies import('./x.ts').A; import('./y.ts')"),
    (
        "a.ts",
        "const { a, b: { c } = import('./x.ts') }: import('./y.ts').B = import('./z.ts')",
    ),
    (
        "a.ts",
        "type A = { [K in keyof import('./x.ts').A as `${K}`]-?: import('./y.ts').B }; import('./z.ts')",
    ),
    (
        "a.ts",
        "abstract class A<T extends import('./x.ts').A> extends B<import('./y.ts').B> implements C<import('./z.ts').C> { }",
    ),
    ("a.ts", "enum E { A = import('./x.ts') as any }"),
    (
        "a.ts",
        "type G = typeof import('./x.ts', { with: { 'resolution-mode': 'import' } }); import('./y.ts')",
    ),
    // What is known without running anything.
    (
        "a.ts",
        "import(('./x.ts' as string)); import((`./y.ts`)!); import('./a' + b); import(`./a${b}`); import((('./z.ts')))",
    ),
    (
        "a.js",
        "import('./x.ts',); import('./y.ts', { with: {} }); import(a ? './no.ts' : './nor.ts')",
    ),
    (
        "a.js",
        "import(/* 1 */ './x\\u002ets' // 2\n); import('./a\\\nb.ts'); import('\\x2e/c.ts'); import.defer('./d.ts'); import.source('./e.ts')",
    ),
    (
        "a.ts",
        "Deno.env.get('A'); (Deno as any).env.get('B'); (globalThis as any).Deno?.env?.has?.('C'); Deno.env.get(('D' as string)); Deno!.env!.get(`E`)",
    ),
    (
        "a.js",
        "Deno.env.get(a, 'A'); Deno.env.get('A' + b); Deno['env'].get('B'); a.env.get('C'); Deno.env.set('D'); a(Deno).env.get('E'); (a, Deno.env).get('F')",
    ),
    (
        "a.js",
        "(Deno).env.get('A'); (Deno.env).get('B'); (a + Deno).env.get('C'); Deno // it's\n .env\n .get('D')",
    ),
    // Words that are names.
    (
        "a.js",
        "a.import('./no.ts'); a.export; ({ import: 1, export: 2, async import() {}, get export() {} }); import('./x.ts')",
    ),
    (
        "a.js",
        "class A { import() {} export = 1; static import = 2; 'import' = 3; #import() {} } import('./x.ts')",
    ),
    (
        "a.ts",
        "let type = 1, of = 2, async = 3, as = 4, from = 5, declare = 6, get = 7; type = of / as; '/'; import('./x.ts')",
    ),
    ("a.ts", "type type = import('./x.ts').A; type of = 1; declare\nlet x: 1"),
    (
        "a.js",
        "for (const of of of) import('./x.ts'); for (async of => {};;) {}",
    ),
    (
        "a.ts",
        "interface A { import(x: 'a'): void; type: import('./x.ts').A; in: 1; new: 2; readonly: 3; get(): 4; [Symbol.iterator](): 5 }",
    ),
    (
        "a.d.ts",
        "declare module 'a' { export { default } from './x.ts'; import x = require('./y.ts'); export = x }\ndeclare function f(a: import('./z.ts').A): void",
    ),
    (
        "a.ts",
        "import a, { type b, c as d } from './x.ts' with { type: 'json' }\nimport './y.ts' assert { type: 'json' }\nexport * as default from './z.ts'",
    ),
    (
        "a.ts",
        "@dec({ a: import('./x.ts') }) export class A { @dec a: import('./y.ts').A\n @dec() b = import('./z.ts')\n @(c.d) e() {} }",
    ),
    (
        "a.ts",
        "{ using a = import('./x.ts'); await using b = import('./y.ts') }",
    ),
    (
        "a.js",
        "#!/usr/bin/env deno it's\n'use strict'\nimport('./x.ts')\u{2028}/* it's\u{2029} */import('./y.ts')",
    ),
    (
        "a.ts",
        "declare function f(a: string): import('./x.ts').A\nif (b) /'/.test(c)\nimport('./y.ts')",
    ),
];
