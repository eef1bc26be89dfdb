//! How many requests one Platform may cost, and who goes first. Pure: the clock is an argument, and nothing waits here.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Whose request it is. What is lower in this list leaves a reserve for what is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// A change that a user asked for, and the looks that belong to it. Takes the last token.
    Change,
    /// Another try of what failed. Leaves an eighth of the budget, at least one token.
    Retry,
    /// The regular look, which can come later without harm. Leaves a quarter of the budget, at least two tokens.
    Look,
}

/// The right to send one request. It is spent by being taken: there is no refund, since what was tried may have arrived.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a token was taken for this request"]
pub struct Permit(());

/// What an answer's headers say about the platform's own limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// `X-RateLimit-Remaining`: requests left in the platform's window, ours and those of everybody else with this user.
    pub remaining: Option<u32>,
    /// `X-RateLimit-Reset`: time until that window ends.
    pub reset: Option<Duration>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// A bucket of `requestsPerMinute` tokens, each of which comes back one minute after it was taken.
///
/// So a full burst is possible after a rest, and yet no minute, wherever it begins, holds more requests than the rate; a
/// bucket that drips would allow twice as many in its first minute. One bucket for all endpoints, although the platform
/// counts each by itself: older wording of its limits counts per project, and this holds under both.
#[derive(Debug, Clone)]
pub struct Budget {
    rate: u32,
    /// When each token that is out was taken, oldest first.
    taken: VecDeque<Instant>,
    /// Until when the platform wants no request at all.
    blocked: Option<Instant>,
    /// What the platform's own window leaves: requests, and until when that counts.
    window: Option<(u32, Instant)>,
}

/// Requests that the platform takes in a minute, per endpoint.
const CONTRACT: u32 = 120;

const MINUTE: Duration = Duration::from_mins(1);

/// No header can silence a Platform for longer: a reset that was sent as a date instead of seconds would last for decades.
pub(crate) const LONGEST_BLOCK: Duration = Duration::from_mins(15);

impl Budget {
    /// A full bucket.
    pub fn new(requests_per_minute: NonZeroU32) -> Self {
        Self {
            rate: requests_per_minute.get(),
            taken: VecDeque::new(),
            blocked: None,
            window: None,
        }
    }

    /// Changes the rate at once. What was taken in the last minute stays taken.
    pub fn set_rate(&mut self, requests_per_minute: NonZeroU32) {
        self.rate = requests_per_minute.get();
    }

    /// The rate, in requests per minute.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Tokens that a [`Priority::Change`] could take now, blocked or not; for a gauge.
    pub fn left(&self, now: Instant) -> u32 {
        let out = self.taken.iter().filter(|&&taken| taken + MINUTE > now).count();
        self.rate.saturating_sub(u32::try_from(out).unwrap_or(u32::MAX))
    }

