"""Whose photos people see who sign in elsewhere: one owner for each of them, and never somebody else's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth import OWNER
from client.errors import Refused
from dashboard.identity import owner_of

PROVIDER = {"iss": "https://accounts.example.org", "sub": "1"}
WORDS = st.text(min_size=1, max_size=100)


def address(text: Any, verified: Any = True, **more: Any) -> dict[str, Any]:
    return {**PROVIDER, "email": text, "email_verified": verified, **more}


def test_a_verified_address_is_the_owner() -> None:
    assert owner_of(address("Anna@example.org")) == "anna@example.org"
    assert owner_of(address("anna@example.org", "true")) == "anna@example.org"


@pytest.mark.parametrize("verified", [False, "false", "False", "", None, 0, 1, "yes", "TRUE"])
def test_an_address_that_is_not_verified_is_refused(verified: Any) -> None:
    with pytest.raises(Refused, match="not verified"):
        owner_of(address("anna@example.org", verified))


def test_an_address_of_which_nobody_says_whether_it_is_verified_decides_nothing() -> None:
    claims = {**PROVIDER, "email": "anna@example.org"}
    assert owner_of(claims) == owner_of(PROVIDER) == owner_of({**PROVIDER, "email": "ben@example.org"})
    assert owner_of(claims) != owner_of({**claims, "sub": "2"}) != owner_of({**claims, "iss": "https://other.example"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a+b@example.org", "a_b@example.org"),
        ("zo\u00eb@example.org", "zo_@example.org"),
        ("\u212aarl@example.org", "karl@example.org"),
        ("x" * 60 + "@example.org", "x" * 60 + "@example.com"),
        ("local", "local@"),
    ],
)
def test_addresses_that_differ_are_different_owners(one: str, other: str) -> None:
    owners = [owner_of(address(one, sub="1")), owner_of(address(other, sub="2"))]
    assert len(set(owners)) == 2
    assert all(OWNER.fullmatch(owner) and owner != "local" for owner in owners)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=20, unique=True))
def test_no_two_subjects_are_one_owner(people: list[tuple[str, str]]) -> None:
    owners = [owner_of({"iss": provider, "sub": subject}) for provider, subject in people]
    assert len(set(owners)) == len(people)
    assert all(OWNER.fullmatch(owner) for owner in owners)


@pytest.mark.parametrize("claims", [{}, {"sub": "1"}, {"iss": "https://accounts.example.org"}, {**PROVIDER, "sub": ""}])
def test_who_has_no_subject_is_nobody(claims: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="does not say who you are"):
        owner_of(claims)
