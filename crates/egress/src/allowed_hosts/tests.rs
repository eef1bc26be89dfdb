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
fn only_a_pattern_for_mail_allows_a_mail_server_and_it_allows_nothing_else() {
    let table: [(&str, Places, Places); 6] = [
        (
            "smtp://smtp.lan",
            &[("smtp.lan", 587), ("SMTP.lan", 587)],
            &[
                ("smtp.lan", 25),
                ("smtp.lan", 465),
                ("smtp.lan.", 587),
                ("u@smtp.lan", 587),
                ("smtp.lan:587", 587),
                ("", 587),
            ],
        ),
        ("smtp://smtp.lan:465", &[("smtp.lan", 465)], &[("smtp.lan", 587)]),
        (
            "smtp://*.lan.io",
            &[("a.lan.io", 587)],
            &[("lan.io", 587), ("a.lan.io", 25)],
        ),
        (
            "smtp://127.0.0.1",
            &[("127.0.0.1", 1), ("2130706433", 587)],
            &[("localhost", 587)],
        ),
        (
            "smtp.lan",
            &[],
            &[("smtp.lan", 587), ("smtp.lan", 5432), ("smtp.lan", 443)],
        ),
        ("127.0.0.1", &[], &[("127.0.0.1", 587)]),
    ];
    for (pattern, yes, no) in table {
        let hosts = AllowedHosts::parse([pattern]).unwrap();
        for (places, expected) in [(yes, true), (no, false)] {
            for (host, port) in places {
                assert_eq!(hosts.allows_mail(host, *port), expected, "{pattern}: {host}:{port}");
            }
        }
    }
    let hosts = AllowedHosts::parse(["smtp://smtp.lan", "smtp://127.0.0.1"]).unwrap();
    assert!(!hosts.allows_database("smtp.lan", 587) && !hosts.allows_database("127.0.0.1", 5432));
    for url in [
        "https://smtp.lan",
        "http://smtp.lan",
        "https://smtp.lan:587",
        "http://127.0.0.1",
        "smtp://smtp.lan",
    ] {
        assert!(!hosts.allows(&Url::parse(url).unwrap()), "{url}");
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
