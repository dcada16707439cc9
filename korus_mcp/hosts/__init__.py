"""How hosts and frameworks are connected: a table of recipes, each of which a script has run."""
