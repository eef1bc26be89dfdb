mod expiry;
mod fixture;
mod health;
mod slots;
mod values;
