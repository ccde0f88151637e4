"""Words as readers and matchers see them: cleaning, folding, sentences."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

MAX_TITLE = 300
MAX_ABSTRACT = 6_000
MAX_NAME = 120

# Controls but tab and line ends, surrogates, bidirectional overrides and isolates (which let a title
# reorder the line it stands in), byte-order mark and non-characters. U+0092 alone makes Gmail clip a mail.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufff9-\uffff]"
)
_SPACE = re.compile(r"\s+")


def clean(text: str, limit: int) -> str:
    """One line of safe, composed text of at most `limit` characters; a cut is shown by an ellipsis.

    Works on a bounded prefix, so that a 10 MB abstract costs no more than a long one.
    """
    begun = text.lstrip()
    head, rest = begun[: 4 * limit], begun[4 * limit :]
    spaced = _SPACE.sub(" ", _UNWANTED.sub("", head)).strip()
    composed = unicodedata.normalize("NFC", spaced)
    was_cut = len(composed) > limit or (rest and not rest.isspace())
    return _cut(composed, limit) if was_cut else composed


_ADDRESS = re.compile(r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}")


def without_addresses(text: str) -> str:
    """The same with `[address]` in place of each mail address: logs are read by more people than mail."""
    return _ADDRESS.sub("[address]", text) if "@" in text else text


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word's end where one is near, with an ellipsis."""
    return text if len(text) <= limit else _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    head = text[: limit - 1]
    at_word = head.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > limit * 3 // 4 else head).rstrip(" ,;:.") + "…"


def title_key(title: str) -> str:
    """What is equal for two spellings of one title: its letters and digits, case and accents folded.

    The letters of TeX commands stay: Hugging Face prints `LLM$\\times$X` as `LLMtimesX`, and so both agree.
    """
    return "".join(char for char in fold(title) if char.isalnum())


# ---------------------------------------------------------------- words


@dataclass(frozen=True, slots=True)
class Word:
    """A word's stem and where it stands in its text."""

    stem: str
    start: int
    end: int


# A CJK character is a word of its own: those scripts put no spaces between words.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_LETTERS = rf"[^\W_{_CJK}]+"
WORD = re.compile(rf"[{_CJK}]|{_LETTERS}")
COMPOUND = re.compile(rf"[{_CJK}]|{_LETTERS}(?:[-‐‑]{_LETTERS})*")
_WORD_OR_STOP = re.compile(WORD.pattern + r"|[.:;!?](?=\s|$)")
HYPHEN = re.compile("[-‐‑]")


def words(text: str) -> tuple[Word, ...]:
    """The words of a text, hyphenated ones in their parts: "pre-training" is `pre`, `train`."""
    return tuple(Word(stem(m.group()), m.start(), m.end()) for m in WORD.finditer(text))


def spellings(text: str) -> list[str]:
    """The words alone, as written, in order, and the marks that part sentences: for counting."""
    return _WORD_OR_STOP.findall(text)


def joined_words(text: str) -> list[str]:
    """The hyphenated words of a text, without their hyphens."""
    found = COMPOUND.findall(text) if HYPHEN.search(text) else ()
    return [joined(word) for word in found if not word.isalnum()]


def compounds(text: str) -> tuple[Word, ...]:
    """The words of a text, hyphenated ones whole: "pre-training" is `pretrain`, as is "pretraining"."""
    return tuple(Word(stem(joined(m.group())), m.start(), m.end()) for m in COMPOUND.finditer(text))


def joined(word: str) -> str:
    """A word without its hyphens."""
    return HYPHEN.sub("", word)


def fold(text: str) -> str:
    """Case, accents and compatibility forms taken away: "Schrödinger" is "schrodinger", "ﬁ" is "fi"."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


_ACRONYM_PLURAL = re.compile(r"[A-Z][A-Za-z0-9]*[A-Z0-9]s|[bcdfghjklmnpqrstvwxz]{3,}s")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of one English word (Snowball), folded; other languages' words pass almost unchanged.

    Snowball keeps the plural of acronyms ("LLMs", "GPUs"), so that is taken away first.
    """
    singular = word[:-1] if _ACRONYM_PLURAL.fullmatch(word) else word
    # Folding may put a space into one character (U+FDFA is a whole phrase); a stem has none.
    return str(_stemmer().stemWord("".join(fold(singular).split())))


@cache
def _stemmer():  # type: ignore[no-untyped-def]  # PyStemmer carries no types
    import Stemmer

    return Stemmer.Stemmer("english", 0)


# Words that say nothing of a subject. Kept short: rare words are told from common ones by the corpus.
STOPWORDS = frozenset(
    stem(word)
    for word in (
        "a about above after again all also although among an and any are as at be because been "
        "before being between both but by can could did do does during each either et al few for "
        "from further had has have he her here his how however i if in into is it its itself may "
        "might more most must no nor not of off often on once only or other our out over own per "
        "quite rather same several she should since so some still such than that the their them "
        "then there these they this those through thus to too toward towards under until up upon "
        "us use used using very via was we well were what when where whether which while who whom "
        "whose why will with within without would yet you your paper propose present show new "
        "novel approach method result based work study demonstrate introduce provide achieve "
        "existing different code available http https www github com org project page released "
        "experiments extensive recent recently many first two one three e g i "
    ).split()
)


# ---------------------------------------------------------------- sentences

_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|etc|vs|cf|resp|approx|figs?|eqs?|sec|no|dr|prof|st|w\.r\.t)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]”’]*\s+(?=[\"'(\[“‘$\\]*[^\W_a-z])|[。！？]")


def sentences(text: str) -> tuple[str, ...]:
    """A text's sentences in order; "e.g. This" and "et al. We" do not end one."""
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(text):
        # The end alone is looked at: a text of abbreviations only would else be read again for each.
        end = text[max(start, match.start() - 12) : match.end()].strip()
        if _ABBREVIATION.search(end) and not end.endswith(" I."):
            continue
        yield text[start : match.end()].strip()
        start = match.end()
    if rest := text[start:].strip():
        yield rest
