"""What joins catalog, booking and seating: alternatives, seat plans."""
