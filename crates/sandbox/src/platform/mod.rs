//! The Management API, the gateway and the admin listener.
