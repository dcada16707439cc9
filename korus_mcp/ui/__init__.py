"""The interactive pages: JavaScript sources, built files, and which tool shows which page."""
