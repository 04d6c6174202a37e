"""techspec report: write the page of a campaign, and its results into the spec."""

import argparse
import json
import shlex
from pathlib import Path

from techspec import durable
from techspec.commands.shared_arguments import add_spec, replacing_a_page
from techspec.ledger.folder import started
from techspec.report import page
from techspec.report.results import results_markdown
from techspec.spec.reader import read_file
from techspec.spec.results import replace
from techspec.verdict.campaign import judged

EXAMPLE = "techspec report TECHSPEC.md --page report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, where the page goes, and whether the spec is written to."""
    add_spec(parser)
    parser.add_argument("--page", type=Path, help="default: report.html in the campaign's folder")
    parser.add_argument(
        "--no-write", action="store_true", help="leave the spec's Results section as it is"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Write the Results section, then the page."""
    spec, campaign = read_file(args.spec), judged(started(args.spec))
    known = campaign.plan, campaign.state, campaign.verdicts
    path = replacing_a_page(args.page or campaign.folder.report)
    if not args.no_write:  # first: it needs no charts, so it is there if the page cannot be made
        durable.write(args.spec, replace(spec.text, results_markdown(spec, *known)))
    durable.write(path, page.build(spec, *known))
    if args.json:
        print(json.dumps({"page": str(path), "spec": None if args.no_write else str(args.spec)}))
        return 0
    print(f"Page: {path}")
    if not args.no_write:
        print(f"Results: written into {args.spec}; the rest of the file is as it was.")
    print(f"next: techspec retrospective {shlex.quote(str(args.spec))}")
    return 0
