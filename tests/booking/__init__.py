"""The rules of the trade over the sandbox: quotes, holds, agreement, orders, tickets."""
