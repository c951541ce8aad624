"""English words in titles of public meetings in the United States: tables, and nothing of one station. Pure.

A title names a place (Birchwood, Quillan County), who meets there (council, zoning board) and what for (workshop).
Places are the station's: settings or its own shows give them (`shows/bodies.py`). What stands here holds anywhere.
"""

from collections.abc import Mapping
from types import MappingProxyType

GENERIC = frozenset({
    "a", "an", "and", "at", "for", "from", "in", "of", "on", "the", "to", "with", "city", "meeting", "regular",
    "full", "video", "live", "hd", "final", "recording", "recorded", "village", "rebroadcast", "replay",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun",
})  # fmt: skip
"""Words that tell no meeting from another."""

OPTIONAL = ("meeting", "regular")
"""Words a title may do without."""

OCCASIONS = frozenset({"special", "workshop", "joint", "emergency", "closed", "annual", "retreat", "forum"})
"""Words for what a meeting is held for; two titles with different ones are of different meetings of one body."""

GROUPS = frozenset({
    "council", "planning", "park", "environmental", "eda", "hra", "school", "charter", "utility", "library", "cable",
    "historical", "finance", "board", "arts", "energy", "airport", "watershed", "appeals", "zba", "zoning", "harbor",
    "conservation", "recreation", "health", "selectboard", "legislature", "assembly", "housing", "water", "sewer",
    "sanitary", "fire", "police", "transit", "cemetery", "assessors", "personnel", "audit", "heritage", "human",
    "works", "safety",
})  # fmt: skip
"""Words that name who meets; two titles with different ones are of different meetings."""

HEADS = frozenset({
    "council", "board", "commission", "commissioners", "legislature", "assembly", "district", "authority",
    "selectboard", "selectmen", "aldermen", "zba", "assessors", "eda", "hra",
})  # fmt: skip
"""Words with which the name of a public body ends: what stands before one begins with its place."""

KINDS = frozenset({"city", "town", "village", "township", "borough", "county"})
"""Kinds of place."""

NAME_KINDS = frozenset({"township", "county"})
"""Kinds that are part of a place's name: White Bear Township is not White Bear Lake, and no city says "City"."""

QUALIFIERS = frozenset({"central", "regional", "unified", "consolidated", "independent", "public", "area", "select"})
"""Words between a place and who meets there that belong to neither by themselves."""

SAME: Mapping[str, str] = MappingProxyType({
    "mtg": "meeting", "mtgs": "meeting", "meetings": "meeting", "cc": "council", "cncl": "council",
    "wksp": "workshop", "wkshp": "workshop", "worksession": "workshop", "spec": "special", "reg": "regular",
    "twp": "township", "st": "saint", "mt": "mount", "ft": "fort", "pt": "point", "hts": "heights", "spgs": "springs",
    "co": "county", "bd": "board", "pz": "planning", "comm": "commission", "com": "commission", "cmte": "commission",
    "cmsn": "commission", "committee": "commission", "parks": "park", "utilities": "utility", "dist": "district",
    "environment": "environmental", "ctr": "center", "supervisors": "board", "trustees": "board",
    "dept": "department", "selectmen": "selectboard",
})  # fmt: skip
"""Short forms, and words used for one another in the names of bodies."""

PHRASES = (
    ("work session", "workshop"), ("work shop", "workshop"), ("p and z", "planning"), ("pl commission", "planning"),
    ("zoning board of appeals", "zba"), ("board of zoning appeals", "zba"), ("zoning appeals board", "zba"),
    ("board of education", "school board"), ("boe", "school board"), ("school commission", "school board"),
    ("central school district", "school"), ("school district", "school"), ("public schools", "school"),
    ("board of selectboard", "selectboard"), ("select board", "selectboard"),
    ("board of board", "board"), ("board of commissioners", "commissioners"),
)  # fmt: skip
"""Words in a row and what they are compared as, in this order. On the left: words as `SAME` leaves them."""

SMALL_WORDS = frozenset({
    "am", "are", "as", "be", "by", "can", "do", "go", "had", "has", "he", "her", "his", "hi", "if", "is", "it", "its",
    "me", "men", "my", "new", "no", "not", "off", "oh", "ok", "one", "or", "our", "out", "per", "pm", "so", "tv",
    "up", "us", "vs", "was", "we", "who", "you", "ep", "part", "pt", "st", "mr", "ms", "dr", "jr", "sr", "art", "car",
    "man", "use", "pub", "pol", "cc", "pz", "all", "act", "war", "air", "sea", "cat", "dog", "mac", "cap", "fit",
    "pet",
})  # fmt: skip
"""Words too common to be read as the initials or the beginning of others."""

MONTHS = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
})  # fmt: skip
