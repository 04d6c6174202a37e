import asyncio
import doctest
import functools
import json
import subprocess
import sys

import pytest
from mcp import MCPError

from mcp_server import consent, http, skills
from mcp_server.server import INSTRUCTIONS, TOOLS, build
from techspec.ledger.folder import find
from techspec.run.opening import ask_to_stop
from techspec.skill.framing import LONGEST
from tests.mcp_server.projects import call, fields, in_memory, refusal, text, write_spec

HEAVY = ("torch", "scipy", "numpy", "matplotlib", "jinja2", "markdown_it")


@functools.cache
def listed():
    tools = in_memory(lambda client: client.list_tools()).tools
    return {tool.name: tool for tool in tools}


NAMES = [tool.run.__name__ for tool in TOOLS]


def described(schema):
    """Every property of a schema, those of nested objects too, with its description."""
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, value in part.get("properties", {}).items():
            yield name, value.get("description")


def test_the_tools_are_the_nine_of_the_design():
    assert set(listed()) == {
        "advise", "tried", "skill_read", "spec_lint", "plan", "campaign_start",
        "campaign_status", "campaign_stop", "retrospective",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_says_when_to_call_it_and_what_each_argument_is(name):
    tool = listed()[name]

    assert "Call it" in tool.description or "Call plan before it" in tool.description
    assert len(tool.description) < 1000
    assert tool.title
    taught = dict(described(tool.input_schema))
    assert all(taught.get(name) for name in tool.input_schema["properties"]), taught
    assert all(said for field, said in taught.items()), taught


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_states_all_four_annotations(name):
    hints = listed()[name].annotations

    assert None not in (hints.read_only_hint, hints.destructive_hint)
    assert None not in (hints.idempotent_hint, hints.open_world_hint)


def test_only_what_spends_or_publishes_asks_for_a_person():
    asking = {
        name
        for name, tool in listed().items()
        if (tool.meta or {}).get("anthropic/requiresUserInteraction")
    }

    assert asking == {"campaign_start", "retrospective"}
    assert not any(listed()[name].annotations.read_only_hint for name in asking)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"skill_read"}))
def test_an_answer_has_fields_and_says_what_each_is(name):
    schema = listed()[name].output_schema

    assert schema["type"] == "object"
    assert [field for field, said in described(schema) if not said] == []


def test_the_search_asks_for_english_and_five_to_ten_terms_and_shows_them():
    goal, keywords = (
        listed()["advise"].input_schema["properties"][n] for n in ("goal", "keywords")
    )

    assert "English" in goal["description"]
    assert "5 to 10 technical terms" in keywords["description"]
    assert 5 <= len(keywords["examples"][0]) <= 10


def test_a_long_page_is_shown_whole():
    assert listed()["skill_read"].meta["anthropic/maxResultSizeChars"] > LONGEST


def test_tools_prompts_and_templates_come_in_the_same_order_each_time():
    async def names(client):
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        templates = (await client.list_resource_templates()).resource_templates
        return [each.name for each in (*tools, *prompts, *templates)]

    assert in_memory(names) == in_memory(names)
    assert in_memory(names)[: len(NAMES)] == NAMES


def test_where_campaigns_are_off_they_are_followed_but_neither_started_nor_stopped():
    async def names(client):
        return {tool.name for tool in (await client.list_tools()).tools}, client.instructions

    tools, instructions = in_memory(names, build(campaigns=False))

    assert set(NAMES) - tools == {"campaign_start", "campaign_stop"}
    assert "switched off" in instructions
    assert len(instructions.encode()) < 2048


def test_more_calls_than_the_server_takes_are_refused_and_the_others_answered(project, monkeypatch):
    monkeypatch.setattr("mcp_server.server.CALLS_MAX", 2)
    write_spec(project, steps=4000)
    fields("campaign_start", max_device_hours=fields("plan")["device_hours"])

    async def crowd(client):
        waiting = [
            asyncio.create_task(client.call_tool("campaign_status", {"wait_s": 90}))
            for _ in range(2)
        ]
        while server._calls < 2:
            await asyncio.sleep(0.01)
        refused = await client.call_tool("spec_lint", {})
        ask_to_stop(next(find(project)))
        return refused, [await each for each in waiting], await client.call_tool("spec_lint", {})

    server = build()
    refused, waited, after = in_memory(crowd, server)

    assert refused.is_error
    assert "fix: call again" in refused.content[0].text
    assert not any(each.is_error for each in (*waited, after))


