//! A function that misbehaves keeps its trouble to itself.

use std::time::Duration;

use ace_sandbox::runtime::{Deployment, Limits};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use futures::StreamExt;

use crate::support::{Bed, bed, bed_with, failure, ok, until};

const GOOD: &str = "Deno.serve(() => new Response('good'));";

/// Calls the bad one; meanwhile the good one answers every call.
async fn beside(bed: &Bed, bad: &Deployment) -> ((StatusCode, String), (StatusCode, String)) {
    let good = bed.function("good", GOOD);
    let started = bed.get(&good).await;
    let bad = bed.get(bad);
    tokio::pin!(bad);
    let mut calls = 0;
    loop {
        tokio::select! {
            biased;
            seen = &mut bad => {
                assert!(calls > 0, "the neighbour was never asked");
                return (seen, started);
            }
            seen = bed.get(&good) => {
                assert_eq!(seen, ok("good"));
                calls += 1;
            }
        }
    }
}

fn out_of_resources() -> (StatusCode, String) {
    failure(
        546,
        "WORKER_LIMIT",
        "Function failed due to not having enough compute resources (please check logs)",
    )
}

#[tokio::test]
async fn an_endless_loop_is_ended_and_the_neighbour_answers_meanwhile() {
    let bed = bed();
    let bad = bed.function("loops", "Deno.serve(() => { for (;;); });");
    assert_eq!(beside(&bed, &bad).await, (out_of_resources(), ok("good")));
    bed.logged(&bad, "CPU time limit reached").await;
}

#[tokio::test]
async fn a_loop_while_starting_is_ended_too() {
    // On a busy machine two seconds of CPU time can take longer than a start may.
    let limits = Limits {
        boot: Duration::from_hours(1),
        ..Limits::default()
    };
    let bed = bed_with(Duration::from_hours(1), limits);
    let bad = bed.function("loops", "for (;;);");
    assert_eq!(beside(&bed, &bad).await, (out_of_resources(), ok("good")));
}

#[tokio::test]
async fn eating_buffers_is_ended_and_the_neighbour_answers_meanwhile() {
    let bed = bed();
    let bad = bed.function(
        "hoards",
        "const kept = []; Deno.serve(async () => {
            for (;;) { kept.push(new Uint8Array(8 << 20).fill(1)); await new Promise((next) => setTimeout(next, 5)); }
        });",
    );
    assert_eq!(beside(&bed, &bad).await, (out_of_resources(), ok("good")));
    bed.logged(&bad, "Memory limit exceeded").await;
}

#[tokio::test]
async fn eating_objects_is_ended_and_the_neighbour_answers_meanwhile() {
    let bed = bed();
    let bad = bed.function(
        "heaps",
        "const kept = []; Deno.serve(() => { for (;;) kept.push({ a: [kept.length] }); });",
    );
    assert_eq!(beside(&bed, &bad).await, (out_of_resources(), ok("good")));
}

#[tokio::test]
async fn a_function_that_answers_many_calls_is_not_taken_for_a_loop() {
    let limits = Limits {
        cpu: Duration::from_millis(500),
        ..Limits::default()
    };
    let bed = bed_with(Duration::from_hours(1), limits);
    let busy = bed.function(
        "busy",
        "let spent = 0;
        Deno.serve(() => {
            const start = performance.now();
            while (performance.now() - start < 20);
            return new Response(String(spent += 20));
        });",
    );
    // Four times the limit in all, in small pieces.
    let spent = until("100 calls of one process", || async {
        let (status, body) = bed.get(&busy).await;
        assert_eq!(status, StatusCode::OK);
        body.parse().ok().filter(|spent: &u32| *spent >= 2000)
    })
    .await;
    assert_eq!(spent, 2000);
}

#[tokio::test]
async fn a_call_that_is_never_answered_gets_504_and_the_process_lives_on() {
    let limits = Limits {
        answer: Duration::from_millis(300),
        ..Limits::default()
    };
    let bed = bed_with(Duration::from_hours(1), limits);
    let slow = bed.function(
        "slow",
        "let calls = 0; Deno.serve(() => calls++ ? new Response('second') : new Promise(() => {}));",
    );
    let seen = (bed.get(&slow).await, bed.get(&slow).await);
    assert_eq!(
        seen,
        (
            failure(504, "IDLE_TIMEOUT", "Request idle timeout limit (0s) reached"),
            ok("second")
        )
    );
}

#[tokio::test]
async fn a_request_older_than_the_wall_clock_limit_ends_its_process() {
    let limits = Limits {
        wall: Duration::from_millis(600),
        ..Limits::default()
    };
    let bed = bed_with(Duration::from_hours(1), limits);
    let slow = bed.function("slow", "Deno.serve(() => new Promise(() => {}));");
    assert_eq!(bed.get(&slow).await, out_of_resources());
    bed.logged(&slow, "Wall clock time limit reached").await;
}

#[tokio::test]
async fn a_stream_that_a_limit_cuts_does_not_end_as_if_it_were_whole() {
    let bed = bed();
    let function = bed.function(
        "half",
        "Deno.serve(() => new Response(new ReadableStream({
            start(controller) {
                controller.enqueue(new TextEncoder().encode('half'));
                setTimeout(() => { for (;;); }, 50);
            },
        })));",
    );
    let request = Request::builder().uri("/half").body(Body::empty()).expect("a request");
    let mut body = bed
        .runtime
        .call(&function, request)
        .await
        .into_body()
        .into_data_stream();
    let first = body.next().await.expect("a part").expect("bytes");
    let cut = body.next().await.is_some_and(|part| part.is_err());
    assert_eq!((&first[..], cut), (&b"half"[..], true));
}
