//! From a folder of SQL to what will be run and what is dangerous about it.
#![cfg(test)]

mod carried;
mod exposure;
mod firing;
mod folder;
mod foreseen;
mod gate;
mod hostile;
mod losses;
mod policies;
mod presence;
mod reading;
mod refusals;
mod risks;
mod split;
mod support;
