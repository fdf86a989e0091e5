"""`python -m kdse.cli`."""

import sys

from kdse.cli import main

sys.exit(main())
