use super::{canonical, without_literals};

#[test]
fn what_the_server_writes_before_and_after_a_restore_is_one_text() {
    for (before, after) in [
        (
            "CHECK (((state)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
            "CHECK (((state)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
        ),
        (
            "(((x >= 1) AND (x <= 5)) AND (x <> 3))",
            "((x >= 1) AND (x <= 5) AND (x <> 3))",
        ),
        ("((a OR b) OR (c OR (d OR e)))", "(a OR b OR c OR d OR e)"),
        (
            "((ARRAY[ARRAY[x], ARRAY[y]])::public.\"T\"[] = z)",
            "(ARRAY[ARRAY[(x)::public.\"T\"], ARRAY[(y)::public.\"T\"]] = z)",
        ),
        (
            "(ARRAY['a'::character varying])::character varying(3)[]",
            "ARRAY['a'::character varying(3)]",
        ),
        (
            " SELECT t.a\n   FROM t\n  WHERE ((a AND b) AND c);",
            " SELECT t.a FROM t WHERE (a AND b AND c);",
        ),
    ] {
        assert_eq!(canonical(before), canonical(after), "{before}");
        assert_eq!(canonical(after), after);
    }
}

#[test]
fn what_means_something_else_stays_another_text() {
    for (one, other) in [
        ("((a OR b) AND c)", "(a OR (b AND c))"),
        ("((a AND b) OR c)", "(a AND b OR c)"),
        ("(NOT (a AND b))", "((NOT a) AND b)"),
        ("f((a AND b), c)", "f(a AND (b, c))"),
        ("(x = 'a AND (b AND c)'::text)", "(x = 'a AND b AND c'::text)"),
        ("\"a AND (b\" AND c", "\"a AND b\" AND c"),
        ("(a AND (SELECT (b AND c)))", "(a AND SELECT b AND c)"),
        ("(x = ANY ((ARRAY[a])::text[]))", "(x = ANY ((ARRAY[a])::bytea[]))"),
        ("(ARRAY[a, b])::text[]", "(ARRAY[(a, b)])::text[]"),
        ("(ARRAY[])::text[]", "(ARRAY[])::bytea[]"),
        ("'a'::text", "'a '::text"),
        ("E'\\'a'", "E'\\'' a"),
        (
            "(row_number() OVER (ROWS BETWEEN (a AND b) PRECEDING AND CURRENT ROW))",
            "(row_number() OVER (ROWS BETWEEN a AND b PRECEDING AND CURRENT ROW))",
        ),
    ] {
        assert_ne!(canonical(one), canonical(other));
    }
}

#[test]
fn what_is_not_understood_stays_as_it_is() {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for text in ["(a AND (b AND c)", "a] AND (b", "'a AND (b AND c)", &deep] {
        assert_eq!(canonical(text), text);
        let shown = without_literals(text);
        assert!(shown.starts_with("sha256:") && shown.len() == 71, "{shown}");
    }
}

#[test]
fn a_literal_is_shown_by_the_digest_of_the_whole_text() {
    let key = "default 'sk_live_canary'::text";
    let shown = without_literals(key);
    let (text, digest) = shown.split_once(" sha256:").unwrap();
    assert_eq!((text, digest.len()), ("default '…'::text", 64));
    assert_ne!(shown, without_literals("default 'sk_live_other'::text"));
    for shown in [
        "default nextval('public.bins_id_seq'::regclass)",
        "default ''::text",
        "default '-1'::integer",
        "CHECK ((x > 4))",
    ] {
        assert_eq!(without_literals(shown), shown);
    }
}
