"""techspec skills: search, show, check, take in and lay out the pages of a registry."""

import argparse
import errno
import json
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from techspec import durable
from techspec.commands.advise import words
from techspec.commands.shared_arguments import (
    add_registry,
    folder,
    registry_asked,
    replacing_a_page,
    said,
)
from techspec.commands.show import as_json, columns, count, plain
from techspec.records import encode
from techspec.skill.dedupe import merge
from techspec.skill.framing import framed
from techspec.skill.importing import Imported, import_pages
from techspec.skill.index import Library, ask, called, find, labels
from techspec.skill.objections import Objection, objections
from techspec.skill.page import Skill, is_unread, visible
from techspec.skill.places import (
    OWN,
    SOURCES,
    RegistryUnreadable,
    add_source,
    registry_for,
    unreadable,
)
from techspec.skill.registry import Registry, file_text, leads_out, text_of
from techspec.skill.site import site
from techspec.skill.succession import about_circle, successors
from techspec.skill.twins import pairs
from techspec.skill.untrusted import NOTE, seen
from techspec.skill.verify import verify

EXAMPLE = "techspec skills search 'rope theta'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which pages; without an action the pages are listed."""
    _common(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, (_, does) in _ACTIONS.items():
        below = actions.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        _common(below, argparse.SUPPRESS)
        if name in ("search", "show", "verify"):
            below.add_argument(
                "what", type=said, help="words" if name == "search" else "a skill's name"
            )
        if name == "lint":
            below.add_argument("what", nargs="?", default="", help="a skill's name; default: all")
        if name == "search":
            below.add_argument("--keywords", default="", metavar="A,B,…", help="technical terms")
        if name == "dedupe":
            below.add_argument(
                "--merge",
                nargs=2,
                metavar=("KEPT", "OTHER"),
                help="let KEPT stand for both: it gains OTHER's failed attempts, OTHER a note",
            )
        if name == "import":
            below.add_argument("source", type=folder, help="a checkout of the other registry")
            below.add_argument(
                "--as-source",
                action="store_true",
                help=f"read it where it is: note it in {SOURCES}",
            )
            below.add_argument("--origin", default="", help="default: its git remote, or its name")
            below.add_argument("--licence", default="", help="of pages that state none")
        if name == "index":
            below.add_argument("--out", type=Path, help="default: index.html in the registry")
            below.add_argument("--title", default="", help="of the HTML page")


def _common(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Options that may stand before the action or behind it."""
    add_registry(parser, default)
    parser.add_argument(
        "--json",
        action="store_true",
        default=False if default is None else default,
        help="one JSON object, for tools",
    )


def run(args: argparse.Namespace) -> int:
    """Exit 1 if nothing was found, or a page does not hold."""
    do, _ = _ACTIONS[args.action or "list"]
    # What is imported may be the first that the folder holds; everything else reads it.
    registry = registry_for if do is _import else registry_asked
    return do(args, registry(Path.cwd(), args.registry))


def _list(args: argparse.Namespace, registry: Registry) -> int:
    return _print_list(args, registry, ask(registry, Library.pages))


def _search(args: argparse.Namespace, registry: Registry) -> int:
    keywords = words(args.keywords)

    def likely(library: Library) -> list[Skill]:
        hits = library.index().search(args.what, keywords).hits
        return [library.page(hit.key) for hit in hits if hit.strength != "none"]

    return _print_list(args, registry, ask(registry, likely))


def _show(args: argparse.Namespace, registry: Registry) -> int:
    skill = find(registry, args.what)
    page = text_of(skill)
    name, others = called(registry, skill)
    if args.json:
        where, names = visible(str(skill.path)), [each for each, _ in others]
        shown = {"name": name, "others": names, "path": where, "page": seen(page)}
        print(json.dumps({"note": NOTE, **shown}))
    else:
        print(framed(name, str(skill.path), page, [(each, str(path)) for each, path in others]))
    return 0


def _lint(args: argparse.Namespace, registry: Registry) -> int:
    skills = [find(registry, args.what)] if args.what else registry.skills()
    after = successors(ask(registry, Library.pages))
    found = [(skill, objection) for skill in skills for objection in _objections(skill, after)]
    if args.json:
        listed = [
            {
                "path": visible(str(skill.path.parent / o.file)),
                "line": o.line,
                "message": visible(o.what),
                "fix": o.fix,
            }
            for skill, o in found
        ]
        print(json.dumps({"findings": listed}))
        return 1 if found else 0
    for skill, o in found:
        where = visible(str(skill.path.parent / o.file))
        print(f"{where}:{o.line}: {visible(o.what)}\n  fix: {o.fix}")
    if not found:
        print(f"{count(len(skills), 'skill')}: nothing to complain about.")
    return 1 if found else 0


def _objections(skill: Skill, after: Mapping[str, set[str]]) -> list[Objection]:
    """All that the strict form and good sense say against a page and the evidence beside it."""
    is_folder = skill.path.name.upper() == "SKILL.MD"
    if leads_out(skill.path, skill.registry) or is_unread(skill):
        return [Objection(skill.path.name, p.line, p.what, p.fix) for p in skill.problems]
    files = {"SKILL.md": text_of(skill)}
    unread: list[Objection] = []
    beside = sorted((skill.path.parent / "evidence").glob("*")) if is_folder else []
    for path in beside:
        if path.suffix in (".json", ".csv", ".md") and path.is_file() and not path.is_symlink():
            file = f"evidence/{path.name}"
            try:
                files[file] = file_text(skill.path.parent, file)
            except (OSError, ValueError) as error:
                fix = "put a file of UTF-8 text there, of 4 MB at most."
                unread.append(Objection(file, 1, f"it cannot be read: {error}", fix))
    found = objections(skill.path.parent.name if is_folder else skill.path.stem, files)
    found += about_circle(skill, files["SKILL.md"], after)
    shown = {"SKILL.md": skill.path.name}
    named = [Objection(shown.get(o.file, o.file), o.line, o.what, o.fix) for o in found]
    return named + unread


def _verify(args: argparse.Namespace, registry: Registry) -> int:
    skill = find(registry, args.what)
    mismatches = verify(skill.path.parent)
    if args.json:
        print(json.dumps({"path": str(skill.path), "mismatches": encode(mismatches)}))
    for mismatch in mismatches if not args.json else ():
        print(visible(f"{skill.path.parent}/{mismatch.sentence}"))
    if not mismatches and not args.json:
        what = "its tables of arms and verdicts, its grade and its findings"
        print(f"{skill.path}: {what} follow from its evidence. Words were not checked.")
    return 1 if mismatches else 0


def _dedupe(args: argparse.Namespace, registry: Registry) -> int:
    if args.merge:
        kept, gained = merge(registry, *args.merge)
        name, merged = labels(registry, [kept])[0], visible(args.merge[1])
        if args.json:
            print(json.dumps({"kept": name, "superseded": merged, "gained": gained}))
        else:
            print(f"{name} stands for both; it gained {count(gained, 'failed attempt')}.")
            print(f"{merged} names it as its successor, and stays.")
        return 0
    skills = [skill for skill in registry.skills() if skill.registry == registry.folders[0]]
    found = pairs(skills)
    names = {skill.path: name for skill, name in zip(skills, labels(registry, skills), strict=True)}
    if args.json:
        listed = [
            {
                "keep": names[twin.skill.path], "keep_path": str(twin.skill.path),
                "keep_evidence": twin.skill.evidence, "other": names[other.path],
                "other_path": str(other.path), "other_evidence": other.evidence,
                "likeness": round(twin.likeness, 3), "why": visible(twin.why),
                "contradicts": twin.contradicts,
            }
            for twin, other in found
        ]  # fmt: skip
        print(json.dumps({"twins": listed}))
        return 1 if found else 0
    for twin, other in found:
        otherwise = ", and came out otherwise" if twin.contradicts else ""
        print(f"{visible(twin.why)}{otherwise}")
        for word, page in (("keep ", twin.skill), ("other", other)):
            print(f"  {word}  {names[page.path]} ({page.evidence})  {plain(str(page.path))}")
    where = f"of the {count(len(skills), 'page')} in {registry.folders[0]}"
    if found:
        print(f"{count(len(found), 'pair')} {where}. Nothing was changed; for a pair, run:")
        print("  techspec skills dedupe --merge KEPT OTHER")
    else:
        print(f"No two {where} say the same.")
    return 1 if found else 0


def _import(args: argparse.Namespace, registry: Registry) -> int:
    root = registry.folders[0]
    if args.as_source:
        is_new = add_source(root, args.source)
        if args.json:
            print(json.dumps({"source": str(args.source), "added": is_new}))
        elif is_new:
            print(f"{args.source} is read with {root} from now on; {root / SOURCES} says so.")
        else:
            print(f"{args.source} is read with {root} already.")
        return 0
    pages = list(import_pages(args.source, root, args.origin, args.licence))
    if args.json:
        print(json.dumps(as_json(pages=pages)))
    else:
        print("\n".join(_about_import(pages, root)))
    return 1 if any(page.outcome == "left out" for page in pages) or not pages else 0


def _about_import(pages: Sequence[Imported], root: Path) -> list[str]:
    if not pages:
        return ["There is no page to import."]
    lines = [
        f"left out: {page.page}: {visible(page.why)}"
        for page in pages
        if page.outcome == "left out"
    ]
    lines += [
        f"renamed: {page.page} is {page.name!r} here"
        for page in pages
        if page.outcome == "written" and page.name not in page.page
    ]
    outcomes = Counter(page.outcome for page in pages)
    lines.append(
        f"{count(len(pages), 'page')}: {outcomes['written']} written to {root}, "
        f"{outcomes['there']} there before, {outcomes['left out']} left out."
    )
    lines.append("Next: techspec skills dedupe")
    return lines


def _index(args: argparse.Namespace, registry: Registry) -> int:
    root = registry.folders[0]
    if why := unreadable(root):
        raise RegistryUnreadable(root, OWN, why)
    skills = Registry([root]).skills()
    out = replacing_a_page(args.out or root / "index.html")
    if not out.resolve().parent.is_dir():
        raise durable.CannotWrite(out, OSError(errno.ENOENT, "its folder is not there"))
    durable.write(out, site(skills, root, out.resolve().parent, args.title))
    if args.json:
        print(json.dumps({"path": str(out), "pages": len(skills)}))
    else:
        print(f"{out}: {count(len(skills), 'page')}; open it in a browser.")
    return 0


def _print_list(args: argparse.Namespace, registry: Registry, skills: Sequence[Skill]) -> int:
    shown = [
        (name, visible(str(skill.path)), visible(skill.description))
        for name, skill in zip(labels(registry, skills), skills, strict=True)
    ]
    if args.json:
        listed = [{"name": n, "path": path, "description": said} for n, path, said in shown]
        print(json.dumps({"note": NOTE, "skills": listed}))
    elif skills:
        print(NOTE)
        print(columns([[name, textwrap.shorten(said, 90)] for name, _, said in shown], indent=""))
    else:
        print("No skill was found.")
    return 0 if skills else 1


_ACTIONS: dict[str, tuple[Callable[[argparse.Namespace, Registry], int], str]] = {
    "list": (_list, "list the pages"),
    "search": (_search, "list the pages that bear on some words"),
    "show": (_show, "show a page, marked as other people's notes"),
    "verify": (_verify, "recompute a page's results, verdicts and grade from its evidence"),
    "lint": (_lint, "say everything that keeps a page from being shared"),
    "dedupe": (_dedupe, "list pages that say the same, the better evidenced first"),
    "import": (_import, "take in another registry: read it where it is, or convert its pages"),
    "index": (_index, "write one HTML page to browse and search the registry in"),
}
