"""Numbers in, SVG text out, to stand inside a page: no scripts, no fonts, no colours of its own.

Colours are drawn as marks that the page's style sheet fills, so that one chart serves light and
dark. This is the only module that imports matplotlib, inside functions.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, exp, floor, log
from typing import Any

from markupsafe import Markup, escape

from techspec.errors import TechspecError
from techspec.report.tables import band_of
from techspec.spec.model import Band
from techspec.verdict.model import ArmResult, Estimate
from techspec.verdict.words.numbers import number, size

# Not black: matplotlib leaves black out, and the page could not fill it then.
_INK, _MUTED, _GRID, _DOT, _BAND, _BAD = (
    "#010203",
    "#020304",
    "#030405",
    "#040506",
    "#050607",
    "#060708",
)
_FILLED_BY = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    _DOT: "var(--accent)",
    _BAND: "var(--band)",
    _BAD: "var(--bad)",
}
_SERIES = {
    "#070809": "var(--one)",
    "#08090a": "var(--two)",
    "#090a0b": "var(--three)",
    "#0a0b0c": "var(--four)",
    "#0b0c0d": "var(--five)",
    "#0c0d0e": "var(--six)",
}
_FILLED_BY |= _SERIES
# Beside the colours, so that arms are never told apart by colour alone.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h")
_WIDTH = 7.2
_LABEL_MAX = 26


class NoMatplotlib(TechspecError):
    """The page has charts, and what draws them is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "The report needs matplotlib for its charts, and it is not installed.",
            "'pip install matplotlib'; the Results section needs none and is written all the same.",
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """How values of one metric are shown."""

    metric: str
    unit: str = ""
    higher_is_better: bool = True
    bands: Sequence[Band] = field(default_factory=tuple)


