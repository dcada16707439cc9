"""Whole conversations, from a wish to tickets in hand."""
