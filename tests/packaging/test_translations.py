"""The catalogues of other languages fit the sources, and what the client loads is made from them."""

import gettext
import io

import pytest
from hatch_build import compiled
from tools.translations import (
    LANGUAGES,
    LOCALES,
    BypassError,
    fields,
    files,
    po_path,
    problems,
    read,
    sentences_of,
)
from tools.untranslated import EXCEPTIONS, bypasses, bypasses_of


def test_no_sentence_bypasses_the_catalogue() -> None:
    """What a person may read is given to `_`, `ngettext` or `N_`; `tools.untranslated` lists the rest."""
    assert list(map(str, bypasses())) == []


def test_the_catalogues_have_the_sentences_of_the_sources() -> None:
    """`make translations` would change nothing."""
    assert [path.name for path, data in files().items() if path.read_bytes() != data] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    """Every sentence is translated, none is fuzzy, and each has the fields of the original."""
    assert list(problems(read(language))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_loaded_is_made_from_what_is_edited(language: str) -> None:
    """An installation compiles it: every sentence as Babel reads it, and nothing that is not translated."""
    path = po_path(language)
    data = compiled(path.read_text("utf-8"))
    assert path.with_suffix(".mo").read_bytes() == data == compiled(path.read_text("utf-8"))
    loaded = gettext.GNUTranslations(io.BytesIO(data))
    for message in read(language):
        if isinstance(message.id, tuple):
            one, several = message.id
            forms = {loaded.ngettext(one, several, number) for number in range(12)}
            assert forms <= set(message.string or ())
        elif isinstance(message.id, str) and message.id:
            assert loaded.gettext(message.id) == message.string


def test_what_is_not_translated_is_not_loaded() -> None:
    """Nor what is fuzzy: then people read English."""
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    rest = 'msgid "a"\nmsgstr ""\n\n#, fuzzy\nmsgid "b"\nmsgstr "B"\n\nmsgid "c"\n"d"\nmsgstr "C\\n"\n"D"\n'
    loaded = gettext.GNUTranslations(io.BytesIO(compiled(f"{head}\n{rest}")))
    assert [loaded.gettext(word) for word in ("a", "b", "cd")] == ["a", "b", "C\nD"]
    with pytest.raises(ValueError, match="not a line of a catalogue"):
        compiled(f"{head}\nmsgctxt 'x'\n")


def test_every_folder_is_a_language_that_can_be_chosen() -> None:
    """The setting `language` offers them, and English."""
    from parlour_client.core.settings import BY_KEY  # noqa: PLC0415 - the one test that needs it

    there = sorted(path.name for path in LOCALES.iterdir() if path.is_dir())
    assert there == sorted(LANGUAGES)
    assert BY_KEY["language"].choices == ("system", *sorted([*LANGUAGES, "en"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_typed_is_not_translated(language: str) -> None:
    """Options, addresses, keys of a search and command lines are the same in every language."""
    typed = ("--", "parlour ", "/approve", "/verify", "from:", "before:", "Ctrl+", "Alt+X", "pip install")
    for message in read(language):
        if isinstance(message.id, str) and isinstance(message.string, str):
            for word in typed:
                if word in {"parlour ", "Ctrl+"} or message.id.count(word) == 0:
                    continue
                assert message.string.count(word) == message.id.count(word), message.id


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('def f(name):\n    return _(f"Hello {name}")', "f-string"),
        ("TABLE = N_(sentence)", "literal"),
        ('def f():\n    for _ in range(3):\n        print(_("Hello there"))', "binds it"),
        ('def f(_):\n    return _("Hello there")', "binds it"),
        ('def f(pairs):\n    return [_("Hello there") for _, one in pairs]', "binds it"),
    ],
)
def test_a_sentence_that_cannot_be_translated_is_refused(source: str, why: str) -> None:
    """A sentence is a literal, and nothing hides the function that translates it."""
    with pytest.raises(BypassError, match=why):
        list(sentences_of(source, "x.py"))


def test_what_is_found() -> None:
    """Sentences of each marker, both forms of a plural, and the help that a docstring becomes."""
    source = '''
TABLE = N_("One of a table")
@command("kick", cli="room kick")
async def kick(call):
    """Remove someone.

    They can come back.
    """
    return ngettext("{count} room", "{count} rooms", 2), _(TABLE), [_ for _ in ()], _("Now")
@click.command()
def chat():
    """Open the chat."""
def helper():
    """Return something."""
'''
    found = {(one.text, one.many) for one in sentences_of(source, "x.py") if one.text}
    assert found == {
        ("One of a table", ""),
        ("Remove someone", ""),
        ("They can come back.", ""),
        ("{count} room", "{count} rooms"),
        ("Now", ""),
        ("Open the chat.", ""),
    }


def test_fields_are_told_apart() -> None:
    """By name; a text that has braces for something else has none."""
    assert fields("{a} of {b:>4} {c!r}") == {"a", "b", "c"}
    assert fields('Print {"seq": …}') == {'"seq"'}
    assert fields("{") == frozenset()


@pytest.mark.parametrize(
    "source",
    [
        'Button("Send", id="send")',
        'Binding("ctrl+q", "quit", "Quit")',
        'Input(placeholder="Name")',
        'own("Connecting…")',
        'own(f"{count} unread")',
        'def f(self):\n    self.border_title = "Rooms"',
        'app.notify("Saved")',
        'click.echo("Done")',
        'printer.say(f"{name} joined")',
        'printer.say(_("Saved") if saved else "Failed")',
        'click.option("--plain", help="Plainly")',
        'Elsewhere("Only in a chat.")',
        'shown_by(View.HELP, "Show the help", "help", cli="x")',
        'raise SetupError("The file is damaged.")',
        'raise click.UsageError("Nothing")',
        'class Error(SetupError):\n    hint = "Log in again."',
        'WORDS = {"a": "You may not do that."}',
        'def f(what: str = "a message"): pass',
        'x = "Press " + key',
        'x = f"Pin {this} for everyone?"',
    ],
)
def test_a_sentence_that_bypasses_the_catalogue_is_found(source: str) -> None:
    """One of each kind: buttons, keys, placeholders, titles, toasts, lines, help, errors, tables."""
    assert len(list(bypasses_of(source, "x.py"))) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""A module of several words."""',
        'Button(_("Send"), id="send", classes="big red")',
        'Binding("ctrl+q", "quit", N_("Quit"))',
        '@command("kick", cli="room kick", examples=("room kick garden mallory",))\nasync def f(): pass',
        'connection.execute("SELECT name FROM rooms WHERE id = ?")',
        'class W:\n    DEFAULT_CSS = "W { height: auto; width: 1fr; }"',
        'raise ValueError("not a number at all")',
        'assert found, "there is one"',
        'def f(x: "Client | None") -> "list[tuple[str, int]]": pass',
        'Elsewhere("parlour send, parlour tail")',
        'x = "settings.toml"',
    ],
)
def test_what_is_for_programs_is_not(source: str) -> None:
    """Docstrings, names and examples of commands, SQL, styles, programmers' errors, annotations."""
    assert list(bypasses_of(source, "x.py")) == []


def test_every_exception_is_needed() -> None:
    """An exception whose literal is gone, or has a reason that is empty, is not kept."""
    from tools.translations import CLIENT  # noqa: PLC0415

    for name, known in EXCEPTIONS.items():
        found = [one.text for one in bypasses_of((CLIENT / name).read_text(encoding="utf-8"), name)]
        for beginning, reason in known.items():
            assert reason
            assert any(text.startswith(beginning) for text in found), (name, beginning)
