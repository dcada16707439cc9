"""Real processes that are really killed, and wires that really break."""
