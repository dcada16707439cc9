"""Why a server cannot listen at an address, in a sentence for whoever started it."""

import errno


def why_not_listening(error: OSError, host: str, port: int, *, chosen_with: str) -> str:
    """What can be done about it. `chosen_with`: the option or setting that names the port."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program: choose another one with {chosen_with}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} is not for this user: choose one from 1024 on with {chosen_with}."
    return f"nothing can listen on {host}, port {port}: {error.strerror or type(error).__name__}."
