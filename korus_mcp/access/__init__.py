"""Who calls, and what exists for them."""
