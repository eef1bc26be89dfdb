//! The edge runtime with the real Deno.

#[path = "runtime/answers.rs"]
mod answers;
#[path = "runtime/check.rs"]
mod check;
#[path = "runtime/lives.rs"]
mod lives;
#[path = "runtime/neighbours.rs"]
mod neighbours;
#[path = "runtime/support.rs"]
mod support;
