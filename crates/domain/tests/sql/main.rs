//! From a folder of SQL to what will be run and what is dangerous about it.
#![cfg(test)]

mod folder;
mod hostile;
mod reading;
mod refusals;
mod risks;
mod split;
mod support;
