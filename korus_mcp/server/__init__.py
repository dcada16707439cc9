"""The composition root, and what a request passes before it is a call."""
