"""The sandbox against the contract and against the traps of docs/domain.md."""
