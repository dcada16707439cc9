"""Seat maps: zones and categories, tied to the offers that buy them."""
