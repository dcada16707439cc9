"""The tools, called by the SDK's own client over the sandbox."""
