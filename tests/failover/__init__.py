"""Databases that fail over, are restored or killed under servers that order."""
