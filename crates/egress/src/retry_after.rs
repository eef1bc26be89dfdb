//! How long a server asks to wait. Pure: the clock is an argument.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

/// `Retry-After`, as seconds or as an HTTP date, and never more than `longest`: one date in the wrong year would silence the
/// caller for good. A date that has passed means "now". `None` without the header, and when it is neither.
pub fn retry_after(headers: &HeaderMap, now: Timestamp, longest: Duration) -> Option<Duration> {
    seconds(headers, RETRY_AFTER.as_str(), longest).or_else(|| {
        let date = jiff::fmt::rfc2822::parse(text(headers, RETRY_AFTER.as_str())?).ok()?;
        let wait = Duration::try_from(date.timestamp().duration_since(now)).unwrap_or_default();
        Some(wait.min(longest))
    })
}

/// A header of whole seconds, such as `X-RateLimit-Reset`, and never more than `longest`. `None` without the header, and when
/// it is no such number. `name` is in lower case.
pub fn seconds(headers: &HeaderMap, name: &'static str, longest: Duration) -> Option<Duration> {
    let seconds = text(headers, name)?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(longest))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::{retry_after, seconds};

    const LONGEST: Duration = Duration::from_hours(1);

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_is_bounded() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let table = [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("3600", Some(3600)),
            ("3601", Some(3600)),
            ("1800000000", Some(3600)),
            ("Mon, 23 Nov 2026 10:00:09 GMT", Some(9)),
            ("Mon, 23 Nov 2026 10:00:00 GMT", Some(0)),
            ("Mon, 23 Nov 2026 09:00:00 GMT", Some(0)),
            ("Mon, 23 Nov 2026 11:00:01 GMT", Some(3600)),
            ("Tue, 23 Nov 2027 10:00:00 GMT", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (value, wait) in table {
            let found = retry_after(&headers("retry-after", value), now, LONGEST);
            assert_eq!(found, wait.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after(&headers("x-ratelimit-reset", "7"), now, LONGEST), None);
    }

    #[test]
    fn a_header_of_seconds_is_no_date_and_is_bounded() {
        let table = [
            ("42", Some(42)),
            ("1800000000", Some(3600)),
            ("1.5", None),
            ("Mon, 23 Nov 2026 10:00:09 GMT", None),
        ];
        for (value, wait) in table {
            let found = seconds(&headers("x-ratelimit-reset", value), "x-ratelimit-reset", LONGEST);
            assert_eq!(found, wait.map(Duration::from_secs), "{value:?}");
        }
    }
}
