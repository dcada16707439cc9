"""Several servers of one journal, ended and started again while people book."""
