//! A client of Supabase's Management API: typed, budgeted, outcome-aware.
