"""The rules of the trade: quotes, holds, approvals, orders, tickets. No HTTP, no MCP."""