def test_the_instructions_are_short_enough_for_tool_search_and_name_every_tool():
    assert len(INSTRUCTIONS.encode()) < 2048
    assert all(name in INSTRUCTIONS for name in set(NAMES) - {"campaign_stop"})


def test_our_own_errors_are_told_with_their_way_out(project):
    said = refusal("spec_lint", spec="TECHSPEC-other.md")

    assert "TECHSPEC-other.md" in said
    assert "fix: " in said


def test_what_went_wrong_inside_is_not_told(project, monkeypatch):
    def broken(*_):
        raise RuntimeError("a secret")

    monkeypatch.setattr("techspec.commands.lint.check", broken)

    assert "a secret" not in refusal("spec_lint")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "campaign_status",
            {"wait_s": 900},
            "wait_s is 900; it should be less than",
        ),
        ("advise", {"goal": "tune RoPE"}, "keywords is missing."),
        ("tried", {"what": 5, "keywords": []}, "what is 5; it should be a valid string."),
        ("skill_read", {"name": "x" * 500}, "it should have at most 200 characters."),
        ("skill_read", {"name": "\ud83d\x1b"}, 'name is "\\ud83d\\u001b"; it should be'),
        ("retrospective", {"tags": ["rope", "x" * 500]}, "should have at most 100 characters."),
        ("spec_lint", {"spec": "x" * 2000}, "it should have at most 1000 characters."),
        (
            "retrospective",
            {"failed_attempts": [{"attempt": "a"}]},
            "failed_attempts.0.why is missing.",
        ),
    ],
)
def test_an_argument_that_does_not_fit_is_named_with_its_value_and_what_is_wanted(
    project, tool, arguments, said
):
    refused = refusal(tool, **arguments)

    assert said in refused
    assert "fix: pass " in refused
    assert "pydantic" not in refused
    assert len(refused) < 500


def test_every_argument_that_does_not_fit_is_told_at_once(project):
    refused = refusal("tried", what=None)

    assert "what is null" in refused
    assert "keywords is missing" in refused
    assert refused.count("pass ") == 2


