mod acknowledged;
mod fixture;
mod model;
mod policies;
mod statuses;
mod turns;
