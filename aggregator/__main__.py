"""Entry point of `aggregator` and of `python -m aggregator`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from aggregator.cli import app

    app()


if __name__ == "__main__":
    main()
