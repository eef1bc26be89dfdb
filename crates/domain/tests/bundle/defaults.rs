//! Which names of the environment have to be set.

use crate::closure::hello;

fn required(source: &str, others: &[(&str, &str)]) -> Vec<String> {
    let closure = hello(source, others).unwrap();
    let groups = closure.required_secrets().iter();
    groups.map(|group| group.join("|")).collect()
}

#[test]
fn a_name_with_a_default_in_the_code_need_not_be_set() {
    for source in [
        "Deno.env.get('A') || 'x'",
        "Deno.env.get('A') ?? 'x'",
        "Deno.env.get('A' /* port */) // why\n ?? 80",
        "const a = (Deno.env.get('A') as string) || 'x'",
        "const a = ((Deno.env.get(('A')))!) ?? 'x'",
        "const a = Deno.env.get('A') satisfies string ?? 'x'",
        "const a = Deno.env.get('A')?.trim().split(',', 2) ?? []",
        "const a = Deno.env.get('A') ? 1 : 2",
        "const a = Deno.env.has('A') ? Deno.env.get('A') : 'x'",
        "serve({ port: Deno.env.get('A') || 80 })",
        "f(Number(x), Deno.env.get('A') ?? `${b}`)",
        "Deno.env.get('A') || Deno.env.get('B') || 'x'",
    ] {
        assert_eq!(required(source, &[]), [""; 0], "{source}");
    }
}

#[test]
fn a_name_without_a_default_has_to_be_set() {
    for source in [
        "Deno.env.get('A')!",
        "const a = Deno.env.get('A') as string; const b = x || 'y'",
        "f(Deno.env.get('A')) || 'x'",
        "new F(Deno.env.get('A')) ?? 'x'",
        "x || Deno.env.get('A')",
        "x ? Deno.env.get('A') : 'y'",
        "if (Deno.env.get('A')) x ?? y",
        "Deno.env.get('A')!.trim() || 'x'",
        "Deno.env.get('A').trim() || 'x'",
        "Deno.env.get('A') !== 'x' || f()",
        "a ||= Deno.env.get('A')",
        "Deno.env.get('A')?.replace(/'/g, '')\nf()",
        "`${Deno.env.get('A')}` || 'x'",
        "x[Deno.env.get('A')] || 'x'",
    ] {
        assert_eq!(required(source, &[]), ["A"], "{source}");
    }
}

#[test]
fn a_default_among_the_arguments_of_a_call_is_none_of_the_name_however_long_they_are() {
    for length in 1..400 {
        let source = format!("Deno.env.get('A')?.replace({} || 'x')", "b".repeat(length));
        assert_eq!(required(&source, &[]), ["A"], "{source}");
    }
}

#[test]
fn names_of_which_one_is_enough_are_a_group() {
    let cases = [
        ("Deno.env.get('A') ?? Deno.env.get('B')", &["A|B"][..]),
        (
            "(Deno.env.get('A') || Deno.env.get('B')! || Deno.env.get('C'))",
            &["A|B|C"],
        ),
        ("Deno.env.get('A') ?? Deno.env.get(b)", &["A"]),
        (
            "Deno.env.get('A') ?? Deno.env.get('B'); Deno.env.get('B')",
            &["A|B", "B"],
        ),
        ("Deno.env.get('A') || f(Deno.env.get('B'))", &["B"]),
    ];
    for (source, expected) in cases {
        assert_eq!(required(source, &[]), expected, "{source}");
    }
}

#[test]
fn a_default_holds_for_its_file_and_not_for_another_one() {
    let own = "import './other.ts'; if (Deno.env.get('A') ? x : y) Deno.env.get('A')";
    assert_eq!(required(own, &[("hello/other.ts", "")]), [""; 0]);
    assert_eq!(required(own, &[("hello/other.ts", "Deno.env.get('A')")]), ["A"]);
}

#[test]
fn a_long_chain_of_reads_is_looked_at_once() {
    let chain: Vec<String> = (0..9_000).map(|number| format!("Deno.env.get('N{number}')")).collect();
    let closure = hello(&chain.join(" ?? "), &[]).unwrap();
    let groups = closure.required_secrets();
    assert_eq!((groups.len(), groups.first().unwrap().len()), (1, 9_000));
}
