//! How much is told: that a wait goes on, of a fleet in few lines, and every event as data.
