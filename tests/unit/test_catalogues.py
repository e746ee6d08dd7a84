import os
from io import BytesIO

import pytest
from babel.messages.plurals import get_plural
from jinja2 import TemplateSyntaxError

from shared.i18n import __main__ as command
from shared.i18n import catalogues, extraction
from shared.i18n.catalogues import N_, compile_catalogue, load, translations
from shared.i18n.checks import problems, source_problems
from shared.i18n.extraction import REVIEWED_HEADER, Catalogue, differs, extract, merge, read, write
from shared.i18n.languages import LANGUAGES

HELLO = "Hello %(name)s"
PLACES = ("%(count)s place left", "%(count)s places left")


@pytest.fixture
def source(tmp_path):
    """A small project with one marked text of each kind."""
    (tmp_path / "shared/web/templates").mkdir(parents=True)
    folder = tmp_path / "services/events/programme"
    (folder / "templates").mkdir(parents=True)
    (folder / "pages.py").write_text('title = _("Programme")\nlabel = N_("Later")\nraw = "Unmarked"\n')
    (folder / "templates/event.html").write_text(
        "{# Translators: on the button #}\n<p>{{ _('Hello %(name)s', name=name) }}</p>\n"
        "{% trans count=left %}\n  One\n  place\n{% pluralize %}{{ count }} places{% endtrans %}"
    )
    (folder / "templates/confirmed.txt").write_text("{{ ngettext('%(count)s person', '%(count)s people', n) }}")
    (tmp_path / "shared/web/templates/base.html").write_text("{{ pgettext('menu', 'Open') }}")
    return tmp_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty catalogue folder in place of the real one."""
    monkeypatch.setattr(catalogues, "CATALOGUE_FOLDER", tmp_path)
    catalogues._chained.cache_clear()
    yield tmp_path
    catalogues._chained.cache_clear()


def catalogue(language="de", **texts):
    made = Catalogue(language)
    for source_text, translation in texts.pop("entries", {}).items():
        made.add(source_text, translation)
    return made


def template_of(entries):
    return catalogue("", entries=dict.fromkeys(entries, ""))


def found(language, entries):
    return problems(catalogue(language, entries=entries), template_of(entries))


def store(folder, language, entries):
    write(folder / f"{language}.po", catalogue(language, entries=entries))


def test_texts_are_found_in_code_pages_and_plain_text(source):
    """Python, HTML and text templates are read, plurals, contexts and notes to translators included."""
    texts = extract(source)
    ids = {message.id for message in texts.texts()}
    assert ids == {
        "Programme",
        "Later",
        HELLO,
        ("One place", "%(count)s places"),
        ("%(count)s person", "%(count)s people"),
        "Open",
    }
    assert texts.get("Open", context="menu") is not None
    assert texts.get(HELLO).auto_comments == ["on the button"]


def test_a_broken_template_stops_extraction(source):
    """A template that cannot be read is an error, since its texts would vanish from every language."""
    (source / "shared/web/templates/broken.html").write_text("{% trans %}never closed")
    with pytest.raises(TemplateSyntaxError):
        extract(source)


def test_a_template_is_out_of_date_when_a_text_changes_and_not_when_it_moves(source, tmp_path):
    """Line numbers and files are no reason to write the template again; wording is."""
    stored_at = tmp_path / "messages.pot"
    write(stored_at, extract(source))
    pages = source / "services/events/programme/pages.py"
    pages.write_text("\n\n" + pages.read_text())
    assert not differs(extract(source), read(stored_at))
    pages.write_text(pages.read_text().replace("Later", "Sooner"))
    assert differs(extract(source), read(stored_at))


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_a_new_catalogue_has_the_headers_of_its_language(tmp_path, language):
    """Plural forms come from Babel, and nobody is said to have reviewed what nobody has read."""
    path = tmp_path / f"{language}.po"
    merge(path, language, template_of([HELLO, PLACES]))
    made, plural = read(path, language), get_plural(LANGUAGES[language].locale)
    assert f'"{REVIEWED_HEADER}: no\\n"' in path.read_text()
    assert made.plural_forms == str(plural)
    assert len(made.get(PLACES).string) == plural.num_plurals


def test_an_update_keeps_translations_and_review_and_guesses_nothing(tmp_path):
    """New texts come in empty, gone ones stay as obsolete until they are pruned."""
    path = tmp_path / "de.po"
    made = catalogue("de", entries={"Hello all": "Hallo alle", "Bye": "Tschüss"})
    made.reviewed = "yes"
    write(path, made)
    template = template_of(["Hello all!", "Bye"])
    merge(path, "de", template)
    merged = read(path, "de")
    assert merged.get("Bye").string == "Tschüss"
    assert merged.get("Hello all!").string == ""
    assert not merged.get("Hello all!").fuzzy
    assert "Hello all" in merged.obsolete
    assert merged.reviewed == "yes"
    merge(path, "de", template, prune=True)
    assert not read(path, "de").obsolete


def test_a_second_update_changes_no_byte(tmp_path):
    """Files that people edit do not change for nothing."""
    path = tmp_path / "ar.po"
    template = template_of([HELLO, PLACES])
    merge(path, "ar", template)
    before = path.read_bytes()
    merge(path, "ar", template)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("language", "entries"),
    [
        ("de", {HELLO: "Hallo %(name)s", PLACES: ("Noch %(count)s Platz", "Noch %(count)s Plätze")}),
        ("tr", {PLACES: ("%(count)s yer kaldı",)}),
        ("ar", {PLACES: ("لا أماكن", "مكان واحد", "مكانان", "%(count)s أماكن", "%(count)s مكانًا", "%(count)s مكان")}),
        ("uk", {PLACES: ("%(count)s місце", "%(count)s місця", "%(count)s місць")}),
        ("de", {"<b>New</b> &amp; 100 %%": "<b>Neu</b> &amp; 100 %%"}),
        ("de", {("One place", "%(count)s places"): ("Ein Platz", "%(count)s Plätze")}),
    ],
)
def test_a_right_translation_has_no_problem(language, entries):
    """A form that stands for one single number may leave the number out."""
    assert found(language, entries) == []


@pytest.mark.parametrize(
    ("language", "entries", "problem"),
    [
        ("de", {HELLO: ""}, "untranslated"),
        ("de", {PLACES: ("Platz", "")}, "untranslated"),
        ("de", {HELLO: "Hallo %(nane)s"}, "placeholders differ"),
        ("de", {HELLO: "Hallo"}, "placeholders differ"),
        ("de", {HELLO: "Hallo %(name)d"}, "placeholders differ"),
        ("de", {PLACES: ("Noch ein Platz", "Noch Plätze")}, "placeholders differ"),
        ("uk", {PLACES: ("одне місце", "%(count)s місця", "%(count)s місць")}, "placeholders differ"),
        ("uk", {PLACES: ("%(count)s місце", "%(count)s місць")}, "has 2 plural forms, needs 3"),
        ("ar", {PLACES: ("%(count)s مكان", "%(count)s أماكن")}, "has 2 plural forms, needs 6"),
        ("de", {"<b>New</b>": "<b>Neu<b>"}, "HTML differs"),
        ("de", {"Fish &amp; chips": "Fisch & Pommes"}, "HTML differs"),
        ("de", {"Full": "Voll "}, "stray white space"),
        ("de", {"All full": "Alles  voll"}, "stray white space"),
        ("de", {"Full %%": "Voll %"}, "a percent sign"),
    ],
)
def test_a_wrong_translation_is_found(language, entries, problem):
    """Each kind of slip is named, with the text that it is in."""
    lines = found(language, entries)
    assert len(lines) == 1
    assert problem in lines[0]
    assert str(next(iter(entries))[:3] if isinstance(next(iter(entries)), str) else "place") in lines[0]


def test_fuzzy_missing_obsolete_and_surplus_texts_are_found():
    """A catalogue holds exactly the texts of the code, each translated for certain."""
    made = catalogue("de", entries={"Old": "Alt", "Sure": "Sicher"})
    made.add("Perhaps", "Vielleicht", flags=["fuzzy"])
    made.obsolete["Gone"] = made.get("Old").clone()
    lines = problems(made, template_of(["Sure", "Perhaps", "New"]))
    assert [line.split(": ", 1)[1] for line in lines] == [
        "not in the catalogue; run update",
        "obsolete",
        "not in the code; run update",
        "fuzzy",
    ]


def test_wrong_headers_are_found(tmp_path):
    """Plural forms are CLDR's, and each catalogue says whether a native speaker has reviewed it."""
    path = tmp_path / "de.po"
    store(tmp_path, "de", {})
    path.write_text(path.read_text().replace("(n != 1)", "(n > 1)").replace(f'"{REVIEWED_HEADER}: no\\n"\n', ""))
    lines = problems(read(path, "de"), template_of([]))
    assert [line.split(":")[0] for line in lines] == ["Plural-Forms", REVIEWED_HEADER]


