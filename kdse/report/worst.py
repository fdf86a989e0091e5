"""worst.md: the utterances that a front end harmed and mended most, aligned word by word."""

from math import inf

from kdse.approaches import registry
from kdse.report.paired import rows_by_item
from kdse.report.render.table import markdown_text
from kdse.report.results import Results
from kdse.report.systems import Item, System, find
from kdse.scoring.row import Row
from kdse.scoring.words import Pair, align

WORST = "worst.md"
SHOWN = 10
READING = (
    "As sclite prints alignments: words that are right in lower case, wrong ones in capitals, asterisks where a word is missing; S "
    "substitution, D deletion, I insertion. Harm and help are counted in word errors against no front end on the same item."
)


def worst_page(results: Results, set_name: str) -> str | None:
    """The whole page; None unless a front end and the same recogniser without one were scored on the set."""
    pairs = compared_pairs(results, set_name)
    if not pairs:
        return None
    head = [f"# Utterances that a front end harmed or mended, {markdown_text(results.corpus)}, {markdown_text(set_name)}"]
    head.append(f"<!-- Rendered by `kdse report` from {results.links}*.jsonl.gz; edits are lost. -->")
    parts = [part for system, bare in pairs for part in _of_system(results.label(system), system, bare, set_name)]
    return "\n\n".join([*head, READING, *parts]) + "\n"


def compared_pairs(results: Results, set_name: str) -> list[tuple[System, System]]:
    """The headline front ends on a set, each with the system without one that was decoded alike."""
    front_ends = results.named(set_name, "baseline", "distilled")
    pairs = []
    for system in results.headline(set_name):
        bare = find(results.on(set_name), registry.NO_FRONT_END, decode=system.decode)
        if bare and system.approach in front_ends:
            pairs.append((system, bare))
    return pairs


def _of_system(label: str, system: System, bare: System, set_name: str) -> list[str]:
    """Headings, the summary, and the utterances of one front end."""
    seed = system.seeds_on(set_name)[0]
    enhanced, noisy = rows_by_item(system, set_name, seed), rows_by_item(bare, set_name, bare.seeds_on(set_name)[0])
    more = {item: _errors(_aligned(enhanced[item])) - _errors(_aligned(noisy[item])) for item in noisy.keys() & enhanced.keys()}
    harmed = {item: errors for item, errors in more.items() if errors > 0}
    mended = {item: -errors for item, errors in more.items() if errors < 0}
    summary = f"Of {len(more):,} items {len(harmed):,} have more errors behind it than without a front end "
    summary += f"(+{sum(harmed.values()):,} in all), {len(mended):,} have fewer (−{sum(mended.values()):,}) and "
    parts = [f"## {markdown_text(label)}, seed {seed}", f"{summary}{len(more) - len(harmed) - len(mended):,} as many."]
    for what, changes in (("harmed", harmed), ("mended", mended)):
        if changes:
            parts.append(f"### Most {what}")
        parts += [_utterance(label, noisy[item], enhanced[item]) for item in _most(changes)]
    return parts


def _most(changes: dict[Item, int]) -> list[Item]:
    """The items with the largest changes, among equals those at the best SNR, where an error surprises most."""

    def order(item: Item) -> tuple:
        utt, noise, snr = item
        return -changes[item], -(inf if snr is None else snr), (utt, noise)

    return sorted(changes, key=order)[:SHOWN]


def _utterance(label: str, noisy: Row, enhanced: Row) -> str:
    """Both alignments of one item, indented, so that nothing in a name or a text is Markdown."""
    snr = "clean" if enhanced["snr"] is None else f"{enhanced['snr']:g} dB, {enhanced['noise']}"
    before, after = _aligned(noisy), _aligned(enhanced)
    lines = [f"{enhanced['utt']}, {snr}", f"no front end, errors: {_errors(before)}", *alignment(before)]
    lines += [f"{label}, errors: {_errors(after)}", *alignment(after)]
    return "\n".join("    " + " ".join(line.splitlines()) for line in lines)


def alignment(pairs: list[Pair]) -> list[str]:
    """Three lines in sclite's manner, columns under each other.

    >>> print(*alignment([("ONE", "ONE"), ("TWO", None), (None, "TEN"), ("SIX", "SIXTY")]), sep="\\n")
    REF:  one TWO *** SIX
    HYP:  one *** TEN SIXTY
    Eval:     D   I   S
    """
    columns = [("REF: ", "HYP: ", "Eval:")]
    for ref, hyp in pairs:
        if ref == hyp:
            columns.append((str(ref).lower(), str(hyp).lower(), ""))
        else:
            kind = "I" if ref is None else "D" if hyp is None else "S"
            columns.append((ref or "*" * len(hyp or ""), hyp or "*" * len(ref or ""), kind))
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return [" ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _aligned(row: Row) -> list[Pair]:
    return align(row["ref"], row["hyp"])


def _errors(pairs: list[Pair]) -> int:
    return sum(ref != hyp for ref, hyp in pairs)
