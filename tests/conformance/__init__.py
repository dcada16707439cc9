"""The official conformance suite of the protocol, run against this server (`make conformance`)."""
