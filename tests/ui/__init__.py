"""The interactive pages in Debian's Chromium, with the reference app-bridge as their host."""
