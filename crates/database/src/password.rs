use std::fmt;

/// A password. It has no `Display`, and its `Debug` shows no part of it.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(String);

/// Why a text can't be a password. Neither variant holds the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing is left without the line feed at its end.
    #[error("the password is empty")]
    Empty,
    /// The protocol ends a text at a NUL.
    #[error("the password contains a NUL")]
    Illegal,
}

impl Password {
    /// A password from a Secret: one line feed at its end (that of `echo … | base64`) is dropped, anything else may belong to
    /// it.
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.contains('\0') {
            return Err(PasswordError::Illegal);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, for the authentication.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Password, PasswordError};

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("canary").unwrap()), "Password(..)");
    }

    #[test]
    fn only_the_line_end_of_echo_is_no_part_of_a_password() {
        for (text, password) in [("a\n", "a"), ("a\r\n", "a"), (" a b ", " a b "), ("a\n\n", "a\n")] {
            assert_eq!(Password::new(text).unwrap().reveal(), password);
        }
    }

    #[test]
    fn what_the_protocol_cannot_send_is_no_password() {
        assert_eq!(Password::new("\n"), Err(PasswordError::Empty));
        assert_eq!(Password::new("a\0b"), Err(PasswordError::Illegal));
    }
}
