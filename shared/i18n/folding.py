"""One spelling for what people type in many: case, accents, punctuation, scripts' variants and digits."""

import unicodedata

# Letters that Unicode does not decompose but that people type in either form.
_LETTERS = str.maketrans(
    {
        "ı": "i",  # Turkish dotless i
        "ł": "l",
        "đ": "d",
        "ø": "o",
        "ґ": "г",
        "ی": "ي",  # Persian yeh
        "ى": "ي",  # alef maksura
        "ے": "ي",
        "ک": "ك",  # Persian kaf
        "ٱ": "ا",
        "ة": "ه",
        "ھ": "ه",
        "ہ": "ه",
        "ە": "ه",
        "ء": "",  # a hamza of its own is left out as often as it is typed
        "ـ": "",  # tatweel
    }
)
_APOSTROPHES = frozenset("'`´\u2018\u2019\u02bc\u02bb\u2032")
_GONE = frozenset({"Mn", "Me", "Cf", "Cs", "Lm", "Sk"})
_KEPT = frozenset({"Lu", "Ll", "Lt", "Lo", "Mc", "Nl", "No"})


def _character(character: str) -> str:
    """What is left of one decomposed, lower-case character: itself, an ASCII digit, a space or nothing.

    A symbol such as an emoji is a word of its own.
    """
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in _GONE or character in _APOSTROPHES:
        return ""
    if category == "So":
        return f" {character} "
    return character if category in _KEPT else " "


def _once(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(map(_character, decomposed)).translate(_LETTERS)
    return " ".join(letters.split())


def fold(text: str) -> str:
    """The words of a text in one spelling, with single spaces: texts that people hold equal fold equally.

    Case (İ, I, ı and i are one letter), accents, Arabic harakat, tatweel, hamza and Persian letter forms,
    full-width forms, invisible and bidirectional control characters and punctuation make no difference;
    digits of any script become ASCII digits. Folding twice changes nothing. Never raises.
    """
    folded = _once(text)
    while (again := _once(folded)) != folded:
        folded = again
    return folded
