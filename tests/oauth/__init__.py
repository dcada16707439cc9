"""Sign-in with a real provider and real clients: `make oauth-test`."""
