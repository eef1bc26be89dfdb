//! Verifies Standard Webhooks: <https://www.standardwebhooks.com>.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How far the sender's clock may be off, in seconds: as in the standard's own libraries.
const TOLERANCE: u64 = 5 * 60;

/// Whether a request is signed under `secret` now; else the status and the reason.
pub(super) fn verify(headers: &HeaderMap, body: &[u8], secret: &str, now: i64) -> Result<(), (u16, &'static str)> {
    let header = |name: &str, missing| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| !value.is_empty()).ok_or((400, missing))
    };
    let id = header("webhook-id", "webhook-id is missing")?;
    let time = header("webhook-timestamp", "webhook-timestamp is missing")?;
    let signatures = header("webhook-signature", "webhook-signature is missing")?;
    let seconds: i64 = time
        .parse()
        .map_err(|_| (400, "webhook-timestamp is no number of seconds"))?;
    if now.abs_diff(seconds) > TOLERANCE {
        return Err((401, "webhook-timestamp is more than five minutes off"));
    }
    let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let key = key.ok_or((500, "the receiver has no valid secret"))?;
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", body].concat();
    let matches = |signature: &str| {
        let Some(("v1", encoded)) = signature.split_once(',') else {
            return false;
        };
        let mac = Hmac::<Sha256>::new_from_slice(&key).map(|mac| mac.chain_update(&signed));
        STANDARD
            .decode(encoded)
            .is_ok_and(|code| mac.is_ok_and(|mac| mac.verify_slice(&code).is_ok()))
    };
    if !signatures.split(' ').any(matches) {
        return Err((401, "no signature matches"));
    }
    let json: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(body);
    json.map(drop).map_err(|_| (400, "the body is not JSON"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::verify;

    const NOW: i64 = 1_614_265_330;
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    /// From the tests of Standard Webhooks' JavaScript library.
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(changes: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", SIGNATURE),
        ];
        for (name, value) in usual.iter().chain(changes) {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    fn with(changes: &[(&'static str, &str)]) -> Result<(), (u16, &'static str)> {
        verify(&headers(changes), BODY, SECRET, NOW)
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        for signatures in [
            SIGNATURE.to_owned(),
            format!("{other} v1a,whatever {SIGNATURE} {other}"),
            format!("nonsense {SIGNATURE}"),
        ] {
            assert_eq!(with(&[("webhook-signature", &signatures)]), Ok(()), "{signatures}");
        }
    }

    #[test]
    fn what_is_not_signed_so_is_refused() {
        let refused = Err((401, "no signature matches"));
        for signature in [
            "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
            "v1,g0hM9SsE",
            "v1,",
            &SIGNATURE.replace("v1", "v2"),
            &SIGNATURE[3..],
        ] {
            assert_eq!(with(&[("webhook-signature", signature)]), refused, "{signature}");
        }
        assert_eq!(with(&[("webhook-id", "msg_other")]), refused);
        assert_eq!(with(&[("webhook-timestamp", "1614265331")]), refused);
        assert_eq!(verify(&headers(&[]), br#"{"test":2432232314}"#, SECRET, NOW), refused);
        let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        assert_eq!(verify(&headers(&[]), BODY, other, NOW), refused);
    }

    #[test]
    fn a_message_is_good_for_five_minutes_on_either_side() {
        let at = |now| verify(&headers(&[]), BODY, SECRET, now);
        let refused = Err((401, "webhook-timestamp is more than five minutes off"));
        assert_eq!([at(NOW - 300), at(NOW + 300)], [Ok(()); 2]);
        assert_eq!([at(NOW - 301), at(NOW + 301)], [refused; 2]);
        let odd = Err((400, "webhook-timestamp is no number of seconds"));
        assert_eq!(with(&[("webhook-timestamp", "soon")]), odd);
    }

    #[test]
    fn every_header_is_needed() {
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let refused = Err((400, format!("{name} is missing")));
            let mut without = headers(&[]);
            without.remove(name);
            for headers in [without, headers(&[(name, "")])] {
                let verified = verify(&headers, BODY, SECRET, NOW);
                assert_eq!(verified.map_err(|(status, words)| (status, words.to_owned())), refused);
            }
        }
    }
}
