"""Colours and type: one palette for light and dark, and one colour for each decision, everywhere."""

from collections.abc import Mapping

DECISIONS: Mapping[str, str] = {
    "accepted": "#17795e",
    "rejected": "#a86400",
    "failed": "#c2334d",
    "canceled": "#66727d",
    "pending": "#a9b4bf",
}
"""Each decision's colour; at least 3 to 1 against both backgrounds, and told apart with any colour vision by lightness
and by the word that always stands beside it."""

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, sans-serif"
LIGHT = {
    "primaryColor": "#0b6e69",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f6f5",
    "textColor": "#1c2526",
    "linkColor": "#0b6e69",
    "borderColor": "#d5dddc",
    "dataframeHeaderBackgroundColor": "#f3f6f5",
}
DARK = {
    "primaryColor": "#1d8f88",
    "backgroundColor": "#12191a",
    "secondaryBackgroundColor": "#1b2526",
    "textColor": "#e8eeed",
    "linkColor": "#5cc8bf",
    "borderColor": "#314041",
    "dataframeHeaderBackgroundColor": "#1b2526",
}


def theme() -> dict[str, object]:
    """Streamlit's theme options by name, for both modes; the browser's preference chooses."""
    common: dict[str, object] = {
        "font": FONT,
        "headingFont": FONT,
        "baseRadius": "0.5rem",
        "showWidgetBorder": True,
        "baseFontSize": 15,
    }
    common["headingFontSizes"] = ["1.9rem", "1.4rem", "1.15rem"]
    common["metricValueFontSize"] = "1.6rem"  # larger, "100.0 %" is cut off where three stand in a card
    common["headingFontWeights"] = [700, 650, 650]
    found = {f"theme.{name}": value for name, value in common.items()}
    for mode, colours in (("light", LIGHT), ("dark", DARK)):
        found |= {f"theme.{mode}.{name}": value for name, value in colours.items()}
        found |= {f"theme.{mode}.sidebar.backgroundColor": colours["secondaryBackgroundColor"]}
    return found | {"theme.chartCategoricalColors": list(DECISIONS.values())}
