//! The local platform: Management API, edge runtime, and the bed around them.
