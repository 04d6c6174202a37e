"""However techspec was installed, it finds its templates, its registry, its trainer and itself."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
ASK = """
import json, sys
import mcp_server, techspec
from techspec.shipped import folder
print(json.dumps({
    "techspec": techspec.__file__,
    "mcp_server": mcp_server.__file__,
    **{name: str(folder(name)) for name in ("templates", "registry", "trainer", "examples")},
}))
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(HOME)],
        check=True,
    )
    return next(folder.glob("techspec-*.whl"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A folder that the wheel was installed into."""
    target = tmp_path_factory.mktemp("installed") / "site"
    subprocess.run(
        [*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)],
        check=True,
    )
    return target


@pytest.fixture(params=["wheel", "checkout", "plugin copy"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where an installation of this kind lies; nothing of the checkout is beside a copy."""
    if request.param == "checkout":
        return HOME
    if request.param == "wheel":
        return Path(request.getfixturevalue("installed"))
    copy = tmp_path / "plugin"
    for name in ("techspec", "mcp_server", "trainer", "templates", "registry", "examples"):
        shutil.copytree(HOME / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


class Installation:
    """Python in an empty folder, with one installation of techspec and no other on its path."""

    def __init__(self, place: Path, empty: Path) -> None:
        self.place, self.empty = place, empty
        ours = ("TECHSPEC_REGISTRY", "TECHSPEC_PROJECT", "CLAUDE_PROJECT_DIR")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment = {**kept, "PYTHONPATH": str(place)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A program, with its input and output in our hands."""
        return subprocess.Popen(
            [sys.executable, "-P", *words],
            cwd=self.empty,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> str:
        """What a program says; it has to end well."""
        process = self.start(*words)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said


@pytest.fixture
def installation(place: Path, tmp_path: Path) -> Installation:
    """One of each kind."""
    empty = tmp_path / "empty"
    empty.mkdir()
    return Installation(place, empty)


def test_each_folder_is_found_inside_the_installation(installation):
    found = {name: Path(path) for name, path in json.loads(installation.run("-c", ASK)).items()}

    assert all(path.is_relative_to(installation.place) for path in found.values()), found
    assert (found["templates"] / "TECHSPEC.md.j2").is_file()
    assert (found["registry"] / "addition-baseline" / "SKILL.md").is_file()


def test_the_command_writes_a_spec_plans_it_and_finds_advice(installation):
    goal = "train a small transformer to add numbers"

    installation.run("-m", "techspec", "init")

    assert json.loads(installation.run("-m", "techspec", "plan", "--json"))["plan"]["trials"]
    assert "addition-baseline" in installation.run("-m", "techspec", "advise", goal)


def test_the_server_answers_a_call(installation):
    server = installation.start("-m", "mcp_server")
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    call = {"name": "skill_read", "arguments": {"name": "addition-baseline"}}
    for message in (
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()

    reply = next(each for each in map(json.loads, server.stdout) if each["id"] == 2)
    server.communicate()

    assert "addition-baseline" in reply["result"]["content"][0]["text"]


def test_the_wheel_holds_no_tests_and_no_files_of_a_checkout(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}

    assert tops == {"techspec", "mcp_server", next(top for top in tops if "dist-info" in top)}
