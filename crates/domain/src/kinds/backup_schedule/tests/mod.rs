mod drill_slots;
mod drills;
mod expiry;
mod fixture;
mod health;
mod points;
mod slots;
mod values;
