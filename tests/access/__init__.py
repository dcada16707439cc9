"""Which tools exist for whom."""
