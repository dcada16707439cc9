"""The test suite; it mirrors korus_mcp."""
