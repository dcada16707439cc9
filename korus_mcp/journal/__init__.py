"""What must be remembered of bookings: who owns what, what was approved, what was sent."""
