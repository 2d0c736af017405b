"""Finds the service somebody means by their own words, misspelt or half typed.

The ranking is a pure function of the catalogue and the words: the same words always give the same services in the same
order, so what people find can be kept in a table and tested.
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from shared.council.catalogue import LgslEntry, ServiceType

Matched = Literal["listed", "name", "code", "synonym", "flag", "lgsl", "unsure"]

MOST_HITS: Final = 10
_MOST_WORDS: Final = 12
_NEAR_THE_BEST: Final = 0.4
"""The share of the best score that a service must reach to be offered."""
_ALIKE: Final = 0.7
"""How alike two words must be for one to be the other misspelt: 1 of 4 letters may differ, 2 of 7, 3 of 10."""
_SAME_STEM: Final = 0.95
_UNKNOWN: Final = 0.4
"""The weight of a word the catalogue does not know; a known one weighs 1 and more, the rarer the more."""
_SHORTEST_MISSPELT: Final = 4
_SHORTEST_PREFIX: Final = 3
_WEIGHTS: Final[Mapping[Matched, float]] = MappingProxyType(
    {"name": 1.0, "code": 0.95, "synonym": 1.0, "flag": 0.8, "lgsl": 0.75}
)
_SILENT: Final = frozenset(
    re.findall(
        r"\w+",
        """
        a about all am an and any are as at be been by can do does for from had has have he her his i in is it its me my
        no not of on or our out over she so some somebody someone something that the their them there they this to up us
        was we were what when where who why with you your please want wants need needs problem problems report issue
        help council resident residents constituent
        """,
    )
)
_ENDINGS: Final = (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("s", ""))
_SHORTEST_STEM: Final = 3
_APOSTROPHES: Final = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}")


class Hit(NamedTuple):
    """A service that was found, and by what: the council's own text that comes nearest to the words."""

    service: ServiceType
    matched: Matched
    text: str


class _Phrase(NamedTuple):
    """One of the texts a service can be found by."""

    matched: Matched
    text: str
    words: tuple[str, ...]
    joined: tuple[str, ...]
    """Neighbouring words written as one: people write `streetlight` and `pot hole`."""


