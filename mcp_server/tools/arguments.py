"""Arguments that several tools take."""

from typing import Annotated

from pydantic import Field

SpecPath = Annotated[
    str,
    Field(
        description="Path of the spec, from the project's folder: 'TECHSPEC.md' or "
        "'studies/rope/TECHSPEC.md'. It must lie inside the project.",
        max_length=1000,
    ),
]

Keywords = Annotated[
    list[str],
    Field(
        description="5 to 10 technical terms in English beside it, and synonyms: methods, "
        "libraries, parameter names, error text. They find far more than the sentence alone.",
        examples=[
            [
                "RoPE theta",
                "rotary embedding",
                "position encoding",
                "short sequences",
                "exact match",
            ]
        ],
        max_length=20,
    ),
]
