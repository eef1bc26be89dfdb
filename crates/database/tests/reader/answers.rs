use std::collections::BTreeMap;

use ace_domain::kinds::alert_rule::Row;

use crate::bed::{Bed, ask, question, value};

fn row(labels: &[(&str, &str)], value: f64) -> Row {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Row {
        labels: labels.collect(),
        value: Some(value),
        ..Row::default()
    }
}

#[tokio::test]
async fn a_query_answers_with_a_row_for_each_series() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    let cards = question(
        "select left_over as value, brand\nfrom public.cards order by brand -- all of them",
        &["brand"],
    );
    let shape = reader.shape(&cards).await.unwrap();
    let expected = [row(&[("brand", "Book")], 3.0), row(&[("brand", "Tea")], 40.0)];
    for _ in 0..3 {
        assert_eq!(reader.ask(&cards, shape).await.unwrap(), expected);
    }
    // What it holds is seen at each turn.
    bed.as_superuser("DELETE FROM public.cards").await;
    assert_eq!(reader.ask(&cards, shape).await.unwrap(), []);
    reader.close().await;
}

#[tokio::test]
async fn every_number_is_one_and_what_is_none_is_no_data() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    for (sql, expected) in [
        ("42", Some(42.0)),
        ("42::bigint", Some(42.0)),
        ("0.95::numeric", Some(0.95)),
        ("'1.5'::text", Some(1.5)),
        ("null", None),
        ("null::int", None),
        ("'NaN'::float8", None),
        ("'NaN'::numeric", None),
        ("'Infinity'::float8", None),
        ("'-Infinity'::numeric", None),
    ] {
        assert_eq!(
            value(&reader, &format!("select {sql} as value")).await,
            expected,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn cells_and_rows_are_cut_at_the_server() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    let huge = question("select repeat('x', 50 * 1024 * 1024) as brand, 1 as value", &["brand"]);
    let rows = ask(&reader, &huge).await.unwrap();
    assert_eq!(rows[0].labels["brand"], format!("{}…", "x".repeat(63)));
    let whole = question("select repeat('x', 64) || '' as brand, 1 as value", &["brand"]);
    assert_eq!(ask(&reader, &whole).await.unwrap()[0].labels["brand"], "x".repeat(64));
    let many = question("select generate_series(1, 100000000) as value", &[]);
    assert_eq!(ask(&reader, &many).await.unwrap().len(), 51);
    let lines = question("select E'a\\nb\\u202ec' as brand, 1 as value", &["brand"]);
    assert_eq!(ask(&reader, &lines).await.unwrap()[0].labels["brand"], "a b c");
    let none = question("select null as brand, 1 as value", &["brand"]);
    let labels: BTreeMap<String, String> = [("brand".to_owned(), String::new())].into();
    assert_eq!(ask(&reader, &none).await.unwrap()[0].labels, labels);
}

#[tokio::test]
async fn the_reader_sees_rows_that_policies_hide_and_statistics_of_others() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    assert_eq!(
        value(&reader, "select count(*) as value from public.hidden").await,
        Some(1.0)
    );
    let others = "select count(*) as value from pg_stat_activity where query is null and usename is not null";
    assert_eq!(value(&reader, others).await, Some(0.0));
}
