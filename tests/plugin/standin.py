"""Stands in for the real server in a copied plugin: it tells what reached it, or dies if asked."""

import json
import os
import sys

import tinydep

heard = []


def say(message):
    print(json.dumps(message), flush=True)


for line in sys.stdin:
    message = json.loads(line)
    heard.append(message)
    if message.get("method") == "initialize":
        say({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25"}})
    elif message.get("method") == "tools/call":
        name = message["params"]["name"]
        if name == "die":
            print("no more memory", file=sys.stderr)
            os._exit(3)
        if name == "chat":
            print("a library prints this", flush=True)
        if name == "ask":
            token = message["params"]["_meta"]["progressToken"]
            told = {"progressToken": token, "progress": 1}
            say({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})
            say({"jsonrpc": "2.0", "id": 1, "method": "roots/list"})
            heard.append(json.loads(sys.stdin.readline()))
        kept = {key: os.environ.get(key) for key in ("TECHSPEC_REGISTRY", "TECHSPEC_PYTHON")}
        result = {"heard": heard, "dependency": tinydep.__file__, "environment": kept}
        say({"jsonrpc": "2.0", "id": message["id"], "result": result})
