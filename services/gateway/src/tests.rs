mod admin;
mod bad_input;
mod harness;
mod identity;
mod orders;
mod running;
