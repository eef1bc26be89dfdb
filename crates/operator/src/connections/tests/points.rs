//! What the platform keeps of the database.

use ace_domain::kinds::platform::{Points, Window};
use ace_runtime::testing::{Answer, server};
use ace_supabase::{CallError, Deadlines};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::connections::testing::{TOKEN, clients, connection};

/// What is known after each of these answers, and whether the request failed.
async fn answered(answers: Vec<(u16, Value)>) -> Vec<(Option<Result<Points, String>>, Option<CallError>)> {
    let connection = connection();
    let mut known = Vec::new();
    for (status, answer) in answers {
        let server = server(move |_| match status {
            200 => Answer::json(&answer),
            _ => Answer::refusal(status, "backups_read"),
        })
        .await;
        let open = clients(&connection, &server, Deadlines::default(), TOKEN, 1);
        let failed = connection.list_backups(&open.client).await.err();
        known.push((connection.points(), failed));
    }
    known
}

fn answer(pitr: bool) -> Value {
    let daily = |id: i64, status: &str, time: &str| json!({ "id": id, "is_physical_backup": true, "status": status, "inserted_at": time });
    json!({
        "region": "us-east-1", "walg_enabled": true, "pitr_enabled": pitr,
        "backups": [
            daily(1, "COMPLETED", "2026-11-23T03:00:00.000Z"),
            daily(2, "COMPLETED", "2026-11-24T03:00:00"),
            daily(3, "FAILED", "2026-11-25T03:00:00Z"),
            daily(4, "COMPLETED", "some day"),
        ],
        "physical_backup_data": {
            "earliest_physical_backup_date_unix": 1_795_000_000, "latest_physical_backup_date_unix": 1_795_400_000,
        },
    })
}

#[tokio::test]
async fn a_backup_a_day_is_no_window_of_point_in_time_recovery() {
    let known = answered(vec![(200, answer(false)), (200, answer(true))]).await;
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let daily = vec![time("2026-11-23T03:00:00Z"), time("2026-11-24T03:00:00Z")];
    let second = |second| Some(Timestamp::from_second(second).unwrap());
    let window = Window {
        earliest: second(1_795_000_000),
        latest: second(1_795_400_000),
    };
    let points = |pitr| {
        Some(Ok(Points {
            pitr,
            daily: daily.clone(),
        }))
    };
    assert_eq!(known, [(points(None), None), (points(Some(window)), None)]);
}

#[tokio::test]
async fn a_platform_that_does_not_list_them_fails_nothing_and_takes_nothing_away() {
    let known = answered(vec![
        (403, Value::Null),
        (200, answer(true)),
        (500, Value::Null),
        (401, Value::Null),
    ])
    .await;
    let [
        (before, None),
        (listed, None),
        (after, None),
        (rejected, Some(CallError::Refused { status: 401, .. })),
    ] = &known[..]
    else {
        panic!("{known:?}");
    };
    assert!(matches!(before, Some(Err(says)) if says.contains("403")), "{before:?}");
    assert!(matches!(listed, Some(Ok(_))), "{listed:?}");
    assert_eq!((after, rejected), (listed, listed));
}
