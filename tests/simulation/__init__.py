"""Ordering under every crash, lost answer and late commit we can think of, in virtual time.

The real coordinator runs over a journal in memory and an imagined API. Nothing waits: the event
loop's clock jumps to the next timer, so an hour of doubt takes a millisecond.
"""
