"""The recipes of docs/deploy.md; nginx by its own, the others by `make proxy-test`."""

import re

import pytest

from tests.fixtures.postgres import Cluster
from tests.proxies.recipes import NAME, PORTS, PROXIES, Proxy, recipe_of
from tests.proxies.run import played
from tests.proxies.stage import staged

SLOW_SECONDS = 2.0
(NGINX,) = (proxy for proxy in PROXIES if proxy.name == "nginx")


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)
def test_the_document_has_a_recipe_with_both_servers_for_each_proxy(proxy: Proxy) -> None:
    recipe = recipe_of(proxy.language)
    for port in PORTS:
        assert re.search(rf"\b{port}\b", recipe)
    assert "oauth-protected-resource" in recipe
    assert NAME in recipe or proxy.name == "haproxy"  # which passes any Host


@pytest.mark.anyio
async def test_behind_nginx_every_cell_finishes_in_both_eras(postgres: Cluster) -> None:
    if NGINX.found is None:
        pytest.skip("nginx is not installed")
    async with staged(NGINX, postgres) as stage:
        found = await played(stage, NGINX.told(), slow=SLOW_SECONDS)
    assert not [cell for cell in found.cells if cell[2] is not None]
    assert (found.doubles, found.lost, found.leaked) == (0, 0, 0)
