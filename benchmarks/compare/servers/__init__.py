"""Programs that are started as servers beside korus-mcp."""
