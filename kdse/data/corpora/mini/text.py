"""What the speakers of `mini` say: spelled names, digits, numbers, dates and commands, after the manner of CMU AN4.

Seventy words, no two of which sound alike. A comma is a short pause for the voice and no part of the transcript.
"""

import random
import string
from collections import Counter
from collections.abc import Sequence

LETTERS = tuple(string.ascii_uppercase)
DIGITS = tuple("ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE".split())
TENS = tuple("TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY".split())
TO_TWELVE = (*DIGITS[1:], *"TEN ELEVEN TWELVE".split())
MONTHS = tuple("JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER".split())
COMMANDS = tuple("ENTER ERASE REPEAT GO HELP STOP START RUBOUT YES NO".split())
WORDS = tuple(sorted({*LETTERS, *DIGITS, *TENS, *TO_TWELVE, *MONTHS, *COMMANDS, "HUNDRED"}))

NAMES = {
    "train": (
        "ADAM ALICE ANNA AMY BEN BETTY BOB BRIAN CARL CATHY CHUCK CLARA DAVE DIANE DON DORIS EDGAR ELLEN EMMA ERIC "
        "FELIX FRANK FRED GAIL GINA GREG HANK HELEN HUGO IDA IRIS IVAN JACK JANE JILL JOHN JUDY KAREN KATE KEITH KIM "
        "KYLE LARRY LAURA LIZ LUCY MARK MARY MAX MEG MIKE NANCY NED NORA OLGA OSCAR PAUL PEGGY PETE PHIL QUINN RALPH "
        "RITA ROBIN ROY RUTH SALLY SAM SCOTT SUE TED TESS TIM TONY URSA VERA VIC WADE WANDA WENDY XENA YURI YVES ZACK "
        "ZELDA ZOE"
    ).split(),
    "dev": "ABBY BRUCE CLIFF DORA EVA GLEN HAZEL JAKE KURT MILA OTTO PAM QUIN RICK STAN TARA VINCE WALT".split(),
    "test": (
        "ALEX BELLA BRAD CHRIS CINDY DANNY DEREK ELSA FAY FLOYD GRACE HOPE HOWIE IGOR JEAN JOEL JUNE KIRK KAY LEWIS "
        "LYDIA MAVIS MONTY NICK NINA OWEN PENNY QUIRK RICO ROSE SEAN STEVE TINA TRACY UMA VIOLA WYATT YVONN ZEKE XAVI"
    ).split(),
}
"""Spelled names; nobody's is spelled in two splits."""


def sentences(counts: dict[str, int], seed: int = 0) -> dict[str, list[str]]:
    """Draw `counts[split]` sentences for each split; no word sequence is drawn twice, so the splits share none.

    >>> sentences({"train": 2, "test": 1})
    {'test': ['NINE, SEVEN EIGHT ZERO'], 'train': ['OCTOBER TWENTY THREE', 'RUBOUT N Y A ONE']}
    """
    drawn: dict[str, list[str]] = {}
    seen: set[str] = set()
    # Test first: its sentences do not change with the number of the others.
    for split in sorted(counts, key=("test", "dev", "train").index):
        grammar = _Grammar(split, seed)
        drawn[split] = []
        while len(drawn[split]) < counts[split]:
            sentence = grammar.sentence()
            if transcript(sentence) not in seen:
                seen.add(transcript(sentence))
                drawn[split].append(sentence)
    return drawn


def transcript(sentence: str) -> str:
    """The words of a sentence, without its pauses.

    >>> transcript("ERASE C, D")
    'ERASE C D'
    """
    return sentence.replace(",", "")


class _Grammar:
    """Draws sentences of three to seven words. A word that was drawn often is drawn less, so that all seventy get their share."""

    def __init__(self, split: str, seed: int):
        self.names = NAMES[split]
        self.rng = random.Random(f"mini {seed} {split}")
        self.drawn: Counter[str] = Counter()

    def sentence(self) -> str:
        said = self.part()
        while (words := said.count(" ") + 1) < 3 or (words < 5 and self.rng.random() < 0.6):
            other = self.part()
            if words + other.count(" ") + 1 <= 7:
                said = f"{said}, {other}"
        return said

    def part(self) -> str:
        kind = self.rng.choices((self.spelled, self.digits, self.number, self.date, self.command), (20, 12, 14, 18, 36))[0]
        return kind()

    def spelled(self) -> str:
        return self.listed(self.pick(self.names))

    def digits(self) -> str:
        return self.listed([self.pick(DIGITS) for _ in range(self.rng.randint(3, 5))])

    def number(self) -> str:
        return f"{self.pick(DIGITS[1:])} HUNDRED {self.below_hundred()}"

    def date(self) -> str:
        days = (*TO_TWELVE, "TWENTY", "THIRTY", "THIRTY ONE", *(f"TWENTY {digit}" for digit in DIGITS[1:]))
        return f"{self.pick(MONTHS)} {self.pick(days)}"

    def command(self) -> str:
        """A command and what it is about, or a series of commands."""
        command = self.pick(COMMANDS)
        about = self.rng.choices(("letters", "number", "digits", "date", "commands"), (44, 16, 12, 14, 14))[0]
        if about == "letters":
            letters = [self.pick(LETTERS) for _ in range(self.rng.randint(1, 3))]
            return f"{command} {self.listed(letters)} {self.pick(DIGITS)}"
        if about == "number":
            return f"{command} {self.below_hundred()}"
        if about == "digits":
            return f"{command} {self.listed([self.pick(DIGITS) for _ in range(self.rng.randint(2, 3))])}"
        if about == "date":
            return f"{command} {self.date()}"
        return self.listed([command, *self.rng.sample([c for c in COMMANDS if c != command], self.rng.randint(2, 3))])

    def below_hundred(self) -> str:
        if self.rng.random() < 0.3:
            return self.pick(TO_TWELVE)
        tens = self.pick(TENS)
        return tens if self.rng.random() < 0.3 else f"{tens} {self.pick(DIGITS[1:])}"

    def pick(self, items: Sequence[str]) -> str:
        item = self.rng.choices(items, [1.0 / (1 + self.drawn[item]) ** 2 for item in items])[0]
        self.drawn[item] += 1
        return item

    def listed(self, items: Sequence[str]) -> str:
        """Items one after another, now and then with a pause between two."""
        return " ".join(f"{item}," if self.rng.random() < 0.2 and i < len(items) - 1 else item for i, item in enumerate(items))
