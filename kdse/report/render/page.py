"""One self-contained HTML page: the tables of RESULTS.md and the plots, with every text escaped, no script and no audio."""

import base64
import re
from html import escape
from pathlib import Path

from kdse.report.render.results_md import SYNTHETIC
from kdse.report.render.sections import Section
from kdse.report.render.table import Table, split_interval
from kdse.report.results import Results

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; } th:first-child, td:first-child { text-align: left; }
tbody tr:hover { background: var(--soft); } .interval { opacity: .65; font-size: .8rem; }
p, li { max-width: 50rem; } .warning { border-left: 4px solid #d90; padding: .5rem 1rem; background: var(--soft); }
img { max-width: 100%; background: white; border-radius: 4px; }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; font-size: .85rem; } code { font-size: .9em; }
"""


def render_page(title: str, results: Results, parts: list[Section], plots: dict[str, Path], curves: list[Path]) -> str:
    """The page as text.

    Args:
        plots: {name of a plot, as in `Section.image`: file to embed}; an image without a file is left out.
        curves: loss curves, shown at the end.
    """
    body = [f"<h1>{escape(title)}</h1>"]
    if results.info.synthetic:
        body.append(f'<p class="warning">{_inline(SYNTHETIC)}</p>')
    for part in parts:
        body += _section(part, plots)
    if curves:
        body.append("<h2>Losses and gradients</h2>")
        body += [_image(path, f"Losses of {path.stem.removeprefix('loss_')}") for path in curves]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(title)}</title><style>{STYLE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _section(part: Section, plots: dict[str, Path]) -> list[str]:
    body = [f"<h2>{escape(part.heading)}</h2>"] if part.heading else []
    if part.table:
        body.append(_table(part.table))
    body += [f"<p>{_inline(text)}</p>" for text in part.text]
    if part.bullets:
        body.append("<ul>\n" + "\n".join(f"<li>{_inline(text)}</li>" for text in part.bullets) + "\n</ul>")
    if part.image and part.image[0] in plots:
        name, caption = part.image
        body.append(_image(plots[name], caption))
    if part.code:
        body.append(f"<pre>{escape(part.code)}</pre>")
    return body


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column.heading)}</th>" for column in table.columns)
    rows = []
    for row in table.cells():
        cells = []
        for text, bold in row:
            value, interval = split_interval(text)
            cell = f"<b>{escape(value)}</b>" if bold else escape(value)
            cells.append(f"<td>{cell}" + (f'<span class="interval">{escape(interval)}</span>' if interval else "") + "</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def _inline(text: str) -> str:
    """Escape, then set the two marks our own texts use: `code` and **bold**."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)


def _image(path: Path, text: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{escape(text)}" src="data:image/png;base64,{data}"></p>'
