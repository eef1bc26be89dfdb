//! Values that must never be printed.

use std::fmt;

use http::HeaderValue;

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
    /// Takes a token as it lies in a file or a Secret: surrounding white space (the line feed of `echo … | base64`) is
    /// dropped. The form is not checked further, as issuers add token forms.
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
    pub fn bearer(&self) -> HeaderValue {
        sensitive(&format!("Bearer {}", self.0))
    }

    /// The token alone, as headers such as `apikey` want it; marked likewise.
    pub fn plain(&self) -> HeaderValue {
        sensitive(&self.0)
    }

    /// `text` without any occurrence of this token: a server or a proxy may quote what it was sent.
    pub fn remove_from(&self, text: &str) -> String {
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

/// A text that must never be printed. It has no `Display` and no serialised form, and its `Debug` shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(String);

impl SecretString {
    /// Takes the text as it is, white space and all.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for what it is needed for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretString(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;
    use std::marker::PhantomData;

    use serde::Serialize;

    use super::{SecretString, Token, TokenError};
    use crate::secret_url::SecretUrl;

    /// What text forms a type has. A constant of the type itself is taken before that of a trait, and this type has one only
    /// where its bound holds.
    struct Forms<T>(PhantomData<T>);

    trait NoForm {
        const DISPLAYED: bool = false;
        const SERIALISED: bool = false;
    }

    impl<T> NoForm for Forms<T> {}

    impl<T: Display> Forms<T> {
        const DISPLAYED: bool = true;
    }

    impl<T: Serialize> Forms<T> {
        const SERIALISED: bool = true;
    }

    #[test]
    fn no_secret_can_be_displayed_or_serialised() {
        // So it would be found if one could.
        assert_eq!((Forms::<String>::DISPLAYED, Forms::<String>::SERIALISED), (true, true));
        let displayed = [
            Forms::<Token>::DISPLAYED,
            Forms::<SecretString>::DISPLAYED,
            Forms::<SecretUrl>::DISPLAYED,
        ];
        let serialised = [
            Forms::<Token>::SERIALISED,
            Forms::<SecretString>::SERIALISED,
            Forms::<SecretUrl>::SERIALISED,
        ];
        assert_eq!((displayed, serialised), ([false; 3], [false; 3]));
    }

    #[test]
    fn a_secret_text_shows_itself_only_when_asked() {
        let secret = SecretString::new(" canary\n");
        assert_eq!(format!("{secret:?} {secret:#?}"), "SecretString(..) SecretString(..)");
        assert_eq!(secret.reveal(), " canary\n");
    }

    #[test]
    fn a_token_never_shows_itself() {
        let token = Token::new(" sbp_canary\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
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
