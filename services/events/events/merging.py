"""Two people changed one event: what the first did, what the second wrote, and the two put together."""

from dataclasses import dataclass

from services.events.events.form import Values


@dataclass(frozen=True)
class Difference:
    """One field that the first writer changed. `mine` is what the second one sent."""

    field: str
    before: str
    now: str
    mine: str

    @property
    def in_conflict(self) -> bool:
        """Whether both changed the field, to different things."""
        return self.mine not in {self.before, self.now}


def differences(before: Values, now: Values, mine: Values) -> list[Difference]:
    """Every field that is not as the second writer saw it, in the order of the form."""
    seen, current, typed = before.fields(), now.fields(), mine.fields()
    names = dict.fromkeys([*current, *seen])
    return [
        Difference(name, seen.get(name, ""), current.get(name, ""), typed.get(name, ""))
        for name in names
        if seen.get(name, "") != current.get(name, "")
    ]


def merged(before: Values, now: Values, mine: Values) -> Values:
    """What the second writer changed, on top of what the first one did."""
    names = {*before.texts, *now.texts, *mine.texts}
    texts = {name: _pick(before.get(name), now.get(name), mine.get(name)) for name in names}
    lists = {
        name: mine.lists.get(name, []) if mine.lists.get(name) != before.lists.get(name) else codes
        for name, codes in now.lists.items()
    }
    languages = list(dict.fromkeys([*now.languages, *mine.languages]))
    return Values(texts, lists, languages, max(now.dates, mine.dates))


def _pick(before: str, now: str, mine: str) -> str:
    return mine if mine != before else now
