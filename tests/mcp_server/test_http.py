"""Raw requests to a real server process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.http import BODY_MAX, CONNECTIONS_MAX, BadName, serve
from techspec.ledger.folder import find
from tests.mcp_server.projects import shared, wait_for, write_spec

TOKEN = "a-token-that-is-long-enough-to-be-one"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    @property
    def result(self) -> dict:
        """Of a JSON-RPC message, be it in JSON or the first event of a stream."""
        return json.loads(re.search(r"^(?:data: )?(\{.*\})", self.body, re.M)[1])


class Lab:
    """A server process, and requests to it by hand."""

    def __init__(self, popen: subprocess.Popen, url: str, project: Path) -> None:
        self.popen, self.url, self.project = popen, url, project
        self.address = re.search(r"//(.*):(\d+)/", url).groups()

    @property
    def host(self) -> str:
        return ":".join(self.address)

    def connect(self) -> socket.socket:
        return socket.create_connection((self.address[0], int(self.address[1])), timeout=30)

    def send(self, raw: bytes) -> Answer:
        with self.connect() as connection:
            connection.sendall(raw)
            return received(connection)

    def post(
        self, message: object, headers: Mapping[str, str] | None = None, path: str = "/mcp"
    ) -> Answer:
        body = json.dumps(message).encode()
        sent = {
            "Host": self.host,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value)
        return self.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def call(self, tool: str, token: str = "", **arguments: object) -> dict:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        opened = self.post(INITIALIZE, headers)
        session = {**headers, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        params = {"name": tool, "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        return self.post(call, session).result["result"]


def received(connection: socket.socket) -> Answer:
    """All that comes until the other side closes."""
    raw = b""
    while part := connection.recv(65536):
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    return Answer(int(first.split()[1]), headers, body.decode())


@contextmanager
def serving(
    project: Path, *options: str, token: str = "", at: str = "127.0.0.1:0"
) -> Iterator[Lab]:
    environment = {**os.environ, "TECHSPEC_TOKEN": token}
    command = [sys.executable, "-m", "techspec", "serve", "--project", str(project)]
    popen = subprocess.Popen(
        [*command, "--http", at, *options], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        said = popen.stderr.readline()
        assert "at http://" in said, said + popen.stderr.read()
        yield Lab(popen, re.search(r"http://\S+", said)[0], project)
    finally:
        popen.send_signal(signal.SIGINT)
        popen.communicate(timeout=30)


def put(registry: Path, name: str, text: str) -> None:
    """A skill in a registry."""
    (registry / name).mkdir(parents=True)
    page = f"---\nname: {name}\ndescription: d\n---\n# {text}\n"
    (registry / name / "SKILL.md").write_text(page)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """For tests that leave the server as it was; a registry lies above its project, none in it."""
    home = tmp_path_factory.mktemp("lab")
    put(home / "registry", "above", "A secret")
    project = home / "project"
    project.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TECHSPEC_REGISTRY", raising=False)
        with serving(project) as running:
            yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same, with a token and no registry."""
    with serving(tmp_path_factory.mktemp("guarded"), token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def arranged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One of another name, with a registry that was named, and no campaigns."""
    home = tmp_path_factory.mktemp("arranged")
    put(home / "ours", "rope", "Found")
    project = home / "project"
    project.mkdir()
    write_spec(project)
    options = ("--name", "techspec.lab.example", "--registry", str(home / "ours"))
    with serving(project, *options, "--no-campaigns") as running:
        yield running


# Who may ask


def test_a_client_of_this_machine_is_answered(lab):
    answer = lab.post(INITIALIZE)

    assert answer.status == 200
    assert answer.result["result"]["serverInfo"]["name"] == "techspec"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost:1", ""]
)
def test_a_name_that_is_not_ours_is_refused_as_when_dns_was_rebound(lab, host):
    assert lab.post(INITIALIZE, {"Host": host}).status in (400, 421)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"],
)
def test_a_page_of_another_site_is_refused(lab, origin):
    assert lab.post(INITIALIZE, {"Origin": origin}).status == 403


def test_our_own_names_and_origin_are_accepted(lab):
    port = lab.address[1]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert lab.post(INITIALIZE, headers).status == 200


def test_a_name_that_was_given_is_ours_too(arranged):
    named = {"Host": "techspec.lab.example", "Origin": "https://techspec.lab.example"}
    with_port = {"Host": f"techspec.lab.example:{arranged.address[1]}"}

    assert arranged.post(INITIALIZE, named).status == 200
    assert arranged.post(INITIALIZE, with_port).status == 200
    assert arranged.post(INITIALIZE, {"Host": "other.lab.example"}).status == 421


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x",
     f"Basic {TOKEN}", TOKEN],
)  # fmt: skip
def test_without_the_token_nothing_is_answered(guarded, header):
    answer = guarded.post(INITIALIZE, {"Authorization": header} if header is not None else {})

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "TECHSPEC_TOKEN" in answer.result["error"]["message"]


@pytest.mark.parametrize("path", ["/mcp", "/", "/mcp/", "/elsewhere"])
def test_no_path_is_answered_without_the_token(guarded, path):
    assert guarded.post(INITIALIZE, path=path).status == 401


def test_with_the_token_everything_is_answered(guarded):
    answer = guarded.post(INITIALIZE, {"Authorization": f"Bearer {TOKEN}"})

    assert answer.status == 200


def test_a_trainer_does_not_see_the_token(guarded):
    spec = write_spec(guarded.project)
    trainer = guarded.project / "nosy.py"
    trainer.write_text(
        "import os, pathlib\n"
        "pathlib.Path('seen.txt').write_text(os.environ.get('TECHSPEC_TOKEN', 'nothing'))\n"
    )
    spec.write_text(re.sub(r"trainer: .*", f"trainer: python {trainer}", spec.read_text()))

    guarded.call("plan", TOKEN)

    assert (guarded.project / "seen.txt").read_text() == "nothing"


REFUSED = [
    ("0.0.0.0:0", "", "TECHSPEC_TOKEN is not set"),
    ("[::]:0", "", "TECHSPEC_TOKEN is not set"),
    ("127.0.0.1:0", "short", "has 5 characters"),
    ("nonsense", "", "not HOST:PORT"),
    ("127.0.0.1:99999", "", "not HOST:PORT"),
    ("http://127.0.0.1:8765", "", "not HOST:PORT"),
    ("198.51.100.7:8765", TOKEN, "cannot be listened at"),
]
"""An address, a token, and why the two are not served at."""
SERVE = """
import contextlib, io, json, os, sys
from mcp_server.__main__ import main
for address, token, _ in json.loads(sys.argv[1]):
    os.environ["TECHSPEC_TOKEN"] = token
    sys.argv[1:] = ["--http", address]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main()
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """By address, the exit code and the words of a server; one process asks for all."""
    environment = {**os.environ, "TECHSPEC_PROJECT": str(tmp_path_factory.mktemp("unserved"))}
    done = subprocess.run(
        [sys.executable, "-c", SERVE, json.dumps(REFUSED)],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    told = map(json.loads, done.stdout.splitlines())
    return {address: answer for (address, *_), answer in zip(REFUSED, told, strict=True)}


@pytest.mark.parametrize(("address", "token", "text"), REFUSED)
def test_what_cannot_be_served_is_said_with_its_way_out(refusals, address, token, text):
    code, said = refusals[address]

    assert code == 2
    assert text in said
    assert "fix: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["http://lab.example", "", "lab.example/mcp", "two words"])
def test_a_name_that_no_client_would_send_is_refused(project, name):
    with pytest.raises(BadName, match=re.escape(repr(name))):
        serve(shared(), "127.0.0.1:0", ["lab.example:80", name])


def test_beyond_this_machine_a_token_is_required(project):
    environment = {**os.environ, "TECHSPEC_TOKEN": ""}
    command = [sys.executable, "-m", "techspec", "serve", "--project", str(project)]

    done = subprocess.run(
        [*command, "--http", "0.0.0.0:0"], env=environment, capture_output=True, timeout=60
    )

    assert done.returncode == 2
    assert b"TECHSPEC_TOKEN is not set" in done.stderr


def test_beyond_this_machine_it_serves_who_has_the_token(project):
    with serving(project, token=TOKEN, at="0.0.0.0:0") as running:
        here = Lab(running.popen, running.url.replace("0.0.0.0", "127.0.0.1"), project)

        assert here.post(INITIALIZE).status == 401
        assert here.post(INITIALIZE, {"Authorization": f"Bearer {TOKEN}"}).status == 200


# How much, and how many


def test_a_huge_body_is_refused_by_its_length_and_unread(lab):
    head = f"POST /mcp HTTP/1.1\r\nHost: {lab.host}\r\nContent-Type: application/json\r\n"
    accept = "Accept: application/json, text/event-stream\r\nConnection: close\r\n"

    answer = lab.send(f"{head}{accept}Content-Length: {10**12}\r\n\r\n".encode())

    assert answer.status == 413


def test_a_huge_body_without_a_length_is_refused_once_it_is_too_long(lab):
    head = f"POST /mcp HTTP/1.1\r\nHost: {lab.host}\r\nContent-Type: application/json\r\n"
    accept = "Accept: application/json, text/event-stream\r\nConnection: close\r\n"
    part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with lab.connect() as connection:
        connection.sendall(f"{head}{accept}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(BODY_MAX // 0x10000):
            connection.sendall(part)
        connection.sendall(b"1\r\nx\r\n")

        assert received(connection).status == 413


def test_a_head_without_end_is_refused(lab):
    with lab.connect() as connection:
        connection.sendall(b"POST /mcp HTTP/1.1\r\nX-Long: " + b"x" * 100_000)

        assert received(connection).status == 400


def test_too_many_connections_are_refused_and_the_server_goes_on(lab):
    crowd = [lab.connect() for _ in range(CONNECTIONS_MAX + 20)]
    try:
        assert [received(each).status for each in crowd[CONNECTIONS_MAX:]] == [503] * 20
    finally:
        for each in crowd:
            each.close()

    wait_for(lambda: lab.post(INITIALIZE).status == 200)


def test_whoever_connects_and_asks_nothing_is_sent_away(lab):
    with lab.connect() as silent, lab.connect() as slow:
        slow.sendall(b"POST /mcp HTTP/1.1\r\nX-Slow: ")

        assert silent.recv(1) == b""
        assert slow.recv(1) == b""


# What it gives away


def test_paths_out_of_the_project_are_refused(lab):
    outside = lab.project.parent / "outside"
    outside.mkdir()
    (outside / "TECHSPEC.md").write_text("# TECHSPEC: a secret\n")
    for link in ("link.md", "TECHSPEC-link.md"):
        (lab.project / link).symlink_to(outside / "TECHSPEC.md")

    for path in (
        "../outside/TECHSPEC.md",
        str(outside / "TECHSPEC.md"),
        "link.md",
        "TECHSPEC-link.md",
    ):
        for tool in ("spec_lint", "plan", "campaign_status"):
            answer = lab.call(tool, spec=path)
            assert answer["isError"]
            assert "a secret" not in json.dumps(answer)


def test_skills_come_from_the_project_and_not_from_a_folder_above_it(lab):
    answer = lab.call("skill_read", name="above")

    assert answer["isError"]


def test_with_a_named_registry_its_skills_are_served(arranged):
    answer = arranged.call("skill_read", name="rope")

    assert "# Found" in answer["content"][0]["text"]


def test_campaigns_can_be_switched_off(arranged):
    started = arranged.call("campaign_start", max_device_hours=0.1)
    planned = arranged.call("plan")

    assert started["isError"]
    assert "Unknown tool" in started["content"][0]["text"]
    assert planned["structuredContent"]["trials"] == 10
    assert list(find(arranged.project)) == []


def test_a_client_of_the_sdk_runs_a_campaign_over_http_in_both_eras(project):
    async def session(url, mode):
        async with Client(streamable_http_client(url), mode=mode) as client:
            started = await client.call_tool("campaign_start", {"max_device_hours": 0.1})
            status = await client.call_tool("campaign_status", {"wait_s": 60})
            while status.structured_content["condition"] == "running":
                status = await client.call_tool("campaign_status", {"wait_s": 60})
            return client.protocol_version, started.is_error, status.structured_content

    with serving(project) as running:
        found = {mode: anyio.run(session, running.url, mode) for mode in ("legacy", "auto")}

    assert found["legacy"][0] < found["auto"][0]
    for _, failed, status in found.values():
        assert not failed
        assert [verdict["outcome"] for verdict in status["verdicts"]] == ["CONFIRMED", "REFUTED"]
