"""Two servers behind a real reverse proxy, by the recipes of docs/deploy.md."""
