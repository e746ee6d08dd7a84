from collections import defaultdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.i18n.languages import LANGUAGES, language_words
from shared.sms.keywords import (
    CODE_ALPHABET,
    CodeProblem,
    Intent,
    Parsed,
    PartySizeError,
    code_problem,
    fold,
    is_reserved,
    new_code,
    parse,
    word_for,
)
from shared.sms.words import KEYWORD_INTENTS, Role, intent_words, table, vocabulary

CODES = frozenset({"GARTEN", "K7M4X", "KARTE", "SAMTAG3"})
WITHOUT_DE_SIMPLE = [code for code in LANGUAGES if code != "de-simple"]
RUBBISH = st.text(st.characters() | st.sampled_from("GARTEN 3-?؟ STOP\x00\ud800😀"), max_size=2000)


def understood(text):
    return parse(text, CODES.__contains__)


def test_no_word_means_two_things():
    """Over all languages, each keyword stands for one intent and is no language, number or negation."""
    meanings = defaultdict(set)
    for intent, _language, word in intent_words():
        assert word
        meanings[word].add(intent)
    for word, code in language_words().items():
        meanings[word].add(code)
    for word in table()["negation"]["words"]:
        meanings[fold(word)].add(Role.NEGATION)
    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}


def test_a_number_word_means_one_number():
    """No word is a different number in another language, and none is a keyword or a language."""
    numbers = defaultdict(set)
    for words in table()["numbers"].values():
        assert len(words) == 10
        for number, forms in enumerate(words, start=1):
            for form in filter(None, forms.split("|")):
                numbers[fold(form)].add(number)
    assert {word: found for word, found in numbers.items() if vocabulary()[word].meaning not in found} == {}
    assert {word: found for word, found in numbers.items() if len(found) > 1} == {}


def test_weak_words_are_words_of_the_table():
    """A weak word that is no keyword or language would be a slip of the pen."""
    assert {word for word in table()["weak"]["words"] if isinstance(vocabulary()[fold(word)].meaning, Role)} == set()


@pytest.mark.parametrize("intent", KEYWORD_INTENTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_that_we_tell_people_is_understood(intent, language):
    """Each language has its own word for each intent; it works alone, in lower case and with a full stop."""
    word = word_for(intent, language)
    assert language == "de-simple" or language in table()[intent]
    assert understood(word).intent == intent
    assert understood(f" {word.lower()}. ").intent == intent
    assert understood(f"{word} GARTEN") == Parsed(intent, code="GARTEN")


def test_every_listed_word_is_understood_alone():
    """There is no word in the table that another rule hides."""
    wrong = {word: parsed for intent, _, word in intent_words() if (parsed := understood(word)).intent != intent}
    assert wrong == {}


@pytest.mark.parametrize("language", WITHOUT_DE_SIMPLE)
def test_courtesy_changes_nothing(language):
    """With every polite phrase of a language, before or after, each of its words still counts."""
    for phrase in table()["polite"][language]:
        for intent in KEYWORD_INTENTS:
            for word in table()[intent][language]:
                assert understood(f"{word}, {phrase}!").intent == intent, (word, phrase)
                assert understood(f"{phrase} {word}").intent == intent, (phrase, word)


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "STOP, danke",
        "bitte stop",
        "Stop bitte jetzt!!!",
        "stopp.",
        "STOP GARTEN",
        "ja stop",
        "STOP sending me these messages, I never asked for them",
        "Ich möchte keine Nachrichten mehr bekommen, STOP",
        "Ich will keine SMS mehr",
        "Arrêt, merci",
        "ARRET SVP",
        "DUR",
        "dur lütfen",
        "Lütfen durdurun artık",
        "СТОП!",
        "стоп, дякую",
        "прекратите пожалуйста",
        "توقف.",
        "من فضلك توقف",
        "ايقاف شكرا",
        "إيقاف!",
        "قف",
        "إلغاء الاشتراك",
        "لغو اشتراک لطفاً",
        "ደው በል በጃኻ",
        "dừng lại",
        "unsubscribe",
        "🛑",
    ],
)
def test_stop_is_heard(text):
    """STOP counts at either end of a text, within short ones, in every language, with courtesy."""
    assert understood(text).intent is Intent.STOP


