"""What a call says of people becomes something else, everywhere alike."""

import pytest

from cli.replacing import Replacing, table


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("+14255550177", "+14255550100"),
        ("+19005551234", "+19005550100"),
        ("+442071234567", "+447700900000"),
        ("+4930901820", "+493023125000"),
        ("+33142685300", "+33199000000"),
        ("+61298765432", "+61491570000"),
    ],
)
def test_a_number_becomes_one_for_fiction_of_the_same_country(number: str, other: str) -> None:
    assert Replacing().number(number) == other


def test_a_number_is_the_same_other_one_however_it_is_written() -> None:
    replacing = Replacing()
    replacing.number("+14255550177")
    assert replacing.text("Call +1 425 555 0177 or 425-555-0177.") == "Call +1 425 555 0100 or 425-555-0100."
    assert replacing.text("That is 4 2 5, 5 5 5, 0 1 7 7.") == "That is 4 2 5, 5 5 5, 0 1 0 0."
    assert replacing.value({"number": "14255550177"}) == {"number": "14255550100"}
    assert replacing.summary == "1 number"


def test_digits_become_others_of_the_same_length_and_dates_and_times_stay() -> None:
    replacing = Replacing()
    other = replacing.keys("481516#")
    assert other != "481516#"
    assert (len(other), other[-1]) == (7, "#")
    assert replacing.text("Customer 481516 on 2026-12-02 09:30 at 10:15 in room 12") == (
        f"Customer {other[:-1]} on 2026-12-02 09:30 at 10:15 in room 12"
    )
    assert replacing.value({"n": 48151, "length": 6, "yes": True})["length"] == 6


def test_names_are_found_where_a_tool_or_a_note_says_so_and_replaced_everywhere() -> None:
    replacing = Replacing()
    replacing.find_names({"patient": "Ines Brandt", "subject": "Pain"})
    assert replacing.text("I'm Ines. Ines Brandt, and Innes is not.") == "I'm Dana. Dana Smith, and Innes is not."
    assert replacing.text("Pain") == "Pain"
    assert replacing.summary == "2 words of names"


def test_what_is_given_by_hand_wins() -> None:
    replacing = Replacing(table(["Freezer=Fridge"]))
    assert replacing.text("The Freezer alarm of ines@home.example") == "The Fridge alarm of caller1@example.com"
    with pytest.raises(ValueError, match="Freezer is not WORD=OTHER"):
        table(["Freezer"])
