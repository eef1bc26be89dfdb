use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Budget, Deferral, Limiter, Permit, Priority, RateLimit};

fn rate(requests_per_minute: u32) -> NonZeroU32 {
    NonZeroU32::new(requests_per_minute).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn until(by: Limiter, again: u64) -> Result<Permit, Deferral> {
    Err(Deferral {
        again: seconds(again),
        by,
    })
}

/// How many requests of this priority a budget grants at one moment.
fn burst(budget: &mut Budget, priority: Priority, now: Instant) -> u32 {
    let mut granted = 0;
    while budget.try_take(priority, now).is_ok() {
        granted += 1;
    }
    granted
}

#[test]
fn each_priority_leaves_its_reserve_and_a_change_takes_the_last_token() {
    let now = Instant::now();
    for (per_minute, look, retry, change) in [
        (60, 45, 8, 7),
        (6, 4, 1, 1),
        (120, 90, 15, 15),
        (2_400, 2_370, 15, 15),
        (1, 1, 0, 0),
        (2, 1, 0, 1),
    ] {
        let mut budget = Budget::new(rate(per_minute));
        let granted = [Priority::Poll, Priority::Retry, Priority::Change].map(|who| burst(&mut budget, who, now));
        assert_eq!(granted, [look, retry, change], "{per_minute} a minute");
        assert_eq!(budget.left(now), 0);
    }
}

#[test]
fn a_refusal_says_exactly_when_the_next_token_is_back() {
    let now = Instant::now();
    let mut budget = Budget::new(rate(6));
    for second in 0..4 {
        assert_eq!(budget.try_take(Priority::Poll, now + seconds(second)), Ok(Permit(())));
    }
    assert_eq!(
        budget.try_take(Priority::Poll, now + seconds(10)),
        until(Limiter::Budget, 50)
    );
    assert_eq!(budget.try_take(Priority::Retry, now + seconds(10)), Ok(Permit(())));
    // Two looks' tokens have to be back before a look leaves two again.
    assert_eq!(
        budget.try_take(Priority::Poll, now + seconds(10)),
        until(Limiter::Budget, 51)
    );
    assert_eq!(budget.try_take(Priority::Poll, now + seconds(61)), Ok(Permit(())));
}

#[test]
fn a_429_blocks_everybody_until_its_time_is_over() {
    let now = Instant::now();
    let limit = |retry_after: Option<u64>, reset: Option<u64>| RateLimit {
        remaining: Some(0),
        reset: reset.map(seconds),
        retry_after: retry_after.map(seconds),
    };
    for (said, again) in [
        (limit(Some(7), Some(42)), 7),
        (limit(None, Some(42)), 42),
        (limit(None, None), 60),
        (limit(Some(0), None), 1),
        (limit(None, Some(1_800_000_000)), 900),
    ] {
        let mut budget = Budget::new(rate(60));
        assert_eq!(budget.refused(said, now), seconds(again));
        assert_eq!(
            budget.try_take(Priority::Change, now),
            until(Limiter::Platform, again),
            "{said:?}"
        );
        assert_eq!(budget.blocked_until(now), Some(now + seconds(again)));
        assert_eq!(
            budget.try_take(Priority::Poll, now + seconds(again)),
            Ok(Permit(())),
            "{said:?}"
        );
    }
}

#[test]
fn a_shorter_429_does_not_shorten_a_longer_one() {
    let now = Instant::now();
    let after = |again| RateLimit {
        retry_after: Some(seconds(again)),
        ..RateLimit::default()
    };
    let mut budget = Budget::new(rate(60));
    budget.refused(after(30), now);
    budget.refused(after(5), now);
    assert_eq!(budget.try_take(Priority::Change, now), until(Limiter::Platform, 30));
}

#[test]
fn what_others_have_used_of_the_platforms_window_is_not_ours_to_use() {
    let now = Instant::now();
    let said = |remaining| RateLimit {
        remaining: Some(remaining),
        reset: Some(seconds(20)),
        retry_after: None,
    };
    let mut budget = Budget::new(rate(60));
    budget.answered(said(20), now);
    budget.answered(said(110), now);
    assert_eq!(
        burst(&mut budget, Priority::Poll, now),
        5,
        "a look leaves a quarter of our rate to changes"
    );
    assert_eq!(burst(&mut budget, Priority::Change, now), 15);
    assert_eq!(
        budget.try_take(Priority::Change, now + seconds(19)),
        until(Limiter::Platform, 1)
    );
    assert_eq!(
        burst(&mut budget, Priority::Poll, now + seconds(20)),
        25,
        "the window is over, our own minute is not"
    );
}

#[test]
fn of_two_limits_the_one_that_ends_last_is_named() {
    let now = Instant::now();
    let blocked = |again| RateLimit {
        retry_after: Some(seconds(again)),
        ..RateLimit::default()
    };
    for (again, expected) in [(59, until(Limiter::Budget, 60)), (61, until(Limiter::Platform, 61))] {
        let mut budget = Budget::new(rate(1));
        assert_eq!(budget.try_take(Priority::Change, now), Ok(Permit(())));
        budget.refused(blocked(again), now);
        assert_eq!(budget.try_take(Priority::Change, now), expected);
    }
}

#[test]
fn remaining_without_the_end_of_its_window_teaches_nothing() {
    let now = Instant::now();
    let mut budget = Budget::new(rate(60));
    budget.answered(
        RateLimit {
            remaining: Some(0),
            ..RateLimit::default()
        },
        now,
    );
    assert_eq!(budget.try_take(Priority::Poll, now), Ok(Permit(())));
}

#[test]
fn the_rate_can_change_while_tokens_are_out() {
    let now = Instant::now();
    let mut budget = Budget::new(rate(60));
    assert_eq!(burst(&mut budget, Priority::Change, now), 60);
    budget.set_rate(rate(6));
    assert_eq!((budget.rate(), budget.left(now)), (6, 0));
    assert_eq!(budget.try_take(Priority::Change, now), until(Limiter::Budget, 60));
    budget.set_rate(rate(80));
    assert_eq!(burst(&mut budget, Priority::Change, now), 20);
}

#[derive(Debug, Clone)]
enum Event {
    Take(Priority),
    Answered(u32, u64),
    Refused(Option<u64>),
}

fn events() -> impl Strategy<Value = Vec<(Duration, Event)>> {
    let priority = prop_oneof![Just(Priority::Change), Just(Priority::Retry), Just(Priority::Poll)];
    let event = prop_oneof![
        20 => priority.prop_map(Event::Take),
        1 => (0..130_u32, 0..70_u64).prop_map(|(remaining, reset)| Event::Answered(remaining, reset)),
        1 => any::<Option<u8>>().prop_map(|after| Event::Refused(after.map(u64::from))),
    ];
    let step = prop_oneof![Just(Duration::ZERO), (0..20_000_u64).prop_map(Duration::from_millis)];
    proptest::collection::vec((step, event), 0..300)
}

fn apply(budget: &mut Budget, event: &Event, now: Instant) -> Option<Result<Permit, Deferral>> {
    match *event {
        Event::Take(priority) => return Some(budget.try_take(priority, now)),
        Event::Answered(remaining, reset) => {
            budget.answered(
                RateLimit {
                    remaining: Some(remaining),
                    reset: Some(seconds(reset)),
                    retry_after: None,
                },
                now,
            );
        }
        Event::Refused(after) => {
            budget.refused(
                RateLimit {
                    retry_after: after.map(seconds),
                    ..RateLimit::default()
                },
                now,
            );
        }
    }
    None
}

proptest! {
    #[test]
    fn no_minute_wherever_it_begins_holds_more_requests_than_the_rate(per_minute in 1..150_u32, events in events()) {
        let mut budget = Budget::new(rate(per_minute));
        let (mut now, mut granted) = (Instant::now(), Vec::new());
        for (step, event) in &events {
            now += *step;
            if let Some(Ok(_)) = apply(&mut budget, event, now) {
                granted.push(now);
                let window = granted.iter().filter(|&&at| at + seconds(60) > now).count();
                prop_assert!(window <= per_minute as usize);
                prop_assert_eq!(budget.left(now) as usize, per_minute as usize - window);
            }
        }
    }

    #[test]
    fn who_comes_at_the_time_that_was_told_is_served_and_nobody_is_before(per_minute in 1..150_u32, events in events()) {
        let mut budget = Budget::new(rate(per_minute));
        let mut now = Instant::now();
        for (step, event) in &events {
            now += *step;
            if let (Some(Err(Deferral { again, by })), &Event::Take(priority)) = (apply(&mut budget, event, now), event) {
                prop_assert!(again > Duration::ZERO);
                let just_before = now + again.saturating_sub(Duration::from_nanos(1));
                let early = budget.clone().try_take(priority, just_before);
                prop_assert_eq!(early, Err(Deferral { again: Duration::from_nanos(1), by }));
                prop_assert_eq!(budget.clone().try_take(priority, now + again), Ok(Permit(())));
            }
        }
    }

    #[test]
    fn what_is_granted_to_a_lower_priority_is_granted_to_a_higher_one(per_minute in 1..150_u32, events in events()) {
        let mut budget = Budget::new(rate(per_minute));
        let mut now = Instant::now();
        for (step, event) in &events {
            now += *step;
            let grants = [Priority::Change, Priority::Retry, Priority::Poll]
                .map(|priority| budget.clone().try_take(priority, now).is_ok());
            prop_assert!(grants[0] >= grants[1] && grants[1] >= grants[2], "{:?}", grants);
            apply(&mut budget, event, now);
        }
    }
}
