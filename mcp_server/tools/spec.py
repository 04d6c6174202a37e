"""What is wrong with a spec, and what it would run. Nothing is started but the trainer's `cost`."""

from mcp_server.project import spec_file
from mcp_server.tools.arguments import SpecPath
from mcp_server.wire import LintReply, PlanReply


def spec_lint(spec: SpecPath = "TECHSPEC.md") -> LintReply:
    """Check an experiment spec before any compute is spent.

    Call it after every edit of the spec and before plan. Each finding names the line, the rule
    and the change that would settle it; an empty list means that the spec may be planned. Notes
    name hypotheses that are settled already, and what leaving them out saves. It asks
    the spec's trainer what its configs cost, and trains nothing. Next: make the fixes that need
    no decision, ask the user about the others, then plan.
    """
    from techspec.commands.lint import findings_of
    from techspec.skill.places import registry_to_read
    from techspec.spec.reader import read_file

    path = spec_file(spec)
    registry = registry_to_read(path.parent)
    return LintReply.of(path, findings_of(read_file(path), path.parent, registry))


def plan(spec: SpecPath = "TECHSPEC.md") -> PlanReply:
    """Show the experiments that would settle a spec inside its budget, and what they cost.

    Call it before campaign_start, and show the user the device hours, how often each question
    would be settled, which ones the budget cannot answer and what was dropped. trials=0 means that
    nothing can be run: left_out and dropped say why. The same spec gives the same plan on every
    machine; nothing is started but the trainer's own estimate. Next: campaign_start, if the user
    agrees to the cost.
    """
    from techspec.commands.plan import lines, rehearsed
    from techspec.plan.build import build
    from techspec.run.trainer_call import trainer_of
    from techspec.spec.reader import read_file

    path = spec_file(spec)
    read = read_file(path)
    built = build(read, trainer_of(read, path.parent))
    ahead = rehearsed(built, read, path)
    return PlanReply.of(built, ahead, "\n".join(lines(built, ahead)))
