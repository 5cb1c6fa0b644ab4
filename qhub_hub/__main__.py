"""`python -m qhub_hub` is `qhub`."""

import sys

from qhub_hub.cli import main

sys.exit(main())
