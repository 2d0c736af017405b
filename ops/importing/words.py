"""How names of wards, people and parties are compared and written, whoever typed them.

A key is for comparing and is never shown; what is shown keeps the spelling of its source but for blanks and entities.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

_TAG = re.compile(r"<[^<>]{0,200}>")
_LINE_BREAK = re.compile(r"<\s*(br|/p|/li|/div)\b[^<>]{0,200}>", re.IGNORECASE)
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc`.]")
_TITLE = re.compile(
    r"^((the|right|worshipful|lord|lady|deputy|mayor|mayoress|leader|chair|chairman|of|council|county|city|district|"
    r"borough|town|alderman|dr|mr|mrs|ms|miss|sir|dame)\b[\s,.]*)*(councillor|councilor|cllr|clr)\b[\s.,:]*",
    re.IGNORECASE,
)
_VACANT = re.compile(r"\b(vacant|vacancy|unfilled|to be (elected|confirmed)|tbc)\b", re.IGNORECASE)
_HONORIFICS = frozenset(
    word
    for line in (
        "ald alderman baron baroness dame doctor dr hon honourable lady lord miss mr mrs ms mx prof professor rev revd",
        "reverend right rt sir the",
    )
    for word in line.split()
)
_LETTERS_AFTER = frozenset(
    word for line in ("am bem cbe dl frsa jp kbe kc llb mbe mep mp obe phd qc qfsm qpm",) for word in line.split()
)
_WARD_NOUNS = frozenset({"ward", "division"})
_MOST_DECODINGS = 3
_LONGEST_SLUG = 60

_PARTIES = {
    "conservative": "Conservative",
    "conservatives": "Conservative",
    "conservative and unionist": "Conservative",
    "green": "Green",
    "greens": "Green",
    "independent": "Independent",
    "independents": "Independent",
    "labour": "Labour",
    "labour and cooperative": "Labour and Co-operative",
    "labour and co operative": "Labour and Co-operative",
    "labour cooperative": "Labour and Co-operative",
    "labour co operative": "Labour and Co-operative",
    "lib dem": "Liberal Democrat",
    "lib dems": "Liberal Democrat",
    "liberal democrat": "Liberal Democrat",
    "liberal democrats": "Liberal Democrat",
    "plaid cymru": "Plaid Cymru",
    "reform": "Reform UK",
    "reform uk": "Reform UK",
    "uk independence": "UKIP",
    "ukip": "UKIP",
}
_NO_PARTY = frozenset({"", "none", "n a", "not specified", "unspecified", "unknown", "vacant"})


def decoded(text: str) -> str:
    """Undo HTML encoding, however often it was done (some systems encode twice), and make blanks single."""
    return " ".join(_without_markup(text).split())


def lines_of(text: str) -> tuple[str, ...]:
    """Split a text at its line breaks, be they written or marked up, and at semicolons."""
    lines = re.split(r"[\n\r;]+", _without_markup(text))
    return tuple(line for each in lines if (line := " ".join(each.split())))


def _without_markup(text: str) -> str:
    for _ in range(_MOST_DECODINGS):
        plain = html.unescape(text)
        if plain == text:
            break
        text = plain
    return _TAG.sub(" ", _LINE_BREAK.sub("\n", text))


def _words(text: str) -> list[str]:
    """Give the words of a text in plain letters: no accent, no case, no punctuation, and `and` for `&`."""
    decomposed = unicodedata.normalize("NFKD", text.replace("&", " and ").casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _NO_LETTER.sub(" ", _APOSTROPHES.sub("", plain)).split()


def key_of(text: str) -> str:
    """Give the key of any name: two spellings of the same words have the same."""
    return " ".join(_words(text))


def ward_key(title: str) -> str:
    """Give the key of a ward: "St. Paul's & Soho Ward" and "St Pauls and Soho" have the same."""
    words = ["st" if word == "saint" else word for word in _words(title)]
    if len(words) > 1 and words[-1] in _WARD_NOUNS:
        words.pop()
    return " ".join(words)


def person_name(full: str) -> str:
    """Give a person's name as it stands in a letter after the title: without "Councillor", "Cllr" and the like."""
    return _TITLE.sub("", decoded(full)).strip(" ,")


def person_key(name: str) -> str:
    """Give the key of a person's name: without honorifics before it and letters after it."""
    words = _words(person_name(name))
    kept = list(words)
    while len(kept) > 1 and kept[0] in _HONORIFICS:
        kept.pop(0)
    while len(kept) > 1 and kept[-1] in _LETTERS_AFTER:
        kept.pop()
    return " ".join(kept)


def is_vacancy(full: str) -> bool:
    """Say whether a name says that nobody sits there."""
    name = person_name(full)
    return not name or _VACANT.search(name) is not None


def party_name(label: str) -> str:
    """Give the one spelling of a known party; another label as it is; nothing for a label that says nothing."""
    shown = decoded(label)
    words = _words(shown)
    if " ".join(words) in _NO_PARTY:
        return ""
    core = words[1:] if words[0] == "the" else words
    core = core[:-1] if core and core[-1] == "party" else core
    return _PARTIES.get(" ".join(core), shown)


def slug_of(identifier: str) -> str:
    """Write an id of another system as a word of the council's files: a number stays what it is."""
    return _NO_LETTER.sub("-", identifier.casefold())[:_LONGEST_SLUG].strip("-")


def listed(words: Iterable[str], most: int = 8) -> str:
    """Write names one after the other, and how many more there are."""
    every = list(words)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
