//! Receives spans.
