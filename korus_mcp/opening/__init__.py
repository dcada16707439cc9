"""What a host asks first, answered while the server is still being imported.

Importing the SDK is nine tenths of a start, and hosts give a server one second. But what they ask
first (`initialize`, `server/discover`, `ping` and the lists) has answers that follow from the
settings alone. They are generated (`answers.json`, by `make readme`), and given from here:

- `listening` reads stdin in a thread, from the first moment until the server takes over;
- `conversation` decides line by line what is answered here, and keeps what is not, in order;
- `messages` says which requests are certain, since whatever is doubtful is the SDK's to judge;
- `answers` makes of what was generated the answers of a server with certain tools.

Then the server reads what was kept, and goes on. What decided the protocol was answered already, so
the SDK is told of it too, and its second answer is not sent. A host cannot tell who answered:
tests/opening compares the bytes. This room imports nothing but the standard library. On Windows,
whose pipes cannot be waited for, and where stdin is no file, it stays closed.
"""
