"""The launcher as a client meets it: real processes, on machines that lack something."""

import ast
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from mcp_server.launcher.environment import options
from tests.mcp_server.projects import wait_for
from tests.plugin.machines import BASE, HOME, INITIALIZE, STATELESS, Client, Machine, words

LAUNCHER = HOME / "mcp_server" / "launcher"
NO_VENV = (
    'if [ "$1 $2" = "-m venv" ]; then echo "Error: ensurepip is not available" >&2; exit 1; fi'
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with an index that has what is needed."""
    machine = Machine(tmp_path)
    machine.only_here()
    machine.publish()
    return machine


def installs(machine: Machine) -> list[str]:
    return [line for line in machine.calls.read_text().splitlines() if " install " in line]


def test_the_handshake_and_the_tools_are_answered_before_anything_is_installed(machine):
    shutil.rmtree(machine.wheels)  # nothing could be

    with machine.client() as client:
        hello = client.greet()
        tools = client.ask(0, "tools/list")["result"]["tools"]

        assert hello["protocolVersion"] == INITIALIZE["protocolVersion"]
        assert "advise" in hello["instructions"]
        assert {"advise", "campaign_start"} <= {tool["name"] for tool in tools}
        assert client.ask(1, "ping")["result"] == {}


def test_a_client_of_the_stateless_revision_is_answered_in_its_own_form(machine):
    with machine.client() as client:
        about = client.ask("a", "server/discover", _meta=STATELESS)["result"]
        tools = client.ask("b", "tools/list", _meta=STATELESS)["result"]

    assert about["supportedVersions"] == ["2026-07-28"]
    assert about["resultType"] == tools["resultType"] == "complete"


def test_the_first_call_builds_the_environment_and_is_answered_by_the_real_server(machine):
    with machine.client() as client:
        client.greet()
        result = client.call("x")

    assert result["dependency"].startswith(str(machine.data))
    assert [each["method"] for each in result["heard"]] == [
        "initialize",
        "notifications/initialized",
        "tools/call",
    ]
    assert result["heard"][0]["params"] == INITIALIZE
    assert result["heard"][2]["id"] == "x"


def test_a_second_session_installs_nothing(machine):
    for _ in range(2):
        with machine.client() as client:
            client.greet()
            client.call(1)

    assert len(installs(machine)) == 1


def test_two_launchers_at_once_install_once(machine):
    with machine.client() as one, machine.client() as two:
        for client in (one, two):
            client.greet()
            client.send({"id": 5, "method": "tools/call", "params": {"name": "tell"}})

        assert "dependency" in one.reply(5)["result"]
        assert "dependency" in two.reply(5)["result"]
    assert len(installs(machine)) == 1


def test_uv_is_taken_where_it_is_there(machine):
    with machine.client() as client:
        client.greet()

        assert "/venv/" in client.call(1)["dependency"]
    assert [line.split()[0] for line in installs(machine)] == ["uv"]


def test_without_uv_venv_and_pip_do_it(machine):
    (machine.programs / "uv").unlink()
    machine.python()

    with machine.client() as client:
        client.greet()

        assert "/venv/" in client.call(1)["dependency"]


def test_without_ensurepip_the_packages_go_into_a_folder_of_their_own(machine):
    (machine.programs / "uv").unlink()

    with machine.client() as client:
        client.greet()

        assert "/site/" in client.call(1)["dependency"]


def test_without_an_index_the_first_call_says_which_package_and_what_to_run(machine):
    shutil.rmtree(machine.wheels)

    with machine.client() as client:
        client.greet()
        result = client.call(1)

        assert result["isError"]
        assert "tinydep" in words(result)
        assert "start.sh build server' in a terminal" in words(result)

        machine.wheels.mkdir()
        machine.publish()
        assert "dependency" in client.call(2)


def test_a_build_that_was_killed_is_begun_anew(machine):
    started = machine.home / "started"
    machine.uv(before=f'mkdir -p "${{@: -1}}/bin"; echo $PPID >{started}; sleep 600')
    with machine.client() as client:
        client.greet()
        client.send({"id": 1, "method": "tools/call", "params": {"name": "tell"}})
        wait_for(lambda: started.exists() and started.read_text().strip())

        os.killpg(int(started.read_text()), signal.SIGKILL)

        assert "cut short" in words(client.reply(1)["result"])
        machine.uv()
        assert "dependency" in client.call(2)


def test_what_a_killed_build_left_running_is_waited_for(machine):
    started, go_on = machine.home / "started", machine.home / "go-on"
    machine.uv(before=f"echo $PPID >{started}; while [ ! -e {go_on} ]; do sleep 0.05; done; exit 1")
    with machine.client() as client:
        client.greet()
        client.send({"id": 1, "method": "tools/call", "params": {"name": "tell"}})
        wait_for(lambda: started.exists() and started.read_text().strip())
        os.kill(int(started.read_text()), signal.SIGKILL)
        assert client.reply(1)["result"]["isError"]
        machine.uv()
        client.send({"id": 2, "method": "tools/call", "params": {"name": "tell"}})
        client.ask(3, "ping")
        assert not installs(machine)

        go_on.touch()

        assert "dependency" in client.reply(2)["result"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_machine_whose_python_is_too_old_says_so_in_the_first_result(machine, era):
    meta = {"_meta": STATELESS} if era == "modern" else {}
    machine.program(
        "python3", 'case "$*" in *version_info*) exit 1 ;; esac; echo "SyntaxError" >&2'
    )

    with machine.client() as client:
        first = client.ask(0, "server/discover" if meta else "initialize", **meta)
        tools = client.ask(1, "tools/list", **meta)
        result = client.call("two", **meta)

    assert "capabilities" in first["result"]
    assert tools["result"]["tools"]
    assert result["isError"]
    assert "needs Python 3.11 or newer" in words(result)
    assert "python3" in words(result)


def test_a_machine_without_a_python_for_the_server_says_which_it_found(machine):
    building = machine.root / "mcp_server" / "launcher" / "building.py"
    text = building.read_text().replace(
        "OLDEST, NEWEST = (3, 11), (3, 14)", "OLDEST, NEWEST = (4, 1), (4, 2)"
    )
    building.write_text(text)
    (machine.programs / "uv").unlink()

    with machine.client() as client:
        client.greet()
        result = client.call(1)

    assert result["isError"]
    assert str(machine.programs / "python3") in words(result)
    assert "install uv" in words(result)


def test_an_environment_whose_python_went_away_is_built_anew(machine):
    with machine.client() as client:
        client.greet()
        client.call(1)
    (script,) = machine.data.glob("server-*/python")
    script.write_text('#!/bin/sh\nexec /nowhere/python "$@"\n')

    with machine.client() as client:
        client.greet()
        result = client.call(1)

        assert result["isError"]
        assert "/nowhere/python" in words(result)
        assert "dependency" in client.call(2)


def test_a_data_folder_that_cannot_be_written_is_named(machine):
    machine.data.write_text("a file where the folder should be")

    with machine.client() as client:
        client.greet()
        result = client.call(1)

    assert result["isError"]
    assert str(machine.data) in words(result)


def test_what_the_server_asks_and_tells_reaches_the_client_and_back_unchanged(machine):
    with machine.client() as client:
        client.greet()
        params = {"name": "ask", "_meta": {"progressToken": "t"}}
        client.send({"id": 7, "method": "tools/call", "params": params})
        messages = [client.other()]
        while messages[-1].get("method") != "roots/list":
            messages.append(client.other())
        client.send({"id": 1, "result": {"roots": []}})
        result = client.reply(7)["result"]

    told = [each["params"] for each in messages if each["method"] == "notifications/progress"]
    assert {"progressToken": "t", "progress": 1} in told
    assert result["heard"][-1] == {"jsonrpc": "2.0", "id": 1, "result": {"roots": []}}


def test_lines_that_are_no_message_are_kept_from_both_sides(machine):
    with machine.client() as client:
        client.greet()
        client.process.stdin.write("what is this\n")
        client.process.stdin.flush()

        assert client.reply(None)["error"]["code"] == -32700
        assert "dependency" in client.call(1, "chat")
        assert "dependency" in client.call(2)


def test_a_server_that_dies_is_told_of_and_started_again(machine):
    with machine.client() as client:
        client.greet()
        client.call(1)
        result = client.call(2, "die")

        assert result["isError"]
        assert "no more memory" in words(result)
        assert client.call(3)["heard"][0]["method"] == "initialize"


def test_a_call_that_was_cancelled_while_installing_is_not_made(machine):
    go_on = machine.home / "go-on"
    machine.uv(before=f"while [ ! -e {go_on} ]; do sleep 0.05; done")
    with machine.client() as client:
        client.greet()
        client.send({"id": 1, "method": "tools/call", "params": {"name": "die"}})
        client.send({"method": "notifications/cancelled", "params": {"requestId": 1}})
        client.ask(2, "ping")
        go_on.touch()

        assert "die" not in str(client.call(3)["heard"])


def test_what_was_set_in_the_client_reaches_the_server(machine, tmp_path):
    with machine.client(
        OPTION_TECHSPEC_REGISTRY="/mine", OPTION_TECHSPEC_SHARED_REGISTRIES="/lab,/old"
    ) as client:
        client.greet()
        seen = client.call(1)["environment"]

    assert seen["TECHSPEC_REGISTRY"] == os.pathsep.join(["/mine", "/lab", "/old"])
    assert Path(seen["TECHSPEC_PYTHON"]).name == "trainer-python"


def test_an_option_left_empty_leaves_the_shells_word():
    told = {"OPTION_TECHSPEC_PYTHON": "", "TECHSPEC_PYTHON": "/opt/python"}

    assert options(told) == {"TECHSPEC_PYTHON": "/opt/python"}


def test_the_users_python_is_taken_if_it_has_all_and_the_real_server_answers(tmp_path):
    machine = Machine(tmp_path)
    environment = machine.environment(OPTION_TECHSPEC_PYTHON=sys.executable)
    question = {"goal": "find the smallest transformer that adds", "keywords": ["addition"]}

    with Client(HOME, environment, cwd=tmp_path) as client:
        client.greet()
        advice = client.ask(1, "tools/call", name="advise", arguments=question)["result"]
        page = client.ask(2, "resources/read", uri="skill://addition-baseline/SKILL.md")["result"]

    assert "addition-baseline" in advice["structuredContent"]["sources"]
    assert "addition-baseline" in page["contents"][0]["text"]
    assert not (machine.data / "venv").exists()
    assert not installs(machine)


@pytest.mark.parametrize("path", sorted(LAUNCHER.glob("*.py")), ids=lambda path: path.name)
def test_the_launcher_needs_nothing_but_the_standard_library_of_python_3_9(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))

    named = [
        each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
    ]
    named += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    others = {name.partition(".")[0] for name in named} - sys.stdlib_module_names
    assert others <= {"mcp_server"}
    assert all(name.startswith("mcp_server.launcher") for name in named if "mcp_server" in name)


OLD = sorted(Path("~/.pyenv/versions").expanduser().glob("3.9.*/bin/python3.9")) or [
    Path(found) for found in [shutil.which("python3.9")] if found
]


@pytest.mark.skipif(not OLD, reason="there is no Python 3.9 on this machine")
def test_python_3_9_is_enough_for_the_launcher(machine):
    machine.program("python3", f'exec -a "$0" {OLD[0]} "$@"')
    machine.program("python3.11", f'exec -a "$0" {BASE} "$@"')

    with machine.client() as client:
        client.greet()

        assert "dependency" in client.call(1)
