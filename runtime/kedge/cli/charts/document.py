"""The frame of every page: one HTML file that fetches nothing, with at most one copy of the plotting library in it."""

from __future__ import annotations

from importlib import resources
from typing import Any

from kedge.cli.charts.labels import safe

# The browser itself refuses any fetch: a page stays readable offline, and data in it can reach nobody.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
# Drag to zoom, double-click to go back; the bar of buttons would only cover the legend.
_CONFIG = {"responsive": True, "displayModeBar": False}


def document(title: str, body: str) -> str:
    """A complete page around `body`, whose charts come from `chart`."""
    from plotly.offline import get_plotlyjs

    css = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>\n{css}</style>\n"
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def chart(figure: Any, name: str) -> str:
    """A figure as a fragment that relies on the page's library. `name` is its element's id."""
    fragment: str = figure.to_html(
        full_html=False, include_plotlyjs=False, include_mathjax=False, config=_CONFIG, div_id=name
    )
    return f'<div class="chart">{fragment}</div>'


def heading(title: str, subtitle: str = "", *, level: int = 1) -> str:
    """A title with a quiet line under it."""
    quiet = f'<p class="quiet">{safe(subtitle)}</p>' if subtitle else ""
    return f"<h{level}>{safe(title)}</h{level}>{quiet}"