def test_an_argument_that_no_tool_takes_is_refused_and_nothing_is_done(project):
    refused = refusal("campaign_start", max_device_hours=0.1, path="studies/TECHSPEC.md")

    assert 'takes no argument "path"' in refused
    assert "max_device_hours, spec, amend" in refused
    assert list(find(project)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_that_there_are_no_other_arguments(name):
    assert listed()[name].input_schema["additionalProperties"] is False


def test_no_heavy_package_is_imported_before_a_tool_is_called():
    code = (
        "import sys; from mcp_server.server import build; build();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("module", [consent, http, skills])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


# Specs


def test_lint_gives_what_the_command_gives(project):
    (project / "TECHSPEC.md").write_text("# TECHSPEC: empty\n")

    found = fields("spec_lint")["findings"]

    command = [sys.executable, "-m", "techspec", "lint", "--json", "TECHSPEC.md"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert found
    assert found == json.loads(done.stdout)["findings"]
    assert f"TECHSPEC.md:{found[0]['line']}: {found[0]['code']}" in text("spec_lint")


def test_a_spec_that_may_be_planned_has_no_findings(project):
    answer = call("spec_lint")

    assert answer.structured_content == {"spec": "TECHSPEC.md", "findings": [], "notes": []}
    assert "next: plan" in answer.content[0].text


def test_a_plan_says_what_it_costs_and_which_arm_serves_which_question(project):
    plan = fields("plan")

    assert plan["trials"] == 10
    assert 0 < plan["device_hours"] <= plan["budget"]["device_hours"] == 0.1
    arms = {arm["name"]: arm for stage in plan["stages"] for arm in stage["arms"]}
    assert arms["high"]["changes"] == {"value": 0.8}
    assert arms["high"]["serves"] == ["H1", "H2"]
    assert [question["id"] for question in plan["questions"]] == ["H1", "H2"]
    assert "score(high) > score(low) by 0.1" in text("plan")


def test_a_plan_says_in_fields_as_in_words_how_many_trials_may_follow(project):
    write_spec(project, seeds=10)

    plan = call("plan")

    further = plan.structured_content["further_trials"]
    assert further > 0
    assert f"up to {further} where claims stay open" in plan.content[0].text


def test_a_plan_says_what_the_budget_leaves_out(project):
    spec = project / "TECHSPEC.md"
    spec.write_text(spec.read_text().replace("experiments: 20", "experiments: 6"))

    plan = fields("plan")

    assert plan["trials"] == 6
    assert sum(plan["dropped"].values()) == 4


# Prompts and resources


def test_specs_and_skills_are_listed_as_they_are_now_and_can_be_read(project):
    (project / "studies").mkdir()
    (project / "studies" / "TECHSPEC-rope.md").write_text("# TECHSPEC: RoPE\n")
    (project / "registry" / "new-skill").mkdir()
    page = "---\nname: new-skill\ndescription: Use when new\n---\n# New\n"
    (project / "registry" / "new-skill" / "SKILL.md").write_text(page)

    async def read_all(client):
        found = {each.uri: each for each in (await client.list_resources()).resources}
        return {uri: (await client.read_resource(uri)).contents[0].text for uri in found}

    texts = in_memory(read_all)

    assert texts["spec://studies/TECHSPEC-rope.md"] == "# TECHSPEC: RoPE\n"
    assert "# New" in texts["skill://new-skill/SKILL.md"]
    assert "never\ninstructions" in texts["skill://new-skill/SKILL.md"]
    assert "skill://addition-baseline/SKILL.md" in texts  # ships with techspec


@pytest.mark.parametrize(
    "uri", ["spec://secrets.md", "spec://../TECHSPEC.md", "skill://nobody/SKILL.md"]
)
def test_a_resource_is_a_spec_of_the_project_or_a_known_skill(project, uri):
    (project / "secrets.md").write_text("a secret")
    (project.parent / "TECHSPEC.md").write_text("a secret")

    async def refused(client):
        with pytest.raises(MCPError) as error:
            await client.read_resource(uri)
        return str(error.value)

    assert "a secret" not in in_memory(refused)


def test_the_prompts_name_their_tools_and_mark_registry_text_as_data():
    async def get(client):
        advise = await client.get_prompt("advise", {"goal": "tune RoPE", "spec": "TECHSPEC.md"})
        save = await client.get_prompt("retrospective", {})
        return [prompt.messages[0].content.text for prompt in (advise, save)]

    advise, save = in_memory(get)

    assert "tune RoPE" in advise
    assert "never instructions" in advise
    assert save.index("campaign_status") < save.index("Call retrospective")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("advise", "The prompt advise lacks goal.\n  fix: pass goal"),
        ("advice", 'There is no prompt "advice".\n  fix: take one of: advise, retrospective.'),
    ],
)
def test_a_prompt_that_cannot_be_made_says_what_is_wrong(project, name, said):
    async def refused(client):
        with pytest.raises(MCPError) as error:
            await client.get_prompt(name, {})
        return error.value

    error = in_memory(refused)

    assert said in error.message
    assert error.code == -32602  # the caller's mistake, and none of the server's


def test_a_call_that_waits_holds_up_no_other_and_ends_with_the_campaign(project):
    write_spec(project, steps=4000)
    fields("campaign_start", max_device_hours=fields("plan")["device_hours"])

    async def meanwhile(client):
        waiting = asyncio.create_task(client.call_tool("campaign_status", {"wait_s": 90}))
        linted = await client.call_tool("spec_lint", {})
        was_waiting = not waiting.done()
        await client.call_tool("campaign_stop", {})
        return linted, was_waiting, await waiting

    linted, was_waiting, status = in_memory(meanwhile)

    assert was_waiting
    assert not linted.is_error
    assert status.structured_content["condition"] in ("running", "stopped")
