//! Values that must never be printed.

use std::fmt;

use reqwest::header::HeaderValue;

/// An access token or an API key. It has no `Display`, and its `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a text cannot be a token. Neither variant holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing is left after trimming.
    #[error("the token is empty")]
    Empty,
    /// A space, a control character or something outside ASCII: it could not travel in a header.
    #[error("the token contains a character that is not visible ASCII")]
    Illegal,
}

impl Token {
    /// Takes a token as it lies in a Secret: surrounding white space (the line feed of `echo … | base64`) is dropped.
    /// The form is not checked further, as the platform has added token forms before.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Illegal);
        }
        Ok(Self(text.to_owned()))
    }

    /// `Bearer <token>`, marked so that HTTP libraries neither log it nor index it in HPACK tables.
    pub(crate) fn bearer(&self) -> HeaderValue {
        sensitive(&format!("Bearer {}", self.0))
    }

    /// The token alone, as the gateway's `apikey` header wants it.
    pub(crate) fn plain(&self) -> HeaderValue {
        sensitive(&self.0)
    }

    /// `text` without any occurrence of this token: a platform or a proxy may quote what it was sent.
    pub(crate) fn remove_from(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("a token is visible ASCII, checked by its constructor");
    value.set_sensitive(true);
    value
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// The digest that the platform shows instead of a secret's value: lower-case hex of SHA-256, unsalted, so it gives a short
/// value away. It can be compared, not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Token, TokenError};

    #[test]
    fn a_token_never_shows_itself() {
        let token = Token::new(" sbp_canary\n").unwrap();
        assert_eq!(
            format!("{token:?} {:?}", Digest::new("canary".into())),
            "Token(..) Digest(..)"
        );
        assert!(token.bearer().is_sensitive() && token.plain().is_sensitive());
        assert_eq!(token.bearer(), "Bearer sbp_canary");
        assert_eq!(
            token.remove_from("bad sbp_canary, sbp_canary!"),
            "bad [token], [token]!"
        );
    }

    #[test]
    fn what_cannot_travel_in_a_header_is_no_token() {
        assert_eq!(Token::new(" \n"), Err(TokenError::Empty));
        assert_eq!(Token::new("a b"), Err(TokenError::Illegal));
        assert_eq!(Token::new("a\r\nb"), Err(TokenError::Illegal));
        assert_eq!(Token::new("schlüssel"), Err(TokenError::Illegal));
    }
}
