"""Write down contracts as released: `python -m tests.contracts.release [TYPE …]`.

Without names it writes those that have no file yet. A name replaces that contract's file on purpose: only when no
message of the old form is left anywhere, in a topic, an outbox or the dead letters.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from shared.contracts.base import Part
from tests.contracts.catalogue import example, released

FOLDER = Path(__file__).with_name("released")


def document(part: type[Part]) -> dict[str, Any]:
    """Topic, schema and an example of one contract."""
    return {
        "topic": getattr(part, "topic", None),
        "schema": part.model_json_schema(),
        "example": example(part).model_dump(mode="json"),
    }


def path_of(name: str) -> Path:
    """Where the contract's release is."""
    return FOLDER / f"{name}.json"


def main(arguments: list[str] | None = None) -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.release", description=main.__doc__)
    parser.add_argument("types", nargs="*", help="contracts whose released form is replaced on purpose")
    named = parser.parse_args(arguments).types
    contracts = released()
    if unknown := set(named) - contracts.keys():
        sys.exit(f"There is no contract {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    for name, part in contracts.items():
        if name in named or not path_of(name).exists():
            path_of(name).write_text(json.dumps(document(part), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
