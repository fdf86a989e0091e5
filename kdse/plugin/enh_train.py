"""`python -m kdse.plugin.enh_train --config stock.yaml ...`: ESPnet's enhancement trainer, which then knows `kdse_dccrn`."""

import sys
from collections.abc import Callable

from espnet2.bin import enh_train

from kdse.core.errors import UserError
from kdse.plugin.explain import explain


def stock(main: Callable[[], None]) -> int:
    """Run one of ESPnet's programs; what a user can mend is one sentence and exit code 2, as with `kdse`."""
    try:
        main()
    except (TypeError, ValueError, UserError) as e:
        explained = explain(e)
        if explained is None:
            raise
        print(explained, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(stock(enh_train.main))
