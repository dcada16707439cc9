"""Seat maps: zones and categories with the offers for them, as table, ranking and picture."""
