"""The grammar of address headers, and what carriers make of it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringside.sip.headers import LONGEST, MOST, Address, Uri, addresses, parameters, uri, values


def users(value: str) -> list[str]:
    return [address.uri.user for address in addresses(value)]


def test_an_address_has_a_name_a_uri_and_parameters() -> None:
    assert addresses(
        '"Alice \\"the\\" <A>, B" <sip:+14255550112:secret@h.example:5061;user=phone?X=1%2B>;tag=a;lr'
    ) == [
        Address(
            Uri("sip", "+14255550112", "h.example", {"user": "phone"}, {"x": "1+"}),
            'Alice "the" <A>, B',
            {"tag": "a", "lr": ""},
        )
    ]


def test_a_list_is_parted_by_commas_outside_of_quotes_brackets_and_comments() -> None:
    value = '"Doe, Jane" <sip:1@a>;reason="no, answer", <tel:2;x=y>, <sip:a,b@h>, (or, <sip:9@z>) <sip:3@c>,, sip:4@d'
    assert users(value) == ["1", "2", "a,b", "3", "4"]


def test_what_is_strange_is_skipped_and_the_rest_of_the_list_is_read() -> None:
    value = "<>, <sip:>, ;;;, <mailto:x@y>, <sip:1@a>, <<sip:2@b>>, <sip:3@c>;self=1;=;x==y"
    assert users(value) == ["1", "2", "3"]


def test_a_folded_line_is_one_line() -> None:
    assert users('"Alice\r\n\t B" <sip:1@a>;\r\n tag=1,\r\n <sip:2\r\n @b>') == ["1", "2"]
    assert addresses('"Alice"\r\n  <sip:1@a>')[0].display_name == "Alice"


def test_a_uri_without_brackets_shares_its_parameters_with_the_header() -> None:
    (found,) = addresses("tel:5550112;phone-context=+1;tag=7")
    assert found.uri.parameters == found.parameters == {"phone-context": "+1", "tag": "7"}


def test_parameters_inside_the_user_part_are_the_numbers() -> None:
    assert uri("sip:5550112;phone-context=+1;ext=7@h;user=phone").parameters == {
        "phone-context": "+1",
        "ext": "7",
        "user": "phone",
    }


def test_a_history_keeps_its_reasons_apart_from_its_index() -> None:
    value = "<sip:+1@h?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1;mp=1"
    (found,) = addresses(value)
    assert found.uri.headers == {"reason": "SIP;cause=302", "privacy": "history"}
    assert found.parameters == {"index": "1.1", "mp": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIPS:A%40b@[2001:db8::1]:5061", Uri("sips", "A@b", "[2001:db8::1]")),
        ("sip:gateway_1.example", Uri("sip", "", "gateway_1.example")),
        ("sip:+14255550112", Uri("sip", "+14255550112", "")),
        ("tel:+1-425-555-0112;ext=7", Uri("tel", "+1-425-555-0112", "", {"ext": "7"})),
        ("alice@h", Uri("", "alice", "h")),
        ("urn:service:sos", Uri("urn")),
        ("", Uri()),
    ],
)
def test_a_uri_is_read_by_its_scheme(text: str, expected: Uri) -> None:
    assert uri(text) == expected


def test_of_two_parameters_of_one_name_the_first_counts() -> None:
    assert parameters(["A=1", "a=2", '"b"', 'c="x\\"y"', ""]) == {"a": "1", '"b"': "", "c": 'x"y'}


def test_more_than_is_read_is_cut_and_a_cut_address_does_not_count() -> None:
    assert len(addresses("<sip:1@a>," * 100)) == MOST
    name = '"' + "x" * (LONGEST - 30) + '"'
    assert users(f"{name} <sip:1@a>, <sip:+14255550112@h>") == ["1"]
    rows = [{"name": "to", "value": "x" * 9000}] * 200
    assert {len(value) for value in values(rows, "TO")} == {LONGEST}
    assert len(values(rows, "TO")) == MOST


SPACE = st.sampled_from(["", " ", "\r\n ", "\t"])
TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8)
QUOTED = st.text(max_size=12).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
COMMENT = st.text(st.characters(exclude_characters="()"), max_size=8).map("({})".format)
NUMBER = st.from_regex(r"\+[1-9][0-9]{6,13}", fullmatch=True)
PARAMETERS = st.lists(
    st.tuples(SPACE, TOKEN, st.one_of(TOKEN, QUOTED)).map(lambda p: f"{p[0]};{p[1]}={p[2]}"), max_size=4
)
ADDRESS = st.tuples(st.one_of(st.just(""), QUOTED, TOKEN, COMMENT), SPACE, NUMBER, PARAMETERS)


@given(st.lists(ADDRESS, min_size=1, max_size=6), st.tuples(SPACE, SPACE))
def test_every_address_of_a_list_that_keeps_to_the_grammar_is_found(
    parts: list[tuple[str, str, str, list[str]]], around: tuple[str, str]
) -> None:
    listed = [f"{name}{space}<sip:{number}@h>{''.join(more)}" for name, space, number, more in parts]
    assert users(f"{around[0]},{around[1]}".join(listed)) == [number for _, _, number, _ in parts]


@given(
    st.lists(st.one_of(st.sampled_from([*'"\\<>(),;:@?&=% \r\n', "sip:", "tel:+1", "%zz", "%ff", '"a"']), st.text()))
)
def test_garbage_never_raises(pieces: list[str]) -> None:
    for address in addresses("".join(pieces)):
        assert isinstance(address, Address)


HOSTILE = [
    '"',
    '\\"',
    '"\\',
    "<",
    "<sip:",
    ">",
    "(",
    "((",
    ",",
    ";",
    ";a=",
    "a ",
    "tel:1-",
    "sip:a@",
    "%",
    "?",
    "&",
    " \r\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_the_length(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringside.sip.headers.LONGEST", 10**9)

    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        taken = []
        for _ in range(5):  # the least of five: whatever else the machine does only adds
            started = time.thread_time()
            addresses(text)
            taken.append(time.thread_time() - started)
        return min(taken)

    # Eight times the length: eight times the time, or sixty-four if it were quadratic.
    assert seconds(64_000) < 24 * max(seconds(8_000), 0.002)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4))
def test_the_longest_value_is_read_in_no_time(pieces: list[str]) -> None:
    text = "".join(pieces) * 8000
    taken = []
    for _ in range(3):  # the least of three: a collection of garbage only adds
        started = time.thread_time()
        addresses(text)
        taken.append(time.thread_time() - started)
    assert min(taken) < 0.1
