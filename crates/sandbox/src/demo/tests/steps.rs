use std::collections::BTreeSet;
use std::time::Duration;

use super::super::expectation::{Expectation, Path, Subject, Test};
use super::super::steps::{Action, Chapter, Condition, Part, Step, read};

fn refusal(text: &str) -> String {
    read("demo/05-x.md", text, &mut BTreeSet::new())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_file_is_read_as_it_stands() {
    let text = "# Title
- only if `$REASON` is `Applied`; else: not now

A line with $REASON.
<!-- why, and
- why not -->

```sh quiet
one |
  two
```
- within 90 s
- `$REASON`: `Ready.reason` is `A` or `B`
- keep `LIVE` from `.status.live`
- ✓ $LIVE is `live`

```diff a/b.ts
-old
-lines
+new
```
";
    let mut names = BTreeSet::from(["REASON".to_owned()]);
    let read = read("demo/05-x.md", text, &mut names).unwrap();
    let step = |line: u16, action, quiet| Step {
        place: format!("demo/05-x.md:{line}"),
        action,
        quiet,
        within: None,
        expectations: Vec::new(),
        keeps: Vec::new(),
        done: None,
    };
    let command = Step {
        within: Some(Duration::from_secs(90)),
        expectations: vec![Expectation {
            text: "`$REASON`: `Ready.reason` is `A` or `B`".to_owned(),
            subject: Subject::Field {
                object: Some("$REASON".to_owned()),
                path: Path::parse(".status.conditions[type=Ready].reason").unwrap(),
            },
            test: Test::Is(vec!["A".to_owned(), "B".to_owned()]),
        }],
        keeps: vec![("LIVE".to_owned(), Path::parse(".status.live"))],
        done: Some("$LIVE is `live`".to_owned()),
        ..step(8, Action::Command("one |\n  two".to_owned()), true)
    };
    let edit = Action::Edit {
        path: "a/b.ts".to_owned(),
        diff: "-old\n-lines\n+new".to_owned(),
    };
    let expected = Chapter {
        title: "Title".to_owned(),
        condition: Some(Condition {
            name: "REASON".to_owned(),
            value: "Applied".to_owned(),
            otherwise: "not now".to_owned(),
        }),
        parts: vec![
            Part::Note("A line with $REASON.".to_owned()),
            Part::Step(command),
            Part::Step(step(17, edit, false)),
        ],
    };
    assert_eq!(read, expected);
    assert!(
        !names.contains("LIVE"),
        "what a chapter keeps that may not be played is not known behind it"
    );
}

#[test]
fn what_must_be_seen_has_a_few_forms() {
    let read_item = |item: &str| {
        let text = format!("# T\n```sh\nx\n```\n- {item}\n");
        let chapter = read("demo/05-x.md", &text, &mut BTreeSet::new()).map_err(|error| error.to_string())?;
        match chapter.parts.into_iter().next() {
            Some(Part::Step(mut step)) => {
                let expectation = step.expectations.remove(0);
                Ok((expectation.subject, expectation.test))
            }
            other => Err(format!("{other:?}")),
        }
    };
    let field = || Subject::Field {
        object: None,
        path: Path::parse(".a").unwrap(),
    };
    let text = || "b".to_owned();
    let numbers = ["200", "201"].map(str::to_owned);
    for (item, subject, test) in [
        ("prints `b`", Subject::Output, Test::Contains(text())),
        ("prints only `b`", Subject::Output, Test::Is(vec![text()])),
        ("does not print `b`", Subject::Output, Test::Lacks(text())),
        ("answers `200` or `201`", Subject::Status, Test::Is(numbers.to_vec())),
        ("shows `200` objects", Subject::Count, Test::Is(numbers[..1].to_vec())),
        ("`.a` is `200` or `201`", field(), Test::Is(numbers.to_vec())),
        ("`.a` is not `b`", field(), Test::IsNot(text())),
        ("`.a` contains `b`", field(), Test::Contains(text())),
        ("`.a` is there", field(), Test::Exists),
        ("`.a` is absent", field(), Test::IsAbsent),
    ] {
        assert_eq!(read_item(item), Ok((subject, test)), "{item}");
    }
    for item in [
        "prints",
        "prints ``",
        "prints `b",
        "`.a` was `b`",
        "`a` is `b`",
        "`.a` is `b` and `c`",
        "within 2 m",
        "keep `V1`",
        "keep `LIVE` of `.a`",
    ] {
        let refused = format!("demo/05-x.md:5: `- {item}` is no item that the README describes");
        assert_eq!(read_item(item), Err(refused));
    }
}

#[test]
fn what_a_file_gets_wrong_is_refused_with_its_line() {
    for (text, refused) in [
        ("", "1: the file is empty"),
        ("text\n# T", "1: a file begins with its heading, `# …`"),
        ("# T\n# T", "2: a file has one heading"),
        ("# T\n```sh\nx", "2: this block has no end"),
        ("# T\n<!-- why\nx", "2: this comment has no end"),
        ("# T\n```sh\n```", "2: this block is empty"),
        (
            "# T\n```yaml\nx\n```",
            "2: a block is one of `sh`, `sh quiet` and `diff FILE`",
        ),
        (
            "# T\n```diff\n-x\n```",
            "2: a block is one of `sh`, `sh quiet` and `diff FILE`",
        ),
        (
            "# T\n```diff f\nx\n```",
            "2: the lines of an edit begin with `-`, then with `+`",
        ),
        (
            "# T\n```diff f\n+x\n-x\n```",
            "2: the lines of an edit begin with `-`, then with `+`",
        ),
        (
            "# T\n- prints `x`",
            "2: `- prints `x`` is no item that the README describes",
        ),
        (
            "# T\n```sh\nx\n```\ntext\n- prints `x`",
            "6: what must be seen stands right below the command that shows it",
        ),
        (
            "# T\n```diff f\n-x\n```\n- prints `x`",
            "5: `- prints `x`` is no item that the README describes",
        ),
        ("# T\n\nA $NAME.", "3: nothing above keeps `$NAME`"),
        (
            "# T\n```sh\nx\n```\n- prints `${NAME}x`\n- keep `NAME`",
            "5: nothing above keeps `$NAME`",
        ),
    ] {
        assert_eq!(refusal(text), format!("demo/05-x.md:{refused}"), "{text}");
    }
}

#[test]
fn the_example_in_the_readme_is_a_step_file() {
    let (_, example) = include_str!("../../../demo/README.md")
        .split_once("````markdown\n")
        .unwrap();
    let (example, _) = example.split_once("````").unwrap();
    let read = read("demo/05-x.md", example, &mut BTreeSet::from(["PROJECT".to_owned()])).unwrap();
    assert_eq!(read.parts.len(), 2);
}
