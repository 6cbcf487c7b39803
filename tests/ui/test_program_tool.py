"""The tool of MCP, called by a real client of MCP."""

import asyncio
import json

import pytest

from steering.serving.allowance import Allowance
from steering.ui.layout import HostLimits
from tests.helpers.engines import ready
from tests.helpers.launched import launched
from tests.helpers.tiny_models import without_end

pytest.importorskip("mcp", reason="mcp is not installed; it is in requirements-dev.txt")
ASKED = {"prompt": "Tell me of quokkas", "panels": ["flip:k=2", "baseline"], "max_new_tokens": 6}


@pytest.fixture(scope="module")
def engine(tiny, fitted):
    return ready(without_end(tiny), fitted)


@pytest.fixture(scope="module")
def client(engine):
    with launched(engine, HostLimits(max_new_tokens=16, tool=True)) as client:
        yield client


def by_tool(client, *calls):
    """Return the tools, and what each call gives."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def talk():
        address = str(client.base_url.join("/gradio_api/mcp/"))
        async with (
            streamablehttp_client(address) as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool("generate", call) for call in calls]

    return asyncio.run(talk())


@pytest.mark.filterwarnings("ignore")
def test_a_program_finds_one_tool_and_gets_what_generate_gives(client, engine):
    tools, (found, refused) = by_tool(client, ASKED, ASKED | {"panels": ["flop"]})
    assert [tool.name for tool in tools] == ["generate"]
    (tool,) = tools
    assert tool.inputSchema["properties"].keys() == {*ASKED, "system", "temperature", "seed"}
    assert tool.description.startswith("Answer one request with a small chat model")
    assert json.loads(found.content[0].text) == client.post("/generate", json=ASKED).json()
    assert refused.isError
    assert "Unknown panel 'flop'" in refused.content[0].text
    engine.allowance = Allowance(1)
    _, (_, often) = by_tool(client, ASKED, ASKED)
    engine.allowance = Allowance()
    assert "1 runs a minute are what one address may begin here" in often.content[0].text


def test_nothing_else_is_open(client):
    found = client.get("/gradio_api/info").json()
    assert found["named_endpoints"].keys() == {"/generate"}
    assert found["unnamed_endpoints"] == {}
