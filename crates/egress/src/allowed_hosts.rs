//! Which hosts may be called. Platforms are namespaced objects, so without this list anybody who may write one could make
//! the operator call an address of their choice, with its network position.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

/// The hosts that may be called. An empty list allows nothing.
///
/// A pattern is `[scheme://]host[:port]`:
///
/// | pattern | allows URLs |
/// |---|---|
/// | `api.supabase.com` | `https` on port 443 of exactly this host |
/// | `api.supabase.com:8443` | `https` on this port |
/// | `*.supabase.co` | `https` on port 443 of every host below `supabase.co`, at any depth, but not of `supabase.co` |
/// | `http://platform.lan:8080` | `http` on exactly this port (80 when none is named): the only way to allow it off loopback |
/// | `localhost`, `127.0.0.1`, `[::1]` | `http` and `https`, on any port |
/// | `127.0.0.1:54321` | `http` and `https`, on this port |
/// | `https://127.0.0.1:54321` | as it says: `https`, on this port |
///
/// A pattern without a scheme allows the database on the same host, too: on port 5432, on the port that is named, or on any
/// port of a loopback host. `postgres://host[:port]` allows the database and no URL.
///
/// `smtp://host[:port]` allows the mail server, and nothing else does: on port 587, on the port that is named, or on any port of
/// a loopback host.
///
/// Names are compared as they are written, without a lookup: `localhost` does not allow `127.0.0.1`. A wildcard needs at
/// least two labels behind it and matches no address. A URL with a user name or password is never allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    patterns: Vec<Pattern>,
}

/// A pattern that is none; the pattern is an operator's flag, no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no host pattern: {problem}")]
pub struct HostPatternError {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it, and what to write instead.
    pub problem: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// The host as `Url` writes it; of a wildcard, the part behind `*`, with its dot.
    host: String,
    wildcard: bool,
    http: bool,
    https: bool,
    /// `None`: any port, on loopback only.
    port: Option<u16>,
    /// Where a database may be; on any port only of a loopback host.
    database: Ports,
    /// Where a mail server may be, likewise.
    mail: Ports,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ports {
    None,
    Any,
    One(u16),
}

/// Port of a database where none is named.
const POSTGRES: u16 = 5432;

/// Port of a mail server where none is named.
const SUBMISSION: u16 = 587;

impl AllowedHosts {
    /// Understands the patterns of a flag such as `--allow-api-host`; see the type for their form.
    pub fn parse<I: IntoIterator<Item = S>, S: AsRef<str>>(patterns: I) -> Result<Self, HostPatternError> {
        let patterns = patterns
            .into_iter()
            .map(|text| text.as_ref().parse())
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether this URL may be called.
    pub fn allows(&self, url: &Url) -> bool {
        url.username().is_empty() && url.password().is_none() && self.patterns.iter().any(|pattern| pattern.allows(url))
    }

    /// Whether the database on this host and port may be called.
    pub fn allows_database(&self, host: &str, port: u16) -> bool {
        self.allows_port(host, port, |pattern| pattern.database)
    }

    /// Whether the mail server on this host and port may be called.
    pub fn allows_mail(&self, host: &str, port: u16) -> bool {
        self.allows_port(host, port, |pattern| pattern.mail)
    }

    fn allows_port(&self, host: &str, port: u16, ports: impl Fn(&Pattern) -> Ports) -> bool {
        let name = normalised(host);
        name.is_some_and(|name| {
            let mut patterns = self.patterns.iter();
            patterns.any(|pattern| ports(pattern).have(port) && pattern.is_for(&name))
        })
    }
}

/// A host as the parser of the patterns normalises it; what is more than a host is none.
pub(crate) fn normalised(host: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{host}/")).ok();
    let url = url.filter(|url| is_bare(url, host))?;
    url.host_str().map(str::to_owned)
}

/// Nothing but a host was written.
fn is_bare(url: &Url, host: &str) -> bool {
    !host.contains(['/', '?', '#', '@', '\\']) && url.port().is_none() && host.trim() == host
}

impl Pattern {
    fn allows(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => self.https,
            "http" => self.http,
            _ => false,
        };
        let port = self.port.is_none() || self.port == url.port_or_known_default();
        scheme && port && url.host_str().is_some_and(|host| self.is_for(host))
    }

    fn is_for(&self, host: &str) -> bool {
        if self.wildcard {
            // `*` stands for at least one character, and an address ends in no pattern of two labels that are names.
            host.len() > self.host.len() && host.ends_with(&self.host)
        } else {
            host == self.host
        }
    }
}

impl Ports {
    fn have(self, port: u16) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::One(allowed) => allowed == port,
        }
    }

    /// The port that was written, any of a loopback host, else the usual one.
    fn of(written: Option<u16>, is_loopback: bool, usual: u16) -> Self {
        match written {
            Some(port) => Self::One(port),
            None if is_loopback => Self::Any,
            None => Self::One(usual),
        }
    }
}

impl FromStr for Pattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let refuse = |problem| HostPatternError {
            pattern: text.to_owned(),
            problem,
        };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https" | "postgres" | "smtp"), rest)) => (Some(scheme), rest),
            Some(_) => return Err(refuse("only http://, https://, postgres:// and smtp:// can be named")),
            None => (None, text),
        };
        let (wildcard, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // The parser that reads the URLs reads the pattern too, so both are normalised alike (case, IDNA, IPv6).
        let parsed_as = scheme.filter(|scheme| *scheme == "http").unwrap_or("https");
        let url = Url::parse(&format!("{parsed_as}://{rest}/")).map_err(|_| refuse("write host or host:port"))?;
        let host = url.host_str().unwrap_or_default();
        let beyond_host = url.path() != "/" || rest.contains(['/', '?', '#', '@', '\\']) || rest.trim() != rest;
        if host.is_empty() || host.contains('*') || beyond_host {
            return Err(refuse(
                "write host or host:port, without a path; '*' can only be the first label",
            ));
        }
        let address = is_address(host);
        if wildcard && (address || !host.contains('.') || host.ends_with('.')) {
            return Err(refuse(
                "a wildcard needs a domain of at least two labels, such as *.example.com",
            ));
        }
        // `Url` hides a port that is its scheme's default, so a written `:443` is looked for in the text.
        let written = rest
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .or(url.port());
        let loopback = !wildcard && is_loopback(host);
        let default = if scheme == Some("http") { 80 } else { 443 };
        Ok(Self {
            host: if wildcard { format!(".{host}") } else { host.to_owned() },
            wildcard,
            http: scheme == Some("http") || (scheme.is_none() && loopback),
            https: matches!(scheme, None | Some("https")),
            port: match written {
                None if loopback => None,
                written => Some(written.unwrap_or(default)),
            },
            database: match scheme {
                None | Some("postgres") => Ports::of(written, loopback, POSTGRES),
                _ => Ports::None,
            },
            mail: match scheme {
                Some("smtp") => Ports::of(written, loopback, SUBMISSION),
                _ => Ports::None,
            },
        })
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether this host, as `Url` writes it, is the machine itself by its very form.
pub(crate) fn is_loopback(host: &str) -> bool {
    let six = || host.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || six().is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
