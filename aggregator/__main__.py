"""Entry point of `aggregator` and of `python -m aggregator`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line.

    What imports make lives as long as the program: the garbage collector is kept from looking through it again and
    again while it grows, and once more at the end, which would cost more than most commands. In between it looks less
    often than usual: a cycle makes many objects that live for a moment, and next to none that refer to each other.
    """
    gc.disable()
    gc.set_threshold(10_000)
    from aggregator.cli import app
    from aggregator.cli.process import ended, interrupts, protect_streams

    gc.freeze()
    gc.enable()
    output = protect_streams()
    interrupts.obey()
    try:
        app()
    except SystemExit as end:
        sys.exit(ended(end.code if isinstance(end.code, int) else 0, output))
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
