"""The grammar of SIP headers that name somebody: lists of addresses, URIs, parameters, folding. Pure.

    header     = address *("," address)                  in one row or several: RFC 3261 section 7.3.1
    address    = [display-name] "<" URI ">" *(";" parameter)  |  URI *(";" parameter)        section 20.10
    URI        = "sip:" | "sips:" [user [":" password] "@"] host *(";" parameter) ["?" headers]
               | "tel:" number *(";" parameter)          section 19.1.1 and RFC 3966 section 3

Carriers do not keep to it, and callers may write what they like. So nothing here raises: what is strange is
skipped, and the rest of the list is read. Time is linear in the length of a value, and a value is cut before it
is read. ADR 0012 says why no library does this.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import unquote

LONGEST = 8000
"""Characters of a value that are read. A History-Info of six hops has about 900."""

MOST = 50
"""Rows of one header that are read, and addresses of one row."""

# One token each. A quoted string may hold anything, URIs included, and `\"` does not end it (RFC 3261 section
# 25.1). Comments have no place in these headers; where they occur all the same, a comma inside separates nothing.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ANGLED = re.compile(r"<[^<>]*+>")
_COMMENT = re.compile(r"\([^()]*+\)")
_TEXT = re.compile(r'[^"<(,;]++|.', re.DOTALL)

_SPACE = re.compile(r"\s+")  # folding is white space (RFC 3261 section 7.3.1)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
_STARTS = re.compile(r"\b(?:sips?|tel):", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[0-9.()-]+", re.ASCII)
_HOST = re.compile(r"\[[^\]]*\]|[^:]*")


@dataclass(frozen=True)
class Uri:
    """A SIP, SIPS or tel URI. A text without a scheme is read as a user part; its `scheme` is empty.

    `user`: without password and parameters, percent-escapes undone; the number of a tel URI. `host`: without
    port. `parameters`: by name in lower case, also those inside the user part (`sip:+1…;ext=7@host`, RFC 3261
    section 19.1.6). `headers`: what follows the `?`. A URI of another scheme has a scheme and nothing else.
    """

    scheme: str = ""
    user: str = ""
    host: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Address:
    """One address of a header. `parameters`: those after the URI, by name in lower case.

    Without angle brackets the URI and the header share them: RFC 3261 section 20 gives them to the header,
    and carriers write them for the URI.
    """

    uri: Uri
    display_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def values(headers: Iterable[Mapping[str, str]], name: str) -> list[str]:
    """The values of all rows of this name, in any case, in their order, each cut to what is read of it."""
    wanted = name.casefold()
    found = (header.get("value") for header in headers if str(header.get("name")).casefold() == wanted)
    return [value[:LONGEST] for value in found if isinstance(value, str)][:MOST]


def addresses(value: str) -> list[Address]:
    """All addresses of a header's value that can be read. Never raises."""
    listed = list(islice(_elements(value[:LONGEST]), MOST))
    whole = listed[:-1] if len(value) > LONGEST and len(listed) > 1 else listed  # the last one was cut
    found = (_address(parts) for parts in whole)
    return [address for address in found if address is not None]


def uri(text: str) -> Uri:
    """Read one URI, without angle brackets around it. Never raises."""
    named = _SCHEME.match(text)
    scheme = named[1].lower() if named else ""
    rest = _SPACE.sub("", text[named.end() :]) if named else text
    if scheme in ("sip", "sips"):
        return _sip(scheme, rest)
    if scheme not in ("tel", ""):
        return Uri(scheme)
    number, *more = rest.split(";")
    user, _, host = number.partition("@")
    return Uri(scheme, unquote(user).strip(), host.strip(), parameters(more))


def parameters(parts: Iterable[str]) -> dict[str, str]:
    """`["tag=1", "lr"]` to `{"tag": "1", "lr": ""}`: names in lower case, escapes undone; of two the first counts."""
    found: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        found.setdefault(unquote(name).strip().casefold(), unquote(_unquoted(value.strip())))
    found.pop("", None)
    return found


def _sip(scheme: str, rest: str) -> Uri:
    # RFC 3261 section 25.1: a user part may hold ";" and "?", and nothing after it may hold "@".
    user, at, place = rest.partition("@")
    if not at:
        user, place = ("", rest)
    place, _, asked = place.partition("?")
    host, *more = place.split(";")
    if not at and _DIGITS.fullmatch(host):  # `<sip:+14255550112>`: no grammar's, but a number all the same
        user, host = host, ""
    user, *inside = user.split(";")
    plain = _HOST.match(host)
    return Uri(
        scheme,
        unquote(user.partition(":")[0]),
        plain[0].lower() if plain else "",
        parameters([*inside, *more]),
        parameters(asked.split("&")),
    )


def _elements(value: str) -> Iterator[list[list[str]]]:
    """The elements of a comma list, each as its parts between semicolons, each part as its tokens."""
    parts: list[list[str]] = [[]]
    for piece in _tokens(value):
        if piece == ",":
            yield parts
            parts = [[]]
        elif piece == ";":
            parts.append([])
        else:
            parts[-1].append(piece)
    yield parts


def _tokens(value: str) -> Iterator[str]:
    at, quotes = 0, True
    while at < len(value):
        opening, found = value[at], None
        if opening == '"' and quotes:
            found = _QUOTED.match(value, at)
            quotes = found is not None  # where one is never closed, no later one is
        elif opening == "<":
            found = _ANGLED.match(value, at)
        elif opening == "(":
            found = _COMMENT.match(value, at)
        found = found or _TEXT.match(value, at)
        token = found[0] if found else opening
        yield token
        at += len(token)


def _address(parts: list[list[str]]) -> Address | None:
    """The address in one element: its URI in angle brackets, else the URI that it is, else its text."""
    bare = ";".join("".join(token for token in part if not _is_quoted(token)) for part in parts)
    for index, part in enumerate(parts):
        angled = next((place for place, token in enumerate(part) if _is_angled(token)), None)
        if angled is not None:
            name = " ".join("".join(_unquoted(word) for word in part[:angled]).split())
            found = uri(part[angled][1:-1])
            more = parameters("".join(tokens) for tokens in parts[index + 1 :])
            return Address(found, name, more) if found.user or found.host else None
        if _SCHEME.match(bare):
            break
    named = _STARTS.search(bare)
    found = uri(bare[named.start() :] if named else bare)
    return Address(found, "", found.parameters) if found.user or found.host else None


def _is_quoted(token: str) -> bool:
    return len(token) > 1 and token[0] == '"'


def _is_angled(token: str) -> bool:
    return len(token) > 1 and token[0] == "<"


def _unquoted(token: str) -> str:
    return _ESCAPED.sub(r"\1", token[1:-1]) if _is_quoted(token) else token
