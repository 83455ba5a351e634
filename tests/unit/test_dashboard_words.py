"""Words of others in Markdown: they are shown as they are, whatever they hold."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.words import plain

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NOTHING = ":small[]"
# What Streamlit makes of text after the Markdown was read.
TURNED = re.compile(
    r":[\w/+-]+:|:[a-z-]+\[|https?://|www\.|@\w|(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)", re.IGNORECASE | re.MULTILINE
)
NAMES = st.text(st.sampled_from("ab1 *_`~[](){}<>#+-=!.|:@/\\$&^\"'\n\t\u2028w海")) | st.text()


@given(NAMES)
@example("**x** [y](http://z) :red[a].jpg")
@example("    indented")
@example("1. one")
@example("a\n\n# b")
@example("\xa0")
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    shown = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "\ufffd", name).strip(" ").split(" "))
    shown = re.sub(" {2,}", " ", shown)
    tokens = MARKDOWN.parse(plain(name))
    if not shown.strip():  # spaces of any kind are nothing to show
        assert not tokens
        return
    _, inline, _ = tokens
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in inline.children or ()} <= {"text", "text_special"}
    said = "".join(child.content for child in inline.children or ())
    assert said.replace(NOTHING, "").strip() == shown.strip()


@pytest.mark.parametrize(
    "name",
    [
        ":smile:",
        ":material_home:",
        ":streamlit:",
        "http://example.org",
        "WWW.example.org",
        "anna@example.org",
        *("a -> b", "--", "<->", "a >= b", "~="),
    ],
)
def test_what_streamlit_turns_text_into_is_parted(name: str) -> None:
    assert TURNED.search(name)
    (inline,) = [token for token in MARKDOWN.parse(plain(name)) if token.type == "inline"]
    said = "".join(child.content for child in inline.children or ())
    assert said.replace(NOTHING, "") == name
    assert not any(TURNED.search(part) for part in said.split(NOTHING))
