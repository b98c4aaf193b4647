"""Short texts that bodies and filters take."""

from typing import Annotated

from msgspec import Meta

# `$` alone would let a line feed stand at the end.
ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$(?!\n)"
NO_CONTROL_CHARACTERS = "must not have control characters"
_SAYS = {"message": NO_CONTROL_CHARACTERS}

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE, examples=["Pat Doe"], extra=_SAYS)]
Email = Annotated[str, Meta(min_length=1, max_length=254, pattern=ONE_LINE, examples=["pat@example.com"], extra=_SAYS)]
Phone = Annotated[str, Meta(min_length=1, max_length=50, pattern=ONE_LINE, examples=["555-0134"], extra=_SAYS)]
Vehicle = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=ONE_LINE, examples=["2019 Honda Civic"], extra=_SAYS)
]
Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=ONE_LINE,
        description="Such as the number of a check.",
        examples=["check 1042"],
        extra=_SAYS,
    ),
]
Number = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=50,
        pattern=ONE_LINE,
        description="Unique in the shop; made if left out.",
        examples=["INV-1"],
        extra=_SAYS,
    ),
]
SearchText = Annotated[str, Meta(max_length=200, pattern=ONE_LINE, extra=_SAYS)]
