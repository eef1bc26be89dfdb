//! No test is left out.

use std::fs;

use ace_tests::repository;

ace_tests::tests![; a_test_has_no_attribute_that_this_harness_does_not_see];

fn a_test_has_no_attribute_that_this_harness_does_not_see() {
    let mut folders = vec![
        repository().join("tests/tests/e2e"),
        repository().join("tests/tests/own_operator"),
    ];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).unwrap();
            let attribute = text
                .lines()
                .find(|line| line.starts_with("#[") && line.trim_end().ends_with("test]"));
            // The compiler drops such a function without a word.
            assert_eq!(attribute, None, "{}: list it in `tests!` instead", path.display());
        }
    }
    assert!(files > 30, "{files} files");
}
