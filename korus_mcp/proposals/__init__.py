"""Services over catalog, booking and seating together: alternatives, seat plans."""
