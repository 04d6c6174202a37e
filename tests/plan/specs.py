"""Small specs for tests, and the three of the reported study."""

from techspec.spec.claims import parse
from techspec.spec.model import Hypothesis, NamedArm, Parameter, Priority, Spec, Value
from techspec.spec.names import key_of
from techspec.spec.reader import read_file
from tests.reported_study import PATHS

HIGH, MEDIUM, LOW = Priority


def spec(**parts: object) -> Spec:
    return Spec(text="", **parts)  # type: ignore[arg-type]


def swept(name: str, *values: Value, priority: Priority | None = None) -> Parameter:
    return Parameter(name, key_of(name), 1, str(list(values)), values=values, priority=priority)


def row(name: str, matched: bool = False, **settings: Value) -> NamedArm:
    return NamedArm(name, line=1, settings=settings, matched=matched)


def claims(*texts: str, arms: tuple[str, ...] = ()) -> tuple[Hypothesis, ...]:
    return tuple(
        Hypothesis(f"H{number}", text, number, claim=parse(text, arms))
        for number, text in enumerate(texts, start=1)
    )


ADDITION, PHASE_1, PHASE_2 = map(read_file, PATHS)
