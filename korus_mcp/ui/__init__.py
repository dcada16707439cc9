"""The interactive pages: sources in JavaScript, built files, and which tool shows which."""
