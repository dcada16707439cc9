"""The interactive pages (MCP Apps): sources in src/, and in built/ what is served."""
