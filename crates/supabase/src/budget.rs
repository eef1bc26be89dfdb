//! How many requests one Platform may cost, and who goes first. Pure: the clock is an argument, and nothing waits here.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Whose request it is. What is lower in this list leaves a reserve for what is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// A change that a user asked for, and the reads that belong to it. Takes the last token.
    Change,
    /// Another try of what failed. Leaves an eighth of the budget, at least one token.
    Retry,
    /// A regular poll, which can come later without harm. Leaves a quarter of the budget, at least two tokens.
    Poll,
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
    pub retry_after: Option<Duration>,
}

/// Why a request has to wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deferral {
    /// Time until the earliest moment at which it can be otherwise.
    pub again: Duration,
    /// Whose limit it is; of two that end at different times, the one that ends last.
    pub by: Limiter,
}

/// Whose limit a request has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limiter {
    /// Our own `requestsPerMinute`.
    Budget,
    /// The platform's: it answered 429, or its window has no request left.
    Platform,
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
    pub fn try_take(&mut self, priority: Priority, now: Instant) -> Result<Permit, Deferral> {
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
        let theirs = theirs.max(self.blocked);
        if let Some(until) = ours.max(theirs) {
            return Err(Deferral {
                again: until.saturating_duration_since(now),
                by: if theirs == Some(until) {
                    Limiter::Platform
                } else {
                    Limiter::Budget
                },
            });
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
            Priority::Poll => (rate / 4).max(2),
        };
        reserve.min(self.rate - 1)
    }
}

#[cfg(test)]
mod tests;
