"""Someone who says very much very fast, over a connection of the test's own: no client's work is measured.

Messages go out with as many under way as the protocol allows; it returns when the last one is stored.
"""

import asyncio
import json
import ssl

import httpx
from tests.e2e.processes import DEADLINE, Server
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from parlour_protocol.kit.limits import IN_FLIGHT


def flood(server: Server, name: str, texts: list[str]) -> None:
    """Make an account and let it say all of this in the lobby."""
    password = server.command("user", "create", name).split()[-1]
    asyncio.run(_flood(server, name, password, texts))


async def _flood(server: Server, name: str, password: str, texts: list[str]) -> None:
    url = f"https://127.0.0.1:{server.port}"
    context = ssl.create_default_context(cafile=str(server.data / "ca.pem"))
    async with httpx.AsyncClient(verify=context, base_url=url, trust_env=False, timeout=DEADLINE) as http:
        body = {"username": name, "password": password, "device": "pump"}
        session = (await http.post("/v1/sessions", json=body)).json()["session"]
        answer = await http.post("/v1/tickets", headers={"Authorization": f"Bearer {session}"})
    async with connect(
        url.replace("https", "wss") + "/v1/chat",
        ssl=context,
        subprotocols=[Subprotocol("parlour.v1")],
        additional_headers={"Authorization": f"Bearer {answer.json()['ticket']}"},
        compression=None,
        open_timeout=DEADLINE,
        proxy=None,
    ) as socket:
        room = json.loads(await socket.recv())["rooms"][0]["room"]
        under_way = asyncio.Semaphore(IN_FLIGHT.value // 2)
        left = len(texts)

        async def say() -> None:
            for number, text in enumerate(texts):
                await under_way.acquire()
                frame = {"type": "send", "id": f"pump{number:012}", "room": room, "text": text}
                await socket.send(json.dumps(frame))

        saying = asyncio.ensure_future(say())
        while left:
            frame = json.loads(await socket.recv())
            if frame["type"] in {"ok", "error"}:
                assert frame["type"] == "ok", frame
                under_way.release()
                left -= 1
        await saying
