//! Addresses that must never be printed.

use std::cmp::Reverse;
use std::fmt;

use reqwest::Url;

/// An address whose every part is a secret, such as that of a webhook: whoever knows it may write there. It has no `Display`
/// and no serialised form, and its `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

/// Why a text cannot be such an address. No variant holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretUrlError {
    /// Nothing is left after trimming.
    #[error("the URL is empty")]
    Empty,
    /// It does not parse.
    #[error("the text is not a URL")]
    Illegal,
    /// Neither `http` nor `https`.
    #[error("the URL does not begin with https:// or http://")]
    Scheme,
    /// Such URLs are never allowed.
    #[error("the URL has a user name or a password in it")]
    Credentials,
}

/// In bytes. What is shorter is a word such as `hooks` or `v1`, and no secret.
const SHORTEST_SECRET: usize = 6;

impl SecretUrl {
    /// Takes an address as it lies in a file or a Secret: surrounding white space (the line feed of `echo … | base64`) is
    /// dropped. Whether its host is allowed is found at each call.
    pub fn new(text: &str) -> Result<Self, SecretUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretUrlError::Empty);
        }
        let mut url = Url::parse(text).map_err(|_| SecretUrlError::Illegal)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SecretUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SecretUrlError::Credentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// `text` without this address, its path and query, and those parts of them that could be secret by themselves: an error
    /// page quotes what it was asked for.
    pub fn remove_from(&self, text: &str) -> String {
        let (path, query) = (self.0.path(), self.0.query().unwrap_or_default());
        let parts = path.split('/').chain(query.split(['&', '=']));
        let decoded = self.0.query_pairs().flat_map(|(key, value)| [key, value]);
        let mut secrets: Vec<String> = parts.map(str::to_owned).chain(decoded.map(Into::into)).collect();
        secrets.retain(|part| part.len() >= SHORTEST_SECRET);
        secrets.push(self.0.as_str().to_owned());
        secrets.extend((!query.is_empty()).then(|| format!("{path}?{query}")));
        secrets.extend((path != "/").then(|| path.to_owned()));
        // The longest first: what is removed must not leave the rest of something longer.
        secrets.sort_unstable_by_key(|secret| Reverse(secret.len()));
        secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "[url]"))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretUrl(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretUrl, SecretUrlError};

    #[test]
    fn a_secret_address_never_shows_itself() {
        let url = SecretUrl::new(" https://hooks.example.com/canary\n").unwrap();
        assert_eq!(format!("{url:?} {url:#?}"), "SecretUrl(..) SecretUrl(..)");
        assert_eq!(url.url().as_str(), "https://hooks.example.com/canary");
    }

    #[test]
    fn what_cannot_be_called_is_no_address_and_is_not_quoted() {
        for (text, error) in [
            (" \n", SecretUrlError::Empty),
            ("canary", SecretUrlError::Illegal),
            ("https://", SecretUrlError::Illegal),
            ("ftp://hooks.example.com/canary", SecretUrlError::Scheme),
            ("data:text/plain,canary", SecretUrlError::Scheme),
            ("https://canary@hooks.example.com", SecretUrlError::Credentials),
            ("https://:canary@hooks.example.com", SecretUrlError::Credentials),
        ] {
            assert_eq!(SecretUrl::new(text), Err(error), "{text:?}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn no_part_of_an_address_that_could_be_secret_stays_in_a_text() {
        let url = SecretUrl::new("https://hooks.example.com/v1/T0canary/B0canary?sig=c4n%2Bary&v=2#part").unwrap();
        for (text, clean) in [
            (
                "POST https://hooks.example.com/v1/T0canary/B0canary?sig=c4n%2Bary&v=2 failed",
                "POST [url] failed",
            ),
            (
                "Cannot POST /v1/T0canary/B0canary?sig=c4n%2Bary&v=2",
                "Cannot POST [url]",
            ),
            ("no route for /v1/T0canary/B0canary", "no route for [url]"),
            ("no hook B0canary in T0canary", "no hook [url] in [url]"),
            ("sig c4n+ary or c4n%2Bary", "sig [url] or [url]"),
            (
                r"https:\/\/hooks.example.com\/v1\/T0canary\/B0canary",
                r"https:\/\/hooks.example.com\/v1\/[url]\/[url]",
            ),
            ("v1 of hooks.example.com: ok", "v1 of hooks.example.com: ok"),
        ] {
            assert_eq!(url.remove_from(text), clean);
        }
        let short = SecretUrl::new("https://hooks.example.com/k3y").unwrap();
        assert_eq!(short.remove_from("Cannot POST /k3y"), "Cannot POST [url]");
        let bare = SecretUrl::new("https://hooks.example.com").unwrap();
        assert_eq!(
            bare.remove_from("Cannot POST / and/or GET /?"),
            "Cannot POST / and/or GET /?"
        );
    }
}
