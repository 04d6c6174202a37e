"""The server over HTTP, for a lab: who may ask, how much, and how many at once.

Nobody beyond this machine is answered without the token.
"""

import hmac
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from mcp_server.project import root
from techspec.errors import TechspecError

if TYPE_CHECKING:
    import asyncio

    from mcp_server.server import Server

PATH = "/mcp"
TOKEN = "TECHSPEC_TOKEN"
"""Environment variable with what clients have to send as `Authorization: Bearer …`."""
TOKEN_SHORTEST = 20
"""Characters of a token: 20 of base64 are 120 bits, more than can be guessed over a network."""
BODY_MAX = 512 * 1024
"""Bytes of a request; the longest retrospective that was seen has 20,000."""
CONNECTIONS_MAX = 128
"""Clients hold one or two each. With BODY_MAX it bounds what requests hold of memory: 64 MiB."""
SESSIONS_MAX = 256
HEAD_SECONDS = 5
"""In which the head of a first request has to arrive; whoever sends nothing makes room."""

_HOST = re.compile(r"[\w.:%\[\]-]+")
"""What a host and its port are written with: an address with a path is none."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class BadAddress(TechspecError):
    """An address that cannot be listened at."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"{address!r} cannot be listened at: {why}.",
            "give HOST:PORT with a port that is free, such as 127.0.0.1:8765 or [::1]:8765; port 0 "
            "takes any that is.",
        )


class BadName(TechspecError):
    """A name that no client puts into a Host header."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name that clients could call this server by.",
            "give --name the host alone, such as techspec.lab.example.",
        )


class NoToken(TechspecError):
    """Others could reach the server, and nothing would keep them out."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host!r} can be reached from other machines, and ${TOKEN} is not set.",
            f"set it, as in: export {TOKEN}=$(openssl rand -base64 32); or listen at 127.0.0.1.",
        )


class ShortToken(TechspecError):
    """A token that could be guessed."""

    def __init__(self, length: int) -> None:
        super().__init__(
            f"${TOKEN} has {length} characters, fewer than {TOKEN_SHORTEST}.",
            f"take a long one, as in: export {TOKEN}=$(openssl rand -base64 32).",
        )


def serve(server: "Server", address: str, names: Sequence[str] = ()) -> None:
    """Answer over HTTP until the process is told to end.

    Args:
        server: what is served.
        address: HOST:PORT; port 0 takes a free one.
        names: further names that are ours in Host headers, such as `techspec.lab.example`.

    Raises:
        BadAddress, BadName, NoToken, ShortToken: as their texts say.
    """
    token = os.environ.pop(TOKEN, "")  # popped: no trainer that we start inherits it
    if token and len(token) < TOKEN_SHORTEST:
        raise ShortToken(len(token))
    if bad := [name for name in names if not _HOST.fullmatch(name)]:
        raise BadName(bad[0])
    host, port = _parsed(address)
    listening = _listening(address, host, port)
    if not token and not ipaddress.ip_address(listening.getsockname()[0]).is_loopback:
        listening.close()
        raise NoToken(host)
    port = listening.getsockname()[1]
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=BODY_MAX,
        max_sessions=SESSIONS_MAX,
        transport_security=_security(host, port, names),
    )
    shown = f"[{host}]" if ":" in host else host
    kept = "with a token" if token else "to this machine alone, without a token"
    sys.stderr.write(f"techspec serves {root()} at http://{shown}:{port}{PATH} {kept}\n")
    sys.stderr.flush()
    config = uvicorn.Config(
        _guarded(app, token) if token else app,
        http=_Bounded,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _parsed(address: str) -> tuple[str, int]:
    """Host and port.

    >>> _parsed("127.0.0.1:8765"), _parsed("[::1]:0")
    (('127.0.0.1', 8765), ('::1', 0))
    """
    host, _, port = address.rpartition(":")
    if not _HOST.fullmatch(host) or not port.isdecimal() or int(port) > 65535:
        raise BadAddress(address, "that is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listening(address: str, host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        raise BadAddress(address, error.strerror or str(error)) from error


def _security(host: str, port: int, names: Sequence[str]) -> TransportSecuritySettings:
    """Host and Origin headers that are ours: a page of another site cannot have its own.

    A browser that was told by DNS that `evil.example` is 127.0.0.1 still sends that name.
    """
    ours = {host, "127.0.0.1", "localhost", "::1", socket.gethostname()}
    hosts = [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in sorted(ours)]
    hosts += [each for name in names for each in (name, f"{name}:{port}")]
    origins = [f"{scheme}://{each}" for scheme in ("http", "https") for each in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def _guarded(app: App, token: str) -> App:
    """Pass on what carries the token; nothing of any other request is read."""
    wanted = f"Bearer {token}".encode()

    async def guard(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, wanted):
                text = (
                    "This server answers only requests with its token. Send the header "
                    f"'Authorization: Bearer …' with what ${TOKEN} was when it was started."
                )
                error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": text}}
                refusal = JSONResponse(error, 401, {"WWW-Authenticate": "Bearer"})
                return await refusal(scope, receive, send)
        return await app(scope, receive, send)

    return guard


class _Bounded(H11Protocol):
    """A connection: refused beyond CONNECTIONS_MAX, ended if it asks nothing for HEAD_SECONDS."""

    def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.write(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                b"Connection: close\r\nContent-Length: 0\r\n\r\n"
            )
            transport.close()
        else:
            self.loop.call_later(HEAD_SECONDS, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self.cycle is None:
            self.transport.close()
