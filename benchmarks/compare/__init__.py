"""korus-mcp beside what one would use instead: the same booking and the same ten faults."""
