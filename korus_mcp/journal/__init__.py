"""The journal: a record of bookings, of who owns what, what was approved and what was sent."""
