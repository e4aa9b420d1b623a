"""Pictures of runs and graphs: self-contained HTML pages, for `kedge` commands and for the demonstration page.

`model` says what is drawn; `gantt`, `page` and `graph` draw it. Plotly and igraph are imported when a picture is asked
for, never before.
"""

from kedge.cli.charts.gantt import gantt_html
from kedge.cli.charts.graph import graph_html
from kedge.cli.charts.model import Edge, GraphPicture, Node, Span, Timeline
from kedge.cli.charts.page import Section, demo_page

__all__ = ["Edge", "GraphPicture", "Node", "Section", "Span", "Timeline", "demo_page", "gantt_html", "graph_html"]
