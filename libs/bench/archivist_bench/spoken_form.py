"""Words as they are spoken: two spellings of one saying become the same, so that accuracy counts hearing alone.

Lower case, no punctuation, no hesitations; in English contractions, titles and a few spellings written out; numbers
up to 9,999 in words, in Spanish too. Digits of longer numbers stay.
"""

import re
import unicodedata

_HESITATIONS = frozenset(["um", "uh", "er", "erm", "hmm", "mm", "mhm", "eh"])
_ENGLISH = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "okay": "ok", "percent": "per cent",
    "neighbourhood": "neighborhood", "humour": "humor", "colour": "color", "flavour": "flavor", "honour": "honor",
    "rigour": "rigor", "aluminium": "aluminum", "boxcar": "box car", "hangup": "hang up", "outgaze": "out gaze",
    "shopboy": "shop boy", "eardrops": "ear drops", "rosebreast": "rose breast", "redcoat": "red coat",
    "cannot": "can not", "won't": "will not", "can't": "can not", "let's": "let us", "i'm": "i am",
}  # fmt: skip
_ENDINGS = {"n't": " not", "'ve": " have", "'re": " are", "'ll": " will", "'d": " would"}
_ONES = {
    "en": [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ],
    "es": [
        "cero",
        "uno",
        "dos",
        "tres",
        "cuatro",
        "cinco",
        "seis",
        "siete",
        "ocho",
        "nueve",
        "diez",
        "once",
        "doce",
        "trece",
        "catorce",
        "quince",
        "dieciséis",
        "diecisiete",
        "dieciocho",
        "diecinueve",
    ],
}
_TENS = {
    "en": ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
    "es": ["veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"],
}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_NUMBER = re.compile(r"(?<!\d)\d{1,4}(?!\d)")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def spoken_form(text: str, language: str) -> list[str]:
    """The words of a text as they are compared."""
    plain = unicodedata.normalize("NFC", text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = _THOUSANDS.sub("", plain.replace("$", " dollars "))
    if language in _ONES:
        plain = _NUMBER.sub(lambda found: f" {number_in_words(int(found[0]), language)} ", plain)
    found: list[str] = []
    for word in _WORD.findall(plain):
        if word not in _HESITATIONS:
            found += (_english(word) if language == "en" else word).split()
    return found


def number_in_words(number: int, language: str) -> str:
    """A number of up to four digits as it is read: `1906` as a year, other thousands digit by digit."""
    ones, tens = _ONES[language], _TENS[language]
    if number < 20:
        return ones[number]
    if number < 100:
        joint = " y " if language == "es" else " "
        return tens[number // 10 - 2] + (joint + ones[number % 10] if number % 10 else "")
    if language == "en" and 1_100 <= number < 2_000 and number % 100 > 9:
        return f"{number_in_words(number // 100, language)} {number_in_words(number % 100, language)}"
    return " ".join(ones[int(digit)] for digit in str(number))


def _english(word: str) -> str:
    if word in _ENGLISH:
        return _ENGLISH[word]
    for ending, written in _ENDINGS.items():
        if word.endswith(ending) and word != ending:
            return word.removesuffix(ending) + written
    return word.removesuffix("'s") + "s" if word.endswith("'s") else word
