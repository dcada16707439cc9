"""The resources, read by the SDK's own client over the sandbox."""
