"""A setting in words, as README and the bundle show it."""

from korus_mcp.settings import Setting


def meaning(setting: Setting) -> str:
    """What it means, which words it takes, and its bounds."""
    choices = f" One of {', '.join(f'`{c}`' for c in setting.choices)}." if setting.choices else ""
    bounds = f" From {setting.least} to {setting.most}." if setting.most else ""
    return setting.meaning + choices + bounds
