"""Speed, memory and tokens; run by `make bench`, never by a test."""