    /// Until when the platform wants no request, if it said so.
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.blocked.filter(|&until| until > now)
    }

    /// Takes a token, or says when to come again: the earliest time at which one can be had, if nobody else takes it.
    /// Never waits. `now` should not go back; if it does, tokens come back a little later.
    pub fn try_take(&mut self, priority: Priority, now: Instant) -> Result<Permit, Duration> {
        while self.taken.front().is_some_and(|&taken| taken + MINUTE <= now) {
            self.taken.pop_front();
        }
        self.blocked = self.blocked_until(now);
        self.window = self.window.filter(|&(_, until)| until > now);

        let needed = self.reserve(priority) as usize + 1;
        // So many of the oldest tokens have to be back before this one can go.
        let missing = (self.taken.len() + needed).saturating_sub(self.rate as usize);
        let ours = missing
            .checked_sub(1)
            .and_then(|index| self.taken.get(index))
            .map(|&taken| taken + MINUTE);
        let theirs = self
            .window
            .filter(|&(left, _)| (left as usize) < needed)
            .map(|(_, until)| until);
        if let Some(until) = ours.max(theirs).max(self.blocked) {
            return Err(until.saturating_duration_since(now));
        }
        self.taken.push_back(now);
        if let Some((left, _)) = &mut self.window {
            *left = left.saturating_sub(1);
        }
        Ok(Permit(()))
    }

    /// Learns from an answer that was no 429.
    pub fn answered(&mut self, limit: RateLimit, now: Instant) {
        // Without the end of the window there is no saying how long `remaining` counts.
        let (Some(remaining), Some(reset)) = (limit.remaining, limit.reset) else {
            return;
        };
        let until = now + reset.min(MINUTE);
        self.window = match self.window.filter(|&(_, end)| end > now) {
            // Answers overtake each other, and each endpoint has a count of its own: the least is the safe one.
            Some((left, end)) => Some((left.min(remaining), end)),
            None => Some((remaining, until)),
        };
    }

    /// Learns from a 429: no request until its time is over. Answers how long that is.
    pub fn refused(&mut self, limit: RateLimit, now: Instant) -> Duration {
        let again = limit
            .retry_after
            .or(limit.reset)
            .unwrap_or(MINUTE)
            .clamp(Duration::from_secs(1), LONGEST_BLOCK);
        self.blocked = self.blocked.max(Some(now + again));
        again
    }

    /// Tokens that this priority leaves; never so many that a full bucket could not serve it.
    fn reserve(&self, priority: Priority) -> u32 {
        // A rate beyond what the platform takes is one of tests, where time runs faster: what is kept for changes is still enough.
        let rate = self.rate.min(CONTRACT);
        let reserve = match priority {
            Priority::Change => 0,
            Priority::Retry => (rate / 8).max(1),
            Priority::Look => (rate / 4).max(2),
        };
        reserve.min(self.rate - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::{Budget, Permit, Priority, RateLimit};

    fn rate(requests_per_minute: u32) -> NonZeroU32 {
        NonZeroU32::new(requests_per_minute).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
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
            let granted = [Priority::Look, Priority::Retry, Priority::Change].map(|who| burst(&mut budget, who, now));
            assert_eq!(granted, [look, retry, change], "{per_minute} a minute");
            assert_eq!(budget.left(now), 0);
        }
    }

    #[test]
    fn a_refusal_says_exactly_when_the_next_token_is_back() {
        let now = Instant::now();
        let mut budget = Budget::new(rate(6));
        for second in 0..4 {
            assert_eq!(budget.try_take(Priority::Look, now + seconds(second)), Ok(Permit(())));
        }
        assert_eq!(budget.try_take(Priority::Look, now + seconds(10)), Err(seconds(50)));
        assert_eq!(budget.try_take(Priority::Retry, now + seconds(10)), Ok(Permit(())));
        // Two looks' tokens have to be back before a look leaves two again.
        assert_eq!(budget.try_take(Priority::Look, now + seconds(10)), Err(seconds(51)));
        assert_eq!(budget.try_take(Priority::Look, now + seconds(61)), Ok(Permit(())));
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
            assert_eq!(budget.try_take(Priority::Change, now), Err(seconds(again)), "{said:?}");
            assert_eq!(budget.blocked_until(now), Some(now + seconds(again)));
            assert_eq!(
                budget.try_take(Priority::Look, now + seconds(again)),
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
        assert_eq!(budget.try_take(Priority::Change, now), Err(seconds(30)));
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
            burst(&mut budget, Priority::Look, now),
            5,
            "a look leaves a quarter of our rate to changes"
        );
        assert_eq!(burst(&mut budget, Priority::Change, now), 15);
        assert_eq!(budget.try_take(Priority::Change, now + seconds(19)), Err(seconds(1)));
        assert_eq!(
            burst(&mut budget, Priority::Look, now + seconds(20)),
            25,
            "the window is over, our own minute is not"
        );
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
        assert_eq!(budget.try_take(Priority::Look, now), Ok(Permit(())));
    }

    #[test]
    fn the_rate_can_change_while_tokens_are_out() {
        let now = Instant::now();
        let mut budget = Budget::new(rate(60));
        assert_eq!(burst(&mut budget, Priority::Change, now), 60);
        budget.set_rate(rate(6));
        assert_eq!((budget.rate(), budget.left(now)), (6, 0));
        assert_eq!(budget.try_take(Priority::Change, now), Err(seconds(60)));
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
        let priority = prop_oneof![Just(Priority::Change), Just(Priority::Retry), Just(Priority::Look)];
        let event = prop_oneof![
            20 => priority.prop_map(Event::Take),
            1 => (0..130_u32, 0..70_u64).prop_map(|(remaining, reset)| Event::Answered(remaining, reset)),
            1 => any::<Option<u8>>().prop_map(|after| Event::Refused(after.map(u64::from))),
        ];
        let step = prop_oneof![Just(Duration::ZERO), (0..20_000_u64).prop_map(Duration::from_millis)];
        proptest::collection::vec((step, event), 0..300)
    }

    fn apply(budget: &mut Budget, event: &Event, now: Instant) -> Option<Result<Permit, Duration>> {
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
                if let (Some(Err(again)), &Event::Take(priority)) = (apply(&mut budget, event, now), event) {
                    prop_assert!(again > Duration::ZERO);
                    let just_before = now + again.saturating_sub(Duration::from_nanos(1));
                    let early = budget.clone().try_take(priority, just_before);
                    prop_assert_eq!(early, Err(Duration::from_nanos(1)));
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
                let grants = [Priority::Change, Priority::Retry, Priority::Look]
                    .map(|priority| budget.clone().try_take(priority, now).is_ok());
                prop_assert!(grants[0] >= grants[1] && grants[1] >= grants[2], "{:?}", grants);
                apply(&mut budget, event, now);
            }
        }
    }
}