@pytest.mark.parametrize(
    "text",
    [
        "I can't stop by",
        "we can not stop by today",
        "Dur bir dakika, soracağım",
        "bis zum Ende der Woche",
        "at the end of the street",
        "đừng hủy",
    ],
)
def test_a_sentence_that_only_mentions_stop_is_not_one(text):
    """A word within a longer sentence stops nothing."""
    assert understood(text).intent is Intent.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "GARTEN 3 TR",
        "3 GARTEN tr",
        "garten tr 3",
        "GARTEN3 TR",
        "GARTEN3TR",
        "3GARTEN türkçe",
        "Garten, 3 Personen, Türkisch bitte",
        "GARTEN ٣ TR",
        "GARTEN x3 tr",
        "garten üç türkçe",
        "«GARTEN» ３ kişi Türkçe",
    ],
)
def test_a_registration_is_read_in_any_order(text):
    """Code, number and language may stand in any order, glued together or in other scripts' digits."""
    assert understood(text) == Parsed(Intent.REGISTER, code="GARTEN", party_size=3, language="tr")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("GARTEN", Parsed(Intent.REGISTER, code="GARTEN")),
        ("GARTEN ٣ عربي", Parsed(Intent.REGISTER, code="GARTEN", party_size=3, language="ar")),
        ("K7M4X3", Parsed(Intent.REGISTER, code="K7M4X", party_size=3)),
        ("SAMTAG3", Parsed(Intent.REGISTER, code="SAMTAG3")),
        ("SAMTAG32", Parsed(Intent.REGISTER, code="SAMTAG3", party_size=2)),
        ("GARTEN 2 UK", Parsed(Intent.REGISTER, code="GARTEN", party_size=2, language="uk")),
        ("GARTEN 2 Fatma", Parsed(Intent.REGISTER, code="GARTEN", party_size=2, rest="fatma")),
        ("JA GARTEN", Parsed(Intent.YES, code="GARTEN")),
        ("CANCEL GARTEN", Parsed(Intent.CANCEL, code="GARTEN")),
        ("STATUS GARTEN", Parsed(Intent.STATUS, code="GARTEN")),
        ("ja 2", Parsed(Intent.YES, party_size=2)),
        ("START DE", Parsed(Intent.START, language="de")),
        ("TR", Parsed(Intent.LANGUAGE, language="tr")),
        ("auf Türkisch bitte", Parsed(Intent.LANGUAGE, language="tr")),
        ("Ja, es passt", Parsed(Intent.YES, rest="passt")),
        ("GARTEN?", Parsed(Intent.UNKNOWN, code="GARTEN")),
        ("GARTEN KARTE", Parsed(Intent.UNKNOWN)),
        ("GRTEN 3", Parsed(Intent.UNKNOWN, party_size=3, rest="grten")),
        ("türkisch arabisch", Parsed(Intent.UNKNOWN)),
        ("?", Parsed(Intent.HELP)),
        ("", Parsed(Intent.UNKNOWN)),
    ],
)
def test_a_text_is_taken_for_what_it_says(text, parsed):
    """The intent comes with the code, the number and the language beside it; what is unclear stays unknown."""
    assert understood(text) == parsed


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("GARTEN 0", PartySizeError.TOO_SMALL),
        ("GARTEN -3", PartySizeError.TOO_SMALL),
        ("GARTEN −٣", PartySizeError.TOO_SMALL),
        ("GARTEN 100", PartySizeError.TOO_LARGE),
        ("GARTEN " + "9" * 1900, PartySizeError.TOO_LARGE),
        ("GARTEN 2 3", PartySizeError.UNCLEAR),
        ("GARTEN 2,5", PartySizeError.UNCLEAR),
        ("GARTEN 2 Erwachsene ein Kind", PartySizeError.UNCLEAR),
    ],
)
def test_a_number_that_cannot_be_a_party_is_said(text, error):
    """Nobody is registered for a number of people that they did not mean."""
    assert understood(text) == Parsed(
        Intent.REGISTER, code="GARTEN", party_size_error=error, rest=understood(text).rest
    )


@pytest.mark.parametrize("text", ["GARTEN 99", "GARTEN99", "GARTEN 099"])
def test_ninety_nine_people_are_a_party(text):
    """The largest number that a text may name is 99."""
    assert understood(text).party_size == 99


