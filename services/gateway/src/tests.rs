mod admin;
mod bad_input;
mod harness;
mod orders;
mod running;
