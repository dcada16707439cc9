"""Which tools exist: by world, profile and what the command line narrows."""

import pytest

from korus_mcp.access.policy import ALL_TOOLS, BROWSE_TOOLS, BUYER_TOOLS, tool_names
from korus_mcp.access.principal import LOCAL, Principal
from korus_mcp.settings import Environment, Misconfigured, Profile, Settings
from tests.fixtures.wording import WRITING_TOOLS


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        (Profile.BROWSE, BROWSE_TOOLS),
        (Profile.BUYER, BUYER_TOOLS),
        (Profile.SERVICE_DESK, ALL_TOOLS),
    ],
)
@pytest.mark.parametrize("environment", list(Environment))
def test_in_every_environment_the_profile_decides(
    environment: Environment, profile: Profile, names: tuple[str, ...]
) -> None:
    settings = Settings(environment=environment, embedded=False, profile=profile)
    assert tool_names(settings) == names


def test_browsing_writes_nowhere() -> None:
    assert not WRITING_TOOLS & set(BROWSE_TOOLS)
    assert len(ALL_TOOLS) == 10


def test_tools_can_be_narrowed_and_keep_their_order() -> None:
    settings = Settings(tools=("get_offers", "search_products"))
    assert tool_names(settings) == ("search_products", "get_offers")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(tools=("cancel_order",)), "search_products"),
        (Settings(profile=Profile.BROWSE, tools=("reserve",)), "get_seat_map"),
        (Settings(environment=Environment.DEMO, tools=("find_orders",)), "get_tickets"),
    ],
)
def test_a_tool_that_does_not_exist_here_is_refused(settings: Settings, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        tool_names(settings)


def test_principals_of_two_tenants_never_share_a_key() -> None:
    assert LOCAL.key == "local/local"
    assert Principal("a", "b").key != Principal("b", "a").key
