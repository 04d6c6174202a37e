"""Lines of a client in, lines of the real server out; before it is there, what it would say.

The handshake and the lists are answered from files. The first request that needs the engine starts
the real server, building its environment before that if need be. Lines pass through unchanged.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO

from mcp_server.launcher import environment
from mcp_server.launcher.answers import answer, said

PATIENCE_SECONDS = 100.0
"""A call is answered before this: clients put calls of two minutes aside."""
TELL_EVERY_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.2
HELLO = "techspec-launcher-hello"
"""Id of the handshake that we repeat to the real server."""

Message = dict[str, Any]


class Asked:
    """A request that waits for the engine."""

    def __init__(self, line: bytes, message: Message) -> None:
        self.line, self.message = line, message
        self.since = self.told = time.monotonic()

    @property
    def token(self) -> Any:
        """What the client wants progress to be told under, if it does."""
        return ((self.message.get("params") or {}).get("_meta") or {}).get("progressToken")


class Relay:
    """Between one client and one real server; the server may end and be started again."""

    def __init__(self, client: BinaryIO) -> None:
        self._client = client
        self._speaking = threading.Lock()
        self._changed = threading.Condition()
        # All of the following only under _changed.
        self._waiting: list[Asked] = []
        self._unanswered: dict[str, Message] = {}
        self._hello: Message | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._greeted = False
        self._failed: str | None = None
        self._last_words: collections.deque[str] = collections.deque(maxlen=5)

    def take(self, line: bytes) -> None:
        """One line of the client."""
        message = _message(line)
        if message is None:
            self._say({"jsonrpc": "2.0", "id": None, "error": _PARSE_ERROR})
        elif "method" not in message or "id" not in message:
            self._note(line, message)
        else:
            self._ask(line, message)

    def _note(self, line: bytes, message: Message) -> None:
        """A notification, or a reply to a request of the server."""
        with self._changed:
            if message.get("method") == "notifications/cancelled":
                gone = (message.get("params") or {}).get("requestId")
                self._waiting = [each for each in self._waiting if each.message["id"] != gone]
            if self._server and self._greeted:
                self._forward(line)

    def _ask(self, line: bytes, message: Message) -> None:
        with self._changed:
            running = self._server is not None and self._greeted
        known = answer(message)
        if message["method"] == "initialize":
            self._hello = message
            known = None if running else known  # the server has to hear it too
        if known is not None:
            self._say({"jsonrpc": "2.0", "id": message["id"], "result": known})
            if message["method"] != "tools/list":
                return
        with self._changed:
            if known is None and self._server and self._greeted:
                self._unanswered[_key(message["id"])] = message
                self._forward(line)
                return
            if known is None:
                self._waiting.append(Asked(line, message))
            self._wanted = True
            self._changed.notify_all()

    def attend(self) -> None:
        """Build and start whenever something waits for it; runs until the process ends."""
        building: subprocess.Popen[bytes] | None = None
        while True:
            with self._changed:
                if building is None:
                    self._changed.wait_for(lambda: self._wanted)
                else:
                    self._changed.wait(_LOOK_EVERY_SECONDS)
            if building is not None and building.poll() is not None:
                self._failed = environment.why("server") if building.returncode else None
                building = None
            try:
                if environment.ready("server"):
                    self._hand_over()
                elif self._failed is not None:
                    self._refuse()
                elif building is None:
                    building = environment.start_build("server")
            except OSError as error:
                self._failed = _CANNOT.format(error=error, data=environment.data())
            self._reassure()

    def _hand_over(self) -> None:
        """Start the real server if something waits for it."""
        with self._changed:
            needed = bool(self._waiting) and self._server is None
            self._wanted = False
        if needed:
            self._start()

    def _refuse(self) -> None:
        """Say what went wrong to all that waits; whoever calls after that has it tried again."""
        with self._changed:
            refused, self._waiting = self._waiting, []
            sentence, self._wanted = self._failed, False
            if any(each.message["method"] == "tools/call" for each in refused):
                self._failed = None
        for each in refused:
            self._say(said(each.message, str(sentence)))

    def _reassure(self) -> None:
        """Tell what waits how it goes, and let nothing wait for too long."""
        with self._changed:
            now = time.monotonic()
            late = [each for each in self._waiting if now - each.since > PATIENCE_SECONDS]
            self._waiting = [each for each in self._waiting if each not in late]
            due = [each for each in self._waiting if now - each.told > TELL_EVERY_SECONDS]
        for each in late:
            self._say(said(each.message, _STILL.format(log=environment.log("server"))))
        for each in due:
            each.told = now
            if each.token is not None:
                told = {"progressToken": each.token, "progress": round(now - each.since, 1)}
                told["message"] = "techspec installs its packages; this happens once"
                self._say({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})

    def _start(self) -> None:
        """Start the real server, greet it as the client greeted us, and hand over what waits."""
        python = environment.ready("server")
        assert python is not None, "asked by attend"
        os.utime(python)  # what was not used for long is removed
        server = subprocess.Popen(
            [str(python), "-P", "-m", "mcp_server"],
            env=environment.for_server(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._last_words.clear()
        with self._changed:
            self._server, self._greeted = server, self._hello is None
            overheard = threading.Thread(target=self._overhear, args=[server], daemon=True)
            overheard.start()
            threading.Thread(target=self._listen, args=[server, overheard], daemon=True).start()
            if self._hello is not None:
                self._forward(_line({**self._hello, "id": HELLO}))
                if not self._changed.wait_for(
                    lambda: self._greeted or self._server is not server, PATIENCE_SECONDS
                ):
                    server.kill()
                self._forward(_line({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            if self._server is server:
                handed, self._waiting = self._waiting, []
                for each in handed:
                    self._unanswered[_key(each.message["id"])] = each.message
                    self._forward(each.line)
                self._changed.notify_all()

    def _forward(self, line: bytes) -> None:
        """Under _changed. A server that is gone is seen where its output ends."""
        try:
            assert self._server is not None
            assert self._server.stdin is not None
            self._server.stdin.write(line if line.endswith(b"\n") else line + b"\n")
            self._server.stdin.flush()
        except (OSError, AssertionError):
            pass

    def _listen(self, server: subprocess.Popen[bytes], overheard: threading.Thread) -> None:
        """Pass on what the server says; when it ends, say so to whom it left waiting."""
        assert server.stdout is not None
        for line in server.stdout:
            message = _message(line)
            if message is None:  # what a library prints is none of the client's business
                continue
            if message.get("id") == HELLO:
                with self._changed:
                    self._greeted = True
                    self._changed.notify_all()
                continue
            if "method" not in message:
                with self._changed:
                    self._unanswered.pop(_key(message.get("id")), None)
            self._speak(line)
        code = server.wait()
        overheard.join(timeout=1)  # a child that it left behind may hold its stderr
        python = environment.ready("server")
        if code in (126, 127) and python:  # its Python is gone: an update of the system
            python.unlink()
        with self._changed:
            left, self._unanswered = self._unanswered, {}
            if not self._greeted or code in (126, 127):
                left.update({_key(each.message["id"]): each.message for each in self._waiting})
                self._waiting = []
            self._server = None
            self._changed.notify_all()
        words = " ".join(self._last_words) or f"exit code {code}"
        folder = environment.folder("server")
        for message in left.values():
            self._say(said(message, _ENDED.format(words=words[-500:], folder=folder)))

    def _overhear(self, server: subprocess.Popen[bytes]) -> None:
        """Pass on what the server logs, and remember the end of it."""
        assert server.stderr is not None
        for line in server.stderr:
            self._last_words.append(line.decode(errors="replace").strip())
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()

    def _say(self, message: Message) -> None:
        self._speak(_line(message))

    def _speak(self, line: bytes) -> None:
        try:
            with self._speaking:
                self._client.write(line)
                self._client.flush()
        except OSError:  # nobody reads any more
            os._exit(0)

    def close(self) -> None:
        """The client has left: what it asked is still answered if that needs no installing."""
        with self._changed:
            if environment.ready("server"):
                self._changed.wait_for(lambda: not self._waiting, PATIENCE_SECONDS)
            if self._server is not None:
                assert self._server.stdin is not None
                self._server.stdin.close()
                self._changed.wait_for(lambda: self._server is None, PATIENCE_SECONDS)


_PARSE_ERROR = {"code": -32700, "message": "A line is one JSON object; this was none."}
_CANNOT = (
    "techspec cannot be installed or started: {error}.\n"
    "  fix: make room in {data} and give yourself the right to write there, then call this tool "
    "again."
)
_STILL = (
    "techspec is still installing its packages, which happens once.\n"
    "  fix: call this tool again in a minute; {log} has what the installer says."
)
_ENDED = (
    "The techspec server ended before it answered: {words}\n"
    "  fix: call this tool again, which starts it anew (campaigns go on meanwhile); if that does "
    "not help, delete {folder}, and it is installed anew."
)


def _message(line: bytes) -> Message | None:
    """What a line says, if it is one JSON object."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _line(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _key(id: Any) -> str:
    """An id as a name: 1 and "1" are different ids."""
    return json.dumps(id)


def serve() -> None:
    """Serve the client on stdin and stdout until it leaves."""
    relay = Relay(sys.stdout.buffer)
    threading.Thread(target=relay.attend, daemon=True).start()
    try:
        for line in sys.stdin.buffer:
            if line.strip():
                relay.take(line)
        relay.close()
    except KeyboardInterrupt:
        pass
    os._exit(0)  # no thread is waited for
