"""RESULTS.md."""

from kdse.report.render.sections import Section
from kdse.report.render.table import markdown
from kdse.report.results import Results

SYNTHETIC = (
    "This corpus is speech synthesised by text-to-speech voices with synthesised noise. **Synthetic speech shows the machinery; "
    "real corpora show the science.** Read these numbers as a check that every stage works, not as results about people speaking."
)


def render(title: str, results: Results, parts: list[Section]) -> str:
    """The whole file."""
    text = [f"# {title}", f"<!-- Rendered by `kdse report` from {results.links}*.jsonl.gz; edits are lost. -->"]
    if results.info.synthetic:
        text.append(SYNTHETIC)
    for part in parts:
        text += [f"## {part.heading}"] if part.heading else []
        if part.table:
            text.append(markdown(part.table).rstrip("\n"))
        text += part.text
        if part.bullets:
            text.append("\n".join(f"- {line}" for line in part.bullets))
        if part.image:
            name, caption = part.image
            text.append(f"![{caption}]({results.links}plots/{name}.png)")
        if part.code:
            text.append(f"```sh\n{part.code}\n```")
    return "\n\n".join(text) + "\n"
