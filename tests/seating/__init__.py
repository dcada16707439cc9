"""Seat maps of every shape, and what is drawn, listed and ranked of them."""
