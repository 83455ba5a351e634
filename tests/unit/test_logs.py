"""What is logged, and what never is."""

from logs import drop_secrets


def test_fields_named_like_secrets_or_places_are_left_out() -> None:
    event = {
        "event": "request",
        "api_key": "s",
        "Authorization": "s",
        "set-cookie": "s",
        "password": "s",
        "gps": (48.1, 11.5),
        "exif": {"GPS": 1, "make": "M"},
        "keyboard": "fine",
        "_record": {"key": 1},
    }
    assert drop_secrets(None, "info", event) == {
        "event": "request",
        "exif": {"make": "M"},
        "keyboard": "fine",
        "_record": {},
    }
