"""The command line: what is typed, how it is run, what is printed."""
