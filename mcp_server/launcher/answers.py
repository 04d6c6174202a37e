"""Requests in, the replies that need no engine out: they were generated from the real server.

`python -m mcp_server.generated --check` fails if the real server would say anything else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "answers"
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that begin with `initialize`; their answers differ in nothing but the number."""
MODERN = "2026-07-28"
"""The revision without a handshake: every request names it."""
VERSION = "io.modelcontextprotocol/protocolVersion"


def revision(request: dict[str, Any]) -> str | None:
    """The revision that a request of the stateless kind names; None for the older kind."""
    params = request.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return str(meta[VERSION]) if isinstance(meta, dict) and VERSION in meta else None


def answer(request: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request, if it is known without the engine."""
    method, params = str(request.get("method")), request.get("params") or {}
    named = revision(request)
    if named not in (None, MODERN) or params.get("cursor") is not None:
        return None
    if named is None and method == "ping":
        return {}
    path = FOLDER / ("modern" if named else "legacy") / f"{method.replace('/', '_')}.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if method == "initialize" and params.get("protocolVersion") in LEGACY:
        result["protocolVersion"] = params["protocolVersion"]
    return result


def said(request: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The reply that lets a person read `sentence`: a failed tool call, or else an error."""
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
    if request.get("method") == "tools/call":
        reply["result"] = {"content": [{"type": "text", "text": sentence}], "isError": True}
        if revision(request):
            reply["result"]["resultType"] = "complete"
    else:
        reply["error"] = {"code": -32603, "message": sentence}
    return reply
