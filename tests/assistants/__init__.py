"""Twelve booking tasks as people write them, and the door at which an assistant is put to them."""
