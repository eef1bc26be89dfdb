mod convergence;
mod decisions;
mod drift;
mod fixture;
mod inputs;
mod outcomes;
mod statuses;
mod workers;