def require() -> None:
    """Refuse at once where nothing can be drawn.

    Raises:
        NoMatplotlib: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise NoMatplotlib from None


def interval(estimate: Estimate, key: str) -> Markup:
    """An estimate with its interval, the line of no effect, and what the claim asks for."""
    assert estimate.low is not None, "an interval is drawn only where there is one"
    assert estimate.high is not None, "an interval is drawn only where there is one"
    with _figure(4.6, 0.85, key) as (figure, drawn):
        axes = figure.add_subplot()
        points = [estimate.low, estimate.high, estimate.value]
        if estimate.claimed is not None:
            points += [0.0, estimate.claimed]
            axes.axvline(0.0, color=_MUTED, linewidth=1)
            if estimate.claimed:
                axes.axvline(estimate.claimed, color=_INK, linewidth=1, linestyle=(0, (3, 2)))
                axes.text(estimate.claimed, 0.62, "claimed", color=_INK, ha="center", va="bottom")
        if estimate.unit == "%":
            points += [0.0, 1.0]
        axes.plot([estimate.low, estimate.high], [0, 0], color=_DOT, linewidth=3)
        axes.plot([estimate.value], [0], "o", color=_DOT, markersize=7)
        room = 0.06 * (max(points) - min(points)) or 1.0
        axes.set(xlim=(min(points) - room, max(points) + room), ylim=(-0.5, 0.6), yticks=[])
        _plain(axes, grid=None)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(_ticks(estimate.unit))
        ends = f"{number(estimate.low, estimate.unit)} to {number(estimate.high, estimate.unit)}"
        drawn.alt = (
            f"{estimate.what}: {number(estimate.value, estimate.unit)},"
            f" {100 * estimate.confidence:.0f} % interval {ends}"
        )
    return drawn.svg


def seeds(arms: Sequence[ArmResult], scale: Scale, key: str) -> Markup:
    """Every seed as a dot, arm by arm, with the median as a line; diverged ones at the edge."""
    with _figure(_WIDTH, 0.75 + 0.36 * len(arms), key) as (figure, drawn):
        axes = figure.add_subplot()
        values = [value for arm in arms for value in arm.values]
        low, high = _ends(values, scale)
        # A strip at the bad end for runs that have no value.
        strip = 0.06 * (high - low) if any(arm.diverged for arm in arms) else 0.0
        worst = low - strip / 2.0 if scale.higher_is_better else high + strip / 2.0
        low, high = (low - strip, high) if scale.higher_is_better else (low, high + strip)
        axes.set(xlim=(low, high), ylim=(len(arms) - 0.4, -0.6))
        _shade(axes, scale, low, high, along="x")
        for place, arm in enumerate(arms):
            spots = sorted(arm.values)
            # Neighbours that would hide each other step aside.
            steps = [0.0, -0.16, 0.16]
            heights = [place + steps[index % 3] for index in range(len(spots))]
            axes.plot(spots, heights, "o", color=_DOT, markersize=5, alpha=0.85, clip_on=False)
            if spots:
                middle = (spots[(len(spots) - 1) // 2] + spots[len(spots) // 2]) / 2
                axes.plot([middle] * 2, [place - 0.33, place + 0.33], color=_INK, linewidth=1.6)
            for index in range(arm.diverged):
                height = place + steps[index % 3]
                axes.plot([worst], [height], "x", color=_BAD, markersize=6, clip_on=False)
        axes.set_yticks(range(len(arms)), [_label(arm.arm) for arm in arms])
        axes.set_xlabel(scale.metric)
        _plain(axes, grid="x")
        axes.xaxis.set_major_formatter(_ticks(scale.unit))
        drawn.alt = f"{scale.metric} of every seed by arm: " + "; ".join(
            f"{arm.arm} {', '.join(number(value, scale.unit) for value in arm.values) or 'none'}"
            + (f", {arm.diverged} diverged" if arm.diverged else "")
            for arm in arms
        )
    return drawn.svg


def curves(
    arms: Mapping[str, Sequence[Sequence[tuple[int, float]]]], scale: Scale, key: str
) -> Markup:
    """The way of every seed, a panel an arm, all on one scale.

    Args:
        arms: by arm, one line a seed, each (step, value) in the order of steps.
        scale: of the metric.
        key: a name for this chart, unique on its page.
    """
    columns = min(3, len(arms))
    rows = ceil(len(arms) / columns)
    values = [value for lines in arms.values() for line in lines for _, value in line]
    steps = [step for lines in arms.values() for line in lines for step, _ in line]
    low, high = _ends(values, scale)
    with _figure(_WIDTH, 0.3 + 1.5 * rows, key) as (figure, drawn):
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for axes, (name, lines) in zip(panels, arms.items(), strict=False):
            for line in lines:
                way = zip(*line, strict=True)
                axes.plot(*way, color=_DOT, linewidth=1, alpha=0.75, clip_on=False)
                axes.plot(*line[-1], "o", color=_DOT, markersize=2.5, clip_on=False)
            axes.set_title(_label(name), loc="left", color=_INK)
            _plain(axes, grid="y")
            axes.yaxis.set_major_formatter(_ticks(scale.unit))
            axes.xaxis.set_major_formatter(_counts())
            axes.locator_params(axis="x", nbins=4)
        for axes in panels[len(arms) :]:
            axes.set_visible(False)
        panels[0].set(ylim=(low, high), xlim=(0, max(steps, default=1) or 1))
        for axes in panels[max(0, len(arms) - columns) : len(arms)]:
            axes.set_xlabel("step")
            axes.tick_params(labelbottom=True)
        drawn.alt = (
            f"{scale.metric} over training steps, a panel an arm, a line a seed: "
            + "; ".join(f"{name} {len(lines)} seeds" for name, lines in arms.items())
        )
    return drawn.svg


def by_params(arms: Sequence[ArmResult], scale: Scale, key: str) -> Markup:
    """Every seed against its arm's number of parameters, the success bands behind."""
    sized = sorted(
        (arm for arm in arms if arm.params and arm.runs), key=lambda arm: arm.params or 0
    )
    columns = min(3, len(sized))
    with _figure(_WIDTH, 3.3 + 0.2 * ceil(len(sized) / columns), key) as (figure, drawn):
        axes = figure.add_subplot()
        values = [value for arm in sized for value in arm.values]
        low, high = _ends(values, scale)
        counts = [arm.params or 1 for arm in sized]
        axes.set_xscale("log")
        left, right = log(min(counts) / 1.5), log(max(counts) * 1.5)
        axes.set(ylim=(low, high), xlim=(exp(left), exp(right)))
        _shade(axes, scale, low, high, along="y")
        apart = (right - left) * min(0.025, 0.5 / len(sized))
        places = _side_by_side([log(count) for count in counts], apart)
        for index, (arm, place) in enumerate(zip(sized, places, strict=True)):
            colour = list(_SERIES)[index % len(_SERIES)]
            spots = sorted(arm.values)
            axes.plot(
                [exp(place)] * len(spots),
                spots,
                _MARKERS[index % len(_MARKERS)],
                color=colour,
                markersize=5.5,
                alpha=0.85,
                clip_on=False,
                label=_legend(arm.arm),
            )
        figure.legend(loc="outside lower left", ncols=columns, frameon=False, handletextpad=0.2)
        axes.set_xlabel("parameters")
        axes.set_ylabel(scale.metric)
        _plain(axes, grid="y")
        _size_ticks(axes, counts)
        axes.yaxis.set_major_formatter(_ticks(scale.unit))
        drawn.alt = f"{scale.metric} against parameters: " + "; ".join(
            f"{arm.arm} ({size(arm.params or 0)})"
            f" {', '.join(number(value, scale.unit) for value in arm.values) or 'diverged'}"
            for arm in sized
        )
    return drawn.svg


class _Drawn:
    """What a figure became: set `alt` inside the block, read `svg` after it."""

    alt: str = ""
    svg: Markup = Markup("")


