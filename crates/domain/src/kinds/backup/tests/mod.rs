mod convergence;
mod decisions;
mod fixture;
mod inputs;
mod outcomes;
mod statuses;