def test_an_english_text_is_checked_too():
    """Every text is filled in, so a lone percent sign would break the page; positions cannot be translated."""
    template = template_of(["100% free", "Hello %s", " Hi", "Fine: %(count)s of 100 %%"])
    assert [line.split(": ")[0] for line in source_problems(template)] == ["'100% free'", "'Hello %s'", "' Hi'"]


def test_a_text_missing_in_one_language_comes_from_the_next_of_its_chain(folder):
    """Turkish falls back to German, German to the English source, and a text is never empty."""
    store(folder, "tr", {"Yes": "Evet", "No": ""})
    store(folder, "de", {"Yes": "Ja", "No": "Nein", "Maybe": ""})
    turkish = translations("tr")
    assert [turkish.gettext(text) for text in ("Yes", "No", "Maybe")] == ["Evet", "Nein", "Maybe"]


def test_a_language_without_a_catalogue_reads_the_next_of_its_chain(folder):
    """Kurmanji reads Turkish, Leichte Sprache German, Persian the English source, and rubbish German."""
    store(folder, "tr", {"Yes": "Evet"})
    store(folder, "de", {"Yes": "Ja"})
    answers = {code: translations(code).gettext("Yes") for code in ("kmr", "de-simple", "fa", "en", "xx")}
    assert answers == {"kmr": "Evet", "de-simple": "Ja", "fa": "Yes", "en": "Yes", "xx": "Ja"}


