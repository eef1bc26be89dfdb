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
    database: DatabasePort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabasePort {
    None,
    Any,
    One(u16),
}

/// Port of a database where none is named.
const POSTGRES: u16 = 5432;

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
        // The parser of the patterns normalises the host as it did theirs; what is more than a host is none.
        let url = Url::parse(&format!("https://{host}/")).ok();
        let name = url.as_ref().filter(|url| is_bare(url, host)).and_then(Url::host_str);
        name.is_some_and(|name| self.patterns.iter().any(|pattern| pattern.allows_database(name, port)))
    }
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

    fn allows_database(&self, host: &str, port: u16) -> bool {
        let on_port = match self.database {
            DatabasePort::None => false,
            DatabasePort::Any => true,
            DatabasePort::One(allowed) => allowed == port,
        };
        on_port && self.is_for(host)
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

impl FromStr for Pattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let refuse = |problem| HostPatternError {
            pattern: text.to_owned(),
            problem,
        };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https" | "postgres"), rest)) => (Some(scheme), rest),
            Some(_) => return Err(refuse("only http://, https:// and postgres:// can be named")),
            None => (None, text),
        };
        let (wildcard, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // The parser that reads the URLs reads the pattern too, so both are normalised alike (case, IDNA, IPv6).
        let parsed_as = scheme.filter(|scheme| *scheme != "postgres").unwrap_or("https");
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
            database: match (scheme, written) {
                (Some("http" | "https"), _) => DatabasePort::None,
                (_, Some(port)) => DatabasePort::One(port),
                (_, None) if loopback => DatabasePort::Any,
                (_, None) => DatabasePort::One(POSTGRES),
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
mod tests {
    use reqwest::Url;

    use super::AllowedHosts;

    type Places = &'static [(&'static str, u16)];

    fn allows(pattern: &str, url: &str) -> bool {
        AllowedHosts::parse([pattern])
            .unwrap()
            .allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn each_pattern_allows_what_its_documentation_says_and_nothing_else() {
        let table: [(&str, &[&str], &[&str]); 11] = [
            (
                "api.supabase.com",
                &["https://api.supabase.com/v1", "https://API.supabase.com:443"],
                &[
                    "http://api.supabase.com",
                    "https://api.supabase.com:8443",
                    "https://api.supabase.com.evil.io",
                    "https://xapi.supabase.com",
                    "https://api.supabase.com@evil.io",
                    "https://evil.io/api.supabase.com",
                    "https://user@api.supabase.com",
                    "https://:pass@api.supabase.com",
                    "https://api.supabase.com.",
                    "ftp://api.supabase.com",
                ],
            ),
            (
                "*.supabase.co",
                &["https://a.supabase.co", "https://a.b.supabase.co/x"],
                &[
                    "https://supabase.co",
                    "https://xsupabase.co",
                    "http://a.supabase.co",
                    "https://a.supabase.co:444",
                ],
            ),
            (
                "api.lan:8443",
                &["https://api.lan:8443"],
                &["https://api.lan", "http://api.lan:8443"],
            ),
            (
                "api.lan:443",
                &["https://api.lan"],
                &["https://api.lan:444", "http://api.lan"],
            ),
            (
                "http://api.lan:8080",
                &["http://api.lan:8080/x"],
                &["https://api.lan:8080", "http://api.lan"],
            ),
            (
                "http://api.lan",
                &["http://api.lan"],
                &["https://api.lan", "http://api.lan:8080"],
            ),
            (
                "localhost",
                &["http://localhost:1", "https://localhost"],
                &["http://127.0.0.1", "http://localhost.evil.io", "http://x.localhost"],
            ),
            (
                "127.0.0.1:54321",
                &[
                    "http://127.0.0.1:54321",
                    "https://127.0.0.1:54321",
                    "http://2130706433:54321",
                ],
                &[
                    "http://127.0.0.1",
                    "http://127.0.0.1:54322",
                    "http://localhost:54321",
                    "http://127.0.0.2:54321",
                ],
            ),
            ("https://127.0.0.1:5", &["https://127.0.0.1:5"], &["http://127.0.0.1:5"]),
            ("[::1]", &["http://[::1]:9", "https://[0:0::1]"], &["http://[::2]:9"]),
            (
                "10.0.0.7",
                &["https://10.0.0.7"],
                &["http://10.0.0.7", "https://10.0.0.7:8443"],
            ),
        ];
        for (pattern, yes, no) in table {
            for url in yes {
                assert!(allows(pattern, url), "{pattern} should allow {url}");
            }
            for url in no {
                assert!(!allows(pattern, url), "{pattern} should not allow {url}");
            }
        }
    }

    #[test]
    fn a_database_is_allowed_where_a_pattern_names_its_host_and_port() {
        let table: [(&str, Places, Places); 8] = [
            (
                "*.supabase.co",
                &[("db.abc.supabase.co", 5432), ("DB.abc.Supabase.co", 5432)],
                &[
                    ("supabase.co", 5432),
                    ("db.abc.supabase.co", 443),
                    ("db.abc.supabase.co", 6543),
                    ("db.abc.supabase.co.", 5432),
                    ("evil.io/.supabase.co", 5432),
                    ("evil.io#.supabase.co", 5432),
                    ("evil.io?.supabase.co", 5432),
                    ("evil.io\\.supabase.co", 5432),
                    ("u@x.supabase.co", 5432),
                    ("", 5432),
                ],
            ),
            (
                "db.lan:5433",
                &[("db.lan", 5433)],
                &[("db.lan", 5432), ("db.lan:5433", 5433), ("db.lan", 443)],
            ),
            ("db.lan:443", &[("db.lan", 443)], &[("db.lan", 5432)]),
            ("https://db.lan", &[], &[("db.lan", 5432), ("db.lan", 443)]),
            ("http://db.lan:5432", &[], &[("db.lan", 5432)]),
            ("postgres://db.lan", &[("db.lan", 5432)], &[("db.lan", 5433)]),
            ("postgres://db.lan:5433", &[("db.lan", 5433)], &[("db.lan", 5432)]),
            (
                "127.0.0.1",
                &[("127.0.0.1", 5432), ("127.0.0.1", 40000), ("2130706433", 1)],
                &[("localhost", 5432), ("127.0.0.2", 5432)],
            ),
        ];
        for (pattern, yes, no) in table {
            let hosts = AllowedHosts::parse([pattern]).unwrap();
            for (host, port) in yes {
                assert!(
                    hosts.allows_database(host, *port),
                    "{pattern} should allow {host}:{port}"
                );
            }
            for (host, port) in no {
                assert!(
                    !hosts.allows_database(host, *port),
                    "{pattern} should not allow {host}:{port}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_for_a_database_allows_no_url() {
        for url in [
            "https://db.lan",
            "http://db.lan",
            "https://db.lan:5432",
            "postgres://db.lan",
        ] {
            assert!(!allows("postgres://db.lan", url), "{url}");
        }
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        assert!(!AllowedHosts::default().allows(&Url::parse("https://api.supabase.com").unwrap()));
        assert!(!AllowedHosts::default().allows_database("localhost", 5432));
    }

    #[test]
    fn a_pattern_that_would_allow_more_than_it_shows_is_refused() {
        for pattern in [
            "",
            "*",
            "*.",
            "*.com",
            "*.com.",
            "*.127.0.0.1",
            "*.[::1]",
            "a.*.com",
            "*.*.com",
            "https://",
            "ftp://a.com",
            "postgres://",
            "postgres://*.com",
            "postgres://user@a.com",
            "postgres://a.com/postgres",
            "a.com/path",
            "a.com?x",
            "a.com#x",
            "user@a.com",
            "a.com:port",
            "a.com:70000",
            " a.com",
            "http://*",
        ] {
            assert!(AllowedHosts::parse([pattern]).is_err(), "{pattern:?} should be refused");
        }
        assert_eq!(
            AllowedHosts::parse(["*.com"]).unwrap_err().to_string(),
            "\"*.com\" is no host pattern: a wildcard needs a domain of at least two labels, such as *.example.com"
        );
    }
}
