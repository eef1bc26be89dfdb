//! Control plane, PostgreSQL and platform, started and stopped together.
