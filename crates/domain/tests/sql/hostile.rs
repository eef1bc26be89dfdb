//! Nothing that a file can hold ends the process or takes for ever.

use ace_domain::bundle::{Tree, TreePath};
use ace_domain::sql::{Catalogue, RiskClass, assess, read_folder, split};
use proptest::prelude::*;

use crate::support::{script, try_script};

#[test]
fn a_statement_that_is_nested_too_deeply_is_left_to_the_server() {
    let many = 100_000;
    for text in [
        format!("select {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("select {}", "(".repeat(many)),
        "select (".repeat(many),
        "case when ".repeat(many),
        format!("select {} true", "not ".repeat(many)),
        format!("select 1{}", "+1".repeat(many)),
        "create f begin atomic ".repeat(many),
    ] {
        let script = script(&text);
        let messages: Vec<_> = script.unread.iter().map(|unread| unread.message.as_str()).collect();
        assert_eq!(messages, ["it is nested too deeply to be read"], "{}", &text[..40]);
        assert_eq!(assess(&[&script], &Catalogue::default())[0][0].class, RiskClass::Opaque);
    }
}

#[test]
fn the_deepest_statement_that_is_parsed_fits_the_stack() {
    for (unit, close, most) in [
        ("(", ")", 990),
        ("select * from (", ") a", 240),
        ("not ", "", 990),
        ("- ", "", 990),
        ("1+", "", 490),
        ("exists(select ", ")", 320),
    ] {
        let head = if unit.starts_with("select") { "" } else { "select " };
        let text = format!("{head}{}select 1{}", unit.repeat(most), close.repeat(most));
        let text = if unit == "select * from (" {
            text
        } else {
            text.replacen("select 1", "1", 1)
        };
        let script = script(&text);
        assert!(
            script.unread.iter().all(|unread| !unread.message.contains("nested")),
            "{unit}"
        );
    }
}

#[test]
fn five_thousand_files_and_one_of_ten_megabytes_are_read() {
    let rows = "(1, 'some text', null, now()),\n".repeat(330_000);
    let large = format!("create table t (a int);\ninsert into t values\n{rows}(2, '', null, now());\nselect 1;");
    let small = "create table a (b int);\n-- why\nalter table a enable row level security;\n";
    let name = |number: usize| TreePath::new(format!("{number:05}_x.sql")).unwrap();
    let files = (1..=5_000).map(|number| (name(number), small.into()));
    let tree = Tree::from_files(files.chain([(name(0), large.into())])).unwrap();
    let folder = read_folder(&tree, None).unwrap();
    let counts: Vec<_> = folder
        .files
        .iter()
        .map(|file| ace_domain::sql::read(file).unwrap().executable_statements().count())
        .collect();
    assert_eq!(
        (counts.len(), counts[0], counts.iter().sum::<usize>()),
        (5_001, 3, 10_003)
    );
}

#[test]
fn a_plan_that_runs_more_than_is_followed_is_opaque_from_there_on() {
    let statements = |at: usize| {
        format!(
            "create trigger g{at} before insert on t for each row execute function f();\ninsert into t values (1);\n"
        )
    };
    let script = script(&(0..1_300).map(statements).collect::<String>());
    let risks = assess(&[&script], &Catalogue::default()).remove(0);
    let opaque: Vec<_> = risks.iter().filter(|risk| risk.class == RiskClass::Opaque).collect();
    let first = opaque.first().unwrap();
    assert_eq!(first.says, "runs more than is followed here");
    assert!(first.line > 800, "{first:?}");
    let lines: Vec<_> = opaque.iter().map(|risk| risk.line).collect();
    let written: Vec<_> = (first.line..=2_600).step_by(2).collect();
    assert_eq!(lines, written);
}

#[test]
fn what_routines_do_is_told_in_bounds_and_for_each_line_once_of_every_class() {
    let statements = |at: usize| {
        format!(
            "create or replace function f() returns int language sql as 'drop table x{at}; insert into y{at} values (1)';\n\
             select f();\n"
        )
    };
    let script = script(&(0..300).map(statements).collect::<String>());
    let risks = assess(&[&script], &Catalogue::default()).remove(0);
    assert!(risks.len() < 11_100, "{}", risks.len());
    let of = |line: u32| risks.iter().filter(move |risk| risk.line == line);
    assert!(of(600).count() <= 66 && of(100).count() == 64);
    for line in (2..=600).step_by(2) {
        for class in [RiskClass::DataLoss, RiskClass::DataChange] {
            assert!(of(line).any(|risk| risk.class == class), "{class:?} in line {line}");
        }
    }
}

#[test]
fn a_large_insert_is_read_as_one() {
    let script = script(&format!("insert into t values {}(2)", "(1),".repeat(50_000)));
    assert_eq!(script.unread, []);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let _ = try_script(&text).map(|script| assess(&[&script], &Catalogue::default()));
    }

    #[test]
    fn any_words_are_read_or_refused_and_what_is_read_is_sent_whole(words in prop::collection::vec(word(), 0..30)) {
        let text = words.concat();
        if let Ok(script) = try_script(&text) {
            let recorded: Vec<_> = split(&text).into_iter().map(|range| text[range].to_owned()).collect();
            prop_assert_eq!(&script.recorded, &recorded);
            for statement in script.executable_statements() {
                prop_assert_eq!(&text[statement.offset..statement.offset + statement.text.len()], &statement.text);
            }
        }
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "create ",
        "table ",
        "index ",
        "concurrently ",
        "drop ",
        "alter ",
        "t ",
        "a.b ",
        "\"Q\"\"\" ",
        "(",
        ")",
        ",",
        ";",
        "'x' ",
        "E'\\'' ",
        "$$ ; $$ ",
        "begin ",
        "atomic ",
        "end ",
        "commit ",
        "-- c\n",
        "/* c */",
        "select ",
        "1 ",
        "delete ",
        "from ",
        "with ",
        "as ",
        "column ",
        "type ",
        "reindex ",
        "cluster ",
        "on ",
        "do ",
        "\n",
        "add ",
        "constraint ",
        "vacuum ",
        "copy ",
        "stdin ",
        "grant ",
        "to ",
        "role ",
        "bypassrls ",
        "merge ",
        "into ",
        "update ",
        "set ",
        ".",
        "U&\"x\" ",
        "ä",
    ])
}
