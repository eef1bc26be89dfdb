//! What the scan finds is what a parser finds.

mod cases;
mod differential;
mod grammar;
mod parser;
