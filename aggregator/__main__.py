"""Entry point of `aggregator` and of `python -m aggregator`."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line.

    What imports make lives as long as the program: the garbage collector is kept from looking through it again and
    again while it grows, and once more at the end, which would cost more than most commands. In between it looks less
    often than usual: a cycle makes many objects that live for a moment, and next to none that refer to each other.
    """
    gc.disable()
    gc.set_threshold(10_000)
    from aggregator.cli import app

    gc.freeze()
    gc.enable()
    try:
        app()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
