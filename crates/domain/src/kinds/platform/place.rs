//! Which server an address reaches.

use ace_api::Platform;
use url::Url;

use crate::reconcile::dependency::Dependency;

/// The project of a Platform, by the server of its Management API: however it is spelled, one server is one place.
pub fn project(object: &Platform) -> Dependency {
    Dependency::Project {
        api: place(&object.spec.api.url),
        project: object.spec.project.clone(),
    }
}

/// Scheme, host and port, in the one spelling that all of the same server have.
pub(crate) fn place(address: &str) -> String {
    let Ok(url) = Url::parse(address) else {
        // Never happens: the definition demands an origin.
        return address.to_owned();
    };
    // A dot at the end says that the name is complete; it is the same name without.
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}", url.scheme())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, prop_assert_eq, prop_assert_ne, proptest};

    use super::place;

    /// The name with some letters in upper case, and perhaps a dot at its end.
    fn spelled(name: &str, upper: &[bool], dot: bool) -> String {
        let letter = |(letter, upper): (char, &bool)| if *upper { letter.to_ascii_uppercase() } else { letter };
        let name: String = name.chars().zip(upper.iter().cycle()).map(letter).collect();
        if dot { name + "." } else { name }
    }

    proptest! {
        #[test]
        fn any_two_spellings_that_reach_one_server_are_one_place(
            name in "[a-z][a-z0-9]{0,8}([.-][a-z][a-z0-9]{0,8}){0,3}",
            upper in vec(any::<bool>(), 1..20),
            dot in any::<bool>(),
            secure in any::<bool>(),
            zeros in 0..2_usize,
            port in 0..3_usize,
        ) {
            let (scheme, default) = if secure { ("https", 443) } else { ("http", 80) };
            let plain = format!("{scheme}://{name}");
            let ports = [String::new(), format!(":{}{default}", "0".repeat(zeros)), format!(":{default}")];
            let other = format!("{scheme}://{}{}", spelled(&name, &upper, dot), ports[port]);
            prop_assert_eq!(place(&plain), place(&other), "{} and {}", plain, other);
            prop_assert_ne!(place(&plain), place(&format!("{plain}:8443")));
            prop_assert_ne!(place(&plain), place(&format!("{scheme}://x{name}")));
        }

        #[test]
        fn an_address_is_one_place_however_its_numbers_are_written(address in any::<u32>(), port in 1_u16.., dot in any::<bool>()) {
            let [a, b, c, d] = address.to_be_bytes();
            let plain = place(&format!("http://{a}.{b}.{c}.{d}:{port}"));
            let dot = if dot { "." } else { "" };
            for other in [
                format!("{a}.{b}.{c}.{d}"),
                format!("0x{a:x}.{b}.{c}.0{d:o}"),
                format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
                format!("{address}"),
                format!("0x{address:08X}"),
            ] {
                prop_assert_eq!(&plain, &place(&format!("http://{other}{dot}:{port}")), "{}", other);
            }
        }
    }

    #[test]
    fn other_servers_are_other_places() {
        let places = [
            "http://api.supabase.com",
            "https://api.supabase.com",
            "https://api.supabase.co",
        ]
        .map(place);
        assert!(places[0] != places[1] && places[1] != places[2]);
    }
}
