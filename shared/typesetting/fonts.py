"""The fonts that sheets are set in: the same files everywhere, so that every machine sets the same sheet.

What the machine itself has, and what the compiler brings, is left aside. docs/decisions/0016 says why these.
"""

from functools import cache
from typing import Final

from typst import Fonts

from shared.web.assets import AssetsError, libraries_folder

FAMILIES: Final = ("Noto Sans", "Vazirmatn", "Noto Sans Ethiopic", "Noto Emoji")
"""In the order in which a letter is looked for; `layout.typ` names the same."""


@cache
def fonts() -> Fonts:
    """Our fonts, found once in each process; any thread may use them.

    Raises:
        AssetsError: the fonts have not been fetched.
    """
    folder = libraries_folder() / "fonts"
    found = Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
    if missing := set(FAMILIES) - set(found.families()):
        raise AssetsError(f"Fonts are missing ({', '.join(sorted(missing))}): run `python -m shared.web.assets`.")
    return found
