"""Calls that other programs understand, and this one does not: what to write in their place.

In: the words behind `aggregator`. Out: usage errors that name the right command or option. It runs no command.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

_SOURCES = "Sources stand in feeds.yaml, each like `- feed: https://example.org/feed.xml` below `sources:`."
_UPDATE = "`aggregator update` fetches what is due."
#: Commands that others have, and what does the same here.
_ADVICE = {
    "add": _SOURCES,
    "import": _SOURCES,
    "opml": _SOURCES,
    "subscribe": _SOURCES,
    "edit": _SOURCES,
    "fetch": _UPDATE,
    "pull": _UPDATE,
    "refresh": _UPDATE,
    "sync": _UPDATE,
    "list": "`aggregator status` lists the sources.",
    "ls": "`aggregator status` lists the sources.",
    "show": "`aggregator status ID` shows one source.",
    "info": "`aggregator status ID` shows one source.",
    "delete": "`aggregator remove ID` takes a source out.",
    "rm": "`aggregator remove ID` takes a source out.",
    "unsubscribe": "`aggregator remove ID` takes a source out.",
    "disable": "`aggregator pause ID` asks a source no more for now.",
    "enable": "`aggregator resume ID` asks a paused source again.",
    "export": "Each update writes `opml.xml` and the merged feeds below `data/public/`.",
    "build": "`aggregator publish` writes posts and feeds.",
    "generate": "`aggregator publish` writes posts and feeds.",
    "daemon": "`aggregator run` is the daemon.",
    "start": "`aggregator run` is the daemon.",
    "serve": "`aggregator run` is the daemon; any web server can give out `data/public/`.",
    "lint": "`aggregator check` checks feeds.yaml.",
    "test": "`aggregator check` checks feeds.yaml.",
    "validate": "`aggregator check` checks feeds.yaml.",
    "version": "`aggregator --version` shows the version.",
    "help": "`aggregator --help` shows the commands.",
}
_FILES = (".yaml", ".yml")


class Commands(TyperGroup):
    """The commands, with advice for calls that are wrong."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option of a command that stands before the command."""
        option = args[0].partition("=")[0] if args else ""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if option.startswith("-") and option not in own:
            users = [name for name, command in self.commands.items() if option in _options(command)]
            if users:
                command = next((one for one in args if one in users), users[0])
                ctx.fail(f"{option} stands behind the command: aggregator {command} {option} …")
            if option == "-V":
                ctx.fail(f"No such option: {option}. {_ADVICE['version']}")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a call, or say what does the same."""
        name = args[0]
        if name not in self.commands and (advice := _ADVICE.get(name.strip().lower())):
            ctx.fail(f"No such command {name!r}. {advice}")
        found, command, rest = super().resolve_command(ctx, args)
        if command is not None and rest and rest[0].endswith(_FILES) and not _arguments(command):
            ctx.fail(f"The configuration is named with --config: aggregator {name} --config {rest[0]}")
        return found, command, rest


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")}


def _arguments(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]
