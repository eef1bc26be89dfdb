//! Free ports on loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rand::Rng;

/// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 elsewhere): a port that
/// is remembered over a restart is not taken by somebody's client meanwhile.
const RANGE: Range<u16> = 20_000..32_000;

/// What this process has chosen, and by what others see that. Beds that start side by side would else choose one port twice, as
/// it is listened on only later.
static CHOSEN: Mutex<BTreeMap<u16, Claim>> = Mutex::new(BTreeMap::new());

/// The remembered port if it is free, else another free one. It is not held: who listens on it next, has it.
pub(super) fn free(remembered: Option<u16>) -> std::io::Result<u16> {
    let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let own = remembered.filter(|port| chosen.contains_key(port) && is_free(*port));
    if let Some(port) = own {
        return Ok(port);
    }
    let mut random = rand::rng();
    let others = (0..1_000).map(|_| random.random_range(RANGE));
    for port in remembered.into_iter().chain(others) {
        if !chosen.contains_key(&port)
            && is_free(port)
            && let Some(claim) = claim(port)
        {
            chosen.insert(port, claim);
            return Ok(port);
        }
    }
    Err(std::io::Error::other(format!(
        "no free port among 1000 tried in {RANGE:?}"
    )))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A name that only one process of a network can have, and that goes with it.
#[cfg(target_os = "linux")]
type Claim = std::os::unix::net::UnixListener;

#[cfg(target_os = "linux")]
fn claim(port: u16) -> Option<Claim> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

    let name = SocketAddr::from_abstract_name(format!("ace-dev/port/{port}")).ok()?;
    Claim::bind_addr(&name).ok()
}

#[cfg(not(target_os = "linux"))]
type Claim = ();

#[cfg(not(target_os = "linux"))]
fn claim(_: u16) -> Option<Claim> {
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_port_is_kept_while_it_is_free_and_given_up_when_it_is_not() {
        let port = free(None).unwrap();
        assert_eq!(free(Some(port)).unwrap(), port);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(free(Some(port)).unwrap(), port);
        drop(held);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_that_another_process_has_chosen_is_left_to_it() {
        let port = free(None).unwrap();
        let theirs = CHOSEN.lock().unwrap().remove(&port);
        assert_ne!(free(Some(port)).unwrap(), port, "nobody listens there yet");
        drop(theirs);
        assert_eq!(free(Some(port)).unwrap(), port);
    }
}
