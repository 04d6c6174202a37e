"""Reported models in, what is odd about their numbers out, in words. Decides nothing.

None of it says that somebody did wrong: each is what a careful reader would ask the authors.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from techspec.plan.ablate import size_shown
from techspec.spec.model import Band, Quantity, Spec
from techspec.verdict.reported_rows import Run, Said

COPIED_DIGITS = 3
"""Digits from which an equal value in two models is remarkable; ours: two of `80%` are not."""
COUNT_TOLERANCE = 0.05
"""How far a reported count may lie from the trainer's; ours: what rounding `1M` may hide."""
_DENIED = ("below", "above", "under", "miss", "near", "almost", "not ", "no ", "short of")


@dataclass(frozen=True, slots=True)
class Model:
    """The rows of one model. `in_spec` where it is an arm of the spec, and `name` is that arm's."""

    name: str
    runs: tuple[Run, ...]
    in_spec: bool
    reported: Quantity | None
    """Its parameters by the table, or else by the spec's row."""
    counted: int | None
    """Its parameters by the trainer, at the settings that the row or the spec states."""

    @property
    def place(self) -> str:
        """Its name, with the lines where it stands."""
        return f"{self.name} (line {', '.join(str(run.line) for run in self.runs)})"


def oddities(models: Sequence[Model], spec: Spec) -> tuple[str, ...]:
    """All that is odd, the weightiest first."""
    matched = {arm.name for arm in spec.arms if arm.matched}
    return (
        *_single(models),
        *_unmatched([model for model in models if model.name in matched]),
        *same_values(models),
        *_told_twice(models),
        *_miscounted(models),
        *_misnamed(models, spec.bands, spec.run.metric),
        *_approximate(models),
    )


def same_values(models: Sequence[Model], about: Set[str] | None = None) -> Iterator[str]:
    """Values that stand at two models, to the last digit; of these arms only, if any are given."""
    for left, right in combinations(models, 2):
        if about is not None and not about & {left.name, right.name}:
            continue
        if left.runs[0].settings and left.runs[0].settings == right.runs[0].settings:
            continue  # one model under two names
        for one in left.runs:
            for other in right.runs:
                if text := _same_value(one, other):
                    yield (
                        f"{left.name} (line {one.line}) and {right.name} (line {other.line}) have"
                        f" the same {text} to the last digit{_unlike(one, other)}: one may be a"
                        " copy of the other"
                    )


def is_copy(run: Run, other: Run) -> bool:
    """Whether two rows of one model say the same, and nothing tells them apart as runs."""
    if run.metrics.keys() != other.metrics.keys():
        return False
    return all(said.value == other.metrics[name].value for name, said in run.metrics.items())


def _single(models: Sequence[Model]) -> Iterator[str]:
    single = [model for model in models if len(model.runs) == 1]
    if single:
        which = (
            f"Each of the {len(models)} models has"
            if len(single) == len(models)
            else f"{_list(model.name for model in single)} {'has' if len(single) == 1 else 'have'}"
        )
        yield (
            f"{which} one run: how much seeds differ is not known, so no difference between models"
            " can be told from it"
        )


def _unmatched(models: Sequence[Model]) -> Iterator[str]:
    reported = [model.reported.value for model in models if model.reported]
    counted = [model.counted for model in models if model.counted]
    told = [
        f"{_span(counts)} {by}"
        for counts, by in ((reported, "as reported"), (counted, "by the trainer's count"))
        if len(counts) > 1 and max(counts) > min(counts) * (1.0 + COUNT_TOLERANCE)
    ]
    if told:
        names = _list(model.name for model in models)
        yield f"{names} are called matched in parameters, and are not: {'; '.join(told)}"


def _told_twice(models: Sequence[Model]) -> Iterator[str]:
    for model in models:
        for one, other in combinations(model.runs, 2):
            if (one.seed is None or other.seed is None) and is_copy(one, other):
                yield (
                    f"{model.name} stands on lines {one.line} and {other.line} with the same value"
                    " and without seeds, so it counts as one run: give the seeds if they are two"
                )


def _miscounted(models: Sequence[Model]) -> Iterator[str]:
    for model in models:
        reported, counted = model.reported, model.counted
        if reported is None or not counted:
            continue
        if abs(reported.value - counted) > COUNT_TOLERANCE * counted:
            shown = ", ".join(f"{key}={value}" for key, value in model.runs[0].settings.items())
            yield (
                f"{model.name} is said to have {size_shown(reported.value)} parameters; the"
                f" trainer counts {size_shown(counted)}{f' at {shown}' if shown else ''}, all else"
                " as in the spec or by default"
            )


def _misnamed(models: Sequence[Model], bands: Sequence[Band], metric: str) -> Iterator[str]:
    """A remark such as `Best case achieved` beside a value that is not in the band of that name."""
    for model in models:
        for run in model.runs:
            said = run.metrics.get(metric)
            for remark in run.remarks.values() if said else ():
                for band in bands:
                    if said and band.metric == metric and _claims(remark, band, said):
                        yield (
                            f"{model.name} (line {run.line}) is called {remark!r} at {said.text},"
                            f" and the spec says {band.name}: {band.text}"
                        )


def _claims(remark: str, band: Band, said: Said) -> bool:
    words = remark.casefold()
    if said.value is None or band.name.casefold() not in words:
        return False
    if any(word in words for word in _DENIED):
        return False
    above = band.low is None or said.value >= band.low
    return not (above and (band.high is None or said.value <= band.high))


def _approximate(models: Sequence[Model]) -> Iterator[str]:
    for model in models:
        for run in model.runs:
            for metric, said in run.metrics.items():
                if said.approximate:
                    yield (
                        f"{model.name} (line {run.line}) has {said.text} {metric}, which is about"
                        " a number and no measured one; it is taken as it stands"
                    )


def _same_value(one: Run, other: Run) -> str:
    """The value that both have and that has digits enough to be remarkable; else empty."""
    for metric, said in one.metrics.items():
        match = other.metrics.get(metric)
        if match is None or said.value is None or said.value != match.value:
            continue
        if said.value in (0.0, 1.0):
            continue  # floor and ceiling are where many models meet
        if min(_digits(said.text), _digits(match.text)) >= COPIED_DIGITS:
            return f"{said.text} {metric}"
    return ""


def _digits(text: str) -> int:
    """Digits that carry information: those from the first that is not 0."""
    return len("".join(letter for letter in text if letter.isdigit()).lstrip("0"))


def _unlike(one: Run, other: Run) -> str:
    keys = [key for key in one.settings if one.settings[key] != other.settings.get(key)]
    told = [f"{key} {one.settings[key]} and {other.settings.get(key, '?')}" for key in keys]
    return f", though they are different models ({', '.join(told)})" if told else ""


def _span(counts: Sequence[float]) -> str:
    low, high = min(counts), max(counts)
    return f"{size_shown(low)} to {size_shown(high)}, {high / low - 1:.0%} apart,"


def _list(names: Iterable[str]) -> str:
    items = list(names)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
