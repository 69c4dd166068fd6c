"""The Python library `websockets`: does exchanges (exchanges.mjs) that come as lines of JSON, and reports in the same way."""
import asyncio
import base64
import json
import ssl
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

SECONDS = 300  # of patience with a slow machine


def offer(deflate):
    if deflate is None:
        return None
    return [
        ClientPerMessageDeflateFactory(
            server_no_context_takeover=deflate.get("serverNoContextTakeover", False),
            client_no_context_takeover=deflate.get("clientNoContextTakeover", False),
            server_max_window_bits=deflate.get("serverMaxWindowBits"),
            client_max_window_bits=deflate.get("clientMaxWindowBits", True),
        )
    ]


def parts(data, sizes):
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


async def take(ws, step, pongs):
    if "ping" in step:
        payload = base64.b64decode(step["ping"])
        pongs.append((payload, await ws.ping(payload)))
    elif "pong" in step:
        await ws.pong(base64.b64decode(step["pong"]))
    else:
        data = base64.b64decode(step["data"])
        # Of text the sizes are of characters; nothing that comes in fragments here is longer in bytes by much.
        data = data if step["say"] == 2 else data.decode()
        await ws.send(parts(data, step["fragments"]) if step["fragments"] else data)


def shown(message):
    is_binary = isinstance(message, bytes)
    return [2 if is_binary else 1, base64.b64encode(message if is_binary else message.encode()).decode()]


async def talk(ws, e, report):
    pongs = []
    await ws.send(e["join"])
    await ws.recv()
    for step in e["steps"]:
        await take(ws, step, pongs)
    for payload, waiter in pongs:
        await waiter
        report["pongs"].append(base64.b64encode(payload).decode())
    while len(report["messages"]) < e["echoes"]:
        report["messages"].append(shown(await ws.recv()))
    if e["close"]:
        await ws.close(*e["close"])
    else:
        await ws.wait_closed()


async def converse(url, context, e):
    report = {"id": e["id"], "messages": [], "pongs": []}
    try:
        ws = await websockets.connect(
            url + e["version"], ssl=context, compression=None, extensions=offer(e["deflate"]),
            max_size=None, max_queue=None, ping_interval=None, close_timeout=SECONDS)
        report["isDeflated"] = any(x.name == "permessage-deflate" for x in ws.extensions)
        try:
            await asyncio.wait_for(talk(ws, e, report), SECONDS)
        except websockets.ConnectionClosed as closed:
            if e["close"]:
                report["error"] = repr(closed)
        await ws.close()
        report["code"] = ws.close_code
    except Exception as error:
        report["error"] = repr(error)
    print(json.dumps(report), flush=True)


async def main(url):
    context = None
    if url.startswith("wss:"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader = asyncio.StreamReader(limit=1 << 25)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = set()
    while line := await reader.readline():
        task = asyncio.create_task(converse(url, context, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running)


asyncio.run(main(sys.argv[1]))
