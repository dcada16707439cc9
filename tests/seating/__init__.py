"""The sandbox against the contract and against the traps of the domain guide."""
