"""The form of a claim in; after how many seeds an arm it may be decided out.

Looks that were registered can share one chance of error between them; a look taken because the
numbers please cannot.
"""

from itertools import accumulate, repeat

from techspec.spec.claims import Chain, Difference, Form, Insensitive, Smallest, Threshold, Trend

_STEPS = {
    Difference: (3, 5, 7, 10),
    Chain: (3, 5, 7, 10),
    Insensitive: (3, 5, 7, 10),
    Trend: (2, 3, 5, 8),
}
"""Seeds an arm at each look; the last is the cap where the spec sets none.
Source: docs/statistics.md."""
_RELIABILITY_CAP = 10
"""Of claims that are decided seed by seed: SPRT .9 against .5 decides within 10 in 82 of 100,
at either rate."""
_GROWTH = 1.4
"""From each look to the next beyond the last of the table; its own steps grow about so."""


def looks(form: type[Form], cap: int | None = None) -> tuple[int, ...]:
    """Seeds an arm at each look, ascending; claims of reliability are looked at after every seed.

    Args:
        form: the class of the claim.
        cap: the most seeds an arm, >= 1, as the spec says; None takes the usual.

    >>> looks(Difference), looks(Difference, 5), looks(Difference, 4), looks(Difference, 2)
    ((3, 5, 7, 10), (3, 5), (3, 4), (2,))
    >>> looks(Trend, 20), looks(Threshold, 3)
    ((2, 3, 5, 8, 11, 15, 20), (1, 2, 3))
    """
    if form in (Threshold, Smallest):
        return tuple(range(1, (cap or _RELIABILITY_CAP) + 1))
    steps = _STEPS[form]
    if cap is None:
        return steps
    beyond = accumulate(repeat(_GROWTH), lambda n, by: max(n + 1, round(n * by)), initial=steps[-1])
    known = [*steps]
    for n in beyond:
        if n >= cap:
            break
        known.append(n)
    return tuple(sorted({*(n for n in known if n < cap), cap}))
