"""Our own sentences on a sheet, from the catalogues: there is no request and no reader yet, only a language."""

from shared.i18n.catalogues import translations
from shared.i18n.formats import format_number
from shared.typesetting.said import Said, composed
from shared.web.reader import page_language


class Words:
    """The sentences of a language. `spoken` is what they are really in: the first of its chain that has pages."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.spoken = page_language(language) or "de"
        self._translations = translations(self.spoken)

    def gettext(self, message: str, **values: object) -> Said:
        """The sentence with its placeholders filled in."""
        return composed(self._translations.gettext(message) % values, self.spoken)

    def ngettext(self, singular: str, plural: str, count: int, **values: object) -> Said:
        """The sentence in the form for `count`; `%(count)s` is the number as the language writes it."""
        text = self._translations.ngettext(singular, plural, count)
        return composed(text % {"count": format_number(count, self.spoken), **values}, self.spoken)
