"""Schemathesis in its own process: every third path leads to something that exists; tokens that we are given are used.

Loaded by SCHEMATHESIS_HOOKS. `BADINPUT_IDS` and `BADINPUT_TOKENS` name what exists, apart by blanks.
"""

import os
import random
from typing import Any

import schemathesis

IDS = os.environ["BADINPUT_IDS"].split()
TOKENS = os.environ["BADINPUT_TOKENS"].split()
KNOWN = {"event_id": IDS, "reference": IDS, "token": TOKENS}
MOST_TOKENS = 200


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: dict[str, Any]) -> None:
    """Only what an operation names counts as documented: `default` would cover everything."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            operation.get("responses", {}).pop("default", None)


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put a real id or token into two of three paths; which one follows from what was generated."""
    if not path_parameters:
        return path_parameters
    dice = random.Random(repr(sorted(path_parameters.items())))
    for name, known in KNOWN.items():
        if name in path_parameters and known and dice.random() < 0.66:
            path_parameters[name] = dice.choice(known)
    return path_parameters


@schemathesis.hook
def after_call(_context: Any, _case: Any, response: Any) -> None:
    """Keep the secret of each new registration's link."""
    _, link, token = response.text.partition("/r/")
    if link and len(TOKENS) < MOST_TOKENS:
        TOKENS.append(token.partition('"')[0])
