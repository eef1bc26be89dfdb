//! The only way out of the process over HTTP, and for mail.
//!
//! What a caller can rely on:
//! - **Only allowed hosts** ([`AllowedHosts`]) are connected to, and redirects are not followed.
//! - **One call is at most one request.** Nothing is repeated and nothing sleeps here.
//! - **Every call has a deadline, and every answer a size limit.** A failure says whether the server may have received the
//!   request ([`RequestError::sent`]).
//! - **Secrets have no text form**: [`Token`], [`SecretString`] and [`SecretUrl`] print their type's name only, and no error
//!   holds an address.

// What others send is read here: an index out of bounds must be an error of that sender, not a panic of the process.
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod allowed_hosts;
mod error;
mod http;
mod post;
mod retry_after;
mod secret;
mod secret_url;
mod smtp;

pub use allowed_hosts::{AllowedHosts, HostPatternError};
pub use error::{RequestError, Sent};
pub use http::{Connection, HttpClient, HttpError, Request, Response};
pub use post::{Post, Reply};
pub use reqwest::{Method, Url, multipart};
pub use retry_after::{retry_after, seconds};
pub use secret::{SecretString, Token, TokenError};
pub use secret_url::{SecretUrl, SecretUrlError};
pub use smtp::{Encryption, Login, Mail, MailCommand, MailError, MailReply, MailServer, SmtpClient, address};
