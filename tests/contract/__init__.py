"""The working contract of the API, and what is generated from it."""