class Finder:
    """The catalogue of services, indexed once, to be searched often."""

    def __init__(self, services: Iterable[ServiceType], lgsl: Iterable[LgslEntry] = ()) -> None:
        """Index the services; what the list says is known of those that name its number."""
        listed = {entry.id: entry for entry in lgsl}
        self._services = tuple(services)
        self._phrases = [tuple(_phrases(service, listed)) for service in self._services]
        found_in: defaultdict[str, set[int]] = defaultdict(set)
        for number, phrases in enumerate(self._phrases):
            for phrase in phrases:
                for word in (*phrase.words, *phrase.joined):
                    found_in[word].add(number)
        self._found_in = dict(found_in)
        self._known = sorted(found_in)
        self._of_stem: defaultdict[str, list[str]] = defaultdict(list)
        for known in self._known:
            self._of_stem[_stem(known)].append(known)
        self._telling = {word: 1 + math.log(len(self._services) / len(numbers)) for word, numbers in found_in.items()}

    def find(self, words: str, limit: int = MOST_HITS) -> list[Hit]:
        """Give the services that are meant, the likeliest first, and last the one for those who are not sure.

        Without any words it gives the whole catalogue as it stands.
        """
        if not words.strip():
            return [Hit(service, "listed", service.name) for service in self._services]
        alike = self._alike(_words(words)[:_MOST_WORDS])
        candidates = {number for each in alike for known in each for number in self._found_in[known]}
        scored = [(*self._score(self._phrases[number], alike), number) for number in candidates]
        scored.sort(key=lambda each: (-each[0], each[2]))
        least = scored[0][0] * _NEAR_THE_BEST if scored else 0.0
        hits = [
            Hit(self._services[number], phrase.matched, phrase.text)
            for score, phrase, number in scored[:limit]
            if score >= least
        ]
        met = {hit.service.code for hit in hits}
        unsure = (each for each in self._services if each.triage and each.code not in met)
        return hits + [Hit(service, "unsure", service.name) for service in unsure]

    def _alike(self, words: Sequence[str]) -> list[dict[str, float]]:
        """Give for each word those of the catalogue it may stand for, each with how alike they are, from 0 to 1."""
        alike = [self._alike_one(word) for word in words]
        for number, (first, second) in enumerate(pairwise(words)):
            for known, likeness in self._alike_one(first + second).items():
                for each in alike[number : number + 2]:
                    each[known] = max(each.get(known, 0), likeness)
        return alike

    def _alike_one(self, word: str) -> dict[str, float]:
        if word.isdecimal():
            return {word: 1.0} if word in self._found_in else {}
        found: dict[str, float] = {}
        stem = _stem(word)
        same = self._of_stem.get(stem, ())
        if len(word) >= _SHORTEST_MISSPELT and not same:  # a word that is known is not a misspelt other one
            near = extract(word, self._known, scorer=OSA.normalized_similarity, score_cutoff=_ALIKE, limit=None)
            found = {known: likeness for known, likeness, _ in near if known[0] == word[0]}
        begun = stem if len(stem) > _SHORTEST_STEM else word
        if len(begun) >= _SHORTEST_PREFIX:
            for known in islice(self._known, bisect_left(self._known, begun), None):
                if not known.startswith(begun):
                    break
                found[known] = max(found.get(known, 0), 0.8 + 0.2 * len(begun) / len(known))
        for known in same:
            found[known] = 1.0 if known == word else _SAME_STEM
        return found

    def _score(self, phrases: Sequence[_Phrase], alike: Sequence[Mapping[str, float]]) -> tuple[float, _Phrase]:
        """Say how well a service answers to the words, from 0 to 1, and by which phrase best."""
        weights = [max((self._telling[known] for known in each), default=_UNKNOWN) for each in alike]
        total = sum(weights) or 1.0
        best, by = 0.0, phrases[0]
        together = [0.0] * len(alike)
        for phrase in phrases:
            said = [max((each.get(word, 0) for word in (*phrase.words, *phrase.joined)), default=0) for each in alike]
            weight = _WEIGHTS[phrase.matched]
            together = [max(pair) for pair in zip(together, (weight * one for one in said), strict=True)]
            covered = sum(one * of for one, of in zip(said, weights, strict=True)) / total
            heard = [max((each.get(word, 0) for each in alike), default=0) for word in phrase.words]
            heard = heard or [0.0]
            whole = max(sum(heard) / len(heard), *(each.get("".join(phrase.words), 0) for each in alike), 0)
            score = weight * covered * (0.6 + 0.4 * whole)
            if score > best:
                best, by = score, phrase
        overall = sum(one * of for one, of in zip(together, weights, strict=True)) / total
        return 0.5 * overall + 0.5 * best, by


def _phrases(service: ServiceType, listed: Mapping[int, LgslEntry]) -> Iterator[_Phrase]:
    """Give the texts a service can be found by."""
    yield _phrase("name", service.name)
    yield _phrase("code", service.code)
    for synonym in service.synonyms:
        yield _phrase("synonym", synonym)
    for flag in service.flags:
        yield _phrase("flag", flag.label)
    if service.lgsl:
        yield _Phrase("lgsl", str(service.lgsl), (str(service.lgsl),), ())
        entry = listed.get(service.lgsl)
        if entry:
            yield _phrase("lgsl", entry.label)
            if entry.description:
                yield _phrase("lgsl", entry.description)


def _phrase(matched: Matched, text: str) -> _Phrase:
    words = _words(text)
    return _Phrase(matched, text, tuple(words), tuple(first + second for first, second in pairwise(words)))


def _words(text: str) -> list[str]:
    """Take a text apart into its words, without accents and case and without those that say nothing."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(each for each in plain if not unicodedata.combining(each) and each not in _APOSTROPHES)
    return [word for word in re.findall(r"[a-z0-9]+", letters) if word not in _SILENT]


def _stem(word: str) -> str:
    """Cut an English ending off: emptied, emptying and empty are one word, and so are bins and bin."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending) + instead
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiouls":
        return word[:-1]
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM + 1 else word