@contextmanager
def _figure(width: float, height: float, key: str) -> Iterator[tuple[Any, _Drawn]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = _Drawn()
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,  # ids must differ between the charts of one page
        "text.parse_math": False,  # a dollar in an arm's name is a dollar
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.unicode_minus": True,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _MUTED,
        "ytick.color": _MUTED,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "axes.edgecolor": _MUTED,
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        # Glyphs that our font lacks are the browser's to draw; sizes are then a little off.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, drawn
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    drawn.svg = _inline(text.getvalue(), drawn.alt)


def _inline(svg: str, alt: str) -> Markup:
    """A whole SVG file as an element of a page: no prologue, no links, colours by the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every chart, and nothing refers to them
    svg = re.sub(r"""(style="[^"]*?)font: ([\d.]+)px [^;"]*""", r"\1font-size: \2px", svg)
    for mark, filled_by in _FILLED_BY.items():
        svg = svg.replace(mark, filled_by)
    view = re.search(r'viewBox="([^"]*)"', svg)
    assert view is not None, "matplotlib writes a viewBox"
    body = svg[svg.index(">") + 1 :]
    head = f'<svg viewBox="{view.group(1)}" role="img" aria-label="{escape(alt)}">'
    return Markup(head + body)


def _plain(axes: Any, grid: str | None) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=3)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=_GRID, linewidth=0.8)


def _ends(values: Sequence[float], scale: Scale) -> tuple[float, float]:
    """An axis that holds every value, with whole tens of per cent at both ends for shares."""
    if scale.unit == "%":
        low, high = min(values, default=0.0), max(values, default=1.0)
        low, high = floor(10 * low - 0.2) / 10, ceil(10 * high + 0.2) / 10
        # A dot at 0 % or 100 % must not be cut by the frame.
        return max(low, -0.03), min(high, 1.03)
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.08 * (high - low) or 0.5 * abs(high) or 1.0
    return low - room, high + room


def _side_by_side(places: Sequence[float], apart: float) -> list[float]:
    """Places, ascending, with those nearer than `apart` spread evenly about their middle.

    >>> _side_by_side([0.0, 5.0, 5.0, 5.0], 1.0)
    [0.0, 4.0, 5.0, 6.0]
    """
    groups: list[list[float]] = []
    for place in places:
        if groups and place - groups[-1][-1] < apart:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [
        sum(group) / len(group) + apart * (rank - (len(group) - 1) / 2)
        for group in groups
        for rank in range(len(group))
    ]


def _shade(axes: Any, scale: Scale, low: float, high: float, along: str) -> None:
    """Success bands as shaded stretches with their names, the better the darker."""
    edges = {low, high}
    for limits in scale.bands:
        edges |= {
            edge for edge in (limits.low, limits.high) if edge is not None and low < edge < high
        }
    ordered = sorted(edges)
    stretches = []
    for start, end in pairwise(ordered):
        band = band_of(scale.bands, (start + end) / 2.0, scale.higher_is_better)
        if band is not None:
            stretches.append((start, end, band.name))
    if not scale.higher_is_better:
        stretches.reverse()
    for rank, (start, end, name) in enumerate(stretches):
        shade = 0.10 + 0.45 * rank / max(1, len(stretches) - 1)
        middle = (start + end) / 2.0
        if along == "x":
            axes.axvspan(start, end, color=_BAND, alpha=shade, linewidth=0)
            if end - start > 0.13 * (high - low):
                place = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
                axes.text(middle, 1.01, _label(name), color=_MUTED, fontsize=8, **place)
        else:
            axes.axhspan(start, end, color=_BAND, alpha=shade, linewidth=0)
            if end - start > 0.04 * (high - low):
                place = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
                axes.text(1.01, middle, _label(name), color=_MUTED, fontsize=8, **place)


def _ticks(unit: str) -> Any:
    from matplotlib.ticker import FuncFormatter

    if unit in ("%", "pt"):
        return FuncFormatter(lambda value, _: f"{100 * value:.4g} {unit}".replace("-", "−"))
    return FuncFormatter(lambda value, _: size(value) if abs(value) >= 1e4 else f"{value:.4g}")


def _counts() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: size(value) if value >= 1000 else f"{value:g}")


def _size_ticks(axes: Any, counts: Sequence[int]) -> None:
    """Ticks at the sizes that were run, leaving out those too close to be read."""
    from matplotlib.ticker import FixedLocator, NullLocator

    left, right = (log(end) for end in axes.get_xlim())
    shown: list[int] = []
    for count in sorted(set(counts)):
        if not shown or log(count / shown[-1]) > 0.1 * (right - left):
            shown.append(count)
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(_counts())


def _legend(text: str) -> str:
    """A label; what starts with an underscore matplotlib would leave out of a legend."""
    label = _label(text)
    return f"\N{ZERO WIDTH SPACE}{label}" if label.startswith("_") else label


def _label(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LABEL_MAX else f"{line[: _LABEL_MAX - 1]}…"
