//! The platform's rate limit: 120 requests a minute per user, project and endpoint.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Requests in one window (documented by the platform).
pub(super) const LIMIT: u32 = 120;
/// Length of a window; it begins with its first request.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// Open windows by (project, endpoint). There is one user, so that users need no place in the key.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    windows: HashMap<(Option<String>, String), Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    taken: u32,
}

/// What the three headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// Whether this request may pass.
    pub(super) allowed: bool,
    /// `X-RateLimit-Remaining`.
    pub(super) remaining: u32,
    /// `X-RateLimit-Reset`: whole seconds, rounded up, until the window ends.
    pub(super) reset: u64,
}

impl Limiter {
    pub(super) fn take(&mut self, project: Option<&str>, endpoint: &str, now: Instant) -> Quota {
        let key = (project.map(str::to_owned), endpoint.to_owned());
        let window = self.windows.entry(key).or_insert(Window { began: now, taken: 0 });
        if now.duration_since(window.began) >= WINDOW {
            *window = Window { began: now, taken: 0 };
        }
        let allowed = window.taken < LIMIT;
        window.taken += u32::from(allowed);
        let left = WINDOW.saturating_sub(now.duration_since(window.began));
        Quota {
            allowed,
            remaining: LIMIT - window.taken,
            reset: left.as_millis().div_ceil(1000).try_into().unwrap_or(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Limiter, Quota};

    #[test]
    fn the_121st_request_of_a_minute_is_refused_until_the_window_ends() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(
            limiter.take(Some("a"), "GET x", at(0)),
            Quota {
                allowed: true,
                remaining: 119,
                reset: 60
            }
        );
        for _ in 1..120 {
            assert!(limiter.take(Some("a"), "GET x", at(1)).allowed);
        }
        assert_eq!(
            limiter.take(Some("a"), "GET x", at(30_500)),
            Quota {
                allowed: false,
                remaining: 0,
                reset: 30
            }
        );
        assert_eq!(
            limiter.take(Some("a"), "GET x", at(60_000)),
            Quota {
                allowed: true,
                remaining: 119,
                reset: 60
            }
        );
    }

    #[test]
    fn projects_and_endpoints_do_not_share_a_window() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let mut remaining = |project, endpoint| limiter.take(project, endpoint, now).remaining;
        let seen = [
            remaining(Some("a"), "x"),
            remaining(Some("b"), "x"),
            remaining(Some("a"), "y"),
            remaining(None, "x"),
        ];
        assert_eq!(seen, [119; 4]);
        assert_eq!(remaining(Some("a"), "x"), 118);
    }
}