@pytest.mark.parametrize(
    "text",
    [
        "nicht absagen",
        "please don't cancel",
        "no cancelar",
        "nie anuluj",
        "не скасовуйте",
        "Can I cancel?",
        "no entiendo",
        "не розумію",
        "нет проблем",
        "ja nein",
        "Wann ist der GARTEN offen",
        "Alles gut, bis morgen",
        "przyjdę po pracy",
    ],
)
def test_an_unclear_text_orders_nothing(text):
    """A negated, contradictory, asking or chatting text is unknown: asking back costs least."""
    assert understood(text).intent is Intent.UNKNOWN


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("nein, absagen", Intent.CANCEL),
        ("yes cancel", Intent.CANCEL),
        ("no puedo, cancelar", Intent.CANCEL),
        ("Ich muss leider absagen", Intent.CANCEL),
        ("nie mogę przyjść", Intent.NO),
        ("No, thank you", Intent.NO),
        ("لا أستطيع الحضور", Intent.NO),
        ("Ja, wir kommen gern", Intent.YES),
        ("👍🏽", Intent.YES),
    ],
)
def test_words_that_agree_are_one_answer(text, intent):
    """A "no" that comes with "cancel" is a cancellation, and "cannot come" is a no."""
    assert understood(text).intent is intent


@given(RUBBISH)
@example("\ud800" * 2000)
@example("GARTEN" * 333)
@example("9" * 2000)
@example("stop " * 400)
def test_no_text_breaks_the_reader(text):
    """Whatever arrives, there is an answer, and what it holds is within bounds."""
    parsed = understood(text)
    assert parsed.code is None or parsed.code in CODES
    assert parsed.party_size is None or 1 <= parsed.party_size <= 99
    assert parsed.language is None or parsed.language in LANGUAGES


@given(st.sampled_from(sorted(word for intent, _, word in intent_words() if intent is Intent.STOP)), st.data())
def test_stop_survives_signs_around_it(word, data):
    """Punctuation, symbols and white space around a stop word make no difference."""
    signs = st.text(st.sampled_from(" .,!…-–*\"'„“()\n\t\u200f"), max_size=6)
    assert understood(f"{data.draw(signs)} {word} {data.draw(signs)}").intent is Intent.STOP


def test_the_alphabet_has_no_letters_that_are_mixed_up():
    """Codes hold 23 letters and five digits."""
    assert set(CODE_ALPHABET) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ34679") - set("ILO")
    assert len(CODE_ALPHABET) == 28


def test_new_codes_are_usable_and_differ():
    """A random code has no problem, is read back alone and with a number beside it, and is hard to guess."""
    codes = {new_code() for _ in range(500)}
    assert len(codes) > 490
    for code in codes:
        assert code_problem(code) is None
        assert len(code) == 5
        expected = Parsed(Intent.REGISTER, code=code, party_size=3)
        assert parse(f"{code.lower()}3", codes.__contains__) == expected
        assert parse(f"3{code}", codes.__contains__) == expected


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("GARTEN", None),
        ("K7M4X", None),
        ("ABC", CodeProblem.LENGTH),
        ("ABCDEFGHJKM", CodeProblem.LENGTH),
        ("", CodeProblem.LENGTH),
        ("SALON", CodeProblem.CHARACTERS),
        ("garten", CodeProblem.CHARACTERS),
        ("GÄRTEN", CodeProblem.CHARACTERS),
        ("TEST2", CodeProblem.CHARACTERS),
        ("START", CodeProblem.RESERVED),
        ("EVET", CodeProblem.RESERVED),
        ("HAYER", None),
        ("DANKE", CodeProblem.RESERVED),
        ("TURC", CodeProblem.RESERVED),
        ("3467", CodeProblem.RESERVED),
    ],
)
def test_an_organisers_own_code_is_checked(code, problem):
    """A code of one's own is four to ten clear characters and no word that texts are read by."""
    assert code_problem(code) == problem


def test_every_word_that_texts_are_read_by_is_reserved():
    """No event's code can hide a keyword, a language, a number word or a courtesy."""
    assert all(is_reserved(word.upper()) for word in vocabulary())
