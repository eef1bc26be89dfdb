//! The chart on a real node: pods that run, are replaced, killed and removed, and a project that does not notice.
//!
//! `ACE_NODE=1` runs it, with root, on Linux; what is missing is installed and built then, which takes a quarter of an hour once. `IMAGE`
//! names an image that `cargo xtask image` has made.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bed;
mod life;
mod pods;
mod project;
mod replicas;

use std::sync::Mutex;

/// Two nodes at once are too much for a machine of two cores.
static ONE: Mutex<()> = Mutex::new(());

#[test]
fn the_project_does_not_notice_an_upgrade_a_roll_back_a_removal_and_a_new_installation() {
    let name = "the_project_does_not_notice_an_upgrade_a_roll_back_a_removal_and_a_new_installation";
    bed::on_a_node(name, life::lives);
}

#[test]
fn of_two_pods_the_other_one_goes_on() {
    bed::on_a_node("of_two_pods_the_other_one_goes_on", replicas::goes_on);
}
