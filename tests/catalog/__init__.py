"""The catalog mirror: how it is filled, kept, searched and asked for days and prices."""
