"""results/worst.md: the utterances that a front end harmed and mended most, aligned word by word."""

from math import inf

from kdse.report.paired import rows_of
from kdse.report.rows import Results, System
from kdse.report.tables import markdown_text
from kdse.scoring.row import Row
from kdse.scoring.words import Pair, align

WORST = "results/worst.md"
FRONT_ENDS = ("standalone_se", "kd")
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
    head.append("<!-- Rendered by `kdse report` from results/*.jsonl.gz; edits are lost. -->")
    parts = [part for system, bare in pairs for part in _of_system(results.label(system), system, bare, set_name)]
    return "\n\n".join([*head, READING, *parts]) + "\n"


def compared_pairs(results: Results, set_name: str) -> list[tuple[System, System]]:
    """The headline front ends on a set, each with the system without one that was decoded alike."""
    systems = results.on(set_name)
    return [
        (system, bare)
        for system in results.headline(set_name)
        for bare in [s for s in systems if (s.approach, s.decode) == ("mct_noisy", system.decode)][:1]
        if system.approach in FRONT_ENDS
    ]


def _of_system(label: str, system: System, bare: System, set_name: str) -> list[str]:
    seed = system.seeds_on(set_name)[0]
    behind, without = rows_of(system, set_name, seed), rows_of(bare, set_name, bare.seeds_on(set_name)[0])
    shared = without.keys() & behind.keys()
    more = {item: _errors(_aligned(behind[item])) - _errors(_aligned(without[item])) for item in shared}
    harmed, mended = ({item: sign * n for item, n in more.items() if sign * n > 0} for sign in (1, -1))
    summary = f"Of {len(more):,} items {len(harmed):,} have more errors behind it than without a front end "
    summary += f"(+{sum(harmed.values()):,} in all), {len(mended):,} have fewer (−{sum(mended.values()):,}) and "
    parts = [f"## {markdown_text(label)}, seed {seed}", f"{summary}{len(more) - len(harmed) - len(mended):,} as many."]
    for what, found in (("harmed", harmed), ("mended", mended)):
        if found:
            parts.append(f"### Most {what}")
        # among equals those at the best SNR, where an error surprises most
        for item in sorted(found, key=lambda i: (-found[i], -(i[2] if i[2] is not None else inf), i[:2]))[:SHOWN]:
            row, old, new = behind[item], _aligned(without[item]), _aligned(behind[item])
            snr = "clean" if row["snr"] is None else f"{row['snr']:g} dB, {row['noise']}"
            lines = [f"{row['utt']}, {snr}", f"no front end, errors: {_errors(old)}", *alignment(old)]
            lines += [f"{label}, errors: {_errors(new)}", *alignment(new)]
            # indented, so that nothing in a name or a text is Markdown
            parts.append("\n".join("    " + " ".join(line.splitlines()) for line in lines))
    return parts


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
