//! Rings of messages over memory that is lent.