def test_plural_forms_follow_the_language(folder):
    """Each number gets the form that its language has for it."""
    forms = ("%(count)s місце", "%(count)s місця", "%(count)s місць")
    store(folder, "uk", {PLACES: forms})
    ukrainian = translations("uk")
    assert [ukrainian.ngettext(*PLACES, count) for count in (1, 3, 5, 11, 21)] == [
        forms[0],
        forms[1],
        forms[2],
        forms[2],
        forms[0],
    ]


def test_a_fuzzy_guess_is_never_shown(folder):
    """What a translator has not confirmed stays out of the compiled catalogue."""
    made = catalogue("de")
    made.add("Stop", "Halt?", flags=["fuzzy"])
    write(folder / "de.po", made)
    assert translations("de").gettext("Stop") == "Stop"


def test_a_catalogue_is_read_once(folder):
    """Every request asks for its translations, so the answer is kept."""
    store(folder, "de", {"Yes": "Ja"})
    assert translations("de") is translations("de")


def test_a_stale_compiled_file_is_not_used(tmp_path):
    """A .mo counts only while it is as new as its .po, so that a checkout never shows old words."""
    store(tmp_path, "de", {"Yes": "Jawohl"})
    path, compiled = tmp_path / "de.po", tmp_path / "de.mo"
    compiled.write_bytes(compile_catalogue(path))
    store(tmp_path, "de", {"Yes": "Ja"})
    os.utime(compiled, ns=(0, path.stat().st_mtime_ns - 10**9))
    assert load(path).gettext("Yes") == "Ja"
    os.utime(compiled, ns=(0, path.stat().st_mtime_ns + 10**9))
    assert load(path).gettext("Yes") == "Jawohl"


def test_marking_a_text_changes_nothing():
    """A text that is translated later is itself until then."""
    assert N_("Later") == "Later"


def test_the_command_makes_updates_compiles_and_checks(source, monkeypatch, capsys):
    """The four steps work one after the other, and check fails until all is translated."""
    folder = source / "catalogues"
    folder.mkdir()
    monkeypatch.setattr(extraction, "TEMPLATE", source / "messages.pot")
    monkeypatch.setattr(extraction.extract, "__defaults__", (source,))
    monkeypatch.setattr(command, "CATALOGUE_FOLDER", folder)
    monkeypatch.setattr(command, "_WITH_CATALOGUE", ("tr",))
    assert run(monkeypatch, "extract") == 0
    assert run(monkeypatch, "update") == 0
    assert run(monkeypatch, "compile") == 0
    assert (folder / "tr.mo").is_file()
    assert run(monkeypatch, "check") == 1
    assert "tr: 'Programme': untranslated" in capsys.readouterr().out
    translate_all(folder / "tr.po")
    assert run(monkeypatch, "check") == 0


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["shared.i18n", *arguments])
    return command.main()


def translate_all(path):
    made = read(path, "tr")
    for message in made.texts():
        message.string = message.id[1:] if message.pluralizable else message.id
    write(path, made)


def test_a_compiled_catalogue_is_gettexts_own_format(tmp_path):
    """Other tools can read what compile writes."""
    store(tmp_path, "de", {"Yes": "Ja"})
    assert BytesIO(compile_catalogue(tmp_path / "de.po")).read(4) == b"\xde\x12\x04\x95"


def test_every_catalogue_is_complete():
    """No text is untranslated, guessed, left over or wrong in any language that pages are offered in."""
    assert list(command.all_problems()) == []
