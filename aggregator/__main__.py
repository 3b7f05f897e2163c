"""Entry point of `aggregator` and of `python -m aggregator`."""

from __future__ import annotations

import gc
import sys

from aggregator import importing


def main() -> None:
    """Run the command line.

    The garbage collector runs less often than usual: a cycle makes many objects that live for a moment, and almost none
    that refer to each other. At the end, its last run is suppressed, which would cost more than most commands.
    """
    gc.set_threshold(50_000)
    with importing():
        from aggregator.cli import app
        from aggregator.cli.process import final_status, interrupts, protect_streams
    output = protect_streams()
    interrupts.install()
    try:
        app()
    except SystemExit as end:
        sys.exit(final_status(end.code if isinstance(end.code, int) else 0, output))
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
