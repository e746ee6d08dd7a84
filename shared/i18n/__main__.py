"""`python -m shared.i18n extract|update|compile|check`: keeps the catalogues in step with the code."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from shared.i18n import checks, extraction
from shared.i18n.catalogues import compile_catalogue
from shared.i18n.languages import CATALOGUE_FOLDER, PAGE_LANGUAGES

_WITH_CATALOGUE = tuple(code for code in PAGE_LANGUAGES if code != "en")


def extract(_options: Namespace) -> int:
    """Writes messages.pot, and leaves it alone if it is up to date."""
    found = extraction.extract()
    if not extraction.TEMPLATE.is_file() or extraction.differs(found, extraction.read(extraction.TEMPLATE)):
        extraction.write(extraction.TEMPLATE, found)
    return 0


def update(options: Namespace) -> int:
    """Merges messages.pot into each catalogue; naming a new language creates its catalogue."""
    template = extraction.read(extraction.TEMPLATE)
    for code in options.languages or _WITH_CATALOGUE:
        extraction.merge(CATALOGUE_FOLDER / f"{code}.po", code, template, prune=options.prune)
    return 0


def compile_all(_options: Namespace) -> int:
    """Writes a .mo beside each .po; without one, a process compiles in memory when it starts."""
    for code in _WITH_CATALOGUE:
        source = CATALOGUE_FOLDER / f"{code}.po"
        source.with_suffix(".mo").write_bytes(compile_catalogue(source))
    return 0


def check(_options: Namespace) -> int:
    """Prints what is wrong with any catalogue; 1 if anything is."""
    lines = list(all_problems())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


def all_problems() -> Iterator[str]:
    """Each problem of the template and of every catalogue as one line."""
    template = extraction.extract()
    if not extraction.TEMPLATE.is_file() or extraction.differs(template, extraction.read(extraction.TEMPLATE)):
        yield "messages.pot: out of date; run extract"
    yield from (f"en: {problem}" for problem in checks.source_problems(template))
    for code in _WITH_CATALOGUE:
        catalogue = extraction.read(CATALOGUE_FOLDER / f"{code}.po", code)
        yield from (f"{code}: {problem}" for problem in checks.problems(catalogue, template))


def main() -> int:
    """Runs the command that the command line names."""
    parser = ArgumentParser(prog="python -m shared.i18n", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run in (("extract", extract), ("update", update), ("compile", compile_all), ("check", check)):
        command = commands.add_parser(name, help=run.__doc__)
        command.set_defaults(run=run)
        if run is update:
            command.add_argument(
                "languages", nargs="*", metavar="language", help="all with a catalogue if none is named"
            )
            command.add_argument("--prune", action="store_true", help="drop texts that are gone from the code")
    options = parser.parse_args()
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
