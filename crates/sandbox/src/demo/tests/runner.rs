use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::rc::Rc;

use super::super::environment::Environment;
use super::super::runner::{Runner, json_of};
use super::super::screen::Screen;
use super::super::steps::read;

/// What the viewer saw, and why it ended early.
struct Played {
    shown: String,
    error: String,
    directory: tempfile::TempDir,
}

async fn play(files: &[(&str, &str)], chapters: &[&str]) -> Played {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let shown = Rc::new(RefCell::new(Vec::new()));
    let screen = Screen::new(shown.clone(), false);
    let environment = Environment::new(directory.path().to_owned()).unwrap();
    let mut runner = Runner {
        screen: &screen,
        environment,
    };
    let (mut names, mut error) = (BTreeSet::new(), String::new());
    for chapter in chapters {
        let chapter = read("demo/05-x.md", chapter, &mut names).unwrap();
        if let Err(failed) = runner.play(&chapter).await {
            error = failed.to_string();
            break;
        }
    }
    let shown = String::from_utf8(shown.borrow().clone()).unwrap();
    Played {
        shown,
        error,
        directory,
    }
}

#[tokio::test]
async fn a_viewer_sees_commands_answers_and_what_was_kept() {
    let chapter = "# Title

A note.

```sh
echo one |
  cat
```
- prints only `one`
- keep `NAME`

```sh quiet
echo hidden
```

```sh
echo \"$NAME\" two
```
- prints `$NAME two`
";
    let played = play(&[], &[chapter]).await;
    assert_eq!(played.error, "");
    let expected = "
Title
  A note.
  $ echo one |
      cat
    one
  NAME=one
  $ echo \"$NAME\" two
    one two
";
    assert_eq!(played.shown, expected);
}

#[tokio::test]
async fn a_step_that_does_not_show_what_it_must_fails_with_its_place_command_and_what_was_seen() {
    let object = r#"{"metadata": {"name": "one"}, "status": {"live": "r1"}}"#;
    for (block, failure) in [
        (
            "echo no |\ncat\n```\n- prints `yes`",
            "`echo no | …`: not seen: prints `yes`; instead: no",
        ),
        (
            "echo no\n```\n- within 0 s\n- prints `yes`",
            "`echo no`: not seen within 0 s: prints `yes`; instead: no",
        ),
        (
            "cat object\n```\n- `one`: `.status.live` is `r2`",
            "`cat object`: not seen: `one`: `.status.live` is `r2`; instead: \"r1\"",
        ),
        (
            "echo body; echo 404 >&2\n```\n- answers `200`",
            "`echo body; echo 404 >&2`: not seen: answers `200`; instead: 404 body",
        ),
        (
            "echo why >&2; exit 3\n```",
            "`echo why >&2; exit 3`: not seen: the command succeeds; instead: exit status: 3: why",
        ),
        ("true\n```\n- keep `X`", "`true`: not seen: a value for X; instead: "),
        (
            "echo x\n```\n- shows `1` objects",
            "`echo x`: not seen: JSON; instead: expected value at line 1 column 1: x",
        ),
    ] {
        let chapter = format!("# Title\n\n```sh\n{block}\n- ✓ it is seen\n");
        let played = play(&[("object", object)], &[&chapter]).await;
        assert_eq!(played.error, format!("demo/05-x.md:3: {failure}"));
        assert!(!played.shown.contains('✓'), "{}", played.shown);
    }
}

#[tokio::test]
async fn a_command_stops_at_the_first_part_that_fails_and_at_a_name_without_a_value() {
    for command in ["false; touch played", "echo $NOTHING; touch played"] {
        let played = play(&[], &[&format!("# Title\n```sh\n{command}\n```\n")]).await;
        assert!(
            played.error.contains("the command succeeds; instead: exit status: "),
            "{}",
            played.error
        );
        assert!(!played.directory.path().join("played").exists());
    }
}

#[tokio::test]
async fn a_step_with_a_deadline_runs_until_it_shows_what_it_must() {
    let chapter = "# Title
```sh
echo x >> runs; grep -c x runs
```
- within 60 s
- prints only `2`
- ✓ two runs
";
    let played = play(&[], &[chapter]).await;
    assert_eq!(played.error, "");
    let waited = " s  prints only `2`: 1\n  $ echo x >> runs; grep -c x runs\n    2\n  ✓ two runs ";
    assert!(played.shown.contains(waited), "{}", played.shown);
}

#[tokio::test]
async fn an_edit_changes_what_stands_once() {
    let chapter = "# Title\n```diff code\n-one\n-two\n+three\n```\n- ✓ edited\n";
    let played = play(&[("code", "zero\none\ntwo\n")], &[chapter]).await;
    assert_eq!(played.error, "");
    assert_eq!(
        fs::read_to_string(played.directory.path().join("code")).unwrap(),
        "zero\nthree\n"
    );
    assert!(
        played
            .shown
            .contains("  code\n    -one\n    -two\n    +three\n  ✓ edited"),
        "{}",
        played.shown
    );
    for (code, count) in [("one\n", 0), ("one\ntwo\none\ntwo\n", 2)] {
        let played = play(&[("code", code)], &[chapter]).await;
        let instead = format!("the lines that are changed; instead: the file has them {count} times");
        assert_eq!(played.error, format!("demo/05-x.md:2: `code`: not seen: {instead}"));
    }
}

#[tokio::test]
async fn a_chapter_is_played_only_where_its_condition_holds() {
    let first = "# First\n```sh\necho Applied\n```\n- keep `REASON`\n";
    let second = |reason: &str| {
        format!("# Second\n- only if `$REASON` is `{reason}`; else: not now\n```sh\ntouch played\n```\n")
    };
    let played = play(&[], &[first, &second("Applied")]).await;
    assert!(played.directory.path().join("played").exists() && !played.shown.contains("not now"));
    let played = play(&[], &[first, &second("Other")]).await;
    assert!(!played.directory.path().join("played").exists());
    assert!(played.shown.ends_with("\nSecond\n  not now\n"), "{}", played.shown);
}

#[test]
fn fields_are_read_from_the_command_that_shows_the_table() {
    let json = |command| json_of(command);
    assert_eq!(
        json("kubectl -n ace get fn").as_deref(),
        Some("kubectl -n ace get fn -o json")
    );
    assert_eq!(json("kubectl get fn -o jsonpath={.items}"), None);
    assert_eq!(json("kubectl annotate fn x get-y=z"), None);
    assert_eq!(json("curl kubectl get"), None);
}
