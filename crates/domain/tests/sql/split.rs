use ace_domain::sql::split;
use proptest::prelude::*;

fn pieces(text: &str) -> Vec<&str> {
    split(text).into_iter().map(|range| &text[range]).collect()
}

/// Each was stored by `supabase migration repair --status applied` of the CLI 3.1.0, which records without running.
#[test]
fn text_is_split_as_the_official_cli_splits_it() {
    let cases: &[(&str, &[&str])] = &[
        ("select 1;;;select 2;;", &["select 1", "select 2"]),
        (
            "-- a; b\nselect 1; -- t; c\nselect 2;",
            &["-- a; b\nselect 1", "-- t; c\nselect 2"],
        ),
        (
            "/* a; /* nested; */ b; */ select 1; select 2",
            &["/* a; /* nested; */ b; */ select 1", "select 2"],
        ),
        ("/*/ a; */ select 1; select 2", &["/*/ a; */ select 1", "select 2"]),
        (
            "select E'it\\'s; ok'; select 'a''b;c';",
            &["select E'it\\'s; ok'", "select 'a''b;c'"],
        ),
        ("select 'it\\'; select 2", &["select 'it\\'", "select 2"]),
        (
            "select E'a'\n'b\\';c'; select 2",
            &["select E'a'\n'b\\';c'", "select 2"],
        ),
        (
            "select E'a' -- x\n 'b\\';c'; select 2",
            &["select E'a' -- x\n 'b\\';c'", "select 2"],
        ),
        ("select type'a\\'; select 2", &["select type'a\\'", "select 2"]),
        ("select \"a;\"\"b\" ; select 2", &["select \"a;\"\"b\"", "select 2"]),
        (
            "create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end; select 4;",
            &[
                "create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end",
                "select 4",
            ],
        ),
        (
            "create f begin\natomic select 1; /* ; */ END; select 2",
            &["create f begin\natomic select 1; /* ; */ END", "select 2"],
        ),
        (
            "create f begin atomic select 1; ending; end ; select 2",
            &["create f begin atomic select 1; ending; end", "select 2"],
        ),
        (
            "create f begin /**/ atomic select 1; end;",
            &["create f begin /**/ atomic select 1", "end"],
        ),
        ("-- nothing here;", &["-- nothing here"]),
        ("select 1;\n-- the end", &["select 1", "-- the end"]),
        ("\u{feff}select 1;", &["select 1"]),
        ("select 1;\r\nselect 2;\r\n", &["select 1", "select 2"]),
        ("select 'a; select 2; select 3", &["select 'a; select 2; select 3"]),
        ("select a$b; select c$b;", &["select a$b", "select c$b"]),
        (
            "select $$a;b$$; select $x$;$$;$x$;",
            &["select $$a;b$$", "select $x$;$$;$x$"],
        ),
        ("select $$$; select 2", &["select $$$", "select 2"]),
        ("select U&'\\0041;'", &["select U&'\\0041;'"]),
        (
            "create rule r as on insert to t do also (select 1; select 2); select 3",
            &[
                "create rule r as on insert to t do also (select 1; select 2)",
                "select 3",
            ],
        ),
        ("select ((1; 2); 3); 4", &["select ((1; 2)", "3)", "4"]),
        ("a \\; b; c", &["a \\; b", "c"]),
        (
            "select 'ä;ö' as \"ü;\"; select 2",
            &["select 'ä;ö' as \"ü;\"", "select 2"],
        ),
        ("(;;", &["("]),
        ("", &[]),
        (" \n\t ;; \u{a0};", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(pieces(text), *expected, "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_but_blanks_and_semicolons_is_lost_and_the_order_stays(
        text in "([a-c;'\"$\\\\()/*\\- \nE]|begin atomic|end|ä|\u{feff}){0,60}"
    ) {
        let ranges = split(&text);
        let mut end = 0;
        let mut between = String::new();
        for range in &ranges {
            prop_assert!(end <= range.start && range.start < range.end);
            between.push_str(&text[end..range.start]);
            prop_assert_eq!(text[range.clone()].trim(), &text[range.clone()]);
            end = range.end;
        }
        between.push_str(&text[end..]);
        let lost: String = between.chars().filter(|it| !it.is_whitespace() && !matches!(it, ';' | '\u{feff}')).collect();
        prop_assert_eq!(lost, "");
    }
}
