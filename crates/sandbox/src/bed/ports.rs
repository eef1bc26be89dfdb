//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::Rng;

/// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 elsewhere): a port that
/// is remembered over a restart is not taken by somebody's client meanwhile.
const RANGE: Range<u16> = 20_000..32_000;

/// The remembered port if it is free, else another free one. It is not held: who listens on it next, has it.
pub(super) fn free(remembered: Option<u16>) -> std::io::Result<u16> {
    if let Some(port) = remembered.filter(|port| is_free(*port)) {
        return Ok(port);
    }
    let mut random = rand::rng();
    (0..1_000)
        .map(|_| random.random_range(RANGE))
        .find(|port| is_free(*port))
        .ok_or_else(|| std::io::Error::other(format!("no free port among 1000 tried in {RANGE:?}")))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
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
}
